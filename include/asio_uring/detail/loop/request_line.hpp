// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: the order of requests on one descriptor: a line per direction,
// and the owner that has both. Thread: guarded by the loop's mutex. Lifetime: owners
// stand in owner_pool; operations link themselves in and are owned by the loop.
#pragma once

#include <asio_uring/detail/loop/kept_input.hpp>
#include <asio_uring/detail/loop/ring_operation.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace asio_uring::detail {

/// Intrusive doubly linked list of operations.
class request_list
{
public:
    bool empty() const noexcept { return first_ == nullptr; }
    ring_operation* front() const noexcept { return first_; }
    void push(ring_operation& op) noexcept;
    void erase(ring_operation& op) noexcept;

private:
    ring_operation* first_ = nullptr;
};

inline void request_list::push(ring_operation& op) noexcept
{
    op.previous_request_ = nullptr;
    op.next_request_ = first_;
    if (first_ != nullptr)
        first_->previous_request_ = &op;
    first_ = &op;
}

inline void request_list::erase(ring_operation& op) noexcept
{
    ASIO_URING_ASSERT(op.previous_request_ != nullptr || first_ == &op);
    if (op.previous_request_ != nullptr)
        op.previous_request_->next_request_ = op.next_request_;
    else
        first_ = op.next_request_;
    if (op.next_request_ != nullptr)
        op.next_request_->previous_request_ = op.previous_request_;
    op.next_request_ = nullptr;
    op.previous_request_ = nullptr;
}

/// Operations in the order in which they came. One that waits has no other use for its
/// links.
class waiting_list
{
public:
    bool empty() const noexcept { return last_ == nullptr; }

    void push(ring_operation& op) noexcept
    {
        op.next_request_ = last_ == nullptr ? &op : last_->next_request_;
        if (last_ != nullptr)
            last_->next_request_ = &op;
        last_ = &op;
    }

    ring_operation* front() const noexcept
    {
        return last_ == nullptr ? nullptr : last_->next_request_;
    }

    /// Takes the first out; nullptr where there is none.
    ring_operation* pop() noexcept
    {
        if (last_ == nullptr)
            return nullptr;
        ring_operation* const first = last_->next_request_;
        if (first == last_)
            last_ = nullptr;
        else
            last_->next_request_ = first->next_request_;
        first->next_request_ = nullptr;
        return first;
    }

    template <typename F>
    void for_each(F f)
    {
        if (last_ == nullptr)
            return;
        ring_operation* op = last_;
        do {
            op = op->next_request_;
            f(*op);
        } while (op != last_);
    }

    void remove(ring_operation& op) noexcept
    {
        waiting_list others;
        while (ring_operation* const each = pop()) {
            if (each != &op)
                others.push(*each);
        }
        *this = others;
    }

private:
    // The first stands behind the last.
    ring_operation* last_ = nullptr;
};

/// A stream transfers one request per direction at a time, because the kernel does not
/// order independent requests: the active one is with the kernel or next to get an SQE,
/// or its result waits for its delivery; the others wait behind it.
class request_line
{
public:
    ring_operation* active() const noexcept
    {
        return active_.load(std::memory_order_acquire);
    }

    bool empty() const noexcept { return active() == nullptr && waiting_.empty(); }

    /// Whether a new operation of the object would be the active one. Takes no lock: an
    /// object starts one operation at a time, and what else happens to a line empties it.
    bool is_free() const noexcept { return active() == nullptr; }

    /// Whether the operation is the active one now; if not, it waits.
    bool enter(ring_operation& op) noexcept
    {
        if (active() != nullptr) [[unlikely]] {
            wait(op);
            return false;
        }
        set_active(&op);
        return true;
    }

    /// The active operation leaves, unless others wait. Where others wait, leave() says
    /// which operation is next.
    bool leave_empty() noexcept
    {
        if (!waiting_.empty())
            return false;
        set_active(nullptr);
        return true;
    }

    /// Takes a waiting operation out of the line.
    void remove(ring_operation& op) noexcept { waiting_.remove(op); }

    /// Marks the operations that wait: they end in their turn, behind the active one.
    void mark_cancelled() noexcept;

    /// The marked operations right behind the active one, which has ended, leave the line
    /// and go to `end` in their order.
    template <typename End>
    void end_cancelled(End end);

    /// `ended`, which has its result, leaves the line. Returns the operation that becomes
    /// the active one, or nullptr. The operations that end with `ended` or were cancelled
    /// go to `end` in their order. What `ended` covers ends with it, with an error as
    /// well: the kernel tells an error of a sync once. Waits for readiness right behind a
    /// wait or a read that ended well end with it: one event answers them all, whatever
    /// is left to read.
    template <typename End>
    ring_operation* leave(const ring_operation& ended, End end);

    /// What waits is covered by an operation that the kernel has not seen yet.
    void cover_waiting(const ring_operation& by) noexcept
    {
        waiting_.for_each([&](ring_operation& op) { op.covered_ = by.may_cover(op); });
    }

    /// Takes the first operation that waits out of the line; nullptr where none waits.
    ring_operation* take_waiting() noexcept { return waiting_.pop(); }

    /// The operations that wait leave the line and go to `end`.
    template <typename End>
    void clear_waiting(End end)
    {
        while (ring_operation* const op = take_waiting())
            end(*op);
    }

    /// The same, and the active operation leaves silently.
    template <typename End>
    void clear(End end)
    {
        set_active(nullptr);
        clear_waiting(end);
    }

    /// Takes an operation out of a queue of operations.
    static void remove(asio_impl::operation_queue& queue, ring_operation& op) noexcept;

private:
    void set_active(ring_operation* op) noexcept
    {
        active_.store(op, std::memory_order_release);
    }

    // Few operations wait, so this stays out of the path of those that do not.
    [[gnu::noinline]] void wait(ring_operation& op) noexcept
    {
        op.state_ = operation_state::waiting;
        waiting_.push(op);
    }

    std::atomic<ring_operation*> active_ = nullptr;
    waiting_list waiting_;
};

inline void request_line::mark_cancelled() noexcept
{
    waiting_.for_each([](ring_operation& op) { op.cancel_requested_ = true; });
}

template <typename End>
void request_line::end_cancelled(End end)
{
    while (waiting_.front() != nullptr && waiting_.front()->cancel_requested()) {
        ring_operation& op = *waiting_.pop();
        op.result_ = -ECANCELED;
        end(op);
    }
}

template <typename End>
ring_operation* request_line::leave(const ring_operation& ended, End end)
{
    ASIO_URING_ASSERT(active() == &ended);
    const bool ready = ended.only_waits_
                           ? ended.result_ >= 0
                           : ended.direction_ == direction::read && ended.result_ > 0;
    const bool tells = ended.tells_covered();
    while (ring_operation* const next = take_waiting()) {
        if (next->cancel_requested_)
            next->result_ = -ECANCELED;
        else if ((ready && next->only_waits_) || (tells && next->covered_))
            next->result_ = ended.result_;
        else {
            set_active(next);
            return next;
        }
        end(*next);
    }
    set_active(nullptr);
    return nullptr;
}

inline void
request_line::remove(asio_impl::operation_queue& queue, ring_operation& op) noexcept
{
    asio_impl::operation_queue others;
    while (asio_impl::scheduler_operation* base = queue.front()) {
        queue.pop();
        if (base != &op)
            others.push(base);
    }
    queue.push(others);
}

/// Whether a descriptor listens, as far as its object has been asked.
enum class known_listening : std::uint8_t
{
    unasked,
    no, ///< but it may come
    yes,
};

/// The owner of a set of requests: a descriptor, or the loop itself for requests without
/// an object.
struct alignas(64) request_owner
{
    request_line lines[2];
    // All that have an SQE or are next to get one, and the transfers whose results wait
    // for delivery
    request_list requests;
    delivery_gate* gate = nullptr;
    // What cancelled reads had brought; null: nothing. Set under the mutex.
    std::atomic<kept_input*> kept = nullptr;
    int descriptor = -1;
    // The descriptor is gone; the owner goes back to the pool with its last operation.
    bool closed = false;
    // The thread that closed the descriptor waits, and gives the owner back.
    bool awaited = false;
    // Something to read may be there, as far as the last read could tell.
    std::atomic<bool> may_have_more = true;
    known_listening listens = known_listening::unasked;

    /// The line of a direction. REQUIRES: way is not none.
    request_line& line(direction way) noexcept { return lines[static_cast<int>(way)]; }
    const request_line& line(direction way) const noexcept
    {
        return lines[static_cast<int>(way)];
    }

    bool idle() const noexcept
    {
        return requests.empty() && lines[0].active() == nullptr &&
               lines[1].active() == nullptr;
    }
};

static_assert(sizeof(request_owner) == 64, "one cache line: every operation touches it");

inline bool ring_operation::may_pass() noexcept
{
    return state_ != operation_state::reaped || owner_->gate->pass(*this);
}

} // namespace asio_uring::detail
