// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: one turn of the loop: submit and wait in one kernel entry,
// reap, retire. Thread: the reaper. Lifetime: see event_loop.hpp.
#pragma once

namespace asio_uring::detail {

template <typename Ring>
bool basic_event_loop<Ring>::turn(long usec, asio_impl::operation_queue& ops)
{
    lock_type lock(mutex_);
    adopt_thread();
    const bool complete = (all_committed() && held_syncs_.empty()) || refill(lock);
    const unsigned to_submit = ring_.publish();
    if (usec != 0 && complete && ring_.ready() == 0 && !timers_.overdue() &&
        !polls_.woken())
        wait(to_submit, usec, lock);
    else if (to_submit != 0 || ring_.task_work_pending() || ring_.completion_overflow())
        enter(to_submit, lock);
    reap(ops);
    timers_.take_expired(ops);
    return polls_.end_turn();
}

template <typename Ring>
void basic_event_loop<Ring>::pump(asio_impl::operation_queue& ops)
{
    lock_type lock(mutex_);
    if (is_orphan())
        right_.throw_orphan();
    polls_.acknowledge();
    // Reaping claims what comes next, and no turn follows that would submit it.
    do {
        refill(lock);
        const unsigned to_submit = ring_.publish();
        if (to_submit != 0 || ring_.task_work_pending() || ring_.completion_overflow())
            enter(to_submit, lock);
        reap(ops);
        if (!held_syncs_.empty()) [[unlikely]]
            begin_syncs();
    } while (ring_.claimed() != ring_.published() || ring_.ready() != 0 ||
             ring_.task_work_pending() || ring_.completion_overflow());
    // A completion may have shown that a cancellation missed, or the kernel took nothing,
    // and no turn follows that would try again.
    notify(lock);
}

template <typename Ring>
void basic_event_loop<Ring>::adopt_thread()
{
    if (is_orphan()) [[unlikely]]
        right_.throw_orphan();
    if (settings_.locking)
        census_.count();
    if (right_.is_reaper())
        return;
    const bool takes_over = right_.has_reaper();
    right_.adopt([&] {
        if (const boost::system::error_code ec = ring_.enable())
            throw boost::system::system_error(ec, "asio_uring: enabling the ring");
    });
    if (takes_over && settings_.rearm_for_thread)
        count_own(polls_.disarm(ring_));
}

// Gives an SQE to everything that waits for one. Returns whether nothing is left: only
// then may the loop sleep, because nothing in the kernel would tell of the rest.
template <typename Ring>
bool basic_event_loop<Ring>::refill(lock_type& lock)
{
    for (;;) {
        fill_queue();
        if (all_committed())
            return true;
        if (!flush(lock))
            return false;
    }
}

template <typename Ring>
bool basic_event_loop<Ring>::all_committed() const noexcept
{
    return polls_.armed() && unsent_cancels_.empty() && backlog_.empty() &&
           new_syncs_.empty();
}

template <typename Ring>
void basic_event_loop<Ring>::fill_queue()
{
    count_own(polls_.arm(ring_));
    if (!unsent_cancels_.empty())
        send_cancels_that_fit();
    if (!new_syncs_.empty() || !held_syncs_.empty()) [[unlikely]]
        begin_syncs();
    while (asio_impl::scheduler_operation* base = backlog_.front()) {
        backlog_.pop();
        ring_operation& op = *static_cast<ring_operation*>(base);
        if (!try_commit_whole(op)) {
            asio_impl::operation_queue rest;
            rest.push(base);
            rest.push(backlog_);
            backlog_.push(rest);
            return;
        }
    }
}

// Invariant 10: the wait ends at the earliest of the caller's limit and the first timer,
// and waiting_ is set under the mutex before the kernel is entered, so whoever starts
// something later knows to end it.
template <typename Ring>
void basic_event_loop<Ring>::wait(unsigned to_submit, long usec, lock_type& lock)
{
    clock::time_point deadline = timers_.deadline();
    if (usec > 0)
        deadline = std::min(deadline, clock::now() + std::chrono::microseconds(usec));
    ASIO_URING_ASSERT(all_committed() && deadline <= timers_.deadline());
    int result = 0;
    {
        waiting_ = true;
        const std::uint32_t reaped = ring_.given_back();
        const entering unlocked(*this, lock);
        if (settings_.spin.count() == 0) [[likely]]
            result = enter_until(to_submit, deadline);
        else
            result = spin_and_enter(to_submit, deadline, reaped);
    }
    waiting_ = false;
    check_enter(result);
}

// The same, after looking for completions beyond those that were reaped. The entries go
// first, because a thread that looks tells the kernel nothing. Nobody else reaps
// meanwhile: the loop counts as waiting, and whatever ends a wait is a completion.
template <typename Ring>
int basic_event_loop<Ring>::spin_and_enter(
    unsigned to_submit, clock::time_point deadline, std::uint32_t reaped)
{
    if (to_submit != 0) {
        const int result = ring_.enter(to_submit, 0, abi::enter_getevents);
        if (result != static_cast<int>(to_submit))
            return result;
    }
    const clock::time_point end = std::min(deadline, clock::now() + settings_.spin);
    do {
        if (ring_.filled() != reaped)
            return 0;
        if (ring_.task_work_pending() || ring_.completion_overflow()) {
            if (const int result = ring_.enter(0, 0, abi::enter_getevents); result < 0)
                return result;
        }
        else {
            relax_processor();
        }
    } while (clock::now() < end);
    return enter_until(0, deadline);
}

// Submits, and waits for one completion at most until the deadline.
template <typename Ring>
int basic_event_loop<Ring>::enter_until(unsigned to_submit, clock::time_point deadline)
{
    std::uint32_t flags = abi::enter_getevents;
    // The system's statistics would count this wait as one for a disk.
    if ((ring_.features() & abi::feat_no_iowait) != 0)
        flags |= abi::enter_no_iowait;
    if (deadline == clock::time_point::max())
        return ring_.enter(to_submit, 1, flags);
    auto until = deadline.time_since_epoch();
    // KERNEL 6.12: ENTER_ABS_TIMER came with MIN_TIMEOUT, which has a feature bit. Older:
    // a duration.
    if ((ring_.features() & abi::feat_min_timeout) != 0)
        flags |= abi::enter_abs_timer;
    else
        until = std::max(deadline - clock::now(), clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(until);
    abi::kernel_timespec timeout{};
    timeout.sec = seconds.count();
    timeout.nsec = std::chrono::nanoseconds(until - seconds).count();
    abi::getevents_arg argument{};
    argument.ts = reinterpret_cast<std::uintptr_t>(&timeout);
    return ring_.enter(to_submit, 1, flags, argument);
}

template <typename Ring>
void basic_event_loop<Ring>::enter(unsigned to_submit, lock_type& lock)
{
    // This entry empties the backlog as far as there is room.
    if (ring_.completion_overflow()) [[unlikely]]
        ++counters_.overflows;
    int result = 0;
    {
        const entering unlocked(*this, lock);
        result = ring_.enter(to_submit, 0, abi::enter_getevents);
    }
    check_enter(result);
}

// Saturation and interruption are no errors of the loop: what was not submitted stays in
// the queue, and reaping makes room.
template <typename Ring>
void basic_event_loop<Ring>::check_enter(int result) const
{
    switch (result) {
    case -EEXIST:
        throw boost::system::system_error(
            make_error_code(errc::wrong_thread), "asio_uring: run");
    case -EPERM:
    case -EACCES:
    case -ENOSYS:
        throw boost::system::system_error(
            make_error_code(errc::entry_forbidden), "asio_uring: io_uring_enter");
    case -EBADF:
    case -EBADFD:
    case -EFAULT:
    case -EINVAL:
    case -ENXIO:
    case -EOWNERDEAD:
        throw boost::system::system_error(
            -result, boost::system::system_category(), "asio_uring: io_uring_enter");
    default:
        return;
    }
}

// Invariant 3: every CQE goes to its operation, or to the loop's own requests, and is
// counted.
template <typename Ring>
void basic_event_loop<Ring>::reap(asio_impl::operation_queue& ops)
{
    // Invariant 8: one reaper at a time.
    ASIO_URING_ASSERT(!reaping_);
    reaping_ = true;
    turn_number_.store(turn_number() + 1, std::memory_order_relaxed);
    counters_.cqes += ring_.for_each_completion([&](const abi::cqe& cqe) {
        const user_data data{cqe.user_data};
        if (data.is_internal()) [[unlikely]]
            take_internal(cqe);
        else if (is_plain_result(*data.operation(), cqe)) [[likely]]
            take_plain(*data.operation(), cqe, ops);
        else if (is_plain_member(*data.operation(), cqe))
            take_plain_member(*data.operation(), cqe, ops);
        else
            take(*data.operation(), cqe, ops);
    });
    reaping_ = false;
    if (awaiting_count_ != 0) [[unlikely]]
        reaped_.notify_all();
}

// Outside of a turn. Posted under the mutex, because what another thread reaps next, the
// following read of a stream perhaps, must not overtake it. The scheduler calls nothing
// of ours but interrupt(), which takes no lock.
template <typename Ring>
void basic_event_loop<Ring>::reap_and_post()
{
    asio_impl::operation_queue ended;
    reap(ended);
    scheduler_.post_deferred_completions(ended);
}

template <typename Ring>
void basic_event_loop<Ring>::take_internal(const abi::cqe& cqe)
{
    const user_data data{cqe.user_data};
    ASIO_URING_ASSERT(data.request() <= internal_request::message);
    if ((cqe.flags & abi::cqe_f_more) == 0 && data.request() != internal_request::message)
        --own_count_;
    switch (data.request()) {
    case internal_request::wake:
        counters_.wakes += polls_.take_wake(cqe);
        return;
    case internal_request::epoll:
        polls_.take_epoll(cqe);
        return;
    case internal_request::cancel:
        if (cqe.res == -ENOENT)
            cancel_again(data.target());
        return;
    case internal_request::disarm:
        return;
    case internal_request::message:
        ++counters_.wakes;
        polls_.take_message();
        return;
    }
}

// Whether the completion simply ends its operation: it is the only one and a success, and
// the operation is neither cancelled, nor waiting for readiness, nor part of a whole.
template <typename Ring>
bool basic_event_loop<Ring>::is_plain_result(
    const ring_operation& op, const abi::cqe& cqe) noexcept
{
    return cqe.res >= 0 && (cqe.flags & (abi::cqe_f_more | abi::cqe_f_notif)) == 0 &&
           !op.is_special();
}

// The short form of take() for a plain result. Nearly every completion takes this way.
template <typename Ring>
void basic_event_loop<Ring>::take_plain(
    ring_operation& op, const abi::cqe& cqe, asio_impl::operation_queue& ops)
{
    ASIO_URING_ASSERT(op.state_ == operation_state::claimed);
    --in_kernel_count_;
    op.result_ = cqe.res;
    op.completion_flags_ = cqe.flags;
    if (op.is_held())
        return hold(op, ops);
    retire(op, ops);
}

// Likewise of a member of a chain, whose chain nobody has cancelled.
template <typename Ring>
bool basic_event_loop<Ring>::is_plain_member(
    const ring_operation& op, const abi::cqe& cqe) noexcept
{
    return cqe.res >= 0 && op.part_ == part_kind::member && !op.cancel_requested() &&
           (cqe.flags & (abi::cqe_f_more | abi::cqe_f_notif)) == 0;
}

template <typename Ring>
void basic_event_loop<Ring>::take_plain_member(
    ring_operation& op, const abi::cqe& cqe, asio_impl::operation_queue& ops)
{
    ASIO_URING_ASSERT(op.state_ == operation_state::claimed);
    --in_kernel_count_;
    op.result_ = cqe.res;
    op.completion_flags_ = cqe.flags;
    take_member(static_cast<chain_member&>(op), ops);
}

template <typename Ring>
void basic_event_loop<Ring>::take(
    ring_operation& op, const abi::cqe& cqe, asio_impl::operation_queue& ops)
{
    ASIO_URING_ASSERT(op.state_ == operation_state::claimed || op.poll_stands_);
    const loop_mood mood{stopping_, program_cancels_ && op.owner_ == &unowned_};
    const verdict found = verdict::of(op, cqe, mood);
    switch (found.what) {
    case verdict::kind::more:
        return take_more(static_cast<result_source&>(op), cqe, ops);
    case verdict::kind::sent:
        op.sent_ = true;
        op.result_ = found.result;
        return;
    case verdict::kind::woken:
        return wake(op, found.result, ops);
    case verdict::kind::repeat:
        --in_kernel_count_;
        op.poll_stands_ = false;
        if (op.state_ == operation_state::reaped)
            return; // its delivery goes on from there
        op.wait_for_readiness_ = found.waits_first;
        if (op.batched_ || op.changes_way_) {
            op.batched_ = op.changes_way_ = false;
            op.go_by_call();
        }
        ++counters_.reissues;
        return commit_or_backlog(op);
    case verdict::kind::ended:
        --in_kernel_count_;
        op.poll_stands_ = false;
        if (op.state_ == operation_state::reaped)
            return; // likewise
        if (op.end_wanted() && !op.cancel_sent_ && !op.withdrawn_)
            request_line::remove(unsent_cancels_, op);
        op.result_ = found.result;
        op.completion_flags_ = cqe.flags;
        if (op.is_held())
            return hold(op, ops);
        return retire_any(op, ops);
    }
}

// A poll that stands may tell of more changes while its operation waits for its delivery.
template <typename Ring>
void basic_event_loop<Ring>::wake(
    ring_operation& op, int events, asio_impl::operation_queue& ops)
{
    if (op.sent_)
        return;
    if (op.state_ == operation_state::reaped) {
        op.news_ = true;
        return;
    }
    // Its links are the scheduler's from here on. Its delivery asks for the end again.
    if (op.end_wanted() && !op.cancel_sent_)
        request_line::remove(unsent_cancels_, op);
    op.result_ = events;
    hold(op, ops);
}

// A transfer stays its owner's until its delivery, so that a cancellation finds it. In a
// context that is being shut down nothing is delivered.
template <typename Ring>
void basic_event_loop<Ring>::hold(ring_operation& op, asio_impl::operation_queue& ops)
{
    if (stopping_) [[unlikely]] {
        if (op.poll_stands_)
            return; // until its last CQE
        return retire(op, ops);
    }
    op.state_ = operation_state::reaped;
    if (op.cancel_requested() && !op.poll_stands_) [[unlikely]]
        return end_cancelled(op, ops);
    ops.push(&op);
}

// What was cancelled before has nothing to wait for, and its line is free again. Those
// that were cancelled with it end right behind it.
template <typename Ring>
void basic_event_loop<Ring>::end_cancelled(
    ring_operation& op, asio_impl::operation_queue& ops)
{
    if (!op.sent_) {
        if (op.by_call_)
            op.result_ = -ECANCELED;
        else
            set_aside(op);
    }
    retire(op, ops);
}

// Those that were cancelled with an operation end right behind it.
template <typename Ring>
void basic_event_loop<Ring>::end_cancelled_behind(
    ring_operation& op, asio_impl::operation_queue& ops)
{
    if (op.direction_ == direction::none)
        return;
    request_line& line = op.owner_->line(op.direction_);
    if (line.active() == &op)
        line.end_cancelled([&](ring_operation& behind) { retire_waiting(behind, ops); });
}

// The operation leaves the loop; the next of its direction takes its place.
template <typename Ring>
void basic_event_loop<Ring>::retire(ring_operation& op, asio_impl::operation_queue& ops)
{
    ops.push(&op);
    leave(op, ops);
}

// The same for an operation that may be a part of something larger, or tidies up.
template <typename Ring>
void basic_event_loop<Ring>::retire_any(
    ring_operation& op, asio_impl::operation_queue& ops)
{
    switch (op.part_) {
    case part_kind::none:
        return retire(op, ops);
    case part_kind::member:
        return take_member(static_cast<chain_member&>(op), ops);
    case part_kind::source:
        return take_last(static_cast<result_source&>(op), ops);
    case part_kind::tidied:
        // A descriptor that is closed may be another file's by now.
        if (op.result_ > 0 && !op.owner_->closed)
            static_cast<tidied_operation&>(op).tidy_(op);
        return retire(op, ops);
    }
}

// An operation that waited behind another and ends without a request.
template <typename Ring>
void basic_event_loop<Ring>::retire_waiting(
    ring_operation& op, asio_impl::operation_queue& ops)
{
    if (op.cancellation_index_ != 0)
        cancellations_.erase(std::exchange(op.cancellation_index_, 0));
    op.state_ = operation_state::ended;
    ops.push(&op);
}

} // namespace asio_uring::detail
