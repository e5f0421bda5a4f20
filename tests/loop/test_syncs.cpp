// SPDX-License-Identifier: BSL-1.0
// Syncs of one file share the kernel's work: one is in flight, and the next begins as
// late as it can, to cover the writes that are on their way.
#include "../support/scripted_loop.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>

namespace {

using namespace asio_uring::test;

struct file_loop : scripted_fixture
{
    file_loop() { first_turn(); }
    explicit file_loop(const service::loop_settings& settings)
        : scripted_fixture(8, settings)
    {}

    std::uint64_t start_write(int id)
    {
        auto* op = new scripted_operation(journal, id);
        op->note_write();
        loop->start(*op, file, direction::none);
        return name(*op);
    }

    std::uint64_t start_sync(int id)
    {
        auto* op = new scripted_operation(journal, id);
        op->share_end();
        loop->start(*op, file, direction::write);
        return name(*op);
    }

    service::request_owner& file = owner(9);
};

struct watched_file_loop : file_loop
{
    watched_file_loop() : file_loop(attached) {}
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_syncs)

BOOST_FIXTURE_TEST_CASE(sync_begins_with_the_next_turn, file_loop)
{
    const auto sync = start_sync(1);
    turn();
    BOOST_TEST(taken() == "1");
    script.post(sync, 0);
    turn();
    BOOST_TEST(journal_text() == "1 0");
}

BOOST_FIXTURE_TEST_CASE(
    sync_waits_for_the_writes_before_it_and_covers_who_asks_meanwhile, file_loop)
{
    const auto write = start_write(1);
    const auto sync = start_sync(2);
    turn();
    BOOST_TEST(taken() == "1");
    start_sync(3);
    script.post(write, 4);
    turn();
    BOOST_TEST(journal_text() == "1 4");
    start_sync(4);
    turn();
    BOOST_TEST(taken() == "2");
    script.post(sync, 0);
    turn();
    BOOST_TEST(journal_text() == "2 0; 3 0; 4 0");
}

BOOST_FIXTURE_TEST_CASE(later_writes_do_not_hold_a_sync_up, file_loop)
{
    const auto write = start_write(1);
    start_sync(2);
    turn();
    start_write(3);
    turn();
    BOOST_TEST(taken() == "1 3");
    script.post(write, 4);
    turn();
    turn();
    BOOST_TEST(taken() == "2");
}

BOOST_FIXTURE_TEST_CASE(
    sync_behind_another_waits_for_the_writes_of_the_handlers_before_it, file_loop)
{
    const auto first = start_sync(1);
    turn();
    const auto second = start_sync(2);
    script.post(first, 0);
    turn_without_delivery();
    const auto write = start_write(3);
    turn();
    BOOST_TEST(taken() == "1 3");
    script.post(write, 4);
    turn();
    turn();
    BOOST_TEST(taken() == "2");
    script.post(second, 0);
    turn();
    BOOST_TEST(journal_text() == "1 0; 3 4; 2 0");
}

BOOST_FIXTURE_TEST_CASE(write_of_a_file_is_on_its_way_until_its_end, file_loop)
{
    service::request_owner& other = owner(10);
    BOOST_TEST(!loop->has_writes(file));
    start_sync(1);
    turn();
    BOOST_TEST(!loop->has_writes(file));
    const auto write = start_write(2);
    BOOST_TEST(loop->has_writes(file));
    turn();
    BOOST_TEST(loop->has_writes(file));
    BOOST_TEST(!loop->has_writes(other));
    script.post(write, 4);
    turn();
    BOOST_TEST(!loop->has_writes(file));
}

BOOST_FIXTURE_TEST_CASE(
    sync_that_waits_for_a_write_is_cancelled_like_any_other, file_loop)
{
    start_write(1);
    start_sync(2);
    turn();
    BOOST_TEST(taken() == "1");
    start_sync(3);
    loop->cancel(file);
    for (int i = 0; i != 3; ++i)
        turn();
    BOOST_TEST(taken() == "cancel");
    BOOST_TEST(journal.size() == 3u);
}

BOOST_FIXTURE_TEST_CASE(sync_that_waits_is_destroyed_with_its_loop, file_loop)
{
    start_write(1);
    start_sync(2);
    turn();
    start_sync(3);
    shut_down();
    context.restart();
}

BOOST_AUTO_TEST_SUITE_END()
