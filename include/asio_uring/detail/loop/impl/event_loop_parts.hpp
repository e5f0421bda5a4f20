// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: requests that answer to a chain or to a stream of results instead
// of a handler. Thread: any, under the loop's mutex. Lifetime: see event_loop.hpp.
#pragma once

namespace asio_uring::detail {

// Chains

template <typename Ring>
void basic_event_loop<Ring>::start(request_chain& chain)
{
    ring_operation& head = chain.head();
    note_program_request();
    scheduler_.work_started();
    lock_type lock(mutex_);
    ++counters_.operations;
    head.owner_ = &unowned_;
    head.result_ = 0;
    const bool fits = chain.size() <= ring_.sq_entries();
    if (stopping_ || is_orphan() || !fits) [[unlikely]] {
        chain_member& named = chain.first();
        if (named.cancellation_index_ != 0)
            cancellations_.erase(std::exchange(named.cancellation_index_, 0));
        for (chain_member* m = chain.first_; m != nullptr; m = m->next_member_)
            m->result_ = fits ? -ECANCELED : -EINVAL;
        head.cancel_requested_ = fits;
        lock.unlock();
        scheduler_.post_deferred_completion(&head);
        return;
    }
    chain.standing_ = chain.size();
    for (chain_member* m = chain.first_; m != nullptr; m = m->next_member_) {
        m->owner_ = &unowned_;
        m->state_ = operation_state::backlogged;
        m->set_stands(true);
        unowned_.requests.push(*m);
    }
    if (!try_commit_chain(chain.first())) [[unlikely]]
        commit(chain.first(), lock);
    if (waiting_ || !polls_.take_part())
        notify(lock);
}

// All entries or none: a chain that the kernel is shown in two parts is two chains.
template <typename Ring>
bool basic_event_loop<Ring>::try_commit_chain(chain_member& first)
{
    const request_chain& chain = *first.chain_;
    const std::uint32_t sequence = ring_.claimed();
    if (!ring_.try_claim(chain.size()))
        return false;
    std::uint32_t next = sequence;
    for (chain_member* m = &first; m != nullptr; m = m->next_member_) {
        abi::sqe& sqe = ring_.sqe_at(next);
        fill(*m, sqe, next++);
        if (m->next_member_ != nullptr)
            sqe.flags = static_cast<std::uint8_t>(sqe.flags | m->link_flag_);
    }
    return true;
}

template <typename Ring>
void basic_event_loop<Ring>::take_member(
    chain_member& member, asio_impl::operation_queue& ops)
{
    request_chain& chain = *member.chain_;
    member.owner_->requests.erase(member);
    member.state_ = operation_state::ended;
    member.set_stands(false);
    --chain.standing_;
    // The name of a chain is the name of its first member that stands.
    if (const auto index = std::exchange(member.cancellation_index_, 0); index != 0) {
        chain_member* const next = request_chain::standing(chain.first_);
        if (next != nullptr && next->cancellation_index_ == 0) {
            cancellations_.rename(index, *next);
            next->cancellation_index_ = index;
        }
        else
            cancellations_.erase(index);
    }
    if (chain.standing_ == 0)
        ops.push(&chain.head());
    else if (chain.cancelled_ && !stopping_) [[unlikely]]
        request_cancel(*request_chain::standing(chain.first_), ops);
}

// The kernel ends a member that it works on; those behind it wait in no place where it
// would look for them, and fall with it or follow it. What it has not seen is withdrawn.
template <typename Ring>
void basic_event_loop<Ring>::cancel_chain(
    request_chain& chain, asio_impl::operation_queue& ended)
{
    chain.cancelled_ = true;
    for (chain_member* m = chain.first_; m != nullptr; m = m->next_member_) {
        if (m->state_ == operation_state::claimed && unseen(*m))
            request_cancel(*m, ended);
    }
    if (chain_member* const first = request_chain::standing(chain.first_))
        request_cancel(*first, ended);
}

// Streams of results

template <typename Ring>
void basic_event_loop<Ring>::start(result_source& source)
{
    note_program_request();
    lock_type lock(mutex_);
    if (stopping_ || is_orphan()) [[unlikely]]
        return source.end(-ECANCELED);
    ++counters_.operations;
    request_owner& owner = owners_.acquire(-1);
    source.owner_ = &owner;
    source.direction_ = direction::read;
    source.set_stands(true);
    owner.line(direction::read).enter(source);
    owner.requests.push(source);
    if (!try_commit(source)) [[unlikely]]
        commit(source, lock);
    if (waiting_ || !polls_.take_part())
        notify(lock);
}

template <typename Ring>
void basic_event_loop<Ring>::next(result_source& source, ring_operation& op)
{
    scheduler_.work_started();
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    if (stopping_ || is_orphan()) [[unlikely]]
        return abort_start(op, lock);
    if (source.owner_ == nullptr) {
        op.result_ = source.end_result_;
        retire_waiting(op, ended);
        lock.unlock();
        return scheduler_.post_deferred_completions(ended);
    }
    op.owner_ = source.owner_;
    op.direction_ = direction::read;
    source.owner_->line(direction::read).enter(op);
    serve(source, ended);
    release_and_post(ended, lock);
}

template <typename Ring>
void basic_event_loop<Ring>::cancel(result_source& source)
{
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    if (source.owner_ != nullptr)
        abort_waiting(source.owner_->line(direction::read), ended);
    release_and_post(ended, lock);
}

template <typename Ring>
void basic_event_loop<Ring>::close(result_source& source)
{
    asio_impl::operation_queue ended;
    lock_type lock(mutex_);
    source.detached_ = true;
    source.drop_results();
    if (source.owner_ != nullptr)
        abort_waiting(source.owner_->line(direction::read), ended);
    if (!source.stands())
        free_source(source);
    else if (is_orphan())
        source.cancel_requested_ = true; // restart() ends it
    else if (!stopping_) {
        source.phase_ = result_source::phase::pausing;
        request_cancel(source, ended);
        send_cancels(lock);
    }
    release_and_post(ended, lock);
}

template <typename Ring>
void basic_event_loop<Ring>::release_and_post(
    asio_impl::operation_queue& ended, lock_type& lock)
{
    // The ring of a fork's parent is not to be touched.
    if (!is_orphan() && something_left())
        notify(lock);
    if (lock.owns_lock())
        lock.unlock();
    scheduler_.post_deferred_completions(ended);
}

template <typename Ring>
void basic_event_loop<Ring>::abort_waiting(
    request_line& line, asio_impl::operation_queue& ended)
{
    line.clear_waiting([&](ring_operation& op) {
        abort(op);
        ended.push(&op);
    });
}

// Gives what there is to those who wait, in order; and goes on where that makes room.
template <typename Ring>
void basic_event_loop<Ring>::serve(
    result_source& source, asio_impl::operation_queue& ended)
{
    request_line& line = source.owner_->line(direction::read);
    while (source.has_news()) {
        ring_operation* const op = line.take_waiting();
        if (op == nullptr)
            break;
        const result_source::entry news = source.take_news();
        op->result_ = news.value;
        op->completion_flags_ = news.flags;
        retire_waiting(*op, ended);
    }
    if (!source.may_go_on() || stopping_)
        return;
    source.phase_ = result_source::phase::armed;
    source.result_ = -ECANCELED; // the one of before was told
    source.set_stands(true);
    source.owner_->requests.push(source);
    commit_or_backlog(source);
}

template <typename Ring>
void basic_event_loop<Ring>::take_more(
    result_source& source, const abi::cqe& cqe, asio_impl::operation_queue& ops)
{
    if (source.detached_)
        return source.discard(cqe.res);
    source.keep(cqe.res, cqe.flags);
    // Whoever waits takes first: only what is left over fills the source.
    serve(source, ops);
    const bool lacks_memory = source.phase_ == result_source::phase::ended;
    if (!stopping_ && (lacks_memory || source.is_overfull())) {
        if (!lacks_memory)
            source.phase_ = result_source::phase::pausing;
        request_cancel(source, ops);
    }
}

template <typename Ring>
void basic_event_loop<Ring>::take_last(
    result_source& source, asio_impl::operation_queue& ops)
{
    if (source.cancellation_index_ != 0)
        cancellations_.erase(std::exchange(source.cancellation_index_, 0));
    source.cancel_requested_ = source.cancel_sent_ = source.withdrawn_ = false;
    source.owner_->requests.erase(source);
    source.state_ = operation_state::ended;
    source.set_stands(false);
    if (source.detached_) {
        source.discard(source.result());
        return free_source(source);
    }
    source.take_last();
    serve(source, ops);
}

template <typename Ring>
void basic_event_loop<Ring>::free_source(result_source& source) noexcept
{
    if (request_owner* const owner = source.owner_) {
        owner->line(direction::read).clear([](ring_operation&) {});
        owners_.release(*owner);
    }
    source.free_(source);
}

} // namespace asio_uring::detail
