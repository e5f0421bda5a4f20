// SPDX-License-Identifier: BSL-1.0
// The last step of a transfer: what a cancellation can still reach, what is kept for the
// next read, and how a transfer by call waits on.
#include "../support/scripted_loop.hpp"

#include <poll.h>

namespace {

namespace kernel = asio_uring::abi;
using asio_uring::test::direction;
using asio_uring::test::scripted_fixture;

struct running_loop : scripted_fixture
{
    running_loop() { first_turn(); }

    /// A write whose first poll told of no room: the next one stands.
    asio_uring::test::scripted_transfer&
    start_told_in_vain(int id, asio_uring::detail::request_owner& of)
    {
        auto& op = start_call(id, of, direction::write, {});
        turn();
        script.post(name(op), POLLRDHUP);
        turn();
        turn();
        return op;
    }

    /// The kernel takes nothing, and the queue is full.
    void refuse_and_fill()
    {
        script.refusal = -EAGAIN;
        const auto& ring = loop->ring();
        for (int id = 10; ring.claimed() - ring.consumed() != ring.sq_entries(); ++id)
            start(id, owner(id));
    }

    /// The poll requests that the kernel has taken since the last look.
    std::vector<kernel::sqe> polls()
    {
        std::vector<kernel::sqe> found;
        for (const kernel::sqe& entry : std::exchange(script.taken, {})) {
            const asio_uring::test::user_data data{entry.user_data};
            if (entry.opcode == static_cast<std::uint8_t>(kernel::opcode::poll_add) &&
                !data.is_internal())
                found.push_back(entry);
        }
        return found;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(delivery)

// Reads that bring their bytes

BOOST_FIXTURE_TEST_CASE(read_cancelled_with_bytes_ends_aborted, running_loop)
{
    auto& socket = owner(3);
    const auto read = name(start_read(1, socket, "hello"));
    turn();
    script.post(read, 5);
    loop->cancel(socket);
    turn();
    BOOST_TEST(journal_text() == "1 -125");
    BOOST_TEST(loop->kept_size(socket) == 5u);
}

BOOST_FIXTURE_TEST_CASE(read_cancelled_before_its_delivery_ends_aborted, running_loop)
{
    auto& socket = owner(3);
    const auto read = name(start_read(1, socket, "hello"));
    turn();
    script.post(read, 5);
    turn_without_delivery();
    loop->cancel(socket);
    deliver();
    BOOST_TEST(journal_text() == "1 -125");
    BOOST_TEST(loop->kept_size(socket) == 5u);
    BOOST_TEST(taken() == "1");
}

BOOST_FIXTURE_TEST_CASE(next_read_gets_what_a_cancelled_one_had_brought, running_loop)
{
    auto& socket = owner(3);
    const auto read = name(start_read(1, socket, "hello"));
    turn();
    taken();
    script.post(read, 5);
    loop->cancel(socket);
    start_read(2, socket, "...");
    start_read(3, socket);
    start_read(4, socket);
    turn();
    BOOST_TEST(journal_text() == "1 -125; 2 3 hel; 3 2 lo");
    turn();
    BOOST_TEST(taken() == "cancel 4");
}

BOOST_FIXTURE_TEST_CASE(synchronous_read_gets_it_before_the_delivery, running_loop)
{
    auto& socket = owner(3);
    const auto read = name(start_read(1, socket, "hello"));
    turn();
    script.post(read, 5);
    loop->cancel(socket);
    std::string text = "12345678";
    const ::iovec bytes{text.data(), text.size()};
    const auto take = [&](bool peeks) {
        return loop->take_kept(
            socket, [&](auto& kept) { return kept.take(&bytes, 1, peeks); });
    };
    BOOST_TEST(take(true) == 5);
    BOOST_TEST(take(false) == 5);
    BOOST_TEST(text == "hello678");
    BOOST_TEST(take(false) == -EAGAIN);
    deliver();
    BOOST_TEST(journal_text() == "1 -125");
}

BOOST_FIXTURE_TEST_CASE(error_of_a_cancelled_read_is_the_next_reads, running_loop)
{
    auto& socket = owner(3);
    const auto read = name(start_read(1, socket));
    turn();
    script.post(read, -ECONNRESET);
    loop->cancel(socket);
    start_read(2, socket);
    turn();
    BOOST_TEST(journal_text() == "1 -125; 2 -104");
}

BOOST_FIXTURE_TEST_CASE(end_of_stream_is_not_kept, running_loop)
{
    auto& socket = owner(3);
    const auto read = name(start_read(1, socket));
    turn();
    script.post(read, 0);
    loop->cancel(socket);
    turn();
    BOOST_TEST(journal_text() == "1 -125");
    BOOST_TEST(loop->kept_size(socket) == 0u);
}

BOOST_FIXTURE_TEST_CASE(read_that_cannot_be_kept_reports_its_bytes, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_read(1, socket, "hello");
    op.lacks_memory = true;
    turn();
    script.post(name(op), 5);
    loop->cancel(socket);
    turn();
    BOOST_TEST(journal_text() == "1 5 hello");
}

BOOST_FIXTURE_TEST_CASE(next_object_of_the_descriptor_gets_what_was_parked, running_loop)
{
    constexpr std::uint64_t file = 77;
    constexpr std::uint64_t other_file = 78;
    const auto park = [&](int id) {
        auto& socket = *loop->open_owner(3, file);
        const auto read = name(start_read(id, socket, "hello"));
        turn();
        script.post(read, 5);
        loop->park(socket);
        loop->close_owner(socket);
        deliver();
        BOOST_TEST(journal_text() == std::to_string(id) + " -125");
    };
    park(1);
    auto& again = *loop->open_owner(9, file);
    BOOST_TEST(loop->kept_size(again) == 5u);
    loop->close_owner(again);
    BOOST_TEST(loop->kept_size(*loop->open_owner(9, file)) == 0u);
    park(2);
    loop->close_owner(*loop->open_owner(3, other_file));
    BOOST_TEST(loop->kept_size(*loop->open_owner(3, file)) == 0u);
}

BOOST_FIXTURE_TEST_CASE(closing_drops_what_a_read_had_brought, running_loop)
{
    auto& socket = owner(3);
    const auto read = name(start_read(1, socket, "hello"));
    turn();
    script.post(read, 5);
    turn_without_delivery();
    loop->close_owner(socket);
    deliver();
    BOOST_TEST(journal_text() == "1 -125");
    BOOST_TEST(&owner(4) == &socket);
    BOOST_TEST(loop->kept_size(socket) == 0u);
}

BOOST_FIXTURE_TEST_CASE(
    shutdown_destroys_a_read_that_waits_for_its_delivery, running_loop)
{
    auto& socket = owner(3);
    const auto read = name(start_read(1, socket, "hello"));
    start_read(2, socket);
    turn();
    script.post(read, 5);
    turn_without_delivery();
    shut_down();
    BOOST_TEST(journal_text() == "2 destroyed");
}

// Transfers by call

BOOST_FIXTURE_TEST_CASE(write_by_call_waits_until_it_finds_room, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_call(1, socket, direction::write, {7});
    turn();
    const auto first = polls();
    BOOST_TEST_REQUIRE(first.size() == 1u);
    BOOST_TEST(first[0].fd == 3);
    BOOST_TEST(first[0].poll32_events == static_cast<std::uint32_t>(POLLOUT));
    BOOST_TEST(first[0].len == 0u);
    script.post(name(op), POLLOUT);
    turn();
    BOOST_TEST(journal_text() == "1 7");
}

BOOST_FIXTURE_TEST_CASE(write_told_in_vain_waits_by_a_poll_that_stands, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_call(1, socket, direction::write, {});
    turn();
    polls();
    script.post(name(op), POLLRDHUP);
    turn();
    turn();
    const auto second = polls();
    BOOST_TEST_REQUIRE(second.size() == 1u);
    BOOST_TEST(second[0].len == kernel::poll_add_multi);
    // The poll tells again at once that the peer has shut down, and then only of changes.
    script.post(name(op), POLLRDHUP, kernel::cqe_f_more);
    turn();
    turn();
    BOOST_TEST(polls().empty());
    BOOST_TEST(journal_text() == "");
    op.answers = {7};
    script.post(name(op), POLLOUT, kernel::cqe_f_more);
    turn();
    // The result is known, and the poll still names the operation.
    BOOST_TEST(journal_text() == "");
    turn();
    BOOST_TEST(journal_text() == "1 7");
    BOOST_TEST(script.in_flight.count(name(op)) == 0u);
}

BOOST_FIXTURE_TEST_CASE(news_during_an_attempt_in_vain_is_looked_at, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_call(1, socket, direction::write, {});
    turn();
    script.post(name(op), POLLOUT);
    turn();
    turn();
    const auto bits = name(op);
    op.during_attempt = [&, this] {
        script.post(bits, POLLOUT, kernel::cqe_f_more);
        turn_without_delivery();
        op.answers = {-EAGAIN, 7};
    };
    script.post(bits, POLLRDHUP, kernel::cqe_f_more);
    turn();
    turn();
    BOOST_TEST(journal_text() == "1 7");
}

BOOST_FIXTURE_TEST_CASE(call_cancelled_when_it_is_ready_is_not_made, running_loop)
{
    auto& socket = owner(3);
    bool attempted = false;
    auto& op = start_call(1, socket, direction::write, {7});
    op.during_attempt = [&] { attempted = true; };
    turn();
    script.post(name(op), POLLOUT);
    turn_without_delivery();
    loop->cancel(socket);
    deliver();
    BOOST_TEST(journal_text() == "1 -125");
    BOOST_TEST(!attempted);
}

BOOST_FIXTURE_TEST_CASE(cancelled_poll_that_stands_ends_with_its_last_event, running_loop)
{
    auto& socket = owner(3);
    start_told_in_vain(1, socket);
    loop->cancel(socket);
    turn();
    BOOST_TEST(journal_text() == "1 -125");
}

BOOST_FIXTURE_TEST_CASE(
    poll_that_stands_is_ended_when_its_ready_operation_is_cancelled, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_told_in_vain(1, socket);
    taken();
    const auto bits = name(op);
    script.post(bits, POLLOUT, kernel::cqe_f_more);
    turn_without_delivery();
    loop->cancel(socket);
    turn();
    turn();
    BOOST_TEST(taken() == "cancel");
    BOOST_TEST(journal_text() == "1 -125");
    BOOST_TEST(script.in_flight.count(bits) == 0u);
}

BOOST_FIXTURE_TEST_CASE(poll_that_stands_and_ends_unasked_is_made_again, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_told_in_vain(1, socket);
    polls();
    script.post(name(op), -ECANCELED);
    turn();
    turn();
    const auto again = polls();
    BOOST_TEST_REQUIRE(again.size() == 1u);
    BOOST_TEST(again[0].len == kernel::poll_add_multi);
    BOOST_TEST(journal_text() == "");
}

BOOST_FIXTURE_TEST_CASE(
    poll_that_stands_outlives_the_shutdown_of_its_ready_operation, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_told_in_vain(1, socket);
    script.post(name(op), POLLOUT, kernel::cqe_f_more);
    turn_without_delivery();
    shut_down();
    BOOST_TEST(script.in_flight.empty());
}

BOOST_FIXTURE_TEST_CASE(transfers_behind_one_by_call_need_no_poll_for_room, running_loop)
{
    auto& socket = owner(3);
    auto& first = start_call(1, socket, direction::write, {1});
    start_call(2, socket, direction::write, {2});
    auto& third = start_call(3, socket, direction::write, {});
    turn();
    BOOST_TEST(polls().size() == 1u);
    script.post(name(first), POLLOUT);
    turn();
    BOOST_TEST(journal_text() == "1 1; 2 2");
    turn();
    const auto next = polls();
    BOOST_TEST_REQUIRE(next.size() == 1u);
    BOOST_TEST(next[0].len == 0u);
    third.answers = {3};
    script.post(name(third), POLLOUT);
    turn();
    BOOST_TEST(journal_text() == "3 3");
}

BOOST_FIXTURE_TEST_CASE(
    transfer_that_waits_on_behind_a_full_queue_can_be_cancelled, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_call(1, socket, direction::write, {});
    turn();
    script.post(name(op), POLLRDHUP);
    turn_without_delivery();
    refuse_and_fill();
    deliver();
    loop->cancel(socket);
    script.refusal = 0;
    deliver();
    BOOST_TEST(journal_text() == "1 -125");
}

BOOST_FIXTURE_TEST_CASE(
    poll_that_stands_and_tells_while_its_end_waits_for_room, running_loop)
{
    auto& socket = owner(3);
    const auto other = name(start(2, owner(4)));
    const auto bits = name(start_told_in_vain(1, socket));
    refuse_and_fill();
    loop->cancel(socket);
    script.post(bits, POLLOUT, kernel::cqe_f_more);
    script.post(other, 5);
    turn_without_delivery();
    // It stands in one queue only, so what comes behind it there is not lost.
    script.refusal = 0;
    turn();
    turn();
    BOOST_TEST(journal_text() == "2 5; 1 -125");
}

BOOST_FIXTURE_TEST_CASE(failed_poll_is_the_result_of_its_transfer, running_loop)
{
    auto& socket = owner(3);
    auto& op = start_call(1, socket, direction::write, {7});
    turn();
    script.post(name(op), -ENOMEM);
    turn();
    BOOST_TEST(journal_text() == "1 -12");
}

BOOST_AUTO_TEST_SUITE_END()
