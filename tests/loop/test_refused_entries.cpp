// SPDX-License-Identifier: BSL-1.0
// The kernel refuses an entry for want of memory, or takes a part of what it is offered:
// nothing is lost, and whoever is to try again is told.
#include "../support/scripted_loop.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include <poll.h>

namespace {

using namespace asio_uring::test;
namespace kernel = asio_uring::abi;

const service::loop_settings in_turns{
    .epoll_descriptor = scripted_fixture::epoll_descriptor};

/// A loop that takes turns, or one that the context's reactor watches.
struct either_loop : scripted_fixture
{
    explicit either_loop(bool watched)
        : scripted_fixture(8, watched ? attached : in_turns)
    {
        if (!watched)
            first_turn();
    }

    /// What a run of the context does to the loop.
    void look()
    {
        if (watch)
            deliver();
        else
            turn();
    }
};

bool is_told(const scripted_event_loop& loop)
{
    ::pollfd event{loop.wake_descriptor(), POLLIN, 0};
    return ::poll(&event, 1, 0) == 1;
}

struct attached_loop : either_loop
{
    attached_loop() : either_loop(true) {}
};

struct running_loop : either_loop
{
    running_loop() : either_loop(false) {}
};

struct batching_loop : scripted_fixture
{
    batching_loop()
        : scripted_fixture(
              4, {.epoll_descriptor = epoll_descriptor, .batched_writes = true})
    {
        first_turn();
    }

    std::uint64_t start_write(int id, service::request_owner& of)
    {
        auto& op = transfer(id);
        op.go_with_turn();
        loop->start(op, of, direction::write);
        return name(op);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_refused_entries)

BOOST_FIXTURE_TEST_CASE(
    attached_start_is_submitted_though_an_entry_is_refused, attached_loop)
{
    script.answers = {-EAGAIN};
    start(3, owner(3), direction::read);
    context.restart();
    BOOST_TEST(context.poll() == 0u);
    BOOST_TEST(taken() == "");
    context.poll();
    BOOST_TEST(taken() == "3");
}

BOOST_FIXTURE_TEST_CASE(
    attached_successor_is_submitted_though_an_entry_is_refused, attached_loop)
{
    auto& of = owner(3);
    auto& first = start(3, of, direction::read);
    start(4, of, direction::read);
    deliver();
    BOOST_TEST(taken() == "3");
    script.post(name(first), 1);
    script.answers = {-EAGAIN};
    deliver();
    deliver();
    BOOST_TEST(taken() == "4");
    BOOST_TEST(journal_text() == "3 1");
}

BOOST_FIXTURE_TEST_CASE(attached_cancel_that_missed_is_sent_again, attached_loop)
{
    auto& of = owner(3);
    start(3, of, direction::read);
    deliver();
    script.obey_cancels = false;
    loop->cancel(of);
    deliver();
    BOOST_TEST(taken() == "3 cancel");
    std::uint64_t request = 0;
    for (const auto& [bits, entry] : script.in_flight)
        if (entry.opcode == static_cast<std::uint8_t>(kernel::opcode::async_cancel))
            request = bits;
    script.obey_cancels = true;
    script.post(request, -ENOENT);
    deliver();
    deliver();
    BOOST_TEST(taken() == "cancel");
    BOOST_TEST(journal_text() == "3 -125");
}

BOOST_FIXTURE_TEST_CASE(attached_run_counts_handlers_and_nothing_else, attached_loop)
{
    auto work = boost::asio::make_work_guard(context);
    auto& of = owner(3);
    auto& op = start(3, of, direction::read);
    BOOST_TEST(context.poll() == 0u);
    BOOST_TEST(taken() == "3");
    script.post(name(op), 1);
    BOOST_TEST(context.poll_one() == 1u);
    BOOST_TEST(journal_text() == "3 1");
    auto& next = start(4, of, direction::read);
    BOOST_TEST(context.poll_one() == 0u);
    script.post(name(next), 1);
    BOOST_TEST(context.run_one() == 1u);
    BOOST_TEST(journal_text() == "4 1");
    start(5, of, direction::read);
    context.poll();
    loop->cancel(of);
    BOOST_TEST(context.poll() == 1u);
    BOOST_TEST(journal_text() == "5 -125");
    BOOST_TEST(context.poll() == 0u);
}

BOOST_FIXTURE_TEST_CASE(
    close_by_another_thread_wakes_the_reaper_when_its_entry_is_refused, running_loop)
{
    auto& of = owner(3);
    start(3, of, direction::read);
    turn();
    BOOST_TEST(taken() == "3");
    bool told = true;
    script.during_wait = [&](const ring_script::entry&) {
        told = is_told(*loop);
        script.answers = {-EAGAIN};
        std::thread([&] { loop->close_owner(of); }).join();
    };
    turn(-1);
    script.during_wait = nullptr;
    BOOST_TEST(!told);
    BOOST_TEST(is_told(*loop));
    turn();
    BOOST_TEST(taken() == "cancel");
    BOOST_TEST(journal_text() == "3 -125");
}

BOOST_FIXTURE_TEST_CASE(
    start_by_a_handler_wakes_the_reaper_when_its_entry_is_refused, running_loop)
{
    auto& of = owner(3);
    script.during_wait = [&](const ring_script::entry&) {
        script.answers = {-EAGAIN};
        boost::asio::post(context, [&] { start(3, of); });
        deliver();
    };
    turn(-1);
    script.during_wait = nullptr;
    BOOST_TEST(is_told(*loop));
    turn();
    BOOST_TEST(taken() == "3");
}

BOOST_FIXTURE_TEST_CASE(
    batched_write_is_carried_out_though_entries_take_others_only, batching_loop)
{
    auto& others = owner(1);
    auto& stream = owner(2);
    start(1, others);
    start(2, others);
    const std::uint64_t write = start_write(3, stream);
    script.answers = {1, -EAGAIN, 1};
    loop->submit_writes(stream);
    BOOST_TEST(script.in_flight.contains(write));
}

BOOST_FIXTURE_TEST_CASE(
    batched_write_that_waits_for_room_is_carried_out_before_a_close, batching_loop)
{
    auto& others = owner(1);
    auto& stream = owner(2);
    for (int id = 0; id != 4; ++id)
        start(id, others);
    script.answers = {-EAGAIN};
    const std::uint64_t write = start_write(4, stream);
    loop->submit_writes(stream);
    BOOST_TEST(script.in_flight.contains(write));
}

BOOST_FIXTURE_TEST_CASE(batched_writes_are_all_carried_out_before_a_fork, batching_loop)
{
    auto& first = owner(1);
    auto& second = owner(2);
    const std::uint64_t one = start_write(1, first);
    const std::uint64_t two = start_write(2, second);
    script.answers = {1};
    loop->submit_writes();
    BOOST_TEST(script.in_flight.contains(one));
    BOOST_TEST(script.in_flight.contains(two));
}

// Whichever entry is refused, everything ends.
BOOST_DATA_TEST_CASE(
    refused_entry_loses_nothing,
    boost::unit_test::data::make({false, true}) *
        boost::unit_test::data::make({-EAGAIN, -EBUSY, -EINTR}),
    watched,
    refusal)
{
    constexpr int count = 20;
    for (std::size_t nth = 0; nth != 12; ++nth) {
        either_loop f(watched);
        f.script.answers.assign(nth, 0);
        f.script.answers.push_back(refusal);
        auto& many = f.owner(1);
        auto& stream = f.owner(2);
        std::vector<std::uint64_t> names;
        for (int id = 0; id != 12; ++id)
            names.push_back(f.name(f.start(id, many)));
        for (int id = 12; id != 16; ++id)
            f.start(id, stream, id % 2 == 0 ? direction::read : direction::write);
        f.look();
        f.look();
        for (int id = 0; id != 6; ++id)
            if (f.script.in_flight.contains(names[static_cast<std::size_t>(id)]))
                f.script.post(names[static_cast<std::size_t>(id)], 1);
        f.loop->cancel(many);
        f.look();
        for (int id = 16; id != count; ++id)
            f.start(id, stream, id % 2 == 0 ? direction::read : direction::write);
        f.look();
        f.loop->close_owner(stream);
        for (int look = 0; look != 6; ++look)
            f.look();
        BOOST_TEST_CONTEXT("entry " << nth)
        BOOST_TEST(f.journal.size() == static_cast<std::size_t>(count));
    }
}

BOOST_AUTO_TEST_SUITE_END()
