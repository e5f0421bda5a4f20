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
#include <new>
#include <utility>
#include <vector>

namespace asio_uring::detail::asio_impl {

/// Traits, with a type of its own: Asio's reactor takes any timer_queue<Traits>, and a
/// specialisation for these is ours.
template <typename Traits>
struct heap_traits : Traits
{};

/// The count of waits to cancel for a timer that is to leave its heap as well. Asio's own
/// heap has no more to cancel for it than for any other timer.
inline constexpr std::size_t for_good = std::numeric_limits<std::size_t>::max() - 1;

/// Keeps the promises of timer_queue: operations are due no earlier than their time, the
/// earliest first, and those of one timer in the order in which they were started.
///
/// Most timers are timeouts: cancelled, and started again for a later time. So a timer
/// that is cancelled keeps its place, and one that starts again for a later time waits
/// at its earlier place. Whoever asks for the first timer puts those in front right.
///
/// Where more timers are due than are taken at once, all of these leave the heap together
/// for a sorted run: sorting touches entries alone, and each step in a heap a timer as
/// well.
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
        // Of the waits: never before the time of the entry
        time_type time_{};
        std::size_t place_ = nowhere;
    };

    /// Returns whether the time to the first timer may be shorter now.
    bool enqueue_timer(const time_type& time, per_timer_data& timer, wait_op* op)
    {
        bool earliest = false;
        if (timer.waits_.empty()) {
            timer.time_ = time;
            earliest = bring_forward(timer);
        }
        timer.waits_.push(op);
        return earliest;
    }

    bool empty() const override
    {
        put_first_right();
        return earliest() == nullptr;
    }

    long wait_duration_msec(long longest) const override
    {
        put_first_right();
        return rounded<1000>(longest);
    }

    long wait_duration_usec(long longest) const override
    {
        put_first_right();
        return rounded<1000000>(longest);
    }

    /// Takes a part of the waits that are due, so that handlers run while their
    /// operations are still in the cache, and the loop looks at the kernel in between.
    /// The rest stays due.
    void get_ready_timers(operation_queue& ops) override
    {
        if (entries_.empty() && run_.empty())
            return;
        const time_type now = Traits::now();
        for (std::size_t count = 0; count != most_at_once; ++count) {
            const entry* const next = earliest();
            if (next == nullptr || Traits::less_than(now, next->time))
                return;
            if (put_right(*next))
                continue;
            per_timer_data& timer = *next->timer;
            prefetch_next();
            while (wait_op* op = timer.waits_.front())
                take(timer, *op, boost::system::error_code(), ops);
            remove(timer);
        }
        if (run_.empty() && is_due(0, now))
            make_run(now);
    }

    void get_all_timers(operation_queue& ops) override
    {
        for (std::vector<entry>* entries : {&entries_, &run_}) {
            for (const entry& each : *entries) {
                if (each.timer == nullptr)
                    continue;
                ops.push(each.timer->waits_);
                each.timer->place_ = nowhere;
            }
            entries->clear();
        }
    }

    /// Ends up to `cancelled_max` waits with operation_aborted; returns how many. A timer
    /// that ends its life is cancelled for_good.
    std::size_t cancel_timer(
        per_timer_data& timer,
        operation_queue& ops,
        std::size_t cancelled_max = std::numeric_limits<std::size_t>::max())
    {
        std::size_t count = 0;
        for (; count != cancelled_max && !timer.waits_.empty(); ++count)
            take(
                timer, *timer.waits_.front(), boost::asio::error::operation_aborted, ops);
        if (cancelled_max == for_good && timer.in_heap())
            remove(timer);
        return count;
    }

    void cancel_timer_by_key(
        per_timer_data* timer, operation_queue& ops, void* cancellation_key)
    {
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
    }

    /// REQUIRES: target has no waits.
    void move_timer(per_timer_data& target, per_timer_data& source)
    {
        ASIO_URING_ASSERT(target.waits_.empty());
        if (target.in_heap())
            remove(target);
        target.waits_.push(source.waits_);
        target.time_ = source.time_;
        target.place_ = source.place_;
        source.place_ = nowhere;
        if (target.in_heap())
            entry_of(target).timer = &target;
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
    static constexpr std::size_t longest_run = 1 << 16;

    // A place with this bit is one of the run.
    static constexpr std::size_t in_run = ~(nowhere >> 1);

    static bool is_in_run(const per_timer_data& timer) noexcept
    {
        return (timer.place_ & in_run) != 0;
    }

    entry& entry_of(const per_timer_data& timer) const
    {
        return is_in_run(timer) ? run_[timer.place_ & ~in_run] : entries_[timer.place_];
    }

    // Null without timers.
    const entry* earliest() const
    {
        while (!run_.empty() && run_.back().timer == nullptr)
            run_.pop_back();
        if (run_.empty())
            return entries_.empty() ? nullptr : &entries_.front();
        if (entries_.empty() ||
            !Traits::less_than(entries_.front().time, run_.back().time))
            return &run_.back();
        return &entries_.front();
    }

    // A timer that is not in the heap enters it; one that stands behind its time moves.
    // Returns whether it is the first now.
    bool bring_forward(per_timer_data& timer)
    {
        if (timer.in_heap()) {
            if (!Traits::less_than(timer.time_, entry_of(timer).time))
                return false;
            if (!is_in_run(timer)) {
                rise(timer.place_, {timer.time_, &timer});
                return timer.place_ == 0;
            }
            leave_run(timer);
        }
        else
            insert(timer);
        return timer.place_ == 0;
    }

    // Takes an entry out that nobody waits for, or moves it to its time. Returns whether
    // the entry was neither.
    bool put_right(const entry& one) const
    {
        per_timer_data& timer = *one.timer;
        if (timer.waits_.empty())
            remove(timer);
        else if (!Traits::less_than(one.time, timer.time_))
            return false;
        else if (!is_in_run(timer))
            sink(timer.place_, {timer.time_, &timer});
        else
            leave_run(timer);
        return true;
    }

    // What is left after so many waits too early, which costs a turn and no more.
    void put_first_right() const
    {
        for (std::size_t count = 0; count != most_at_once; ++count) {
            const entry* const next = earliest();
            if (next == nullptr || !put_right(*next))
                return;
        }
    }

    // The next timer to come stands right below the first. With many timers neither that
    // timer nor its wait is in the cache.
    void prefetch_next() const noexcept
    {
        if (!run_.empty())
            return prefetch_run();
        const std::size_t end = std::min(entries_.size(), children + 1);
        for (std::size_t child = 1; child < end; ++child)
            __builtin_prefetch(entries_[child].timer->waits_.front(), 1);
    }

    // A run is known far ahead, and so are its timers before their waits.
    void prefetch_run() const noexcept
    {
        constexpr std::size_t near = 4;
        constexpr std::size_t far = 12;
        const auto ahead = [this](std::size_t count) {
            return run_.size() > count ? run_[run_.size() - 1 - count].timer : nullptr;
        };
        if (per_timer_data* const timer = ahead(near))
            __builtin_prefetch(timer->waits_.front(), 1);
        if (const per_timer_data* const timer = ahead(far))
            __builtin_prefetch(timer, 1);
    }

    bool is_due(std::size_t place, const time_type& now) const
    {
        return place < entries_.size() && !Traits::less_than(now, entries_[place].time);
    }

    // Without memory for it the timers go on leaving one by one.
    void make_run(const time_type& now)
    {
        try {
            const std::vector<std::size_t> places = find_due(now);
            run_ = std::vector<entry>();
            run_.reserve(places.size());
            move_to_run(places);
        }
        catch (const std::bad_alloc&) {
        }
    }

    // The places of what is due, in ascending order: due entries stand below due entries
    // alone. Where they are too many, the rest stays in the heap, and goes on from there.
    std::vector<std::size_t> find_due(const time_type& now) const
    {
        std::vector<std::size_t> places(1, 0);
        for (std::size_t next = 0; next != places.size(); ++next) {
            const std::size_t below = places[next] * children + 1;
            for (std::size_t child = below; child != below + children; ++child)
                if (places.size() < longest_run && is_due(child, now))
                    places.push_back(child);
        }
        return places;
    }

    // Each hole gets the last entry, the lowest hole first, so that what is below a hole
    // is a heap already, and what is above it holes alone.
    void move_to_run(const std::vector<std::size_t>& places)
    {
        for (const std::size_t place : places)
            run_.push_back(entries_[place]);
        for (std::size_t count = places.size(); count != 0; --count) {
            const std::size_t hole = places[count - 1];
            const entry last = entries_.back();
            entries_.pop_back();
            if (hole != entries_.size())
                sink(hole, last, hole);
        }
        std::sort(run_.begin(), run_.end(), [](const entry& one, const entry& other) {
            return Traits::less_than(other.time, one.time);
        });
        for (std::size_t place = 0; place != run_.size(); ++place)
            run_[place].timer->place_ = place | in_run;
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

    void put(std::size_t place, const entry& value) const
    {
        entries_[place] = value;
        value.timer->place_ = place;
    }

    // rise() and sink() move the other entries out of the way and write the entry once,
    // where it belongs.

    void rise(std::size_t place, const entry& value, std::size_t top = 0) const
    {
        while (place != top) {
            const std::size_t parent = (place - 1) / children;
            if (!Traits::less_than(value.time, entries_[parent].time))
                break;
            put(place, entries_[parent]);
            place = parent;
        }
        put(place, value);
    }

    // What sinks was at the end, or is for later: it goes near the end again. So the
    // place goes down first, with no look at the value, and the value then rises to it.
    void sink(std::size_t place, const entry& value, std::size_t top = 0) const
    {
        const std::size_t size = entries_.size();
        std::size_t first = place * children + 1;
        for (; first + children <= size; first = place * children + 1) {
            const std::size_t least =
                earlier(earlier(first, first + 1), earlier(first + 2, first + 3));
            put(place, entries_[least]);
            place = least;
        }
        if (first < size) {
            std::size_t least = first;
            for (std::size_t child = first + 1; child < size; ++child)
                least = earlier(least, child);
            put(place, entries_[least]);
            place = least;
        }
        rise(place, value, top);
    }

    std::size_t earlier(std::size_t one, std::size_t other) const
    {
        return Traits::less_than(entries_[other].time, entries_[one].time) ? other : one;
    }

    // What enters finds memory, and memory for all of the run.
    void insert(per_timer_data& timer)
    {
        const std::size_t count = entries_.size() + run_.size();
        if (count >= entries_.capacity())
            entries_.reserve(std::max(2 * count, most_at_once));
        append(timer);
    }

    // A timer of the run goes to its time, for which nothing is allocated.
    void leave_run(per_timer_data& timer) const
    {
        remove(timer);
        append(timer);
    }

    void append(per_timer_data& timer) const
    {
        ASIO_URING_ASSERT(entries_.size() < entries_.capacity());
        entries_.push_back({timer.time_, &timer});
        rise(entries_.size() - 1, {timer.time_, &timer});
    }

    void remove(per_timer_data& timer) const
    {
        ASIO_URING_ASSERT(entry_of(timer).timer == &timer);
        const std::size_t place = std::exchange(timer.place_, nowhere);
        if ((place & in_run) != 0) {
            run_[place & ~in_run].timer = nullptr;
            return;
        }
        const entry last = entries_.back();
        entries_.pop_back();
        if (place != entries_.size())
            sink(place, last);
    }

    // The time to the first timer in ticks of a second's part, as Asio rounds it: it is
    // never zero before that timer is due.
    template <long PerSecond>
    long rounded(long longest) const
    {
        const entry* const next = earliest();
        if (next == nullptr)
            return longest;
        const auto left =
            Traits::to_posix_duration(Traits::subtract(next->time, Traits::now()));
        if (left.ticks() <= 0)
            return 0;
        const auto ticks =
            PerSecond == 1000 ? left.total_milliseconds() : left.total_microseconds();
        if (ticks == 0)
            return 1;
        return ticks > longest ? longest : static_cast<long>(ticks);
    }

    // A look at the first timer puts entries right.
    mutable std::vector<entry> entries_;
    // The latest comes first. An entry without a timer is one that left.
    mutable std::vector<entry> run_;
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
