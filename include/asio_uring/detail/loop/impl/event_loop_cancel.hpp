// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: from a wish to end an operation to a request that the kernel
// understands. Cancellation only asks: the operation's own last CQE ends it. Thread: any,
// under the loop's mutex. Lifetime: see event_loop.hpp.
#pragma once

namespace asio_uring::detail {

template <typename Ring>
cancellation_ticket basic_event_loop<Ring>::register_cancellation(ring_operation& op)
{
    lock_type lock(mutex_);
    const cancellation_ticket ticket = cancellations_.insert(op);
    op.cancellation_index_ = ticket.index;
    return ticket;
}

template <typename Ring>
void basic_event_loop<Ring>::unregister_cancellation(ring_operation& op)
{
    if (op.cancellation_index_ == 0)
        return;
    lock_type lock(mutex_);
    cancellations_.erase(std::exchange(op.cancellation_index_, 0));
}

template <typename Ring>
void basic_event_loop<Ring>::cancel(cancellation_ticket ticket)
{
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    // Once the loop ends its operations, a ticket names nothing.
    if (stopping_ || is_orphan())
        return;
    ring_operation* op = cancellations_.find(ticket);
    // A ticket is given out before its operation starts; until then there is nothing to
    // end.
    if (op == nullptr || op->state_ == operation_state::initial)
        return;
    if (op->part_ == part_kind::member)
        cancel_chain(*static_cast<chain_member*>(op)->chain_, ended);
    else
        request_cancel(*op, ended);
    // What has ended comes before what the kernel ends.
    scheduler_.post_deferred_completions(ended);
    if (!unsent_cancels_.empty())
        ask_now(lock);
    else if (something_left())
        notify(lock);
}

// A cancelled operation ends before what the program posts next, where the kernel ends it
// at once. It does not where the request is another thread's.
template <typename Ring>
void basic_event_loop<Ring>::ask_now(lock_type& lock)
{
    if (may_end()) {
        send_cancels_now(lock);
        if (!waiting_)
            reap_and_post();
    }
    if (something_left())
        notify(lock);
}

template <typename Ring>
void basic_event_loop<Ring>::cancel(request_owner& owner)
{
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    if (is_orphan() || ring_left_)
        return;
    cancel_requests(owner, ended);
    scheduler_.post_deferred_completions(ended);
    if (!unsent_cancels_.empty())
        ask_now(lock);
    else if (something_left())
        notify(lock);
}

template <typename Ring>
void basic_event_loop<Ring>::close_owner(request_owner& owner)
{
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    if (is_orphan() || ring_left_)
        return abandon_owner(owner);
    await_consumed(owner, lock);
    cancel_requests(owner, ended);
    // Invariant 5: what the kernel has is bound to the open file, what it has not is
    // withdrawn, and a repeated request is ruled out by the wish to cancel. The number is
    // free from here.
    ASIO_URING_ASSERT(all_cancelled(owner));
    const int descriptor = owners_.free_descriptor(owner);
    owner.closed = true;
    if (owner.idle())
        owners_.release(owner);
    else if (!stopping_ && has_claimed(owner)) {
        // The kernel's requests hold the file open, and the peer sees the end only when
        // they are gone: ask now, even from a thread that does not run the context, and
        // let their ends be worked off, before what the program posts next. Once the
        // mutex was given up, the owner may be somebody else's, unless it is awaited.
        const bool awaited = owner.awaited =
            holds_file(owner) && keeps_address(descriptor);
        if (may_end()) {
            send_cancels_now(lock);
            if (!waiting_)
                reap_and_post();
        }
        else if (waiting_)
            interrupt(); // its turn sends them
        if (awaited)
            await_end(owner, lock);
        if (something_left())
            notify(lock);
    }
    if (lock.owns_lock())
        lock.unlock();
    scheduler_.post_deferred_completions(ended);
}

// Once close() has returned, the program may bind the address of a listener, or of a
// socket that is no stream, again. A cancelled request lets go of its file when the
// thread that submitted it passes through the kernel, and the kernel tells that thread to
// do so. All closes together wait no longer than one for a thread that gets no processor.
template <typename Ring>
void basic_event_loop<Ring>::await_end(request_owner& owner, lock_type& lock)
{
    auto now = clock::now();
    const auto limit = now + close_budget_.left(now);
    while (holds_file(owner)) {
        // While the reaper waits in the kernel the completions are its own.
        if (!waiting_)
            reap_and_post();
        if (something_left() && may_end())
            send_cancels_now(lock);
        const auto before = std::exchange(now, clock::now());
        close_budget_.spend(now - before);
        if (now >= limit)
            break;
        if (holds_file(owner))
            await_completion(limit, lock);
    }
    owner.awaited = false;
    if (owner.idle())
        owners_.release(owner);
}

// Completions are in the kernel's hands, or in the reaper's.
template <typename Ring>
void basic_event_loop<Ring>::await_completion(clock::time_point limit, lock_type& lock)
{
    int result = -EAGAIN;
    if (!waiting_ && may_end()) {
        const unsigned to_submit = ring_.publish();
        interrupt_threads();
        const entering unlocked(*this, lock);
        result = enter_until(to_submit, limit);
    }
    if (result >= 0 || result == -ETIME || result == -EINTR)
        return;
    ++awaiting_count_;
    reaped_.wait_until(
        lock, std::min(limit, clock::now() + std::chrono::milliseconds(1)));
    --awaiting_count_;
}

template <typename Ring>
bool basic_event_loop<Ring>::keeps_address(int descriptor) noexcept
{
    int type = SOCK_STREAM;
    int listens = 0;
    ::socklen_t size = sizeof type;
    ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size);
    if (type == SOCK_STREAM)
        ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
    return type != SOCK_STREAM || listens != 0;
}

template <typename Ring>
bool basic_event_loop<Ring>::all_cancelled(request_owner& owner) noexcept
{
    for (ring_operation* op = owner.requests.front(); op != nullptr;
         op = op->next_request_) {
        if (!op->cancel_requested_ || (!op->withdrawn_ && unseen(*op)))
            return false;
    }
    return true;
}

// In a child whose fork was not announced the requests are the parent's, and nothing ends
// them here but shutdown() or restart().
template <typename Ring>
void basic_event_loop<Ring>::abandon_owner(request_owner& owner) noexcept
{
    for (ring_operation* op = owner.requests.front(); op != nullptr;
         op = op->next_request_)
        op->cancel_requested_ = true;
    for (request_line& line : owner.lines)
        line.mark_cancelled();
    owners_.free_descriptor(owner);
    owner.closed = true;
}

// A request that is on its way between two waits is in none of the places where the
// kernel looks for it. As long as it stands, ask again.
template <typename Ring>
void basic_event_loop<Ring>::cancel_again(cancellation_ticket target) noexcept
{
    if (ring_operation* const op = cancellations_.find(target))
        cancel_again(*op);
    if (target.index == 0)
        cancel_nameless_again();
}

template <typename Ring>
void basic_event_loop<Ring>::cancel_again(ring_operation& op) noexcept
{
    if (op.state_ == operation_state::reaped)
        op.cancel_sent_ = false; // its delivery asks again
    if (op.state_ != operation_state::claimed || stopping_)
        return;
    // Nothing can end the second stage of two but the network. The name of a chain passes
    // to a member that may be about to be asked for the first time.
    if (!op.end_wanted() || !op.cancel_sent_ || (op.sent_ && !op.polls_on_))
        return;
    op.cancel_sent_ = false;
    unsent_cancels_.push(&op);
}

// A cancellation that went without a name has missed its target.
template <typename Ring>
void basic_event_loop<Ring>::cancel_nameless_again() noexcept
{
    const auto look_at = [&](request_owner& owner) {
        for (ring_operation* op = owner.requests.front(); op != nullptr;
             op = op->next_request_) {
            if (op->cancellation_index_ == 0)
                cancel_again(*op);
        }
    };
    look_at(unowned_);
    for (request_owner& owner : owners_.all())
        look_at(owner);
}

template <typename Ring>
void basic_event_loop<Ring>::send_cancels_now(lock_type& lock)
{
    int result = 0;
    do {
        send_cancels_that_fit();
        const unsigned to_submit = ring_.publish();
        const entering unlocked(*this, lock);
        result = ring_.enter(to_submit, 0, abi::enter_getevents);
    } while (!unsent_cancels_.empty() && result > 0);
}

// Whether an SQE names an operation of the owner, a withdrawn one included.
template <typename Ring>
bool basic_event_loop<Ring>::has_claimed(request_owner& owner) const noexcept
{
    for (ring_operation* op = owner.requests.front(); op != nullptr;
         op = op->next_request_) {
        if (op->state_ == operation_state::claimed || op->poll_stands_)
            return true;
    }
    return false;
}

// Whether the kernel has a request of the owner.
template <typename Ring>
bool basic_event_loop<Ring>::holds_file(request_owner& owner) const noexcept
{
    for (ring_operation* op = owner.requests.front(); op != nullptr;
         op = op->next_request_) {
        if ((op->state_ == operation_state::claimed && !op->withdrawn_) ||
            op->poll_stands_)
            return true;
    }
    return false;
}

// A published SQE names the descriptor until the kernel has read it. Whoever published it
// is about to enter, so wait for that. An entry refused leaves nobody inside, and the SQE
// is ours again; or it leaves the reaper, which has to come out.
template <typename Ring>
void basic_event_loop<Ring>::await_consumed(request_owner& owner, lock_type& lock)
{
    bool woken = false;
    while (has_unconsumed(owner)) {
        if (waiting_ && entering_count_ == 1 && !std::exchange(woken, true))
            interrupt();
        lock.unlock();
        std::this_thread::yield();
        lock.lock();
    }
}

template <typename Ring>
bool basic_event_loop<Ring>::has_unconsumed(request_owner& owner) noexcept
{
    if (entering_count_ == 0 || ring_.unconsumed() == 0)
        return false;
    const std::uint32_t head = ring_.published() - ring_.unconsumed();
    for (ring_operation* op = owner.requests.front(); op != nullptr;
         op = op->next_request_) {
        if (op->state_ == operation_state::claimed &&
            stands_between(*op, head, ring_.published()))
            return true;
    }
    return false;
}

// The operations behind an active transfer are marked, and end after it in their order.
template <typename Ring>
void basic_event_loop<Ring>::cancel_requests(
    request_owner& owner, asio_impl::operation_queue& ended)
{
    for (request_line& line : owner.lines)
        line.mark_cancelled();
    ring_operation* op = owner.requests.front();
    while (op != nullptr) {
        ring_operation* const next = op->next_request_;
        request_cancel(*op, ended);
        if (op->state_ == operation_state::reaped)
            end_cancelled_behind(*op, ended);
        op = next;
    }
}

template <typename Ring>
void basic_event_loop<Ring>::request_cancel(
    ring_operation& op, asio_impl::operation_queue& ended)
{
    // Asked before: enough, unless the SQE is ours again because an entry to the kernel
    // was refused.
    if (op.cancel_requested_ && op.state_ == operation_state::claimed) {
        if (op.withdrawn_ || !unseen(op))
            return;
        if (!op.cancel_sent_)
            request_line::remove(unsent_cancels_, op);
    }
    // It ends in its turn.
    if (op.cancel_requested() && op.state_ == operation_state::waiting)
        return;
    op.cancel_requested_ = true;
    if (op.state_ == operation_state::reaped) {
        // Its delivery looks. Its links are the scheduler's until then.
        if (op.poll_stands_ && !op.cancel_sent_)
            try_send_cancel(op);
        return;
    }
    if (abort_queued(op, ended))
        return;
    ASIO_URING_ASSERT(op.state_ == operation_state::claimed);
    if (op.polls_on_ && op.sent_)
        return; // its end is asked for
    if (unseen(op)) {
        // The kernel has not seen this SQE: make it harmless. The operation ends here, a
        // part of something larger with the SQE's CQE.
        abi::sqe& sqe = ring_.sqe_at(op.sequence_);
        sqe = abi::sqe{};
        op::nop{}.prepare(sqe);
        op.poll_stands_ = false;
        if (!op.is_part()) {
            sqe.user_data = user_data::of(internal_request::cancel).bits;
            --in_kernel_count_;
            ++own_count_;
            op.result_ = -ECANCELED;
            return retire(op, ended);
        }
        sqe.user_data = user_data::of(&op).bits;
        op.withdrawn_ = true;
    }
    else
        unsent_cancels_.push(&op);
}

template <typename Ring>
void basic_event_loop<Ring>::remove_backlogged(ring_operation& op) noexcept
{
    request_line::remove(backlog_, op);
    if (!op.shares_end_) [[likely]]
        return;
    request_line::remove(new_syncs_, op);
    request_line::remove(held_syncs_, op);
}

// An operation without an SQE ends at once.
template <typename Ring>
bool basic_event_loop<Ring>::abort_queued(
    ring_operation& op, asio_impl::operation_queue& ended)
{
    if (op.state_ == operation_state::waiting)
        op.owner_->line(op.direction_).remove(op);
    else if (op.state_ == operation_state::backlogged)
        remove_backlogged(op);
    else
        return false;
    op.result_ = -ECANCELED;
    retire_any(op, ended);
    return true;
}

template <typename Ring>
void basic_event_loop<Ring>::expect_foreign_cancels()
{
    lock_type lock(mutex_);
    program_cancels_ = true;
}

template <typename Ring>
void basic_event_loop<Ring>::send_cancels(lock_type& lock)
{
    send_cancels_that_fit();
    while (!unsent_cancels_.empty() && flush(lock))
        send_cancels_that_fit();
}

// The rest waits for the next turn; an operation that ends before leaves the list.
template <typename Ring>
void basic_event_loop<Ring>::send_cancels_that_fit() noexcept
{
    while (asio_impl::scheduler_operation* base = unsent_cancels_.front()) {
        if (!try_send_cancel(*static_cast<ring_operation*>(base)))
            return;
        unsent_cancels_.pop();
    }
}

template <typename Ring>
bool basic_event_loop<Ring>::try_send_cancel(ring_operation& op) noexcept
{
    abi::sqe* sqe = ring_.try_claim();
    if (sqe == nullptr)
        return false;
    cancellation_ticket name;
    if (op.cancellation_index_ != 0)
        name = cancellations_.ticket(op.cancellation_index_);
    else if ((name = cancellations_.try_insert(op)).index != 0)
        op.cancellation_index_ = name.index;
    // The SQ is consumed in order: an operation that later gets this address is claimed
    // behind this entry, so it cannot be hit.
    op::async_cancel{.user_data = user_data::of(&op).bits}.prepare(*sqe);
    sqe->user_data = user_data::of(name).bits;
    op.cancel_sent_ = true;
    count_own(1);
    return true;
}

} // namespace asio_uring::detail
