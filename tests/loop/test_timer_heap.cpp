// SPDX-License-Identifier: BSL-1.0
// The heap of timers against the simplest thing that could be right: a sorted list.
#include "../support/counting_allocator.hpp"

#include <asio_uring/detail/asio/timer_support.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace asio_uring::test {

namespace {

namespace impl = asio_uring::detail::asio_impl;

/// A clock that stands until the test moves it.
struct manual_clock
{
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<manual_clock>;
    [[maybe_unused]] static constexpr bool is_steady = false;
    static time_point now() noexcept { return current; }

    static inline time_point current{};
};

using traits =
    impl::chrono_time_traits<manual_clock, boost::asio::wait_traits<manual_clock>>;
using heap = impl::timer_queue<traits>;

/// A wait that is only looked at; nobody runs it.
struct wait : impl::wait_op
{
    explicit wait(int wait_number)
        : wait_op(
              [](void*, impl::scheduler_operation*, const error_code&, std::size_t) {}),
          number(wait_number)
    {}

    using error_code = boost::system::error_code;
    using wait_op::cancellation_key_;

    int number;
};

struct ended_wait
{
    int number;
    bool aborted;
};

std::vector<ended_wait> drain(impl::operation_queue& ops)
{
    std::vector<ended_wait> result;
    while (impl::scheduler_operation* op = ops.front()) {
        ops.pop();
        auto& ended = *static_cast<wait*>(op);
        result.push_back(
            {ended.number, ended.ec_ == boost::asio::error::operation_aborted});
    }
    return result;
}

struct fixture
{
    using time_point = manual_clock::time_point;

    fixture() { manual_clock::current = time_point(); }
    fixture(const fixture&) = delete;
    fixture& operator=(const fixture&) = delete;
    ~fixture()
    {
        impl::operation_queue rest;
        queue.get_all_timers(rest);
        drain(rest);
    }

    void start(std::size_t timer, std::int64_t at)
    {
        waits.push_back(std::make_unique<wait>(static_cast<int>(waits.size())));
        const time_point time{manual_clock::duration(at)};
        queue.enqueue_timer(time, timers[timer], waits.back().get());
    }

    std::vector<ended_wait> take_all_due()
    {
        std::vector<ended_wait> result;
        do {
            impl::operation_queue ops;
            queue.get_ready_timers(ops);
            for (const ended_wait& each : drain(ops))
                result.push_back(each);
        } while (queue.wait_duration_usec(1000) == 0);
        return result;
    }

    boost::asio::io_context context; // whose memory newer Boost's heaps take
    heap queue = impl::make_timer_queue<traits>(context);
    std::vector<heap::per_timer_data> timers = std::vector<heap::per_timer_data>(400);
    std::vector<std::unique_ptr<wait>> waits;
};

/// So many timers as the heap has memory for are due at once, and form a run.
struct full_run : fixture
{
    static constexpr std::size_t count = 128;

    full_run()
    {
        for (std::size_t timer = 0; timer != count; ++timer)
            start(timer, static_cast<std::int64_t>(timer));
        for (std::size_t timer = 0; timer != count; ++timer)
            restart(timer, static_cast<std::int64_t>(1000 + timer));
        manual_clock::current += manual_clock::duration(2000);
        impl::operation_queue none;
        queue.get_ready_timers(none); // puts all of them right
        BOOST_TEST(drain(none).empty());
    }

    /// Returns how often that has allocated memory.
    std::uint64_t restart(std::size_t timer, std::int64_t at)
    {
        impl::operation_queue ops;
        queue.cancel_timer(timers[timer], ops);
        drain(ops);
        waits.push_back(std::make_unique<wait>(static_cast<int>(waits.size())));
        const time_point time{manual_clock::duration(at)};
        const std::uint64_t before = heap_allocations();
        queue.enqueue_timer(time, timers[timer], waits.back().get());
        return heap_allocations() - before;
    }
};

/// What the heap must do, by a map of times. No two timers have the same.
struct model : fixture
{
    void pass(std::int64_t time)
    {
        now += time;
        manual_clock::current = time_point{manual_clock::duration(now)};
        expect(take_all_due(), std::numeric_limits<std::size_t>::max());
    }

    /// Takes what the loop takes at once of what is due; the rest stays due.
    void pass_and_take_once(std::int64_t time)
    {
        now += time;
        manual_clock::current = time_point{manual_clock::duration(now)};
        impl::operation_queue ops;
        queue.get_ready_timers(ops);
        const auto got = drain(ops);
        expect(got, got.size());
    }

    void expect(const std::vector<ended_wait>& got, std::size_t count)
    {
        std::size_t from = 0;
        while (from < count && !expected.empty() && expected.begin()->first <= now) {
            from = compare(got, expected.begin()->second, from, false);
            expected.erase(expected.begin());
        }
        wrong += from != got.size();
    }

    void cancel(std::size_t timer) { cancel(timer, impl::for_good + 1); }

    /// The timer's memory is that of another one from here.
    void destroy(std::size_t timer)
    {
        cancel(timer, impl::for_good);
        std::destroy_at(&timers[timer]);
        std::construct_at(&timers[timer]);
    }

    void cancel(std::size_t timer, std::size_t count)
    {
        impl::operation_queue ops;
        queue.cancel_timer(timers[timer], ops, count);
        const auto got = drain(ops);
        std::erase_if(expected, [&](auto& each) { return each.second == timer; });
        wrong += compare(got, timer, 0, true) != got.size();
    }

    void move(std::size_t target, std::size_t timer)
    {
        if (time_of[target] != -1 || time_of[timer] == -1)
            return;
        queue.move_timer(timers[target], timers[timer]);
        std::swap(time_of[target], time_of[timer]);
        std::swap(numbers_of[target], numbers_of[timer]);
        for (auto& each : expected)
            each.second = each.second == timer ? target : each.second;
    }

    void start_one(std::size_t timer, std::int64_t after)
    {
        if (time_of[timer] == -1) {
            std::int64_t at = now + 1 + after;
            while (expected.contains(at))
                ++at;
            time_of[timer] = at;
            expected.emplace(at, timer);
        }
        numbers_of[timer].push_back(static_cast<int>(waits.size()));
        start(timer, time_of[timer]);
    }

    std::size_t compare(
        const std::vector<ended_wait>& got,
        std::size_t timer,
        std::size_t from,
        bool aborted)
    {
        for (int number : numbers_of[timer]) {
            wrong += from >= got.size() || got[from].number != number ||
                     got[from].aborted != aborted;
            ++from;
        }
        ended += numbers_of[timer].size();
        numbers_of[timer].clear();
        time_of[timer] = -1;
        return from;
    }

    std::multimap<std::int64_t, std::size_t> expected;
    std::vector<std::int64_t> time_of = std::vector<std::int64_t>(timers.size(), -1);
    std::vector<std::vector<int>> numbers_of =
        std::vector<std::vector<int>>(timers.size());
    std::int64_t now = 0;
    std::size_t ended = 0;
    unsigned wrong = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_timer_heap)

BOOST_FIXTURE_TEST_CASE(random_steps_end_each_wait_once_and_in_order, model)
{
    std::mt19937 generator(20);
    for (int step = 0; step != 100000; ++step) {
        const std::size_t timer = generator() % timers.size();
        switch (generator() % 10) {
        case 0:
            pass(generator() % 2000);
            break;
        case 1:
            cancel(timer);
            break;
        case 2:
            move(generator() % timers.size(), timer);
            break;
        case 3:
            destroy(timer);
            break;
        default:
            start_one(timer, generator() % 5000);
        }
    }
    BOOST_TEST(wrong == 0u);
    impl::operation_queue rest;
    queue.get_all_timers(rest);
    BOOST_TEST(ended + drain(rest).size() == waits.size());
    BOOST_TEST(queue.empty());
}

// Far more is due than is taken at once, and the program goes on with all of it.
BOOST_FIXTURE_TEST_CASE(random_steps_between_due_timers_keep_their_order, model)
{
    std::mt19937 generator(21);
    for (int step = 0; step != 100000; ++step) {
        const std::size_t timer = generator() % timers.size();
        switch (generator() % 12) {
        case 0:
            pass_and_take_once(generator() % 500);
            break;
        case 1:
        case 2:
            cancel(timer);
            break;
        case 3:
            move(generator() % timers.size(), timer);
            break;
        case 4:
            destroy(timer);
            break;
        default:
            start_one(timer, static_cast<std::int64_t>(generator() % 2000) - 1000);
        }
        if (step % 1000 == 0)
            for (std::size_t each = 0; each != timers.size(); ++each)
                start_one(each, static_cast<std::int64_t>(generator() % 2000) - 1500);
    }
    BOOST_TEST(wrong == 0u);
    impl::operation_queue rest;
    queue.get_all_timers(rest);
    BOOST_TEST(ended + drain(rest).size() == waits.size());
    BOOST_TEST(queue.empty());
}

BOOST_FIXTURE_TEST_CASE(a_hundred_thousand_due_timers_end_in_order, fixture)
{
    constexpr std::size_t count = 100'000;
    timers = std::vector<heap::per_timer_data>(count);
    std::mt19937 generator(22);
    std::vector<std::int64_t> times;
    for (std::size_t timer = 0; timer != count; ++timer) {
        times.push_back(generator() % 10'000);
        start(timer, times.back());
    }
    manual_clock::current += manual_clock::duration(10'000);
    const auto due = take_all_due();
    BOOST_TEST(due.size() == count);
    BOOST_TEST(std::ranges::is_sorted(due, {}, [&](const ended_wait& each) {
        return times[static_cast<std::size_t>(each.number)];
    }));
    BOOST_TEST(queue.empty());
}

BOOST_FIXTURE_TEST_CASE(due_timers_come_in_parts_and_none_is_forgotten, fixture)
{
    for (std::size_t timer = 0; timer != timers.size(); ++timer)
        start(timer, static_cast<std::int64_t>(timers.size() - timer));
    manual_clock::current += manual_clock::duration(1000);
    impl::operation_queue ops;
    queue.get_ready_timers(ops);
    const std::size_t first = drain(ops).size();
    BOOST_TEST(first > 0u);
    BOOST_TEST(first < timers.size());
    BOOST_TEST(queue.wait_duration_usec(1000) == 0);
    BOOST_TEST(first + take_all_due().size() == timers.size());
    BOOST_TEST(queue.wait_duration_usec(1000) == 1000);
}

BOOST_FIXTURE_TEST_CASE(timer_that_leaves_a_run_for_later_takes_no_memory, full_run)
{
    restart(0, 5000); // the first of the run
    impl::operation_queue ops;
    const std::uint64_t before = heap_allocations();
    queue.get_ready_timers(ops);
    BOOST_TEST(heap_allocations() == before);
    BOOST_TEST(drain(ops).size() == count - 1);
    manual_clock::current += manual_clock::duration(5000);
    BOOST_TEST(take_all_due().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(timer_that_leaves_a_run_for_sooner_takes_no_memory, full_run)
{
    BOOST_TEST(restart(count - 1, 500) == 0u);
    const auto due = take_all_due();
    BOOST_TEST(due.size() == count);
    BOOST_TEST(due.front().number == waits.back()->number);
}

BOOST_FIXTURE_TEST_CASE(wait_duration_is_never_zero_before_the_time_has_come, fixture)
{
    start(0, 10);
    BOOST_TEST(queue.wait_duration_usec(1000) == 1);
    BOOST_TEST(queue.wait_duration_msec(1000) == 1);
    manual_clock::current += manual_clock::duration(10);
    BOOST_TEST(queue.wait_duration_usec(1000) == 0);
    BOOST_TEST(take_all_due().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(nobody_is_woken_for_a_timer_that_was_cancelled, model)
{
    start_one(0, 1'000'000);
    start_one(1, 5'000'000);
    cancel(0);
    BOOST_TEST(queue.wait_duration_usec(10'000) == 5000);
    cancel(1);
    BOOST_TEST(queue.wait_duration_usec(10'000) == 10'000);
    BOOST_TEST(queue.empty());
}

BOOST_FIXTURE_TEST_CASE(timer_that_starts_again_is_due_at_its_last_time, model)
{
    for (const std::int64_t after : {5000, 9000, 2000, 7000}) {
        cancel(0);
        start_one(0, after);
        start_one(1, 100'000);
    }
    pass(7000);
    BOOST_TEST(ended == 3u); // those that were cancelled
    BOOST_TEST(queue.wait_duration_usec(1000) == 1);
    pass(1);
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(time_of[0] == -1);
}

BOOST_FIXTURE_TEST_CASE(only_an_earlier_time_is_news, fixture)
{
    wait one(0);
    wait two(1);
    wait three(2);
    const auto at = [](int time) { return time_point{manual_clock::duration(time)}; };
    BOOST_TEST(queue.enqueue_timer(at(50), timers[0], &one));
    BOOST_TEST(!queue.enqueue_timer(at(60), timers[1], &two));
    impl::operation_queue ops;
    queue.cancel_timer(timers[0], ops);
    drain(ops);
    BOOST_TEST(!queue.enqueue_timer(at(70), timers[0], &one));
    BOOST_TEST(queue.enqueue_timer(at(40), timers[2], &three));
    queue.get_all_timers(ops);
}

BOOST_FIXTURE_TEST_CASE(one_wait_of_a_timer_is_cancelled_by_its_key, fixture)
{
    start(0, 10);
    start(0, 10);
    start(0, 10);
    int key = 0;
    waits[1]->cancellation_key_ = &key;
    impl::operation_queue ops;
    queue.cancel_timer_by_key(&timers[0], ops, &key);
    const auto cancelled = drain(ops);
    BOOST_REQUIRE(cancelled.size() == 1u);
    BOOST_TEST(cancelled[0].number == 1);
    BOOST_TEST(cancelled[0].aborted);
    manual_clock::current += manual_clock::duration(10);
    const auto due = take_all_due();
    BOOST_REQUIRE(due.size() == 2u);
    BOOST_TEST(due[0].number == 0);
    BOOST_TEST(due[1].number == 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
