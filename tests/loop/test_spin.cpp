// SPDX-License-Identifier: BSL-1.0
// A turn with nothing to do looks for completions for a while before it sleeps, where the
// context asked for that.
#include "../support/scripted_loop.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <string>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;

/// A loop that looks for so long, and what its entries were.
struct spinning_loop : scripted_fixture
{
    explicit spinning_loop(std::chrono::microseconds spin)
        : scripted_fixture(8, {.epoll_descriptor = epoll_descriptor, .spin = spin})
    {
        first_turn();
    }

    ~spinning_loop() { script.during_look = nullptr; }

    /// Calls `f` with the third look.
    template <typename F>
    void at_third_look(F f)
    {
        script.during_look = [this, f] {
            if (++looks == 3)
                f();
        };
    }

    /// What the kernel was entered for since the last look.
    std::string entries()
    {
        std::string text;
        for (const ring_script::entry& each : std::exchange(script.enters, {})) {
            text += each.min_complete != 0 ? " sleep" : " enter";
            if (each.to_submit != 0)
                text += std::to_string(each.to_submit);
        }
        return text;
    }

    int looks = 0;
};

struct long_spin : spinning_loop
{
    long_spin() : spinning_loop(10s) {}
};

struct short_spin : spinning_loop
{
    short_spin() : spinning_loop(1us) {}
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_spin)

BOOST_FIXTURE_TEST_CASE(completion_that_comes_meanwhile_is_taken_without_sleep, long_spin)
{
    auto& op = start(1, owner(3));
    at_third_look([&] { script.post(name(op), 7); });
    turn(-1);
    BOOST_TEST(entries() == " enter1");
    BOOST_TEST(journal_text() == "1 7");
    BOOST_TEST(looks == 3);
}

BOOST_FIXTURE_TEST_CASE(task_work_that_comes_meanwhile_is_done, long_spin)
{
    auto& op = start(1, owner(3));
    at_third_look([&] {
        script.task_work = true;
        script.during_entry = [&] { script.post(name(op), 7); };
    });
    turn(-1);
    BOOST_TEST(entries() == " enter1 enter");
    BOOST_TEST(journal_text() == "1 7");
}

// The kernel gives it out with the next entry.
BOOST_FIXTURE_TEST_CASE(completion_that_found_no_room_is_fetched, long_spin)
{
    auto& op = start(1, owner(3));
    at_third_look([&] {
        script.overflowing = true;
        script.post(name(op), 7);
    });
    turn(-1);
    BOOST_TEST(entries() == " enter1 enter");
    BOOST_TEST(journal_text() == "1 7");
}

BOOST_FIXTURE_TEST_CASE(nothing_that_comes_lets_the_turn_sleep, short_spin)
{
    auto& op = start(1, owner(3));
    script.during_wait = [&](const ring_script::entry&) { script.post(name(op), 7); };
    turn(-1);
    BOOST_TEST(entries() == " enter1 sleep");
    BOOST_TEST(journal_text() == "1 7");
}

BOOST_FIXTURE_TEST_CASE(look_ends_with_the_time_limit_of_the_turn, long_spin)
{
    const auto begin = std::chrono::steady_clock::now();
    turn(1000);
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 5s));
    BOOST_TEST(entries() == " sleep");
}

BOOST_FIXTURE_TEST_CASE(refused_entry_is_submitted_by_the_next_turn, long_spin)
{
    start(1, owner(3));
    script.answers = {-EAGAIN};
    turn(-1);
    BOOST_TEST(entries() == " enter1");
    BOOST_TEST(taken() == "");
    turn();
    BOOST_TEST(taken() == "1");
}

BOOST_FIXTURE_TEST_CASE(turn_that_does_not_wait_does_not_look, long_spin)
{
    script.during_look = [&] { ++looks; };
    turn(0);
    BOOST_TEST(looks == 0);
}

BOOST_AUTO_TEST_SUITE_END()
