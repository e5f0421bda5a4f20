// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: the order of requests on one descriptor: a line per direction,
// and the owner that has both. Thread: guarded by the loop's mutex. Lifetime: owners
// stand in owner_pool; operations link themselves in and are owned by the loop.
#pragma once

#include <asio_uring/detail/loop/ring_operation.hpp>

#include <cerrno>
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

/// A stream transfers one request per direction at a time, because the kernel does not
/// order independent requests: the active one is with the kernel or next to get an SQE,
/// the others wait behind it.
class request_line
{
public:
    ring_operation* active() const noexcept { return active_; }
    bool empty() const noexcept { return active_ == nullptr && waiting_.empty(); }

    /// Whether the operation is the active one now; if not, it waits.
    bool enter(ring_operation& op) noexcept
    {
        if (active_ != nullptr) [[unlikely]] {
            wait(op);
            return false;
        }
        active_ = &op;
        return true;
    }

    /// The active operation leaves, unless others wait. Where others wait, leave() says
    /// which operation is next.
    bool leave_empty() noexcept
    {
        if (!waiting_.empty())
            return false;
        active_ = nullptr;
        return true;
    }

    /// Takes a waiting operation out of the line.
    void remove(ring_operation& op) noexcept { remove(waiting_, op); }

    /// Marks the operations that wait: they end in their turn, behind the active one.
    void mark_cancelled() noexcept;

    /// `ended`, which has its result, leaves the line. Returns the operation that becomes
    /// the active one, or nullptr. The operations that end with `ended` or were cancelled
    /// go to `end` in their order. Waits for readiness right behind one that ended well
    /// end with it: one event answers them all, whatever the first handler does to the
    /// descriptor.
    template <typename End>
    ring_operation* leave(const ring_operation& ended, End end);

    /// Takes the first operation that waits out of the line; nullptr where none waits.
    ring_operation* take_waiting() noexcept
    {
        asio_impl::scheduler_operation* const first = waiting_.front();
        if (first != nullptr)
            waiting_.pop();
        return static_cast<ring_operation*>(first);
    }

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
        active_ = nullptr;
        clear_waiting(end);
    }

    /// Takes an operation out of a queue of operations.
    static void remove(asio_impl::operation_queue& queue, ring_operation& op) noexcept;

private:
    // Few operations wait, so this stays out of the path of those that do not.
    [[gnu::noinline]] void wait(ring_operation& op) noexcept
    {
        op.state_ = operation_state::waiting;
        waiting_.push(&op);
    }

    ring_operation* active_ = nullptr;
    asio_impl::operation_queue waiting_;
};

inline void request_line::mark_cancelled() noexcept
{
    asio_impl::operation_queue marked;
    while (asio_impl::scheduler_operation* base = waiting_.front()) {
        waiting_.pop();
        static_cast<ring_operation*>(base)->cancel_requested_ = true;
        marked.push(base);
    }
    waiting_.push(marked);
}

template <typename End>
ring_operation* request_line::leave(const ring_operation& ended, End end)
{
    ASIO_URING_ASSERT(active_ == &ended);
    active_ = nullptr;
    const bool ready = ended.only_waits_ && ended.result_ >= 0;
    while (ring_operation* const next = take_waiting()) {
        if (next->cancel_requested_)
            next->result_ = -ECANCELED;
        else if (ready && next->only_waits_)
            next->result_ = ended.result_;
        else
            return active_ = next;
        end(*next);
    }
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

/// The owner of a set of requests: a descriptor, or the loop itself for requests without
/// an object.
struct alignas(64) request_owner
{
    request_line lines[2];
    // All that have an SQE or are next to get one
    request_list requests;
    int descriptor = -1;
    // The descriptor is gone; the owner goes back to the pool with its last operation.
    bool closed = false;
    // The thread that closed the descriptor waits, and gives the owner back.
    bool kept = false;

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

} // namespace asio_uring::detail
