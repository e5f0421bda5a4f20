// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: a heap of timers in place of Asio's: four children
// per node and no swaps, because with many timers every step of a binary heap misses the
// cache. Thread: the owner locks. Lifetime: timers leave the heap before either ends.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>
#include <asio_uring/ring/config.hpp>

#include <boost/asio/detail/timer_queue.hpp>
#include <boost/asio/detail/timer_queue_base.hpp>
#include <boost/asio/detail/wait_op.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace asio_uring::detail::asio_impl {

/// Traits, with a type of its own: Asio's reactor takes any timer_queue<Traits>, and a
/// specialisation for these is ours.
template <typename Traits>
struct heap_traits : Traits
{};

/// Keeps the promises of timer_queue: operations are due no earlier than their time, the
/// earliest first, and those of one timer in the order in which they were started.
template <typename Traits>
class timer_heap : public boost::asio::detail::timer_queue_base
{
    using operation_queue = op_queue<scheduler_operation>;
    using wait_op = boost::asio::detail::wait_op;

public:
    using time_type = typename Traits::time_type;
    using duration_type = typename Traits::duration_type;

    /// The part of a timer that the heap works on: its waits and its place.
    class per_timer_data
    {
    public:
        per_timer_data() = default;

    private:
        friend class timer_heap;

        bool in_heap() const noexcept { return place_ != nowhere; }

        op_queue<wait_op> waits_;
        std::size_t place_ = nowhere;
    };

    /// Returns whether the timer is now the first, with this wait as its only one.
    bool enqueue_timer(const time_type& time, per_timer_data& timer, wait_op* op)
    {
        if (!timer.in_heap()) {
            entries_.push_back({time, &timer});
            rise(entries_.size() - 1, {time, &timer});
        }
        timer.waits_.push(op);
        return timer.place_ == 0 && timer.waits_.front() == op;
    }

    bool empty() const override { return entries_.empty(); }

    long wait_duration_msec(long longest) const override
    {
        return entries_.empty() ? longest : rounded<1000>(longest);
    }

    long wait_duration_usec(long longest) const override
    {
        return entries_.empty() ? longest : rounded<1000000>(longest);
    }

    /// Takes a part of the waits that are due, so that handlers run while their
    /// operations are still in the cache, and the loop looks at the kernel in between.
    /// The rest stays due.
    void get_ready_timers(operation_queue& ops) override
    {
        if (entries_.empty())
            return;
        const time_type now = Traits::now();
        for (std::size_t count = 0; count != most_at_once && is_due(now); ++count) {
            per_timer_data& timer = *entries_.front().timer;
            prefetch_next();
            while (wait_op* op = timer.waits_.front())
                take(timer, *op, boost::system::error_code(), ops);
            remove(timer);
        }
    }

    void get_all_timers(operation_queue& ops) override
    {
        for (const entry& each : entries_) {
            ops.push(each.timer->waits_);
            each.timer->place_ = nowhere;
        }
        entries_.clear();
    }

    /// Ends up to `cancelled_max` waits with operation_aborted; returns how many.
    std::size_t cancel_timer(
        per_timer_data& timer,
        operation_queue& ops,
        std::size_t cancelled_max = std::numeric_limits<std::size_t>::max())
    {
        if (!timer.in_heap())
            return 0;
        std::size_t count = 0;
        for (; count != cancelled_max && !timer.waits_.empty(); ++count)
            take(
                timer, *timer.waits_.front(), boost::asio::error::operation_aborted, ops);
        if (timer.waits_.empty())
            remove(timer);
        return count;
    }

    void cancel_timer_by_key(
        per_timer_data* timer, operation_queue& ops, void* cancellation_key)
    {
        if (!timer->in_heap())
            return;
        op_queue<wait_op> others;
        while (wait_op* op = timer->waits_.front()) {
            if (op->cancellation_key_ == cancellation_key) {
                take(*timer, *op, boost::asio::error::operation_aborted, ops);
                continue;
            }
            timer->waits_.pop();
            others.push(op);
        }
        timer->waits_.push(others);
        if (timer->waits_.empty())
            remove(*timer);
    }

    /// REQUIRES: target has no waits.
    void move_timer(per_timer_data& target, per_timer_data& source)
    {
        ASIO_URING_ASSERT(!target.in_heap());
        target.waits_.push(source.waits_);
        target.place_ = source.place_;
        source.place_ = nowhere;
        if (target.in_heap())
            entries_[target.place_].timer = &target;
    }

protected:
    void reserve(std::size_t count) { entries_.reserve(count); }

private:
    struct entry
    {
        time_type time;
        per_timer_data* timer;
    };

    static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t children = 4;
    static constexpr std::size_t most_at_once = 128;

    // The next timer to come stands right below the first. With many timers neither that
    // timer nor its wait is in the cache.
    void prefetch_next() noexcept
    {
        const std::size_t end = std::min(entries_.size(), children + 1);
        for (std::size_t child = 1; child < end; ++child)
            __builtin_prefetch(entries_[child].timer->waits_.front(), 1);
    }

    bool is_due(const time_type& now) const
    {
        return !entries_.empty() && !Traits::less_than(now, entries_.front().time);
    }

    static void take(
        per_timer_data& timer,
        wait_op& op,
        const boost::system::error_code& ec,
        operation_queue& ops)
    {
        op.ec_ = ec;
        timer.waits_.pop();
        ops.push(&op);
    }

    void put(std::size_t place, const entry& value)
    {
        entries_[place] = value;
        value.timer->place_ = place;
    }

    // rise() and sink() move the other entries out of the way and write the entry once,
    // where it belongs.

    void rise(std::size_t place, const entry& value)
    {
        while (place != 0) {
            const std::size_t parent = (place - 1) / children;
            if (!Traits::less_than(value.time, entries_[parent].time))
                break;
            put(place, entries_[parent]);
            place = parent;
        }
        put(place, value);
    }

    void sink(std::size_t place, const entry& value)
    {
        for (;;) {
            const std::size_t first = place * children + 1;
            if (first >= entries_.size())
                break;
            const std::size_t end = std::min(first + children, entries_.size());
            std::size_t least = first;
            for (std::size_t child = first + 1; child < end; ++child)
                least = Traits::less_than(entries_[child].time, entries_[least].time)
                            ? child
                            : least;
            if (!Traits::less_than(entries_[least].time, value.time))
                break;
            put(place, entries_[least]);
            place = least;
        }
        put(place, value);
    }

    void remove(per_timer_data& timer)
    {
        const std::size_t place = timer.place_;
        ASIO_URING_ASSERT(place < entries_.size() && entries_[place].timer == &timer);
        timer.place_ = nowhere;
        const entry last = entries_.back();
        entries_.pop_back();
        if (place == entries_.size())
            return;
        if (place != 0 &&
            Traits::less_than(last.time, entries_[(place - 1) / children].time))
            rise(place, last);
        else
            sink(place, last);
    }

    // The time to the first timer in ticks of a second's part, as Asio rounds it: it is
    // never zero before that timer is due.
    template <long PerSecond>
    long rounded(long longest) const
    {
        const auto left = Traits::to_posix_duration(
            Traits::subtract(entries_.front().time, Traits::now()));
        if (left.ticks() <= 0)
            return 0;
        const auto ticks =
            PerSecond == 1000 ? left.total_milliseconds() : left.total_microseconds();
        if (ticks == 0)
            return 1;
        return ticks > longest ? longest : static_cast<long>(ticks);
    }

    std::vector<entry> entries_;
};

} // namespace asio_uring::detail::asio_impl

namespace boost::asio::detail {

#if BOOST_VERSION < 108900
template <typename Traits>
class timer_queue<asio_uring::detail::asio_impl::heap_traits<Traits>> final
    : public asio_uring::detail::asio_impl::timer_heap<Traits>
{};
#else
template <typename Traits, typename Allocator>
class timer_queue<asio_uring::detail::asio_impl::heap_traits<Traits>, Allocator> final
    : public asio_uring::detail::asio_impl::timer_heap<Traits>
{
public:
    timer_queue(const Allocator&, std::size_t size) { this->reserve(size); }
};
#endif

} // namespace boost::asio::detail
