// SPDX-License-Identifier: BSL-1.0
// The loop against a scripted kernel: every order of completions, refusals and full
// queues that the real kernel shows only by chance.
#include "../support/scripted_loop.hpp"

#include <asio_uring/detail/asio/timer_support.hpp>

#include <boost/asio/wait_traits.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include <poll.h>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
namespace kernel = asio_uring::abi;
using steady_clock = std::chrono::steady_clock;

/// What Asio's timer heap asks of a clock.
struct steady_traits
{
    using time_type = steady_clock::time_point;
    using duration_type = steady_clock::duration;

    static time_type now() { return steady_clock::now(); }
    static time_type add(const time_type& t, const duration_type& d) { return t + d; }
    static duration_type subtract(const time_type& t1, const time_type& t2)
    {
        return t1 - t2;
    }
    static bool less_than(const time_type& t1, const time_type& t2) { return t1 < t2; }

    struct posix_duration
    {
        duration_type value;
        std::int64_t total_microseconds() const
        {
            return std::chrono::duration_cast<std::chrono::microseconds>(value).count();
        }
        std::int64_t total_milliseconds() const { return total_microseconds() / 1000; }
        std::int64_t ticks() const { return value.count(); }
    };
    static posix_duration to_posix_duration(const duration_type& d) { return {d}; }
};

/// Those of steady_timer, whose heap gives out what is due in portions.
using portioned_traits = service::asio_impl::chrono_time_traits<
    std::chrono::steady_clock,
    boost::asio::wait_traits<std::chrono::steady_clock>>;

/// The fixture with the loop's own polls already in the kernel.
struct running_loop : scripted_fixture
{
    running_loop() { first_turn(); }

    /// Starts an operation that waits for readiness and moves nothing.
    scripted_operation& wait(int id, service::request_owner& of, direction way)
    {
        auto* op = new scripted_operation(journal, id);
        op->only_waits();
        loop->start(*op, of, way);
        return *op;
    }
};

bool readable(int fd)
{
    ::pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_event_loop)

// Submission

BOOST_FIXTURE_TEST_CASE(
    i01_commit_fills_the_entry_before_anyone_can_publish_it, running_loop)
{
    auto& op = start(5, owner(5), direction::read);
    BOOST_TEST(taken() == "");
    turn();
    BOOST_TEST(script.taken.size() == 1u);
    BOOST_TEST(script.taken.at(0).user_data == name(op));
    BOOST_TEST(taken() == "5");
}

BOOST_FIXTURE_TEST_CASE(start_with_a_full_queue_submits_and_goes_on, running_loop)
{
    auto& all = owner(1);
    for (int id = 0; id != 8; ++id)
        start(id, all);
    BOOST_TEST(taken() == "");
    start(8, all);
    BOOST_TEST(taken() == "0 1 2 3 4 5 6 7");
    turn();
    BOOST_TEST(taken() == "8");
}

BOOST_FIXTURE_TEST_CASE(
    start_with_a_full_queue_and_a_refusing_kernel_keeps_the_order, running_loop)
{
    auto& all = owner(1);
    script.refusal = -EAGAIN;
    for (int id = 0; id != 12; ++id)
        start(id, all);
    turn();
    BOOST_TEST(taken() == "");
    script.refusal = 0;
    turn();
    turn();
    BOOST_TEST(taken() == "0 1 2 3 4 5 6 7 8 9 10 11");
}

BOOST_FIXTURE_TEST_CASE(i10_wait_begins_with_nothing_left_behind, running_loop)
{
    auto& all = owner(1);
    script.refusal = -EAGAIN;
    for (int id = 0; id != 20; ++id)
        start(id, all);
    script.refusal = 0;
    std::string before_wait;
    script.during_wait = [&](const ring_script::entry&) { before_wait = taken(); };
    turn(-1);
    BOOST_TEST(before_wait == "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
}

// A context that gets more operations than its queue holds before it is first run.
BOOST_FIXTURE_TEST_CASE(
    i10_first_wait_can_be_ended_however_full_the_queue_is, scripted_fixture)
{
    auto& all = owner(1);
    for (int id = 0; id != 20; ++id)
        start(id, all);
    std::size_t wakes = 0;
    std::size_t epolls = 0;
    script.during_wait = [&](const ring_script::entry&) {
        wakes = armed(internal_request::wake).size();
        epolls = armed(internal_request::epoll).size();
    };
    turn(-1);
    BOOST_TEST(wakes == 1u);
    BOOST_TEST(epolls == 1u);
}

BOOST_FIXTURE_TEST_CASE(refused_entry_is_submitted_by_the_next_turn, running_loop)
{
    for (const int refusal : {-EAGAIN, -EBUSY, -EINTR}) {
        script.answers = {refusal};
        start(5, owner(5));
        turn(-1);
        BOOST_TEST(taken() == "");
        turn();
        BOOST_TEST(taken() == "5");
    }
}

BOOST_FIXTURE_TEST_CASE(entry_into_a_dead_ring_leaves_run_with_an_error, running_loop)
{
    using boost::system::system_error;
    script.answers = {-EBADF};
    BOOST_CHECK_THROW(turn(-1), system_error);
    script.answers = {-EEXIST};
    BOOST_CHECK_EXCEPTION(turn(-1), system_error, [](const system_error& e) {
        return e.code() == make_error_code(asio_uring::errc::wrong_thread);
    });
}

BOOST_FIXTURE_TEST_CASE(turn_with_nothing_to_do_makes_no_entry, running_loop)
{
    turn();
    BOOST_TEST(script.enters.size() == 0u);
    script.task_work = true;
    turn();
    BOOST_TEST(script.enters.size() == 1u);
    BOOST_TEST((script.enters.at(0).flags & kernel::enter_getevents) != 0u);
}

BOOST_FIXTURE_TEST_CASE(
    i03_completions_that_found_no_room_are_fetched_and_counted, running_loop)
{
    auto& first = start(1, owner(1));
    auto& second = start(2, owner(2));
    turn();
    script.overflowing = true;
    script.post(name(first), 10);
    script.post(name(second), 20);
    turn();
    turn();
    BOOST_TEST(journal_text() == "1 10; 2 20");
    BOOST_TEST(loop->counters().overflows == 1u);
}

// Order

BOOST_FIXTURE_TEST_CASE(
    direction_has_one_request_and_the_next_is_claimed_at_reap, running_loop)
{
    auto& socket = owner(3);
    auto& first = start(1, socket, direction::read);
    auto& second = start(2, socket, direction::read);
    start(3, socket, direction::read);
    auto& other = start(4, socket, direction::write);
    turn();
    BOOST_TEST(taken() == "1 4");
    script.post(name(first), 7);
    turn();
    BOOST_TEST(journal_text() == "1 7");
    turn();
    BOOST_TEST(taken() == "2");
    script.post(name(other), 1);
    script.post(name(second), 8);
    turn();
    BOOST_TEST(journal_text() == "4 1; 2 8");
    turn();
    BOOST_TEST(taken() == "3");
}

BOOST_FIXTURE_TEST_CASE(
    requests_without_a_direction_do_not_wait_for_each_other, running_loop)
{
    auto& socket = owner(3);
    start(1, socket);
    start(2, socket);
    start(3, socket, direction::read);
    turn();
    BOOST_TEST(taken() == "1 2 3");
}

BOOST_FIXTURE_TEST_CASE(
    cancel_ends_waiting_transfers_in_order_behind_the_active_one, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::read);
    start(2, socket, direction::read);
    start(3, socket, direction::read);
    turn();
    loop->cancel(socket);
    BOOST_TEST(journal_text() == "");
    start(4, socket, direction::read);
    BOOST_TEST(taken() == "1 cancel");
    deliver();
    BOOST_TEST(journal_text() == "1 -125; 2 -125; 3 -125");
    turn();
    BOOST_TEST(taken() == "4");
}

BOOST_FIXTURE_TEST_CASE(cancelled_transfer_that_moved_bytes_reports_them, running_loop)
{
    auto& socket = owner(3);
    auto& first = start(1, socket, direction::read);
    start(2, socket, direction::read);
    turn();
    script.post(name(first), 100);
    loop->cancel(socket);
    turn();
    BOOST_TEST(journal_text() == "1 100; 2 -125");
}

// Waits for readiness in line with the transfers of their direction

BOOST_FIXTURE_TEST_CASE(wait_before_a_read_holds_it_back, running_loop)
{
    auto& socket = owner(9);
    auto& first = wait(1, socket, direction::read);
    start(2, socket, direction::read);
    turn();
    BOOST_TEST(taken() == "1");
    script.post(name(first), POLLIN);
    turn();
    BOOST_TEST(journal_text() == "1 1");
    turn();
    BOOST_TEST(taken() == "2");
}

// As in Asio's reactor: the event that served the read answers the wait as well.
BOOST_FIXTURE_TEST_CASE(wait_behind_a_read_ends_with_it, running_loop)
{
    auto& socket = owner(9);
    auto& first = start(1, socket, direction::read);
    wait(2, socket, direction::read);
    start(3, socket, direction::read);
    turn();
    BOOST_TEST(taken() == "1");
    script.post(name(first), 4);
    turn();
    BOOST_TEST(journal_text() == "1 4; 2 4");
    turn();
    BOOST_TEST(taken() == "3");
}

// The end of the stream stands, and a failure may be over.
BOOST_FIXTURE_TEST_CASE(wait_behind_a_read_without_bytes_asks_the_kernel, running_loop)
{
    for (const int result : {0, -ECONNRESET}) {
        auto& socket = owner(9);
        auto& first = start(1, socket, direction::read);
        auto& second = wait(2, socket, direction::read);
        turn();
        BOOST_TEST(taken() == "1");
        script.post(name(first), result);
        turn();
        BOOST_TEST(journal_text() == "1 " + std::to_string(result));
        turn();
        BOOST_TEST(taken() == "2");
        script.post(name(second), POLLIN);
        turn();
        BOOST_TEST(journal_text() == "2 1");
        loop->close_owner(socket);
    }
}

BOOST_FIXTURE_TEST_CASE(waits_side_by_side_end_with_the_first, running_loop)
{
    auto& socket = owner(9);
    auto& first = wait(1, socket, direction::read);
    wait(2, socket, direction::read);
    wait(3, socket, direction::read);
    auto& read = start(4, socket, direction::read);
    wait(5, socket, direction::read);
    turn();
    BOOST_TEST(taken() == "1");
    script.post(name(first), POLLIN);
    turn();
    BOOST_TEST(journal_text() == "1 1; 2 1; 3 1");
    turn();
    BOOST_TEST(taken() == "4");
    script.post(name(read), 8);
    turn();
    turn();
    BOOST_TEST(journal_text() == "4 8; 5 8");
    BOOST_TEST(taken() == "");
}

BOOST_FIXTURE_TEST_CASE(wait_that_fails_answers_no_other, running_loop)
{
    auto& socket = owner(9);
    auto& first = wait(1, socket, direction::read);
    wait(2, socket, direction::read);
    turn();
    taken();
    script.post(name(first), -EBADF);
    turn();
    BOOST_TEST(journal_text() == "1 " + std::to_string(-EBADF));
    turn();
    BOOST_TEST(taken() == "2");
}

BOOST_FIXTURE_TEST_CASE(wait_cancelled_at_the_head_of_the_line_ends_alone, running_loop)
{
    auto& socket = owner(9);
    auto* first = new scripted_operation(journal, 1);
    first->only_waits();
    const auto ticket = loop->register_cancellation(*first);
    loop->start(*first, socket, direction::read);
    auto& second = wait(2, socket, direction::read);
    wait(3, socket, direction::read);
    start(4, socket, direction::read);
    turn();
    taken();
    loop->cancel(ticket);
    turn();
    turn();
    BOOST_TEST(journal_text() == "1 -125");
    BOOST_TEST(taken() == "cancel 2");
    // The next one stands in its place, with the same rights.
    script.post(name(second), POLLIN);
    turn();
    turn();
    BOOST_TEST(journal_text() == "2 1; 3 1");
    BOOST_TEST(taken() == "4");
}

BOOST_FIXTURE_TEST_CASE(wait_cancelled_within_the_line_leaves_it_at_once, running_loop)
{
    auto& socket = owner(9);
    auto& first = wait(1, socket, direction::read);
    auto* second = new scripted_operation(journal, 2);
    second->only_waits();
    const auto ticket = loop->register_cancellation(*second);
    loop->start(*second, socket, direction::read);
    wait(3, socket, direction::read);
    turn();
    loop->cancel(ticket);
    deliver();
    BOOST_TEST(journal_text() == "2 -125");
    script.post(name(first), POLLIN);
    turn();
    BOOST_TEST(journal_text() == "1 1; 3 1");
    BOOST_TEST(taken() == "1");
}

BOOST_FIXTURE_TEST_CASE(i05_close_ends_a_line_of_waits_and_transfers, running_loop)
{
    auto& socket = owner(9);
    wait(1, socket, direction::read);
    start(2, socket, direction::read);
    wait(3, socket, direction::read);
    start(4, socket, direction::write);
    wait(5, socket, direction::write);
    turn();
    BOOST_TEST(taken() == "1 4");
    loop->close_owner(socket);
    BOOST_TEST(taken() == "cancel cancel");
    turn();
    // In each direction the order of their start.
    std::erase(journal, "4 -125");
    std::erase(journal, "5 -125");
    BOOST_TEST(journal_text() == "1 -125; 2 -125; 3 -125");
    turn();
    BOOST_TEST(taken() == "");
}

// The kernel saw data before it saw the wish to cancel.
BOOST_FIXTURE_TEST_CASE(wait_that_ended_well_before_its_cancel_says_so, running_loop)
{
    auto& socket = owner(9);
    auto& first = wait(1, socket, direction::read);
    wait(2, socket, direction::read);
    start(3, socket, direction::read);
    turn();
    taken();
    script.obey_cancels = false;
    script.post(name(first), POLLIN);
    loop->cancel(socket);
    turn();
    BOOST_TEST(journal_text() == "1 1; 2 -125; 3 -125");
}

// Another process took the data that the wait told of.
BOOST_FIXTURE_TEST_CASE(read_behind_a_wait_may_come_too_late, running_loop)
{
    auto& socket = owner(9);
    auto& first = wait(1, socket, direction::read);
    auto& second = start(2, socket, direction::read);
    turn();
    script.post(name(first), POLLIN);
    turn();
    turn();
    BOOST_TEST(taken() == "1 2");
    script.post(name(second), -EAGAIN);
    turn();
    turn();
    BOOST_TEST(journal_text() == "1 1");
    BOOST_TEST(taken() == "poll:9");
    script.post(name(second), POLLIN);
    turn();
    turn();
    BOOST_TEST(taken() == "2");
    script.post(name(second), 6);
    turn();
    BOOST_TEST(journal_text() == "2 6");
}

BOOST_FIXTURE_TEST_CASE(lines_of_the_two_directions_are_independent, running_loop)
{
    auto& socket = owner(9);
    auto& readable = wait(1, socket, direction::read);
    start(2, socket, direction::read);
    auto& writable = wait(3, socket, direction::write);
    auto& write = start(4, socket, direction::write);
    wait(5, socket, direction::write);
    turn();
    BOOST_TEST(taken() == "1 3");
    script.post(name(writable), POLLOUT);
    turn();
    turn();
    BOOST_TEST(taken() == "4");
    script.post(name(write), 100);
    turn();
    turn();
    BOOST_TEST(journal_text() == "3 4; 4 100");
    BOOST_TEST(taken() == "5");
    script.post(name(readable), POLLIN);
    turn();
    turn();
    BOOST_TEST(journal_text() == "1 1");
    BOOST_TEST(taken() == "2");
}

// Results that are none

BOOST_FIXTURE_TEST_CASE(
    cancellation_nobody_asked_for_is_repeated_and_counted, running_loop)
{
    auto& op = start(1, owner(1), direction::read);
    turn();
    BOOST_TEST(taken() == "1");
    for (const int result : {-ECANCELED, -EINTR, -ECANCELED}) {
        script.post(name(op), result);
        turn();
        turn();
        BOOST_TEST(taken() == "1");
    }
    BOOST_TEST(journal_text() == "");
    BOOST_TEST(loop->counters().reissues == 3u);
    BOOST_TEST(loop->counters().operations == 1u);
    script.post(name(op), 4);
    turn();
    BOOST_TEST(journal_text() == "1 4");
}

// The kernel's own restart codes leak from requests that a worker carries out.
BOOST_FIXTURE_TEST_CASE(restart_code_nobody_asked_for_is_repeated, running_loop)
{
    auto& op = start(1, owner(1));
    turn();
    taken();
    script.post(name(op), -512);
    turn();
    turn();
    BOOST_TEST(taken() == "1");
    BOOST_TEST(journal_text() == "");
}

BOOST_FIXTURE_TEST_CASE(
    empty_handed_transfer_waits_for_readiness_and_tries_again, running_loop)
{
    auto& op = start(1, owner(9), direction::read);
    turn();
    BOOST_TEST(taken() == "1");
    script.post(name(op), -EAGAIN);
    turn();
    turn();
    BOOST_TEST(taken() == "poll:9");
    script.post(name(op), POLLIN);
    turn();
    turn();
    BOOST_TEST(taken() == "1");
    script.post(name(op), 3);
    turn();
    BOOST_TEST(journal_text() == "1 3");
}

BOOST_FIXTURE_TEST_CASE(
    cancel_of_a_transfer_that_waits_for_readiness_ends_it, running_loop)
{
    auto& socket = owner(9);
    auto& op = start(1, socket, direction::read);
    turn();
    script.post(name(op), -EAGAIN);
    turn();
    turn();
    script.obey_cancels = false;
    loop->cancel(socket);
    turn();
    script.post(name(op), POLLIN);
    turn();
    BOOST_TEST(journal_text() == "1 -125");
}

BOOST_FIXTURE_TEST_CASE(
    connect_that_lost_its_request_waits_before_it_asks_again, running_loop)
{
    auto* op = new scripted_operation(journal, 1);
    op->repeat_when_ready();
    loop->start(*op, owner(9), direction::write);
    turn();
    BOOST_TEST(taken() == "1");
    script.post(name(*op), -ECANCELED);
    turn();
    turn();
    BOOST_TEST(taken() == "poll:9");
    script.post(name(*op), POLLOUT);
    turn();
    turn();
    BOOST_TEST(taken() == "1");
}

BOOST_FIXTURE_TEST_CASE(
    aborted_connection_is_reported_where_the_program_asks_for_it, running_loop)
{
    auto& op = start(1, owner(9), direction::read);
    turn();
    script.post(name(op), -ECONNABORTED);
    turn();
    BOOST_TEST(journal_text() == "1 " + std::to_string(-ECONNABORTED));
}

// Cancellation

BOOST_FIXTURE_TEST_CASE(i05_close_withdraws_what_the_kernel_has_not_seen, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::read);
    start(2, socket);
    loop->close_owner(socket);
    BOOST_TEST(script.enters.size() == 0u);
    deliver();
    BOOST_TEST(journal_text() == "2 -125; 1 -125");
    turn();
    BOOST_TEST(script.taken.size() == 2u);
    BOOST_TEST(taken() == "");
    deliver();
    BOOST_TEST(journal_text() == "");
}

BOOST_FIXTURE_TEST_CASE(
    i05_close_cancels_what_the_kernel_has_before_it_returns, running_loop)
{
    auto& socket = owner(3);
    auto& op = start(1, socket, direction::read);
    turn();
    taken();
    loop->close_owner(socket);
    BOOST_TEST(script.taken.size() == 1u);
    BOOST_TEST(script.taken.at(0).addr == name(op));
    BOOST_TEST(taken() == "cancel");
    BOOST_TEST(journal_text() == "");
    turn();
    BOOST_TEST(journal_text() == "1 -125");
}

BOOST_FIXTURE_TEST_CASE(i05_close_ends_what_found_no_room_in_the_queue, running_loop)
{
    auto& socket = owner(3);
    script.refusal = -EAGAIN;
    for (int id = 10; id != 18; ++id)
        start(id, owner(99));
    start(1, socket);
    start(2, socket, direction::read);
    start(3, socket, direction::read);
    loop->close_owner(socket);
    auto& reused = owner(3);
    start(4, reused, direction::read);
    script.refusal = 0;
    turn();
    turn();
    turn();
    BOOST_TEST(taken() == "10 11 12 13 14 15 16 17 4");
    // The direction keeps its order; a request without one may end at any time.
    std::erase(journal, "1 -125");
    BOOST_TEST(journal_text() == "2 -125; 3 -125");
}

BOOST_FIXTURE_TEST_CASE(cancel_ends_what_found_no_room_in_the_queue, running_loop)
{
    auto& socket = owner(3);
    script.refusal = -EAGAIN;
    for (int id = 10; id != 18; ++id)
        start(id, owner(99));
    start(1, socket);
    start(2, socket, direction::read);
    loop->cancel(socket);
    deliver();
    BOOST_TEST(journal.size() == 2u);
    script.refusal = 0;
    turn();
    turn();
    BOOST_TEST(taken() == "10 11 12 13 14 15 16 17");
}

// A kernel that took nothing leaves published entries with the descriptor's number in
// them.
BOOST_FIXTURE_TEST_CASE(i05_close_withdraws_what_the_kernel_refused_to_take, running_loop)
{
    auto& socket = owner(3);
    script.refusal = -EAGAIN;
    start(1, socket, direction::read);
    turn();
    loop->close_owner(socket);
    script.refusal = 0;
    turn();
    const std::string requests = taken();
    BOOST_TEST(requests.find('1') == std::string::npos, requests);
    turn();
    BOOST_TEST(journal_text() == "1 -125");
}

BOOST_FIXTURE_TEST_CASE(i05_close_after_a_cancel_that_met_a_refused_entry, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::read);
    script.answers = {-EAGAIN, -EAGAIN};
    script.during_entry = [&] { std::thread([&] { loop->cancel(socket); }).join(); };
    turn();
    loop->close_owner(socket);
    turn();
    const std::string requests = taken();
    BOOST_TEST(requests.find('1') == std::string::npos, requests);
    turn();
    BOOST_TEST(journal_text() == "1 -125");
}

// A thread that has published a request and is on its way into the kernel.
BOOST_FIXTURE_TEST_CASE(i05_close_waits_for_an_entry_that_reads_the_request, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::read);
    std::thread closer;
    std::atomic<bool> closed{false};
    script.during_entry = [&] {
        closer = std::thread([&] {
            loop->close_owner(socket);
            closed = true;
        });
        // However long the entry takes, the number is not free before it read the
        // request.
        for (int i = 0; i != 100; ++i)
            std::this_thread::yield();
        BOOST_TEST(!closed);
    };
    script.obey_cancels = false;
    turn();
    closer.join();
    BOOST_TEST(closed);
    BOOST_TEST(taken() == "1 cancel");
}

// While close() asks the kernel, the last operation may end, the owner be given back and
// become another descriptor's, which is being closed as well.
BOOST_FIXTURE_TEST_CASE(
    i05_close_leaves_an_owner_alone_that_became_somebody_elses, running_loop)
{
    auto& first = owner(3);
    auto& other = owner(4);
    const auto read = name(start(1, first, direction::read));
    start_read(2, other);
    turn();
    script.obey_cancels = false;
    loop->cancel(other);
    service::request_owner* second = nullptr;
    script.during_entry = [&] {
        script.post(read, -ECANCELED);
        loop->kept_size(other); // reaps
        second = &owner(5);
        second->awaited = true;
    };
    loop->close_owner(first);
    BOOST_TEST_REQUIRE(second == &first);
    BOOST_TEST(second->awaited);
    BOOST_TEST(&owner(6) != second);
    second->awaited = false;
    script.obey_cancels = true;
    deliver();
}

BOOST_FIXTURE_TEST_CASE(submit_shows_the_kernel_what_is_claimed, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::write);
    start(2, socket, direction::read);
    loop->submit();
    BOOST_TEST(taken() == "1 2");
    loop->submit();
    BOOST_TEST(script.taken.empty());
}

BOOST_FIXTURE_TEST_CASE(i02_cancel_completion_may_come_before_its_target, running_loop)
{
    auto& socket = owner(3);
    auto& op = start(1, socket, direction::read);
    turn();
    script.obey_cancels = false;
    loop->cancel(socket);
    turn();
    script.post(armed(internal_request::cancel).at(0), 0);
    turn();
    BOOST_TEST(journal_text() == "");
    script.post(name(op), -ECANCELED);
    turn();
    BOOST_TEST(journal_text() == "1 -125");
}

BOOST_FIXTURE_TEST_CASE(i02_cancel_completion_may_come_after_its_target, running_loop)
{
    auto& socket = owner(3);
    auto& op = start(1, socket, direction::read);
    turn();
    script.obey_cancels = false;
    loop->cancel(socket);
    turn();
    script.post(name(op), 12);
    turn();
    BOOST_TEST(journal_text() == "1 12");
    script.post(armed(internal_request::cancel).at(0), -ENOENT);
    turn();
    BOOST_TEST(journal_text() == "");
}

// The kernel finds no request that is on its way between two waits.
BOOST_FIXTURE_TEST_CASE(cancel_that_missed_its_target_is_sent_again, running_loop)
{
    auto& socket = owner(3);
    auto& op = start(1, socket, direction::read);
    turn();
    taken();
    script.obey_cancels = false;
    loop->cancel(socket);
    for (int round = 0; round != 3; ++round) {
        turn();
        turn();
        BOOST_TEST(script.taken.size() == 1u);
        const std::uint64_t cancel = script.taken.at(0).user_data;
        BOOST_TEST(taken() == "cancel");
        script.post(cancel, -ENOENT);
    }
    script.post(name(op), -ECANCELED);
    turn();
    BOOST_TEST(journal_text() == "1 -125");
    taken();
    turn();
    BOOST_TEST(taken() == "");
}

BOOST_FIXTURE_TEST_CASE(
    i02_missed_cancel_of_an_ended_operation_hits_nothing, running_loop)
{
    auto& socket = owner(3);
    auto& op = start(1, socket, direction::read);
    turn();
    taken();
    script.obey_cancels = false;
    loop->cancel(socket);
    turn();
    const std::uint64_t cancel = script.taken.at(0).user_data;
    script.post(name(op), 5);
    turn();
    BOOST_TEST(journal_text() == "1 5");
    start(2, socket, direction::read);
    turn();
    taken();
    script.post(cancel, -ENOENT);
    turn();
    turn();
    BOOST_TEST(taken() == "");
}

BOOST_FIXTURE_TEST_CASE(cancel_is_asked_for_once, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::read);
    turn();
    taken();
    script.obey_cancels = false;
    loop->cancel(socket);
    loop->cancel(socket);
    loop->close_owner(socket);
    turn();
    BOOST_TEST(taken() == "cancel");
}

BOOST_FIXTURE_TEST_CASE(cancel_without_room_is_sent_when_there_is_some, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::read);
    turn();
    taken();
    script.refusal = -EAGAIN;
    for (int id = 10; id != 18; ++id)
        start(id, owner(99));
    loop->cancel(socket);
    BOOST_TEST(journal_text() == "");
    script.refusal = 0;
    turn();
    turn();
    BOOST_TEST(taken() == "10 11 12 13 14 15 16 17 cancel");
    turn();
    BOOST_TEST(journal_text() == "1 -125");
}

BOOST_FIXTURE_TEST_CASE(
    operation_that_ends_before_its_cancel_is_sent_is_forgotten, running_loop)
{
    auto& socket = owner(3);
    auto& op = start(1, socket, direction::read);
    turn();
    taken();
    script.refusal = -EAGAIN;
    for (int id = 10; id != 18; ++id)
        start(id, owner(99));
    loop->cancel(socket);
    script.post(name(op), 5);
    turn();
    BOOST_TEST(journal_text() == "1 5");
    script.refusal = 0;
    turn();
    turn();
    BOOST_TEST(taken() == "10 11 12 13 14 15 16 17");
}

BOOST_FIXTURE_TEST_CASE(slot_signal_ends_one_waiting_operation_at_once, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::read);
    auto* second = new scripted_operation(journal, 2);
    const auto ticket = loop->register_cancellation(*second);
    loop->cancel(ticket);
    loop->start(*second, socket, direction::read);
    start(3, socket, direction::read);
    turn();
    loop->cancel(ticket);
    deliver();
    BOOST_TEST(journal_text() == "2 -125");
}

BOOST_FIXTURE_TEST_CASE(late_slot_signal_finds_nothing, running_loop)
{
    auto* first = new scripted_operation(journal, 1);
    const auto ticket = loop->register_cancellation(*first);
    loop->start(*first, owner(3), direction::read);
    turn();
    script.post(name(*first), 5);
    turn();
    BOOST_TEST(journal_text() == "1 5");
    // The table's entry and, as a rule, the memory are the next operation's now.
    auto* second = new scripted_operation(journal, 2);
    const auto next = loop->register_cancellation(*second);
    BOOST_TEST(next.index == ticket.index);
    loop->start(*second, owner(4), direction::read);
    turn();
    taken();
    loop->cancel(ticket);
    turn();
    BOOST_TEST(taken() == "");
    BOOST_TEST(journal_text() == "");
    loop->cancel(next);
    turn();
    BOOST_TEST(taken() == "cancel");
}

BOOST_FIXTURE_TEST_CASE(
    i02_completion_with_more_to_come_keeps_the_operation, running_loop)
{
    auto& op = start(1, owner(3));
    turn();
    script.post(name(op), 100, kernel::cqe_f_more);
    turn();
    BOOST_TEST(journal_text() == "");
    script.post(name(op), 7);
    turn();
    BOOST_TEST(journal_text() == "1 7");
}

// Threads and waking

BOOST_FIXTURE_TEST_CASE(
    i10_another_thread_that_takes_turns_arms_its_own_polls, running_loop)
{
    const auto wake = armed(internal_request::wake).at(0);
    const auto epoll = armed(internal_request::epoll).at(0);
    const auto wakes = loop->counters().wakes;
    script.obey_cancels = false;
    bool ready = true;
    std::thread([&] {
        turn();
        BOOST_TEST(armed(internal_request::wake).size() == 2u);
        BOOST_TEST(armed(internal_request::epoll).size() == 2u);
        // What the outdated polls tell is ignored, and does not arm anything once more.
        script.post(wake, POLLIN);
        script.post(epoll, POLLIN);
        ready = turn();
    }).join();
    BOOST_TEST(!ready);
    BOOST_TEST(loop->counters().wakes == wakes);
    BOOST_TEST(armed(internal_request::wake).size() == 1u);
    BOOST_TEST(armed(internal_request::epoll).size() == 1u);
}

// A thread that closes or calls synchronously may take what was to end the next wait.
BOOST_FIXTURE_TEST_CASE(
    i10_wake_up_taken_outside_of_a_turn_ends_the_next_wait, running_loop)
{
    auto& socket = owner(3);
    script.obey_cancels = false;
    const auto read = name(start_read(1, socket));
    turn();
    loop->cancel(socket);
    script.post(read, -ECANCELED);
    script.post(armed(internal_request::wake).at(0), POLLIN, kernel::cqe_f_more);
    loop->kept_size(socket);
    script.enters.clear();
    turn(-1);
    BOOST_TEST(script.enters.empty());
    turn(-1);
    BOOST_TEST_REQUIRE(script.enters.size() == 1u);
    BOOST_TEST(script.enters.at(0).min_complete == 1u);
}

BOOST_FIXTURE_TEST_CASE(i10_ended_poll_is_armed_again, running_loop)
{
    const auto wake = armed(internal_request::wake).at(0);
    script.post(wake, POLLIN, kernel::cqe_f_more);
    turn();
    turn();
    BOOST_TEST(armed(internal_request::wake).size() == 1u);
    script.post(wake, -ECANCELED);
    turn();
    turn();
    BOOST_TEST(armed(internal_request::wake).size() == 1u);
    BOOST_TEST(loop->counters().wakes == 2u);
    script.post(armed(internal_request::epoll).at(0), POLLIN);
    BOOST_TEST(turn());
    BOOST_TEST(!turn());
    BOOST_TEST(armed(internal_request::epoll).size() == 1u);
}

BOOST_AUTO_TEST_CASE(i10_notification_is_latched_until_it_is_acknowledged)
{
    service::wake_event event;
    BOOST_TEST(!readable(event.native_handle()));
    BOOST_TEST(event.notify());
    BOOST_TEST(readable(event.native_handle()));
    BOOST_TEST(!event.notify());
    event.acknowledge();
    BOOST_TEST(event.notify());
    event.acknowledge();
    // A poll armed now fires at once: too many wake-ups are allowed, too few are not.
    BOOST_TEST(readable(event.native_handle()));
}

BOOST_FIXTURE_TEST_CASE(i10_start_during_a_wait_ends_it, running_loop)
{
    const int wake_descriptor = [&] {
        return script.in_flight.find(armed(internal_request::wake).at(0))->second.fd;
    }();
    script.during_wait = [&](const ring_script::entry&) {
        BOOST_TEST(!readable(wake_descriptor));
        std::thread([&] { start(1, owner(3)); }).join();
        BOOST_TEST(readable(wake_descriptor));
        script.post(armed(internal_request::wake).at(0), POLLIN, kernel::cqe_f_more);
    };
    turn(-1);
    BOOST_TEST(taken() == "");
    turn();
    BOOST_TEST(taken() == "1");
    BOOST_TEST(loop->counters().wakes == 1u);
}

BOOST_FIXTURE_TEST_CASE(start_between_waits_costs_no_notification, running_loop)
{
    const int wake_descriptor =
        script.in_flight.find(armed(internal_request::wake).at(0))->second.fd;
    start(1, owner(3));
    std::thread([&] { start(2, owner(4)); }).join();
    BOOST_TEST(!readable(wake_descriptor));
    turn();
    BOOST_TEST(taken() == "1 2");
}

// Deadlines

BOOST_FIXTURE_TEST_CASE(i10_wait_is_no_longer_than_asked_for, running_loop)
{
    const auto before = steady_clock::now().time_since_epoch();
    turn(5000);
    const auto& call = script.enters.at(0);
    BOOST_TEST(call.min_complete == 1u);
    BOOST_TEST((call.flags & kernel::enter_abs_timer) != 0u);
    BOOST_TEST_REQUIRE(call.timeout.has_value());
    const auto until = std::chrono::seconds(call.timeout->sec) +
                       std::chrono::nanoseconds(call.timeout->nsec);
    BOOST_TEST((until >= before + 5ms));
    BOOST_TEST((until <= steady_clock::now().time_since_epoch() + 5ms));
    turn(-1);
    BOOST_TEST(!script.enters.at(1).timeout.has_value());
}

BOOST_FIXTURE_TEST_CASE(i10_wait_ends_at_the_earliest_timer, running_loop)
{
    auto queue = service::asio_impl::make_timer_queue<steady_traits>(context);
    loop->add_timer_queue(queue);
    decltype(queue)::per_timer_data late;
    decltype(queue)::per_timer_data early;
    const auto now = steady_clock::now();
    const auto add = [&](auto& timer, auto expiry, const char* text) {
        auto handler = [this, text](boost::system::error_code ec) {
            journal.push_back(text + std::string(ec ? " aborted" : " expired"));
        };
        auto op = service::asio_impl::make_wait(handler, context.get_executor());
        loop->schedule_timer(queue, expiry, timer, op.get());
        op.release();
    };
    add(late, now + 1h, "late");
    add(early, now + 1min, "early");
    turn(-1);
    BOOST_TEST_REQUIRE(script.enters.at(0).timeout.has_value());
    const auto until = std::chrono::seconds(script.enters.at(0).timeout->sec);
    BOOST_TEST((until <= now.time_since_epoch() + 1min));
    BOOST_TEST(loop->cancel_timer(queue, early) == 1u);
    BOOST_TEST(loop->cancel_timer(queue, late) == 1u);
    deliver();
    BOOST_TEST(journal_text() == "early aborted; late aborted");
    loop->remove_timer_queue(queue);
}

BOOST_FIXTURE_TEST_CASE(i10_turn_does_not_wait_while_timers_are_due, running_loop)
{
    auto queue = service::asio_impl::make_timer_queue<portioned_traits>(context);
    loop->add_timer_queue(queue);
    std::vector<decltype(queue)::per_timer_data> timers(300);
    const auto past = steady_clock::now() - 1s;
    for (auto& timer : timers) {
        auto handler = [this](boost::system::error_code) { journal.push_back("due"); };
        auto op = service::asio_impl::make_wait(handler, context.get_executor());
        loop->schedule_timer(queue, past, timer, op.get());
        op.release();
    }
    turn();
    const std::size_t entries = script.enters.size();
    for (int more = 0; more != 10 && !queue.empty(); ++more)
        turn(-1);
    BOOST_TEST(queue.empty());
    BOOST_TEST(script.enters.size() == entries);
    deliver();
    BOOST_TEST(journal.size() == timers.size());
    loop->remove_timer_queue(queue);
}

// A handler of the first ones cancels all that were left for the next turn.
BOOST_FIXTURE_TEST_CASE(i10_turn_waits_once_what_was_due_is_cancelled, running_loop)
{
    auto queue = service::asio_impl::make_timer_queue<portioned_traits>(context);
    loop->add_timer_queue(queue);
    std::vector<decltype(queue)::per_timer_data> timers(300);
    const auto past = steady_clock::now() - 1s;
    for (auto& timer : timers) {
        auto handler = [this](boost::system::error_code) { journal.push_back("ended"); };
        auto op = service::asio_impl::make_wait(handler, context.get_executor());
        loop->schedule_timer(queue, past, timer, op.get());
        op.release();
    }
    turn(-1);
    BOOST_TEST_REQUIRE(!queue.empty());
    for (auto& timer : timers)
        loop->cancel_timer(queue, timer);
    turn(-1);
    script.enters.clear();
    turn(-1);
    BOOST_TEST_REQUIRE(script.enters.size() == 1u);
    BOOST_TEST(script.enters.at(0).min_complete == 1u);
    BOOST_TEST(journal.size() == timers.size());
    loop->remove_timer_queue(queue);
}

// Shutdown

BOOST_FIXTURE_TEST_CASE(i06_shutdown_ends_what_stands_anywhere, running_loop)
{
    auto& socket = owner(3);
    start(1, socket, direction::read); // in the kernel
    start(2, socket, direction::read); // behind it
    auto& wait = start(3, socket);     // in the kernel
    turn();
    script.refusal = -EAGAIN;
    for (int id = 10; id != 18; ++id)
        start(id, owner(99)); // claimed and not submitted
    start(20, socket);        // found no room
    start(21, socket, direction::write);
    BOOST_TEST((wait.result() == -ECANCELED));
    shut_down();
    std::vector<std::string> lines = std::exchange(journal, {});
    std::sort(lines.begin(), lines.end());
    BOOST_TEST(lines.size() == 13u);
    for (const std::string& line : lines)
        BOOST_TEST(line.ends_with(" destroyed"), line);
    BOOST_TEST((std::unique(lines.begin(), lines.end()) == lines.end()));
    deliver();
    BOOST_TEST(journal.empty());
}

BOOST_FIXTURE_TEST_CASE(
    shutdown_lets_nothing_go_that_the_kernel_has_not_seen, running_loop)
{
    start(1, owner(3), direction::read);
    start(2, owner(4), direction::write);
    shut_down();
    BOOST_TEST(taken() == "");
    BOOST_TEST(journal.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(
    i06_shutdown_asks_again_until_the_last_completion_came, running_loop)
{
    auto& op = start(1, owner(3));
    turn();
    int waits = 0;
    script.during_wait = [&](const ring_script::entry&) {
        if (++waits == 3)
            script.post(name(op), 1);
    };
    script.obey_cancels = false;
    operation_queue ops;
    loop->shutdown(ops);
    BOOST_TEST(waits == 3);
    BOOST_TEST(journal_text() == "");
}

BOOST_FIXTURE_TEST_CASE(i06_operation_started_after_shutdown_is_destroyed, running_loop)
{
    operation_queue ops;
    loop->shutdown(ops);
    start(1, owner(3));
    BOOST_TEST(taken() == "");
    deliver();
    BOOST_TEST(journal_text() == "1 -125");
}

// The child of a fork that gets no ring, and one that gets it at the second attempt.
BOOST_FIXTURE_TEST_CASE(lost_ring_ends_what_stands_anywhere, running_loop)
{
    auto& socket = owner(3);
    auto& closed = owner(4);
    start(1, socket, direction::read); // in the kernel
    start(2, socket, direction::read); // behind it
    start(3, closed);                  // in the kernel, and asked to end
    turn();
    script.obey_cancels = false;
    loop->close_owner(closed);
    script.refusal = -EAGAIN;
    for (int id = 10; id != 18; ++id)
        start(id, owner(99)); // claimed and not submitted
    auto* last = new scripted_operation(journal, 20);
    const auto ticket = loop->register_cancellation(*last);
    loop->start(*last, socket, direction::none); // found no room
    const auto reason = make_error_code(boost::system::errc::permission_denied);
    loop->abort_all(reason);
    deliver();
    BOOST_TEST(journal.size() == 12u);
    for (const std::string& line : journal)
        BOOST_TEST(line.ends_with(" -125"), line);
    const auto place = [&](const char* line) {
        return std::find(journal.begin(), journal.end(), line);
    };
    BOOST_TEST((place("1 -125") < place("2 -125")));
    journal.clear();

    BOOST_CHECK_EXCEPTION(turn(), boost::system::system_error, [&](const auto& thrown) {
        return thrown.code() == reason;
    });
    start(5, socket, direction::read);
    loop->cancel(ticket);
    loop->cancel(socket);
    deliver();
    BOOST_TEST(journal_text() == "5 -125");

    script.refusal = 0;
    script.obey_cancels = true;
    script.in_flight.clear();
    loop->restart(scripted_ring(script), epoll_descriptor);
    taken();
    auto& again = start(6, socket, direction::read);
    start(7, socket, direction::read);
    turn();
    script.post(name(again), 6);
    turn();
    BOOST_TEST(journal_text() == "6 6");
    auto& recycled = owner(5); // the place of the one that was closed
    BOOST_TEST(&recycled == &closed);
}

BOOST_FIXTURE_TEST_CASE(late_slot_signal_after_shutdown_finds_nothing, running_loop)
{
    std::vector<service::cancellation_ticket> tickets;
    const auto add = [&](int id, service::request_owner& of, direction way) {
        auto* op = new scripted_operation(journal, id);
        tickets.push_back(loop->register_cancellation(*op));
        loop->start(*op, of, way);
    };
    auto& socket = owner(3);
    add(1, socket, direction::read);
    turn();
    script.refusal = -EAGAIN;
    for (int id = 10; id != 18; ++id)
        add(id, owner(99), direction::none);
    add(2, socket, direction::read);
    add(3, socket, direction::none);
    script.refusal = 0;
    {
        operation_queue ops;
        loop->shutdown(ops);
    }
    add(4, socket, direction::none);
    deliver();
    for (const auto& ticket : tickets)
        loop->cancel(ticket);
    BOOST_TEST(journal.size() == 12u);
}

BOOST_AUTO_TEST_SUITE_END()
