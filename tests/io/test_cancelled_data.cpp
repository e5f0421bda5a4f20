// SPDX-License-Identifier: BSL-1.0
// An operation that is cancelled before its handler was called ends with
// operation_aborted, even if its data had come. The data, the datagram or the connection
// goes to whatever the program does next with the object.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/object_kinds.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <sys/socket.h>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;

/// How a program cancels.
enum class way
{
    of_object,
    of_slot,
};

constexpr way ways[] = {way::of_object, way::of_slot};

/// Starts an operation, lets it wait in the kernel, and in one handler brings what it
/// waits for, cancels it and goes on. `start` gets a handler for it.
template <typename Context, typename Object, typename Start>
void bring_and_cancel(
    Context& context,
    recorder& log,
    way by,
    Object& object,
    Start start,
    std::function<void()> bring,
    std::function<void()> next)
{
    asio::cancellation_signal signal;
    start(asio::bind_cancellation_slot(signal.slot(), log.io("cancelled")));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    asio::post(context, [&] {
        bring();
        if (by == way::of_object)
            object.cancel();
        else
            signal.emit(asio::cancellation_type::terminal);
        next();
    });
    finish(context);
}

/// The same with a read of a line, whose far end feeds it with "data".
template <typename Kind>
void feed_and_cancel(Kind& made, way by, std::function<void()> next)
{
    char unused[8];
    bring_and_cancel(
        made.context,
        made.log,
        by,
        made.object.reader(),
        [&](auto handler) {
            made.object.reader().async_read_some(
                asio::buffer(unused), std::move(handler));
        },
        [&] { made.object.feed("data"); },
        std::move(next));
}

/// A timer with the executor of an object.
template <typename Object>
using timer_beside = asio::basic_waitable_timer<
    std::chrono::steady_clock,
    asio::wait_traits<std::chrono::steady_clock>,
    typename std::remove_reference_t<Object>::executor_type>;

template <typename Object>
std::string read_now(Object& object)
{
    std::string data(8, '\0');
    error_code ec;
    object.non_blocking(true);
    data.resize(object.read_some(asio::buffer(data), ec));
    return ec ? text(ec) : data;
}

template <typename Backend>
struct datagrams
{
    using socket_type =
        asio::basic_datagram_socket<asio::ip::udp, typename Backend::executor>;

    explicit datagrams(typename Backend::io_context& context)
        : socket(context, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0)),
          far(make_socket(SOCK_DGRAM))
    {
        const auto to = socket.local_endpoint();
        BOOST_TEST_REQUIRE(
            ::connect(far.get(), to.data(), static_cast<::socklen_t>(to.size())) == 0);
    }

    socket_type socket;
    unique_fd far;
};

template <typename Backend>
struct listening
{
    explicit listening(typename Backend::io_context& context)
        : acceptor(context, {asio::ip::address_v4::loopback(), 0})
    {}

    void connect()
    {
        clients.push_back(start_connect(acceptor.local_endpoint()));
        BOOST_TEST_REQUIRE(ready(clients.back().fd(), POLLOUT));
    }

    typename Backend::acceptor acceptor;
    std::vector<peer> clients;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_cancelled_data)

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_read_leaves_its_data_to_the_next_read, Kind, pending_kinds)
{
    for (way by : ways) {
        Kind made;
        char data[8] = {};
        feed_and_cancel(made, by, [&] {
            made.object.reader().async_read_some(asio::buffer(data), made.log.io("next"));
        });
        BOOST_TEST(made.log.take() == "cancelled operation_aborted 0; next ok 4");
        BOOST_TEST(std::string(data) == "data");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_read_leaves_its_data_to_a_read_in_a_later_turn, Kind, pending_kinds)
{
    for (way by : ways) {
        Kind made;
        char data[8] = {};
        feed_and_cancel(made, by, [] {});
        made.object.reader().async_read_some(asio::buffer(data), made.log.io("next"));
        finish(made.context);
        BOOST_TEST(made.log.take() == "cancelled operation_aborted 0; next ok 4");
        BOOST_TEST(std::string(data) == "data");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_read_leaves_its_data_to_short_reads, Kind, pending_kinds)
{
    Kind made;
    char data[8] = {};
    feed_and_cancel(made, way::of_object, [&] {
        made.object.feed("more");
        made.object.reader().async_read_some(asio::buffer(data, 3), made.log.io("a"));
        made.object.reader().async_read_some(asio::buffer(data + 3, 5), made.log.io("b"));
    });
    BOOST_TEST(made.log.take() == "cancelled operation_aborted 0; a ok 3; b ok 5");
    BOOST_TEST(std::string(data, 8) == "datamore");
}

// Whether a read of what is there has ended when it is cancelled is up to Asio.
BOOST_AUTO_TEST_CASE_TEMPLATE(
    read_cancelled_where_data_was_there_takes_all_or_nothing, Kind, pending_kinds)
{
    for (way by : ways) {
        Kind made;
        asio::cancellation_signal signal;
        std::string data(8, '.');
        std::size_t taken = 0;
        auto& reader = made.object.reader();
        made.object.feed("data");
        asio::post(made.context, [&] {
            reader.async_read_some(
                asio::buffer(data),
                asio::bind_cancellation_slot(
                    signal.slot(), [&](error_code ec, std::size_t size) {
                        made.log.handled(text(ec));
                        taken = size;
                    }));
            if (by == way::of_object)
                reader.cancel();
            else
                signal.emit(asio::cancellation_type::terminal);
        });
        finish(made.context);
        made.object.feed("more");
        BOOST_TEST(made.log.take() == (taken == 4 ? "ok" : "operation_aborted"));
        while (taken != 8) {
            reader.async_read_some(
                asio::buffer(&data[taken], 8 - taken),
                [&](error_code, std::size_t size) { taken += size; });
            finish(made.context);
        }
        BOOST_TEST(data == "datamore");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_read_leaves_its_data_to_a_synchronous_read, Kind, waiting_kinds)
{
    for (way by : ways) {
        Kind made;
        std::string data;
        feed_and_cancel(made, by, [&] { data = read_now(made.object.reader()); });
        BOOST_TEST(data == "data");
        BOOST_TEST(made.log.take() == "cancelled operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_read_leaves_its_data_to_a_wait, Kind, waiting_kinds)
{
    for (way by : ways) {
        Kind made;
        auto& reader = made.object.reader();
        feed_and_cancel(made, by, [&] {
            reader.async_wait(reader.wait_read, made.log.done("wait"));
        });
        BOOST_TEST(made.log.take() == "cancelled operation_aborted 0; wait ok");
        BOOST_TEST(read_now(reader) == "data");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_read_leaves_its_data_to_a_moved_object, Kind, waiting_kinds)
{
    for (way by : ways) {
        Kind made;
        std::string data;
        feed_and_cancel(made, by, [&] {
            auto moved = std::move(made.object.reader());
            data = read_now(moved);
            made.object.reader() = std::move(moved);
        });
        BOOST_TEST(data == "data");
        BOOST_TEST(made.log.take() == "cancelled operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_wait_ends_aborted_and_takes_nothing, Kind, waiting_kinds)
{
    for (way by : ways) {
        Kind made;
        auto& reader = made.object.reader();
        std::string data;
        bring_and_cancel(
            made.context,
            made.log,
            by,
            reader,
            [&](auto handler) {
                reader.async_wait(
                    reader.wait_read,
                    asio::bind_cancellation_slot(
                        handler.get_cancellation_slot(),
                        [handler](error_code ec) mutable { handler(ec, 0); }));
            },
            [&] { made.object.feed("data"); },
            [&] { data = read_now(reader); });
        BOOST_TEST(data == "data");
        BOOST_TEST(made.log.take() == "cancelled operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    read_cancelled_by_a_handler_of_the_same_turn_leaves_its_data, Kind, pending_kinds)
{
    for (way by : ways) {
        Kind made;
        char unused[8] = {};
        char data[8] = {};
        asio::cancellation_signal signal;
        auto& reader = made.object.reader();
        timer_beside<decltype(reader)> first(made.context);
        timer_beside<decltype(reader)> second(made.context);

        reader.async_read_some(
            asio::buffer(unused),
            asio::bind_cancellation_slot(signal.slot(), made.log.io("cancelled")));
        turn(made.context);
        // Both have expired when the loop turns next.
        first.expires_at(std::chrono::steady_clock::now() - std::chrono::seconds(2));
        second.expires_at(std::chrono::steady_clock::now() - std::chrono::seconds(1));
        first.async_wait([&](error_code) { made.object.feed("data"); });
        second.async_wait([&](error_code) {
            if (by == way::of_object)
                reader.cancel();
            else
                signal.emit(asio::cancellation_type::terminal);
        });
        finish(made.context);
        BOOST_TEST(made.log.take() == "cancelled operation_aborted 0");
        reader.async_read_some(asio::buffer(data), made.log.io("next"));
        finish(made.context);
        BOOST_TEST(made.log.take() == "next ok 4");
        BOOST_TEST(std::string(data) == "data");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_read_leaves_its_data_to_available, Backend, backends)
{
    for (way by : ways) {
        auto [context, link, log] = fixture<Backend>();
        char unused[8];
        std::size_t available = 0;
        bring_and_cancel(
            context,
            log,
            by,
            link.socket,
            [&](auto handler) {
                link.socket.async_read_some(asio::buffer(unused), std::move(handler));
            },
            [&] { link.remote.send("data"); },
            [&] { available = link.socket.available(); });
        BOOST_TEST(available == 4u);
        BOOST_TEST(log.take() == "cancelled operation_aborted 0");
        BOOST_TEST(read_now(link.socket) == "data");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_receive_leaves_its_datagram_to_the_next, Backend, backends)
{
    for (way by : ways) {
        for (bool synchronous : {false, true}) {
            auto [context, link, log] = fixture<Backend, datagrams>();
            char unused[8];
            std::string data(8, '\0');
            bring_and_cancel(
                context,
                log,
                by,
                link.socket,
                [&](auto handler) {
                    link.socket.async_receive(asio::buffer(unused), std::move(handler));
                },
                [&] {
                    send_text(link.far, "one");
                    send_text(link.far, "second");
                },
                [&] {
                    if (!synchronous)
                        return link.socket.async_receive(
                            asio::buffer(data), log.io("next"));
                    link.socket.non_blocking(true);
                    error_code ec;
                    const auto size = link.socket.receive(asio::buffer(data), 0, ec);
                    log.note("next " + text(ec) + ' ' + std::to_string(size));
                });
            BOOST_TEST(
                log.take() == (synchronous ? "next ok 3; cancelled operation_aborted 0"
                                           : "cancelled operation_aborted 0; next ok 3"));
            BOOST_TEST(data.substr(0, 3) == "one");
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    cancelled_accept_leaves_its_connection_to_the_next, Backend, backends)
{
    for (way by : ways) {
        for (bool synchronous : {false, true}) {
            auto [context, server, log] = fixture<Backend, listening>();
            typename Backend::socket unused(context);
            typename Backend::socket accepted(context);
            bring_and_cancel(
                context,
                log,
                by,
                server.acceptor,
                [&](auto handler) {
                    server.acceptor.async_accept(
                        unused,
                        asio::bind_cancellation_slot(
                            handler.get_cancellation_slot(),
                            [handler](error_code ec) mutable { handler(ec, 0); }));
                },
                [&] { server.connect(); },
                [&] {
                    if (!synchronous)
                        return server.acceptor.async_accept(accepted, log.done("next"));
                    server.acceptor.non_blocking(true);
                    error_code ec;
                    server.acceptor.accept(accepted, ec);
                    log.note("next " + text(ec));
                });
            BOOST_TEST(!unused.is_open());
            BOOST_TEST(
                log.take() == (synchronous ? "next ok; cancelled operation_aborted 0"
                                           : "cancelled operation_aborted 0; next ok"));
            BOOST_TEST_REQUIRE(accepted.is_open());
            server.clients.front().send("x");
            char data;
            BOOST_TEST(accepted.read_some(asio::buffer(&data, 1)) == 1u);
        }
    }
}

namespace {

/// Rounds of `operation || timer` in which another timer brings what the operation waits
/// for. Both have expired when the loop turns. The program takes what the operation gave
/// where that is what ended first.
template <typename Backend, typename Bring, typename Run, typename Take>
asio::awaitable<void> race_a_timer(
    typename Backend::io_context& context, int rounds, Bring bring, Run run, Take take)
{
    using namespace asio::experimental::awaitable_operators;
    steady_timer<Backend> timeout(context);
    steady_timer<Backend> other(context);
    for (int i = 0; i != rounds; ++i) {
        const auto now = std::chrono::steady_clock::now();
        other.expires_at(now - std::chrono::microseconds(2));
        other.async_wait([&](error_code) { bring(); });
        timeout.expires_at(now - std::chrono::microseconds(1));
        auto ended = co_await (run() || timeout.async_wait(asio::use_awaitable));
        if (ended.index() == 0)
            take(std::get<0>(std::move(ended)));
    }
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(read_or_timer_loses_no_byte, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    auto& socket = link.socket;
    auto& remote = link.remote;
    constexpr int rounds = 300;
    std::size_t received = 0;
    char data[64];

    asio::co_spawn(
        context,
        race_a_timer<Backend>(
            context,
            rounds,
            [&] { remote.send("x"); },
            [&] {
                return socket.async_read_some(
                    asio::buffer(data), asio::as_tuple(asio::use_awaitable));
            },
            [&](const auto& ended) { received += std::get<1>(ended); }),
        asio::detached);
    finish(context);
    for (socket.non_blocking(true); received < rounds;) {
        error_code ec;
        received += socket.read_some(asio::buffer(data), ec);
        if (ec)
            break;
    }

    BOOST_TEST(received == static_cast<std::size_t>(rounds));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(accept_or_timer_loses_no_connection, Backend, backends)
{
    auto [context, server, log] = fixture<Backend, listening>();
    auto& acceptor = server.acceptor;
    constexpr int rounds = 100;
    int accepted = 0;

    asio::co_spawn(
        context,
        race_a_timer<Backend>(
            context,
            rounds,
            [&] { server.connect(); },
            [&] { return acceptor.async_accept(asio::use_awaitable); },
            [&](const auto& made) { accepted += made.is_open() ? 1 : 0; }),
        asio::detached);
    finish(context);
    for (acceptor.non_blocking(true); accepted < rounds; ++accepted) {
        error_code ec;
        typename Backend::socket made(context);
        acceptor.accept(made, ec);
        if (ec)
            break;
    }

    BOOST_TEST(accepted == rounds);
}

BOOST_AUTO_TEST_SUITE_END()
