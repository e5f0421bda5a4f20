// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: the few threads that make the plain system calls of a context
// that does without a ring. Thread: start(), cancel() from any; a worker only makes the
// call and posts the operation, handlers run where the scheduler runs them. Lifetime: one
// per context, made by its first such operation. The pool makes workers as operations
// come, and shutdown() joins them.
//
// The pool owns an operation while it is queued. A worker that takes the operation owns
// it until the call returns and the scheduler has it. The destruction of the context
// destroys the operations in the queue. It waits for the calls that workers are making,
// and destroys their operations afterwards, which closes the descriptors that the calls
// made.
//
// Operations of an object come with its pool_owner. A worker takes the first operation in
// the queue whose object has no earlier one of a direction at work, so a direction is a
// line: the order of the queue is its order.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>
#include <asio_uring/detail/loop/cancellation_table.hpp>
#include <asio_uring/detail/loop/fork_mark.hpp>
#include <asio_uring/detail/loop/request_line.hpp>
#include <asio_uring/detail/loop/ring_operation.hpp>
#include <asio_uring/detail/request/plain_call.hpp>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include <signal.h>

namespace asio_uring::detail {

/// An object whose operations the workers do. Those of a direction are done one after the
/// other, in their order. Guarded by the pool's mutex.
struct pool_owner : request_owner
{
    /// Operations of each direction in the queue.
    std::size_t ordered[2] = {};
    /// Calls that workers are making.
    unsigned calls = 0;
    /// One of these calls is an operation of the direction.
    bool busy[2] = {};
};

class worker_pool final : public asio_impl::execution_context_service_base<worker_pool>
{
public:
    /// A disk does best with a few calls at a time, and the speed of a context without a
    /// ring does not depend on these calls.
    static constexpr std::size_t workers_max = 4;

    explicit worker_pool(boost::asio::execution_context& context)
        : asio_impl::execution_context_service_base<worker_pool>(context),
          scheduler_(boost::asio::use_service<asio_impl::scheduler>(context)),
          may_have_workers_(asio_impl::may_post_from_other_threads(context))
    {
        watch_forks();
        process_ = fork_depth;
    }

    ~worker_pool() override
    {
        // The crew's mutex and condition may be in use by workers of the parent, which
        // this process does not have. So the child leaves the crew alone.
        if (is_orphan())
            static_cast<void>(crew_.release());
    }

    /// A name for an operation that is not started yet, for its cancellation slot.
    cancellation_ticket register_cancellation(ring_operation& op)
    {
        if (is_orphan())
            return {};
        const std::lock_guard lock(crew_->mutex);
        const cancellation_ticket ticket = cancellable_.insert(op);
        op.cancellation_index_ = ticket.index;
        return ticket;
    }

    /// Erases the name of an operation that is not started.
    void forget(ring_operation& op) noexcept
    {
        if (is_orphan())
            return;
        const std::lock_guard lock(crew_->mutex);
        erase_name(op);
    }

    /// Takes the operation over. The scheduler delivers the handler, this function never
    /// does.
    void start(ring_operation& op) noexcept
    {
        scheduler_.work_started();
        if (is_orphan())
            return make_call(op, &quiet_plain_call);
        std::unique_lock lock(crew_->mutex);
        if (stopping_)
            return end(lock, op, -ECANCELED);
        if (!may_have_workers_) {
            // Only this thread may touch the context, so this thread makes the call.
            erase_name(op);
            lock.unlock();
            return make_call(op, &quiet_plain_call);
        }
        const bool waits = is_ordered(op) && (is_held_up(op) || ordered(op) != 0);
        push(op);
        // Whoever makes the call before it goes on with this one.
        if (waits)
            return;
        if (const int error = hire(); error != 0) {
            remove(op);
            return end(lock, op, error);
        }
        lock.unlock();
        crew_->work_came.notify_one();
    }

    /// The same for an operation of an object.
    void start(ring_operation& op, pool_owner& owner, direction way) noexcept
    {
        op.owner_ = &owner;
        op.direction_ = way;
        start(op);
    }

    /// Delivers an operation that needs no call, as from within its initiating function.
    void complete_at_once(ring_operation& op, int result, bool is_continuation)
    {
        op.set_result(result);
        scheduler_.post_immediate_completion(&op, is_continuation);
    }

    /// Ends the operations of an object that no worker has taken yet.
    void cancel(pool_owner& owner) noexcept
    {
        if (is_orphan())
            return;
        asio_impl::operation_queue ended;
        {
            const std::lock_guard lock(crew_->mutex);
            end_queued(owner, ended);
        }
        scheduler_.post_deferred_completions(ended);
    }

    /// The same, and waits for the calls that workers are making: from here nobody uses
    /// the object's descriptor. Returns false in a child that the context was not told
    /// of, where operations stay in the queue and name the object.
    bool close(pool_owner& owner) noexcept
    {
        if (is_orphan())
            return false;
        asio_impl::operation_queue ended;
        {
            std::unique_lock lock(crew_->mutex);
            end_queued(owner, ended);
            crew_->call_ended.wait(lock, [&] { return owner.calls == 0; });
        }
        scheduler_.post_deferred_completions(ended);
        return true;
    }

    /// Ends an operation that no worker has taken yet. A call that a worker is making
    /// goes on.
    void cancel(cancellation_ticket ticket) noexcept
    {
        if (is_orphan())
            return;
        std::unique_lock lock(crew_->mutex);
        ring_operation* const op = cancellable_.find(ticket);
        if (op == nullptr || op->state_ != operation_state::waiting)
            return;
        remove(*op);
        end(lock, *op, -ECANCELED);
    }

    void notify_fork(boost::asio::execution_context::fork_event event) override
    {
        using execution_context = boost::asio::execution_context;
        if (event == execution_context::fork_prepare)
            return dismiss();
        // Both processes go on with what is queued, each with workers of its own.
        std::unique_lock lock(crew_->mutex);
        process_ = fork_depth;
        dismissing_ = false;
        const int error = hire();
        while (error != 0 && first_ != nullptr) {
            ring_operation& op = *first_;
            remove(op);
            end(lock, op, error);
            lock.lock();
        }
    }

    void shutdown() override
    {
        if (!is_orphan())
            dismiss();
        stopping_ = true;
        asio_impl::operation_queue queued;
        while (first_ != nullptr) {
            ring_operation& op = *first_;
            remove(op);
            queued.push(&op);
        }
        scheduler_.abandon_operations(queued);
    }

private:
    /// Whether this process is a child that the context was not told of. The child has no
    /// workers, and perhaps a mutex that a worker of the parent has locked.
    bool is_orphan() const noexcept { return process_ != fork_depth; }

    void push(ring_operation& op) noexcept
    {
        op.previous_request_ = last_;
        op.next_request_ = nullptr;
        (last_ != nullptr ? last_->next_request_ : first_) = &op;
        last_ = &op;
        op.state_ = operation_state::waiting;
        ++queued_;
        if (is_ordered(op))
            ++ordered(op);
    }

    void remove(ring_operation& op) noexcept
    {
        ring_operation* const before = op.previous_request_;
        ring_operation* const after = op.next_request_;
        (before != nullptr ? before->next_request_ : first_) = after;
        (after != nullptr ? after->previous_request_ : last_) = before;
        op.previous_request_ = nullptr;
        op.next_request_ = nullptr;
        --queued_;
        if (is_ordered(op))
            --ordered(op);
        erase_name(op);
    }

    static pool_owner& owner_of(const ring_operation& op) noexcept
    {
        return static_cast<pool_owner&>(*op.owner_);
    }

    // REQUIRES: is_ordered(op), as for the next one.
    static std::size_t& ordered(const ring_operation& op) noexcept
    {
        return owner_of(op).ordered[static_cast<int>(op.direction_)];
    }
    static bool& busy(const ring_operation& op) noexcept
    {
        return owner_of(op).busy[static_cast<int>(op.direction_)];
    }

    static bool is_ordered(const ring_operation& op) noexcept
    {
        return op.owner_ != nullptr && op.direction_ != direction::none;
    }

    // Whether another operation of its object comes first.
    static bool is_held_up(const ring_operation& op) noexcept
    {
        return is_ordered(op) && busy(op);
    }

    // The first operation that nothing holds up, or null.
    ring_operation* next() const noexcept
    {
        ring_operation* op = first_;
        while (op != nullptr && is_held_up(*op))
            op = op->next_request_;
        return op;
    }

    void end_queued(pool_owner& owner, asio_impl::operation_queue& ended) noexcept
    {
        for (ring_operation* op = first_; op != nullptr;) {
            ring_operation& each = *std::exchange(op, op->next_request_);
            if (each.owner_ != &owner)
                continue;
            remove(each);
            each.set_result(-ECANCELED);
            ended.push(&each);
        }
    }

    // What a call that begins now does for others of its object: see share_end().
    void cover_queued(const ring_operation& op) noexcept
    {
        if (!op.shares_end_)
            return;
        for (ring_operation* each = first_; each != nullptr; each = each->next_request_)
            each->covered_ = each->covered_ || covers(op, *each);
    }

    static bool covers(const ring_operation& op, const ring_operation& other) noexcept
    {
        return op.owner_ == other.owner_ && op.may_cover(other);
    }

    // They end with it. A worker's call is never cancelled.
    void end_covered(const ring_operation& op, asio_impl::operation_queue& ended) noexcept
    {
        for (ring_operation* each = first_; each != nullptr;) {
            ring_operation& other = *std::exchange(each, each->next_request_);
            if (!other.covered_ || !covers(op, other))
                continue;
            remove(other);
            other.set_result(op.result());
            ended.push(&other);
        }
    }

    // A worker takes the operation. Returns its object, which stays until end_call().
    pool_owner* begin_call(const ring_operation& op) noexcept
    {
        if (op.owner_ == nullptr)
            return nullptr;
        ++owner_of(op).calls;
        if (is_ordered(op))
            busy(op) = true;
        cover_queued(op);
        return &owner_of(op);
    }

    // The object may be gone once the mutex is free.
    void end_call(pool_owner& owner, direction way) noexcept
    {
        if (way != direction::none)
            owner.busy[static_cast<int>(way)] = false;
        if (--owner.calls == 0)
            crew_->call_ended.notify_all();
    }

    void erase_name(ring_operation& op) noexcept
    {
        if (op.cancellation_index_ != 0)
            cancellable_.erase(std::exchange(op.cancellation_index_, 0));
    }

    void end(std::unique_lock<std::mutex>& lock, ring_operation& op, int result) noexcept
    {
        erase_name(op);
        lock.unlock();
        op.set_result(result);
        scheduler_.post_deferred_completion(&op);
    }

    static void call(ring_operation& op, int (*make)(const abi::sqe&) noexcept) noexcept
    {
        abi::sqe sqe{};
        op.prepare_(op, sqe);
        op.set_result(make(sqe));
    }

    void make_call(ring_operation& op, int (*make)(const abi::sqe&) noexcept) noexcept
    {
        call(op, make);
        scheduler_.post_deferred_completion(&op);
    }

    // Makes workers for the operations that the others leave over. Returns an error where
    // there is no worker at all.
    int hire() noexcept
    {
        while (!dismissing_ && queued_ > idle_ + called_ && hired_ != workers_max) {
            try {
                const blocked_signals blocked;
                crew_->workers[hired_] = std::thread([this] { work(); });
            }
            catch (const std::system_error& error) {
                return hired_ != 0 ? 0 : -error.code().value();
            }
            catch (const std::bad_alloc&) {
                return hired_ != 0 ? 0 : -ENOMEM;
            }
            ++hired_;
            ++called_;
        }
        return 0;
    }

    // A thread starts with the signal mask of the thread that makes it. The program's
    // signals are for the program's threads, so workers start with all of them blocked.
    class blocked_signals
    {
    public:
        blocked_signals() noexcept
        {
            ::sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_SETMASK, &all, &before_);
        }
        blocked_signals(const blocked_signals&) = delete;
        blocked_signals& operator=(const blocked_signals&) = delete;
        ~blocked_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    private:
        ::sigset_t before_;
    };

    // The body of a worker.
    void work() noexcept
    {
        std::unique_lock lock(crew_->mutex);
        --called_;
        for (;;) {
            ++idle_;
            ring_operation* op = nullptr;
            crew_->work_came.wait(
                lock, [&] { return dismissing_ || (op = next()) != nullptr; });
            --idle_;
            if (dismissing_)
                return;
            remove(*op);
            pool_owner* const owner = begin_call(*op);
            const direction way = op->direction_;
            lock.unlock();
            call(*op, &plain_call);
            asio_impl::operation_queue ended;
            if (op->shares_end_) {
                lock.lock();
                end_covered(*op, ended);
                lock.unlock();
            }
            // The next of the line is not begun before: the scheduler gets them in order.
            scheduler_.post_deferred_completion(op);
            scheduler_.post_deferred_completions(ended);
            lock.lock();
            if (owner != nullptr)
                end_call(*owner, way);
        }
    }

    /// Waits for the calls that workers are making, and for the workers' end. Operations
    /// in the queue stay there.
    void dismiss() noexcept
    {
        std::size_t hired = 0;
        {
            const std::lock_guard lock(crew_->mutex);
            dismissing_ = true;
            hired = std::exchange(hired_, 0);
        }
        crew_->work_came.notify_all();
        for (std::size_t i = 0; i != hired; ++i)
            crew_->workers[i].join();
    }

    struct crew
    {
        std::mutex mutex;
        std::condition_variable work_came;
        std::condition_variable call_ended;
        std::array<std::thread, workers_max> workers;
    };

    asio_impl::scheduler& scheduler_;
    const bool may_have_workers_;
    // The fork depth of the process that the workers live in
    std::uint32_t process_ = 0;

    std::unique_ptr<crew> crew_ = std::make_unique<crew>();

    // Guarded by the crew's mutex
    cancellation_table cancellable_;
    ring_operation* first_ = nullptr;
    ring_operation* last_ = nullptr;
    std::size_t queued_ = 0;
    // Workers that wait
    std::size_t idle_ = 0;
    // Workers that were made and do not wait yet
    std::size_t called_ = 0;
    std::size_t hired_ = 0;
    bool dismissing_ = false;
    bool stopping_ = false;
};

} // namespace asio_uring::detail
