// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: from a started operation to an SQE the kernel will see.
// Thread: any, under the loop's mutex. Lifetime: see event_loop.hpp.
#pragma once

namespace asio_uring::detail {

template <typename Ring>
basic_event_loop<Ring>::basic_event_loop(
    asio_impl::scheduler& scheduler, Ring ring, const loop_settings& settings)
    : scheduler_(scheduler),
      settings_(settings),
      mutex_(settings.locking),
      ring_(std::move(ring)),
      right_(settings.single_issuer),
      polls_(settings.epoll_descriptor, settings.wake_by_message),
      owners_(*this),
      teardown_(settings.teardown),
      fork_watch_(
          [](void* self) noexcept { static_cast<basic_event_loop*>(self)->close_ring(); },
          this)
{
    send_wakes_to_ring();
}

template <typename Ring>
basic_event_loop<Ring>::~basic_event_loop()
{
    // Invariant 6: shutdown() reaped to zero, so closing the ring frees nothing the
    // kernel may touch.
    ASIO_URING_ASSERT(in_kernel_count_ == 0);
}

template <typename Ring>
request_owner& basic_event_loop<Ring>::open_owner(int descriptor)
{
    lock_type lock(mutex_);
    request_owner& owner = owners_.acquire(descriptor);
    objects_.reset(owner);
    return owner;
}

template <typename Ring>
request_owner* basic_event_loop<Ring>::open_owner(int descriptor, std::uint64_t file)
{
    lock_type lock(mutex_);
    request_owner* const owner = owners_.acquire(descriptor, file);
    if (owner != nullptr)
        objects_.reset(*owner);
    return owner;
}

template <typename Ring>
const request_owner*
basic_event_loop<Ring>::find_owner(int descriptor, std::uint64_t file) const
{
    lock_type lock(mutex_);
    return owners_.find(descriptor, file);
}

template <typename Ring>
counter_values basic_event_loop<Ring>::counters() const
{
    lock_type lock(mutex_);
    return counters_;
}

template <typename Ring>
void basic_event_loop<Ring>::complete_at_once(
    ring_operation& op, int result, bool is_continuation)
{
    op.result_ = result;
    op.state_ = operation_state::ended;
    scheduler_.post_immediate_completion(&op, is_continuation);
}

template <typename Ring>
void basic_event_loop<Ring>::start(
    ring_operation& op, request_owner& owner, direction way)
{
    scheduler_.work_started();
    lock_type lock(mutex_);
    ++counters_.operations;
    op.owner_ = &owner;
    op.direction_ = way;
    if (stopping_ || is_orphan()) [[unlikely]]
        return abort_start(op, lock);
    if (way != direction::none && !owner.line(way).enter(op)) {
        const ring_operation& active = *owner.line(way).active();
        op.covered_ = active.may_cover(op) &&
                      (active.state_ == operation_state::backlogged ||
                       (active.state_ == operation_state::claimed && unseen(active)));
        return;
    }
    owner.requests.push(op);
    if (is_ready(owner, op)) [[unlikely]] {
        make_ready(op);
        return scheduler_.post_deferred_completion(&op);
    }
    if (op.shares_end_) [[unlikely]]
        hold_back(op);
    else if (!try_commit(op)) [[unlikely]]
        commit(op, lock);
    // A loop that takes turns of its own and is not waiting submits this with its next.
    if (waiting_ || !polls_.take_part())
        notify(lock);
}

// In a context that is being shut down the scheduler destroys the operation. Where the
// ring is lost, or the parent's, run() reports it.
template <typename Ring>
void basic_event_loop<Ring>::abort_start(ring_operation& op, lock_type& lock)
{
    abort(op);
    lock.unlock();
    scheduler_.post_deferred_completion(&op);
}

// REQUIRES: neither the kernel nor a queue holds the operation.
template <typename Ring>
void basic_event_loop<Ring>::abort(ring_operation& op) noexcept
{
    if (op.cancellation_index_ != 0)
        cancellations_.erase(std::exchange(op.cancellation_index_, 0));
    op.cancel_requested_ = true;
    op.result_ = -ECANCELED;
    op.state_ = operation_state::ended;
}

template <typename Ring>
void basic_event_loop<Ring>::commit(ring_operation& op, lock_type& lock)
{
    // Back-pressure: with the queue full, the starter submits what stands there and goes
    // on. Another thread may fill the room first, so look again.
    while (!try_commit_whole(op)) {
        if (!flush(lock)) {
            op.state_ = operation_state::backlogged;
            backlog_.push(&op);
            return;
        }
    }
}

template <typename Ring>
void basic_event_loop<Ring>::commit_or_backlog(ring_operation& op)
{
    if (!try_commit(op)) {
        op.state_ = operation_state::backlogged;
        backlog_.push(&op);
    }
}

// A sync covers what has been written when it begins, so it begins as late as it can:
// with the next turn, behind the handlers that run before that, and behind the writes
// that these have started. Later writes do not hold it up.
template <typename Ring>
void basic_event_loop<Ring>::hold_back(ring_operation& op)
{
    op.state_ = operation_state::backlogged;
    new_syncs_.push(&op);
}

template <typename Ring>
void basic_event_loop<Ring>::begin_syncs()
{
    asio_impl::operation_queue syncs;
    syncs.push(held_syncs_);
    while (asio_impl::scheduler_operation* base = new_syncs_.front()) {
        new_syncs_.pop();
        static_cast<ring_operation*>(base)->sequence_ = ring_.claimed();
        syncs.push(base);
    }
    while (asio_impl::scheduler_operation* base = syncs.front()) {
        syncs.pop();
        ring_operation& op = *static_cast<ring_operation*>(base);
        if (has_writes_before(*op.owner_, op.sequence_))
            held_syncs_.push(base);
        else
            commit_or_backlog(op);
    }
}

// Sequence numbers come round, and a write that is older by half of them is not waited
// for.
template <typename Ring>
bool basic_event_loop<Ring>::has_writes_before(
    const request_owner& owner, std::uint32_t sequence) const noexcept
{
    for (const ring_operation* op = owner.requests.front(); op != nullptr;
         op = op->next_request_)
    {
        if (op->writes_ && op->state_ == operation_state::claimed &&
            static_cast<std::int32_t>(op->sequence_ - sequence) < 0)
            return true;
    }
    return false;
}

template <typename Ring>
bool basic_event_loop<Ring>::has_writes(const request_owner& owner) const
{
    lock_type lock(mutex_);
    for (const ring_operation* op = owner.requests.front(); op != nullptr;
         op = op->next_request_)
    {
        if (op->writes_)
            return true;
    }
    return false;
}

template <typename Ring>
bool basic_event_loop<Ring>::try_commit(ring_operation& op)
{
    abi::sqe* sqe = ring_.try_claim();
    if (sqe == nullptr)
        return false;
    fill(op, *sqe, ring_.claimed() - 1);
    return true;
}

// The same for what may stand in the backlog, where a chain stands by its first member.
template <typename Ring>
bool basic_event_loop<Ring>::try_commit_whole(ring_operation& op)
{
    if (op.part_ == part_kind::member)
        return try_commit_chain(static_cast<chain_member&>(op));
    return try_commit(op);
}

// Invariant 1: one noexcept step from the claimed SQE to the committed operation.
template <typename Ring>
void basic_event_loop<Ring>::fill(
    ring_operation& op, abi::sqe& sqe, std::uint32_t sequence) noexcept
{
    ASIO_URING_ASSERT(op.owner_ != nullptr);
    op.sequence_ = sequence;
    if (op.wait_for_readiness_)
        fill_poll(op, sqe);
    else
        op.fill(sqe);
    sqe.user_data = user_data::of(&op).bits;
    op.state_ = operation_state::claimed;
    ++in_kernel_count_;
    ++counters_.sqes;
}

template <typename Ring>
void basic_event_loop<Ring>::fill_poll(ring_operation& op, abi::sqe& sqe) noexcept
{
    op::poll_add{
        .fd = op.owner_->descriptor,
        .events = wanted_events(op),
        .flags = op.polls_on_ ? abi::poll_add_multi : 0}
        .prepare(sqe);
    op.poll_stands_ = op.polls_on_;
}

// Makes a poll of the request. REQUIRES: unseen(op), and it waits for readiness.
template <typename Ring>
void basic_event_loop<Ring>::rewrite(ring_operation& op) noexcept
{
    abi::sqe& sqe = ring_.sqe_at(op.sequence_);
    sqe = abi::sqe{};
    fill_poll(op, sqe);
    sqe.user_data = user_data::of(&op).bits;
}

// Whether the SQE is still ours to rewrite: beyond the shared tail, or offered in vain
// with nobody inside the kernel who could read it.
template <typename Ring>
bool basic_event_loop<Ring>::unseen(const ring_operation& op) noexcept
{
    const std::uint32_t head = ring_.published() - ring_.unconsumed();
    return stands_between(
        op, entering_count_ == 0 ? head : ring_.published(), ring_.claimed());
}

// Sequence numbers come round after 2^32 entries, and an idle connection may wait that
// long: only an entry that still names the operation is its entry.
template <typename Ring>
bool basic_event_loop<Ring>::stands_between(
    const ring_operation& op, std::uint32_t first, std::uint32_t last) noexcept
{
    return op.sequence_ - first < last - first &&
           ring_.look_at(op.sequence_).user_data == user_data::of(&op).bits;
}

// Submits without waiting. Returns whether the kernel took anything.
template <typename Ring>
bool basic_event_loop<Ring>::flush(lock_type& lock)
{
    return may_enter() && submit(lock);
}

template <typename Ring>
bool basic_event_loop<Ring>::submit(lock_type& lock)
{
    const unsigned to_submit = ring_.publish();
    if (to_submit == 0)
        return true;
    int submitted = 0;
    {
        // The kernel carries out sends inline: other threads must be able to start
        // operations meanwhile.
        const entering unlocked(*this, lock);
        submitted = ring_.enter(to_submit, 0, 0);
    }
    return submitted > 0 || ring_.unconsumed() < to_submit;
}

// A write that is not submitted here would be lost to a close, so a refusal for want of
// memory, which others give back, is not the last word.
template <typename Ring>
bool basic_event_loop<Ring>::submit_patiently(lock_type& lock)
{
    for (int attempt = 0; attempt != patience; ++attempt) {
        if (submit(lock))
            return true;
        lock.unlock();
        std::this_thread::yield();
        lock.lock();
        if (!waiting_)
            reap_and_post();
    }
    return false;
}

// For a write that no call can try: the kernel tries it now. A request that then waits
// and ends with the calling thread is repeated.
template <typename Ring>
void basic_event_loop<Ring>::submit()
{
    lock_type lock(mutex_);
    if (!stopping_ && !is_orphan() && may_end())
        submit_patiently(lock);
}

// Whether the kernel has not seen the write that stands ready for the next turn.
template <typename Ring>
bool basic_event_loop<Ring>::write_unseen(request_owner& owner) noexcept
{
    const ring_operation* const op = owner.line(direction::write).active();
    if (op == nullptr || !op->batched_)
        return false;
    return op->state_ == operation_state::backlogged ||
           (op->state_ == operation_state::claimed && unseen(*op));
}

// The kernel carries the write out within the entry, or finds no room for it. An entry
// may be refused, or take others' requests only.
template <typename Ring>
void basic_event_loop<Ring>::submit_writes(request_owner& owner) noexcept
{
    if (!settings_.batched_writes || owner.line(direction::write).is_free())
        return;
    lock_type lock(mutex_);
    if (stopping_ || is_orphan() || ring_left_ || !may_end())
        return;
    for (int attempt = 0; attempt != patience; ++attempt) {
        await_consumed(owner, lock);
        if (!write_unseen(owner))
            return await_written(owner, lock);
        fill_queue();
        carry_out(lock);
    }
}

// What the object does next must find its line free, or it would stand behind a write
// that is done. While the reaper waits in the kernel the completion is its own.
template <typename Ring>
void basic_event_loop<Ring>::await_written(request_owner& owner, lock_type& lock) noexcept
{
    request_line& line = owner.line(direction::write);
    const auto stands = [&] {
        const ring_operation* const op = line.active();
        return op != nullptr && op->batched_ && op->state_ == operation_state::claimed;
    };
    if (!stands())
        return;
    const auto limit = clock::now() + std::chrono::milliseconds(50);
    do {
        if (!waiting_)
            reap_and_post();
        if (!stands())
            return;
        lock.unlock();
        std::this_thread::yield();
        lock.lock();
    } while (stands() && clock::now() < limit);
}

template <typename Ring>
void basic_event_loop<Ring>::submit_writes() noexcept
{
    if (!settings_.batched_writes)
        return;
    lock_type lock(mutex_);
    if (stopping_ || is_orphan() || ring_left_ || !may_end())
        return;
    for (int attempt = 0; attempt != patience && something_left(); ++attempt) {
        fill_queue();
        carry_out(lock);
    }
}

template <typename Ring>
void basic_event_loop<Ring>::carry_out(lock_type& lock) noexcept
{
    submit_patiently(lock);
    // While the reaper waits in the kernel the completions are its own.
    if (!waiting_)
        reap_and_post();
    if ((waiting_ || !polls_.take_part()) && something_left())
        notify(lock);
    // Whoever was told is told without the lock.
    if (!lock.owns_lock())
        lock.lock();
}

// Whether something waits for the kernel, in a queue of ours or in the ring's: an entry
// may be refused, or take a part of what was offered.
template <typename Ring>
bool basic_event_loop<Ring>::something_left() const noexcept
{
    return !stopping_ &&
           (!unsent_cancels_.empty() || !backlog_.empty() || !new_syncs_.empty() ||
            ring_.claimed() != ring_.published() || ring_.unconsumed() != 0);
}

// What is left reaches the kernel with the next turn. A reaper that already waits there
// takes no turn by itself, and neither does whoever watches the loop.
template <typename Ring>
void basic_event_loop<Ring>::notify(lock_type& lock)
{
    if (!polls_.take_part()) {
        if (something_left())
            interrupt(); // once until the loop is looked at
        return;
    }
    if (!waiting_)
        return;
    // A run thread submits at once: its handler may go on to wait for what it started.
    // Any other thread leaves that to the reaper, because a request belongs to its
    // submitter, and only run threads are sure to enter the kernel again.
    if (scheduler_.can_dispatch() && flush(lock) && !something_left())
        return;
    lock.unlock();
    interrupt();
}

template <typename Ring>
void basic_event_loop<Ring>::interrupt() noexcept
{
    polls_.notify();
}

} // namespace asio_uring::detail
