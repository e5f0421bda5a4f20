// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: waits on timers: the heaps live in user space, and only the
// earliest expiry reaches the kernel, as the deadline of its wait. Thread: any. Lifetime:
// a queue stays registered as long as its service.
#pragma once

namespace asio_uring::detail {

template <typename Ring>
void basic_event_loop<Ring>::add_timer_queue(asio_impl::timer_queue_base& queue)
{
    lock_type lock(mutex_);
    timers_.insert(queue);
}

template <typename Ring>
void basic_event_loop<Ring>::remove_timer_queue(asio_impl::timer_queue_base& queue)
{
    lock_type lock(mutex_);
    timers_.erase(queue);
}

template <typename Ring>
template <typename Queue>
void basic_event_loop<Ring>::schedule_timer(
    Queue& queue,
    const typename Queue::time_type& time,
    typename Queue::per_timer_data& timer,
    asio_impl::wait_op* op)
{
    lock_type lock(mutex_);
    if (stopping_) {
        lock.unlock();
        op->ec_ = boost::asio::error::operation_aborted;
        scheduler_.post_immediate_completion(op, false);
        return;
    }
    const bool earliest = queue.enqueue_timer(time, timer, op);
    scheduler_.work_started();
    if (!earliest)
        return;
    timers_.earliest_changed();
    const bool shorten = waiting_;
    lock.unlock();
    if (shorten)
        interrupt();
}

template <typename Ring>
template <typename Queue>
std::size_t basic_event_loop<Ring>::cancel_timer(
    Queue& queue, typename Queue::per_timer_data& timer, std::size_t cancelled_max)
{
    asio_impl::operation_queue ops;
    lock_type lock(mutex_);
    const std::size_t count = queue.cancel_timer(timer, ops, cancelled_max);
    lock.unlock();
    scheduler_.post_deferred_completions(ops);
    return count;
}

template <typename Ring>
template <typename Queue>
void basic_event_loop<Ring>::cancel_timer_by_key(
    Queue& queue, typename Queue::per_timer_data* timer, void* key)
{
    asio_impl::operation_queue ops;
    lock_type lock(mutex_);
    queue.cancel_timer_by_key(timer, ops, key);
    lock.unlock();
    scheduler_.post_deferred_completions(ops);
}

template <typename Ring>
template <typename Queue>
void basic_event_loop<Ring>::move_timer(
    Queue& queue,
    typename Queue::per_timer_data& target,
    typename Queue::per_timer_data& source)
{
    asio_impl::operation_queue ops;
    lock_type lock(mutex_);
    queue.cancel_timer(target, ops);
    queue.move_timer(target, source);
    lock.unlock();
    scheduler_.post_deferred_completions(ops);
}

} // namespace asio_uring::detail
