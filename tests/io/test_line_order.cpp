// SPDX-License-Identifier: BSL-1.0
// The order of reads, writes, waits and their cancellation on one object, the same for
// every kind of object: operations of one direction stand in a line.
#include "../support/backend.hpp"
#include "../support/object_fixture.hpp"
#include "../support/object_kinds.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <vector>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;

} // namespace

BOOST_AUTO_TEST_SUITE(test_line_order)

BOOST_AUTO_TEST_CASE_TEMPLATE(reads_of_what_is_there_keep_order, Kind, every_kind)
{
    auto [context, line, log] = Kind();
    std::string data(12, '.');

    line.feed("000111222333");
    for (std::size_t i = 0; i != 4; ++i)
        line.reader().async_read_some(
            asio::buffer(&data[i * 3], 3), log.io("r" + std::to_string(i)));
    BOOST_TEST(log.count() == 0u);
    finish(context);

    BOOST_TEST(log.take() == "r0 ok 3; r1 ok 3; r2 ok 3; r3 ok 3");
    BOOST_TEST(data == "000111222333");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(reads_started_first_are_filled_first, Kind, pending_kinds)
{
    for (stage when : stages) {
        auto [context, line, log] = Kind();
        std::string data(16, '.');

        for (std::size_t i = 0; i != 4; ++i)
            line.reader().async_read_some(
                asio::buffer(&data[i * 3], 3), log.io("read " + std::to_string(i)));
        reach(context, when);
        line.feed("000111222333");
        finish(context);

        BOOST_TEST(log.take() == "read 0 ok 3; read 1 ok 3; read 2 ok 3; read 3 ok 3");
        BOOST_TEST(data == "000111222333....");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(line_of_reads_advances_as_data_comes, Kind, pending_kinds)
{
    auto [context, line, log] = Kind();
    char data[6];

    for (int i = 0; i != 6; ++i)
        line.reader().async_read_some(
            asio::buffer(data + i, 1), log.io("r" + std::to_string(i)));
    turn(context);
    line.feed("abc");
    run_until(context, [&] { return log.count() == 3; });
    line.feed("def");
    finish(context);

    BOOST_TEST(log.take() == "r0 ok 1; r1 ok 1; r2 ok 1; r3 ok 1; r4 ok 1; r5 ok 1");
    BOOST_TEST(std::string(data, 6) == "abcdef");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(writes_leave_in_order, Kind, every_kind)
{
    auto [context, line, log] = Kind();

    line.writer().async_write_some(asio::buffer("a", 1), log.io("w0"));
    line.writer().async_write_some(asio::buffer("bc", 2), log.io("w1"));
    line.writer().async_write_some(asio::buffer("def", 3), log.io("w2"));
    BOOST_TEST(log.count() == 0u);
    finish(context);

    BOOST_TEST(log.take() == "w0 ok 1; w1 ok 2; w2 ok 3");
    BOOST_TEST(line.take(6) == "abcdef");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(writes_that_wait_leave_in_order, Kind, pending_kinds)
{
    auto [context, line, log] = Kind();
    const std::size_t filling = line.fill();
    const std::string parts[] = {
        std::string(3000, 'a'), std::string(3000, 'b'), std::string(3000, 'c')};

    for (const std::string& part : parts)
        line.writer().async_write_some(asio::buffer(part), log.io(part.substr(0, 1)));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(line.take(filling).size() == filling);
    finish(context);

    // A pipe takes what is no longer than a page as a whole.
    BOOST_TEST(log.take() == "a ok 3000; b ok 3000; c ok 3000");
    BOOST_TEST((line.take(9000) == parts[0] + parts[1] + parts[2]));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(long_line_of_writes_leaves_in_order, Kind, pending_kinds)
{
    auto [context, line, log] = Kind();
    constexpr std::size_t count = 50;
    std::vector<std::string> chunks;
    std::string all;
    for (std::size_t i = 0; i < count; ++i) {
        chunks.push_back("chunk " + std::to_string(i) + '\n');
        all += chunks.back();
    }

    const std::size_t ahead = line.fill();
    for (std::size_t i = 0; i < count; ++i)
        line.writer().async_write_some(asio::buffer(chunks[i]), log.io("write"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(line.take(ahead).size() == ahead);
    finish(context);

    BOOST_TEST(log.count() == count);
    BOOST_TEST(log.take().find("aborted") == std::string::npos);
    BOOST_TEST(line.take(all.size()) == all);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    reads_and_writes_do_not_wait_for_each_other, Kind, pending_kinds)
{
    auto [context, line, log] = Kind();
    char data[4];

    line.reader().async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    line.writer().async_write_some(asio::buffer("ping", 4), log.io("write"));
    run_until(context, [&] { return log.count() == 1; });
    BOOST_TEST(line.take(4) == "ping");
    line.fill();
    line.writer().async_write_some(asio::buffer("stuck", 5), log.io("stuck"));
    turn(context);
    line.feed("pong");
    run_until(context, [&] { return log.count() == 2; });

    BOOST_TEST(log.take() == "write ok 4; read ok 4");
    line.writer().cancel();
    finish(context);
    BOOST_TEST(log.take() == "stuck operation_aborted 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancel_aborts_the_line_in_order, Kind, pending_kinds)
{
    for (stage when : stages) {
        auto [context, line, log] = Kind();
        char data[4];

        line.fill();
        for (int i = 0; i < 4; ++i)
            line.reader().async_read_some(
                asio::buffer(data), log.io("r" + std::to_string(i)));
        reach(context, when);
        line.reader().cancel();
        log.note("cancelled");
        finish(context);
        BOOST_TEST(
            log.take() == "cancelled; r0 operation_aborted 0; r1 operation_aborted 0; "
                          "r2 operation_aborted 0; r3 operation_aborted 0");

        for (int i = 0; i < 2; ++i)
            line.writer().async_write_some(
                asio::buffer("x", 1), log.io("w" + std::to_string(i)));
        reach(context, when);
        line.writer().cancel();
        finish(context);
        BOOST_TEST(log.take() == "w0 operation_aborted 0; w1 operation_aborted 0");

        BOOST_TEST(line.reader().is_open());
        line.feed("data");
        line.reader().async_read_some(asio::buffer(data), log.io("again"));
        finish(context);
        BOOST_TEST(log.take() == "again ok 4");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(slot_of_a_read_spares_its_neighbours, Kind, pending_kinds)
{
    for (stage when : stages) {
        for (std::size_t chosen : {0u, 1u, 2u}) {
            auto [context, line, log] = Kind();
            std::array<asio::cancellation_signal, 3> signals;
            std::string data(3, '.');

            for (std::size_t i = 0; i < 3; ++i)
                line.reader().async_read_some(
                    asio::buffer(&data[i], 1),
                    asio::bind_cancellation_slot(
                        signals[i].slot(), log.io("r" + std::to_string(i))));
            reach(context, when);
            signals[chosen].emit(asio::cancellation_type::terminal);
            run_until(context, [&] { return log.count() == 1; });
            BOOST_TEST(
                log.take() == "r" + std::to_string(chosen) + " operation_aborted 0");
            line.feed("ab");
            finish(context);
            std::string expected = "ab";
            expected.insert(chosen, 1, '.');
            BOOST_TEST(data == expected);
            BOOST_TEST(log.count() == 2u);
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(slots_of_reads_end_them_one_by_one, Kind, pending_kinds)
{
    for (stage when : stages) {
        auto [context, line, log] = Kind();
        char data[3] = {};
        asio::cancellation_signal signals[3];

        for (int i = 0; i != 3; ++i)
            line.reader().async_read_some(
                asio::buffer(data + i, 1),
                asio::bind_cancellation_slot(
                    signals[i].slot(), log.io("r" + std::to_string(i))));
        reach(context, when);
        signals[1].emit(asio::cancellation_type::total);
        run_until(context, [&] { return log.count() == 1; });
        BOOST_TEST(log.take() == "r1 operation_aborted 0");
        signals[0].emit(asio::cancellation_type::terminal);
        run_until(context, [&] { return log.count() == 1; });
        BOOST_TEST(log.take() == "r0 operation_aborted 0");
        line.feed("x");
        finish(context);

        BOOST_TEST(log.take() == "r2 ok 1");
        BOOST_TEST(data[2] == 'x');
    }
}

// Asio tries a write when it is started, so a program may write and then close. On the
// ring a write to a regular file comes after the function that started it.
BOOST_AUTO_TEST_CASE_TEMPLATE(close_after_writes_delivers_them, Kind, pending_kinds)
{
    auto [context, line, log] = Kind();

    line.writer().async_write_some(asio::buffer("one", 3), log.io("first"));
    line.writer().async_write_some(asio::buffer("two", 3), log.io("second"));
    line.writer().close();
    log.note("closed");
    finish(context);

    BOOST_TEST(log.take() == "closed; first ok 3; second ok 3");
    BOOST_TEST(line.take(6) == "onetwo");
    BOOST_TEST(line.take(1) == ""); // the end
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    close_after_a_write_that_blocks_aborts_it, Kind, pending_kinds)
{
    auto [context, line, log] = Kind();
    const std::size_t before = line.fill();

    line.writer().async_write_some(asio::buffer("more", 4), log.io("write"));
    line.writer().close();
    finish(context);

    BOOST_TEST(log.take() == "write operation_aborted 0");
    BOOST_TEST(line.take(before + 1).size() == before);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sync_write_follows_the_one_before_it, Kind, pending_kinds)
{
    auto [context, line, log] = Kind();

    line.writer().async_write_some(asio::buffer("A", 1), log.io("write"));
    line.writer().write_some(asio::buffer("B", 1));
    finish(context);

    BOOST_TEST(log.take() == "write ok 1");
    BOOST_TEST(line.take(2) == "AB");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(waits_and_reads_end_in_order, Kind, waiting_kinds)
{
    auto [context, line, log] = Kind();
    auto& object = line.reader();
    char data[8];

    object.async_wait(object.wait_read, log.done("w0"));
    object.async_read_some(asio::buffer(data, 1), log.io("r0"));
    object.async_read_some(null_buffers(), log.io("n0"));
    object.async_read_some(asio::buffer(data, 2), log.io("r1"));
    turn(context);
    line.feed("abc");
    finish(context);

    BOOST_TEST(log.take() == "w0 ok; r0 ok 1; n0 ok 0; r1 ok 2");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_behind_a_read_ends_behind_it, Kind, waiting_kinds)
{
    auto [context, line, log] = Kind();
    auto& object = line.reader();
    char data[8];

    object.async_read_some(asio::buffer(data, 2), log.io("r0"));
    object.async_wait(object.wait_read, log.done("w0"));
    object.async_wait(object.wait_read, log.done("w1"));
    object.async_read_some(asio::buffer(data, 3), log.io("r1"));
    object.async_read_some(null_buffers(), log.io("n0"));
    turn(context);
    line.feed("abcdef");
    finish(context);

    BOOST_TEST(log.take() == "r0 ok 2; w0 ok; w1 ok; r1 ok 3; n0 ok 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    waits_behind_a_read_end_with_it_though_nothing_is_left, Kind, waiting_kinds)
{
    auto [context, line, log] = Kind();
    auto& object = line.reader();
    char data[8];

    object.async_read_some(asio::buffer(data), log.io("r0"));
    object.async_wait(object.wait_read, log.done("w0"));
    object.async_read_some(null_buffers(), log.io("n0"));
    object.async_read_some(asio::buffer(data), log.io("r1"));
    turn(context);
    line.feed("data");
    turn(context);
    BOOST_TEST(log.take() == "r0 ok 4; w0 ok; n0 ok 0");

    line.feed("more");
    finish(context);
    BOOST_TEST(log.take() == "r1 ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_before_a_read_ends_before_it, Kind, waiting_kinds)
{
    auto [context, line, log] = Kind();
    auto& object = line.reader();
    char data[8];

    object.async_wait(object.wait_read, log.done("w0"));
    object.async_read_some(asio::buffer(data), log.io("r0"));
    turn(context);
    line.feed("data");
    finish(context);

    BOOST_TEST(log.take() == "w0 ok; r0 ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_event_answers_all_waits, Kind, waiting_kinds)
{
    auto [context, line, log] = Kind();
    auto& object = line.reader();
    char data[8];

    object.async_wait(object.wait_read, [&](error_code ec) {
        log.handled("first " + text(ec));
        object.read_some(asio::buffer(data));
    });
    object.async_wait(object.wait_read, log.done("second"));
    object.async_wait(object.wait_read, log.done("third"));
    turn(context);
    line.feed("data");
    finish(context);

    BOOST_TEST(log.take() == "first ok; second ok; third ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_to_write_stands_behind_a_write, Kind, waiting_kinds)
{
    auto [context, line, log] = Kind();
    auto& object = line.writer();
    const std::size_t filling = line.fill();

    object.async_write_some(asio::buffer("x", 1), log.io("write"));
    object.async_wait(object.wait_write, log.done("wait"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(line.take(filling).size() == filling);
    finish(context);

    BOOST_TEST(log.take() == "write ok 1; wait ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_in_the_line_is_cancelled_alone, Kind, waiting_kinds)
{
    for (stage when : stages) {
        auto [context, line, log] = Kind();
        auto& object = line.reader();
        char data[8];
        asio::cancellation_signal signal;

        object.async_wait(object.wait_read, log.done("w0"));
        object.async_wait(
            object.wait_read,
            asio::bind_cancellation_slot(signal.slot(), log.done("w1")));
        object.async_read_some(asio::buffer(data), log.io("r0"));
        reach(context, when);
        signal.emit(asio::cancellation_type::terminal);
        run_until(context, [&] { return log.count() == 1; });
        line.feed("data");
        finish(context);
        BOOST_TEST(log.take() == "w1 operation_aborted; w0 ok; r0 ok 4");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancel_aborts_waits_and_reads_in_order, Kind, waiting_kinds)
{
    for (stage when : stages) {
        auto [context, line, log] = Kind();
        auto& object = line.reader();
        char data[8];

        object.async_wait(object.wait_read, log.done("w0"));
        object.async_read_some(asio::buffer(data), log.io("r0"));
        object.async_read_some(asio::buffer(data), log.io("r1"));
        object.async_wait(object.wait_read, log.done("w1"));
        reach(context, when);
        object.cancel();
        log.note("cancelled");
        finish(context);
        BOOST_TEST(
            log.take() == "cancelled; w0 operation_aborted; r0 operation_aborted 0; "
                          "r1 operation_aborted 0; w1 operation_aborted");
        BOOST_TEST(object.is_open());
        line.feed("data");
        object.async_read_some(asio::buffer(data), log.io("again"));
        finish(context);
        BOOST_TEST(log.take() == "again ok 4");
    }
}

BOOST_AUTO_TEST_SUITE_END()
