// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: the timer heaps of a context and the one deadline the kernel
// wait needs from them. Thread: guarded by the loop's mutex. Lifetime: queues are added
// and removed by their services.
#pragma once

#include <asio_uring/detail/asio/timer_support.hpp>

#include <chrono>

namespace asio_uring::detail {

/// Keeps the earliest expiry as a point of the steady clock, so that a loop turn compares
/// instead of asking every heap. A cancelled timer may leave that point too early, which
/// costs one idle turn. The point is never too late.
class timer_set
{
public:
    using clock = std::chrono::steady_clock;

    void insert(asio_impl::timer_queue_base& queue) { queues_.insert(&queue); }
    void erase(asio_impl::timer_queue_base& queue) { queues_.erase(&queue); }

    /// To be called when a timer became the first of its heap.
    void earliest_changed() noexcept { known_ = false; }

    /// When the next timer may expire; time_point::max() without timers.
    clock::time_point deadline()
    {
        if (!known_) {
            known_ = true;
            deadline_ =
                queues_.all_empty()
                    ? clock::time_point::max()
                    : clock::now() + std::chrono::microseconds(
                                         queues_.wait_duration_usec(longest_wait_us));
        }
        return deadline_;
    }

    /// Takes timers that have expired, not always all: see overdue().
    void take_expired(asio_impl::operation_queue& ops)
    {
        // The timers that were left may have been cancelled since.
        overdue_ = false;
        if (deadline() == clock::time_point::max() || clock::now() < deadline_)
            return;
        queues_.get_ready_timers(ops);
        known_ = false;
        overdue_ = queues_.wait_duration_usec(longest_wait_us) == 0;
    }

    /// Whether more expired timers are left to take. The turn then does not wait.
    bool overdue() const noexcept { return overdue_; }

    void take_all(asio_impl::operation_queue& ops) { queues_.get_all_timers(ops); }

private:
    // The loop notices a step of the system clock within this time, as Asio's reactor
    // does.
    static constexpr long longest_wait_us = 5L * 60 * 1000 * 1000;

    asio_impl::timer_queue_set queues_;
    clock::time_point deadline_ = clock::time_point::max();
    bool known_ = true;
    bool overdue_ = false;
};

} // namespace asio_uring::detail
