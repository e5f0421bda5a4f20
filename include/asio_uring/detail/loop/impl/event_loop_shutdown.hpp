// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: end with nothing of ours in the kernel, whatever was in
// flight. Thread: the one that destroys the context. Lifetime: after shutdown() the loop
// starts nothing.
#pragma once

namespace asio_uring::detail {

// 0. Writes that stand ready for the next turn are carried out.
// 1. Nothing is started, cancelled or repeated any more.
// 2. What the kernel has not seen is taken back.
// 3. The kernel is asked to end the rest.
// 4. Reap until it holds no operation.
// 5. The caller destroys them: only now, because handlers own the buffers.
template <typename Ring>
void basic_event_loop<Ring>::shutdown(asio_impl::operation_queue& ops)
{
    lock_type lock(mutex_);
    if (settings_.batched_writes && !is_orphan() && !ring_left_ && may_end())
        submit_patiently(lock);
    stopping_ = true;
    drop_unsent_cancels();
    abandon_queued(ops);
    if (is_orphan()) {
        in_kernel_count_ = 0;
        abandon_all(ops);
    }
    else {
        abandon_unseen(unowned_, ops);
        for (request_owner& owner : owners_.all())
            abandon_unseen(owner, ops);
        drain(ops, lock);
    }
    for (request_owner& owner : owners_.all())
        forget_reaped(owner);
    timers_.take_all(ops);
}

template <typename Ring>
std::optional<Ring> basic_event_loop<Ring>::release_ring()
{
    if (!stopping_ || ring_left_ || is_orphan() || settings_.single_issuer ||
        program_requests_.load(std::memory_order_relaxed) || in_kernel_count_ != 0 ||
        !end_own_requests())
        return std::nullopt;
    ring_left_ = true;
    polls_.send_to_nobody();
    return std::optional<Ring>(std::move(ring_));
}

// Requests of this thread end within the entry that cancels them. A request of another
// thread ends when that thread likes, so nothing waits for it.
template <typename Ring>
bool basic_event_loop<Ring>::end_own_requests()
{
    constexpr int attempts = 2;
    asio_impl::operation_queue none;
    lock_type lock(mutex_);
    for (int attempt = 0; attempt != attempts && own_count_ != 0; ++attempt) {
        if (abi::sqe* sqe = ring_.try_claim()) {
            op::async_cancel{.flags = abi::async_cancel_any | abi::async_cancel_all}
                .prepare(*sqe);
            sqe->user_data = user_data::of(internal_request::cancel).bits;
            count_own(1);
        }
        const unsigned to_submit = ring_.publish();
        int result = 0;
        {
            const entering unlocked(*this, lock);
            result = ring_.enter(to_submit, 0, abi::enter_getevents);
        }
        if (result < 0)
            return false;
        reap(none);
    }
    return own_count_ == 0 && ring_.ready() == 0 && ring_.unconsumed() == 0 &&
           !ring_.completion_overflow();
}

// The scheduler has the transfers that wait for their delivery, and destroys them.
template <typename Ring>
void basic_event_loop<Ring>::forget_reaped(request_owner& owner) noexcept
{
    ring_operation* op = owner.requests.front();
    while (op != nullptr) {
        ring_operation* const next = op->next_request_;
        if (op->state_ == operation_state::reaped) {
            owner.requests.erase(*op);
            op->state_ = operation_state::ended;
            if (op->by_call_ || op->cancel_requested())
                op->result_ = -ECANCELED;
        }
        op = next;
    }
}

template <typename Ring>
void basic_event_loop<Ring>::drop_unsent_cancels() noexcept
{
    while (!unsent_cancels_.empty())
        unsent_cancels_.pop();
}

template <typename Ring>
void basic_event_loop<Ring>::abandon_queued(asio_impl::operation_queue& ops)
{
    backlog_.push(new_syncs_);
    backlog_.push(held_syncs_);
    while (asio_impl::scheduler_operation* base = backlog_.front()) {
        backlog_.pop();
        abandon_queued(*static_cast<ring_operation*>(base), ops);
    }
    for (request_owner& owner : owners_.all()) {
        for (request_line& line : owner.lines)
            line.clear([&](ring_operation& op) { ops.push(&op); });
    }
}

// The members of a chain stand in the backlog behind their first.
template <typename Ring>
void basic_event_loop<Ring>::abandon_queued(
    ring_operation& first, asio_impl::operation_queue& ops)
{
    ring_operation* op = &first;
    while (op != nullptr) {
        op->owner_->requests.erase(*op);
        ops.push(op);
        op = op->part_ == part_kind::member ? static_cast<chain_member*>(op)->next_member_
                                            : nullptr;
    }
}

// SQEs the kernel has not read are made harmless, and their operations end without a CQE.
template <typename Ring>
void basic_event_loop<Ring>::abandon_unseen(
    request_owner& owner, asio_impl::operation_queue& ops)
{
    ring_operation* op = owner.requests.front();
    while (op != nullptr) {
        ring_operation* const next = op->next_request_;
        if (op->state_ == operation_state::claimed && unseen(*op)) {
            abi::sqe& sqe = ring_.sqe_at(op->sequence_);
            sqe = abi::sqe{};
            op::nop{}.prepare(sqe);
            sqe.user_data = user_data::of(internal_request::cancel).bits;
            owner.requests.erase(*op);
            --in_kernel_count_;
            ++own_count_;
            ops.push(op);
        }
        op = next;
    }
}

template <typename Ring>
void basic_event_loop<Ring>::drain(asio_impl::operation_queue& ops, lock_type& lock)
{
    if (in_kernel_count_ != 0 && settings_.single_issuer && !may_enter()) {
        // A thread that has ended left the completions of its requests behind.
        reap(ops);
        if (in_kernel_count_ != 0)
            close_and_wait(*teardown_, ops);
        return;
    }
    while (in_kernel_count_ != 0) {
        // A request on its way between two waits may miss one cancellation, so each round
        // asks again; what ends the loop is only that every operation's last CQE came.
        if (abi::sqe* sqe = ring_.try_claim()) {
            op::async_cancel{.flags = abi::async_cancel_any | abi::async_cancel_all}
                .prepare(*sqe);
            sqe->user_data = user_data::of(internal_request::cancel).bits;
            count_own(1);
        }
        const unsigned to_submit = ring_.publish();
        int result = 0;
        {
            const entering unlocked(*this, lock);
            result = enter_until(to_submit, clock::now() + std::chrono::milliseconds(10));
        }
        if (is_lost(result))
            return abandon_ring(ops);
        check_enter(result);
        reap(ops);
    }
}

// The program closed the ring's descriptor behind our back, or a filter came between.
template <typename Ring>
bool basic_event_loop<Ring>::is_lost(int result) noexcept
{
    switch (result) {
    case -EPERM:
    case -EACCES:
    case -ENOSYS:
    case -EBADF:
    case -EBADFD:
    case -ENXIO:
        return true;
    default:
        return false;
    }
}

// No entry tells any more when the kernel lets go of the requests; the end of the ring
// does, where it can be watched.
template <typename Ring>
void basic_event_loop<Ring>::abandon_ring(asio_impl::operation_queue& ops)
{
    if (teardown_ != nullptr)
        return close_and_wait(*teardown_, ops);
    std::optional<teardown_watch> watch;
    try {
        watch.emplace();
        const int file = watch->write_end();
        if (!ring_.register_files(std::span(&file, 1))) {
            watch->hand_over();
            return close_and_wait(*watch, ops);
        }
    }
    catch (const boost::system::system_error&) {
        // No descriptor is left for a watch.
    }
    leave_ring();
}

// KERNEL 6.1: a DEFER_TASKRUN ring can be reaped by its issuer only. Closing it ends its
// requests; when the kernel has freed the ring, it has let go of their memory.
template <typename Ring>
void basic_event_loop<Ring>::close_and_wait(
    teardown_watch& watch, asio_impl::operation_queue& ops)
{
    leave_ring();
    if (watch.wait())
        abandon_all(ops);
}

// Where nobody knows when the kernel lets go of the requests, the operations and what
// their handlers own are never destroyed.
template <typename Ring>
void basic_event_loop<Ring>::leave_ring() noexcept
{
    close_ring();
    ring_left_ = true;
    in_kernel_count_ = 0;
}

// The number of its descriptor may soon be another ring's.
template <typename Ring>
void basic_event_loop<Ring>::close_ring() noexcept
{
    polls_.send_to_nobody();
    ring_.close();
}

template <typename Ring>
void basic_event_loop<Ring>::send_wakes_to_ring() noexcept
{
    if (settings_.wake_by_message)
        polls_.send_to(ring_.native_handle());
}

template <typename Ring>
void basic_event_loop<Ring>::abandon_all(asio_impl::operation_queue& ops)
{
    const auto abandon = [&](request_owner& owner) {
        forget_reaped(owner);
        while (ring_operation* op = owner.requests.front()) {
            owner.requests.erase(*op);
            ops.push(op);
        }
    };
    abandon(unowned_);
    for (request_owner& owner : owners_.all())
        abandon(owner);
}

// The parent's ring is not the child's: its maps are gone here, and its requests are the
// parent's. What stood in it is committed to a ring of the child's own, as Asio's reactor
// registers its descriptors anew.
template <typename Ring>
void basic_event_loop<Ring>::restart(
    Ring fresh, int epoll_descriptor, teardown_watch* teardown)
{
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    right_.restart();
    ring_ = std::move(fresh);
    ring_left_ = false;
    teardown_ = teardown;
    polls_.restart(epoll_descriptor);
    send_wakes_to_ring();
    leave_kernel();
    stopping_ = false;
    abort_chains(ended);
    const auto commit_anew = [&](request_owner& owner) {
        ring_operation* op = owner.requests.front();
        while (op != nullptr) {
            ring_operation* const next = op->next_request_;
            if (op->state_ == operation_state::backlogged && op->cancel_requested_)
                remove_backlogged(*op);
            op->poll_stands_ = false;
            if (op->state_ == operation_state::reaped)
                ; // the scheduler delivers it here as well
            else if (op->cancel_requested() || op->sent_)
                retire_any(*op, ended);
            else if (op->state_ == operation_state::claimed)
                commit_or_backlog(*op);
            op = next;
        }
        if (owner.closed && owner.idle())
            owners_.release(owner);
    };
    commit_anew(unowned_);
    for (request_owner& owner : owners_.all())
        commit_anew(owner);
    notify(lock);
    if (lock.owns_lock())
        lock.unlock();
    scheduler_.post_deferred_completions(ended);
}

// Nobody here knows what a member did in the parent's ring, so its chain cannot go on.
template <typename Ring>
void basic_event_loop<Ring>::abort_chains(asio_impl::operation_queue& ended)
{
    ring_operation* op = unowned_.requests.front();
    while (op != nullptr) {
        ring_operation* const next = op->next_request_;
        if (op->part_ == part_kind::member && op->state_ == operation_state::claimed) {
            static_cast<chain_member*>(op)->chain_->cancelled_ = false;
            op->result_ = -ECANCELED;
            retire_any(*op, ended);
        }
        op = next;
    }
}

// The operations that stood in the parent's ring, or behind it, end here, and the loop
// aborts those that are started later. The parent's ring and the descriptor that wakes it
// are the parent's alone from here.
template <typename Ring>
void basic_event_loop<Ring>::abort_all(const boost::system::error_code& reason)
{
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    right_.restart(reason);
    close_ring();
    polls_.close();
    teardown_ = nullptr;
    leave_kernel();
    stopping_ = true;
    backlog_.push(new_syncs_);
    backlog_.push(held_syncs_);
    while (!backlog_.empty())
        backlog_.pop(); // its operations are among those of their owners
    abort_requests(unowned_, ended);
    for (request_owner& owner : owners_.all())
        abort_requests(owner, ended);
    lock.unlock();
    scheduler_.post_deferred_completions(ended);
}

// The kernel's requests are those of the fork's parent; none of them is ours.
template <typename Ring>
void basic_event_loop<Ring>::leave_kernel() noexcept
{
    waiting_ = false;
    in_kernel_count_ = own_count_ = entering_count_ = 0;
    drop_unsent_cancels();
}

template <typename Ring>
void basic_event_loop<Ring>::abort_requests(
    request_owner& owner, asio_impl::operation_queue& ended)
{
    forget_reaped(owner);
    while (ring_operation* op = owner.requests.front()) {
        if (op->is_part()) {
            op->result_ = -ECANCELED;
            retire_any(*op, ended);
            continue;
        }
        owner.requests.erase(*op);
        abort(*op);
        ended.push(op);
    }
    for (request_line& line : owner.lines) {
        const ring_operation* const first = line.active();
        const bool stays = first != nullptr && first->part_ == part_kind::source;
        abort_waiting(line, ended);
        // Its stream still has it, and asks again where a ring comes back.
        if (!stays)
            line.clear([](ring_operation&) {});
    }
    if (owner.closed)
        owners_.release(owner);
}

} // namespace asio_uring::detail
