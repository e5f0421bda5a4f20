// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: the last step of a transfer. Its request has ended, but until its
// handler is about to run a cancellation still wins: what the kernel gave to a cancelled
// read is kept for the next one, and a transfer by call has not happened yet.
// Thread: the one that delivers, and whoever reads synchronously. Lifetime: see
// event_loop.hpp.
//
// | a transfer at its delivery                   | becomes                              |
// |----------------------------------------------|--------------------------------------|
// | cancelled, to be done by a call              | operation_aborted                    |
// | cancelled, and the kernel had bytes for it   | operation_aborted; the bytes stay    |
// | cancelled, and the kernel had an error       | operation_aborted; the error stays   |
// | cancelled at the end of the stream           | operation_aborted                    |
// | cancelled, and there is no memory to keep it | the kernel's result                  |
// | ready, and the call finds something to do    | the call's result                    |
// | ready, and the call finds nothing to do      | waits on                             |
// | anything else                                | the kernel's result                  |
#pragma once

namespace asio_uring::detail {

template <typename Ring>
bool basic_event_loop<Ring>::pass(ring_operation& op) noexcept
{
    ASIO_URING_ASSERT(op.is_transfer_ && op.state_ == operation_state::reaped);
    if (op.by_call_ && !call(op))
        return false;
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    if (op.cancel_requested() && !op.by_call_) [[unlikely]]
        set_aside(op);
    else if (const auto may_have_more = op.transfer_->may_have_more)
        op.owner_->may_have_more.store(may_have_more(op), std::memory_order_relaxed);
    leave(op, ended);
    // Nobody may be about to submit what follows in the line.
    if ((waiting_ || !polls_.take_part()) && something_left()) [[unlikely]]
        notify(lock);
    if (lock.owns_lock())
        lock.unlock();
    if (!ended.empty()) [[unlikely]]
        scheduler_.post_deferred_completions(ended);
    return true;
}

// A transfer by call. Returns whether it has its result, and the kernel nothing of it.
template <typename Ring>
bool basic_event_loop<Ring>::call(ring_operation& op) noexcept
{
    for (;;) {
        const bool decided = op.sent_ || op.result_ < 0;
        const bool cancelled = op.cancel_requested();
        if (!decided && !cancelled) {
            const int result = take_or_attempt(op);
            if (result == -EAGAIN) {
                if (wait_on(op))
                    return false;
                continue;
            }
            op.result_ = result;
        }
        else if (!decided)
            op.result_ = -ECANCELED;
        return !op.polls_on_ || end_poll(op);
    }
}

// What was kept comes before what the descriptor has.
template <typename Ring>
int basic_event_loop<Ring>::take_or_attempt(ring_operation& op) noexcept
{
    if (is_ready(*op.owner_, op)) [[unlikely]] {
        const int result = op.only_waits_ ? 0 : serve_now(*op.owner_, op);
        if (result != -EAGAIN)
            return result;
    }
    return op.transfer_->attempt(op);
}

// The readiness was gone or is no use, or the kernel told of something else: it never
// leaves out that the peer has shut its side down. What a new poll would tell again and
// again, one that stands tells once. Returns false where there is news, or a
// cancellation.
template <typename Ring>
bool basic_event_loop<Ring>::wait_on(ring_operation& op) noexcept
{
    lock_type lock(mutex_);
    if (op.cancel_requested() || std::exchange(op.news_, false))
        return false;
    // The scheduler counts the operation as done when its delivery returns.
    scheduler_.compensating_work_started();
    if (op.poll_stands_) {
        op.state_ = operation_state::claimed;
        return true;
    }
    // An operation that was not told of anything yet asks in the usual way.
    op.polls_on_ = op.polls_on_ || op.result_ != untold;
    // With the queue full it waits in the backlog, where a cancellation finds it: nobody
    // may see it between two places while the mutex is given up.
    commit_or_backlog(op);
    if (waiting_ || !polls_.take_part())
        notify(lock);
    return true;
}

// The poll that stands holds the operation. Returns whether it is gone; else its last CQE
// brings the operation here again.
template <typename Ring>
bool basic_event_loop<Ring>::end_poll(ring_operation& op) noexcept
{
    lock_type lock(mutex_);
    if (!op.poll_stands_)
        return true;
    scheduler_.compensating_work_started();
    op.sent_ = true;
    op.state_ = operation_state::claimed;
    if (!op.cancel_sent_)
        unsent_cancels_.push(&op);
    send_cancels(lock);
    notify(lock);
    return false;
}

// The kernel had ended the request when it was cancelled. What was written is written.
template <typename Ring>
void basic_event_loop<Ring>::set_aside(ring_operation& op) noexcept
{
    if (op.transfer_->keep == nullptr)
        return;
    request_owner& owner = *op.owner_;
    const bool interrupted =
        op.result_ == -ECANCELED || op.result_ == -EINTR || is_restart_code(op.result_);
    const bool brings = op.result_ != 0 && !interrupted;
    if (brings && !owner.closed) {
        if (!make_room_to_keep(owner) || !op.transfer_->keep(op, *owner.kept))
            return;
    }
    op.result_ = -ECANCELED;
}

template <typename Ring>
bool basic_event_loop<Ring>::make_room_to_keep(request_owner& owner) noexcept
{
    if (owner.kept != nullptr)
        return true;
    try {
        owner.kept = new kept_input;
        return true;
    }
    catch (const std::bad_alloc&) {
        return false;
    }
}

// The operation leaves its owner; the next of its direction takes its place.
template <typename Ring>
void basic_event_loop<Ring>::leave(ring_operation& op, asio_impl::operation_queue& ended)
{
    request_owner& owner = *op.owner_;
    if (op.cancellation_index_ != 0)
        cancellations_.erase(std::exchange(op.cancellation_index_, 0));
    if (op.state_ != operation_state::waiting)
        owner.requests.erase(op);
    op.state_ = operation_state::ended;
    // Something may have come for a read that is cancelled; the next one tries at once.
    if (op.direction_ == direction::read && op.result_ < 0) [[unlikely]]
        owner.may_have_more.store(true, std::memory_order_relaxed);
    if (op.direction_ != direction::none && !stopping_) {
        request_line& line = owner.line(op.direction_);
        if (line.active() != &op)
            return;
        if (!line.leave_empty()) [[unlikely]]
            promote_next(owner, op, ended);
    }
    if (owner.closed && !owner.awaited && owner.idle()) [[unlikely]]
        owners_.release(owner);
}

// The first of the waiting operations that nobody has cancelled becomes the active one.
template <typename Ring>
void basic_event_loop<Ring>::promote_next(
    request_owner& owner,
    const ring_operation& ended_operation,
    asio_impl::operation_queue& ended)
{
    const auto end = [&](ring_operation& op) { retire_waiting(op, ended); };
    request_line& line = owner.line(ended_operation.direction_);
    ring_operation* const next = line.leave(ended_operation, end);
    if (next == nullptr)
        return;
    owner.requests.push(*next);
    if (next->shares_end_) [[unlikely]] {
        line.cover_waiting(*next);
        return hold_back(*next);
    }
    // The event that ended one transfer may serve the next as well.
    const bool tried = ended_operation.by_call_ || ended_operation.batched_;
    const bool tries =
        tried && ended_operation.result_ >= 0 && next->by_call_ && !next->only_waits_;
    if (!tries && !is_ready(owner, *next))
        return commit_or_backlog(*next);
    make_ready(*next);
    ended.push(next);
}

// Whether a read, or a wait for one, finds something that was kept for it.
template <typename Ring>
bool basic_event_loop<Ring>::is_ready(
    const request_owner& owner, const ring_operation& op) noexcept
{
    return owner.kept != nullptr && op.is_transfer_ && op.direction_ == direction::read;
}

// The operation is done at its delivery, so that a cancellation finds it until then.
template <typename Ring>
void basic_event_loop<Ring>::make_ready(ring_operation& op) noexcept
{
    op.go_by_call();
    op.result_ = untold;
    op.state_ = operation_state::reaped;
}

// Gives the operation what was kept. Returns whether that ends it.
template <typename Ring>
bool basic_event_loop<Ring>::serve(request_owner& owner, ring_operation& op) noexcept
{
    kept_input* const kept = owner.kept;
    if (kept == nullptr || !op.is_transfer_ || op.transfer_->serve == nullptr)
        return false;
    const int result = op.transfer_->serve(op, *kept);
    if (result == -EAGAIN)
        return false;
    op.result_ = result;
    drop_if_empty(owner);
    return true;
}

template <typename Ring>
void basic_event_loop<Ring>::drop_if_empty(request_owner& owner) noexcept
{
    if (owner.kept.load()->empty())
        delete owner.kept.exchange(nullptr);
}

template <typename Ring>
int basic_event_loop<Ring>::serve_now(request_owner& owner, ring_operation& op) noexcept
{
    lock_type lock(mutex_);
    return serve(owner, op) ? op.result_ : -EAGAIN;
}

template <typename Ring>
template <typename Serve>
int basic_event_loop<Ring>::take_kept(request_owner& owner, Serve serve) noexcept
{
    lock_type lock(mutex_);
    await_cancelled_read(owner, lock);
    if (owner.kept == nullptr)
        return -EAGAIN;
    const int result = serve(*owner.kept.load());
    drop_if_empty(owner);
    return result;
}

template <typename Ring>
std::size_t basic_event_loop<Ring>::kept_size(request_owner& owner) noexcept
{
    lock_type lock(mutex_);
    await_cancelled_read(owner, lock);
    return owner.kept == nullptr ? 0 : owner.kept.load()->size();
}

template <typename Ring>
void basic_event_loop<Ring>::park(request_owner& owner) noexcept
{
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    if (owner.kept == nullptr && owner.line(direction::read).active() == nullptr)
        return;
    if (stopping_ || is_orphan() || ring_left_)
        return;
    cancel_requests(owner, ended);
    send_cancels(lock);
    await_cancelled_read(owner, lock);
    owners_.park(owner);
    lock.unlock();
    scheduler_.post_deferred_completions(ended);
}

// A request that has ended meanwhile is delivered as ever.
template <typename Ring>
void basic_event_loop<Ring>::read_by_readiness(request_owner& owner) noexcept
{
    if (owner.line(direction::read).is_free())
        return;
    lock_type lock(mutex_);
    if (stopping_ || is_orphan() || !may_end())
        return;
    // Making room gives the mutex up, so look again.
    do {
        ring_operation* const op = owner.line(direction::read).active();
        if (op == nullptr || !waits_by_request(*op))
            return;
        if (unseen(*op)) {
            op->go_by_call();
            return rewrite(*op);
        }
        if (abi::sqe* const sqe = ring_.try_claim()) {
            op->changes_way_ = true;
            op::async_cancel{.user_data = user_data::of(op).bits}.prepare(*sqe);
            sqe->user_data = user_data::of(internal_request::cancel).bits;
            count_own(1);
            return carry_out(lock);
        }
    } while (submit_patiently(lock));
}

// Whoever reads synchronously behind a cancelled read must not overtake its bytes. The
// kernel ends a cancelled read of a socket or a pipe at once, but for a thread of the
// program that does not come into the kernel.
template <typename Ring>
void basic_event_loop<Ring>::await_cancelled_read(
    request_owner& owner, lock_type& lock) noexcept
{
    ring_operation* const op = owner.line(direction::read).active();
    if (op == nullptr || !op->cancel_requested() || !op->is_transfer_ || op->by_call_)
        return;
    if (stopping_ || is_orphan())
        return;
    const auto stands = [&] {
        return owner.line(direction::read).active() == op &&
               op->state_ == operation_state::claimed;
    };
    const auto limit = clock::now() + std::chrono::milliseconds(50);
    while (stands() && clock::now() < limit) {
        // While the reaper waits in the kernel the completions are its own.
        if (waiting_)
            interrupt();
        else if (may_end())
            send_cancels_now(lock);
        if (!waiting_)
            reap_and_post();
        if (!stands())
            break;
        lock.unlock();
        std::this_thread::yield();
        lock.lock();
    }
    if (owner.line(direction::read).active() == op &&
        op->state_ == operation_state::reaped)
        set_aside(*op);
    if ((waiting_ || !polls_.take_part()) && something_left())
        interrupt();
}

} // namespace asio_uring::detail
