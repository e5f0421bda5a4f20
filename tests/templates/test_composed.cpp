// SPDX-License-Identifier: BSL-1.0
// What stands on top of sockets and timers: TLS, WebSocket, rate limits, streams of the
// standard library, stackful coroutines, channels, groups. All of it is someone else's
// code that knows Asio's objects only.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"
#include "../support/tls.hpp"

#include <boost/asio/basic_socket_iostream.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/rate_policy.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;

// The expectations are absolute, and this code is slow to compile: on the ring alone.
#ifdef ASIO_URING_DROP_IN
using subjects = std::tuple<drop_in>;
#else
using subjects = std::tuple<ring>;
#endif

namespace beast = boost::beast;
namespace experimental = boost::asio::experimental;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

template <typename Backend>
using beast_stream = beast::basic_stream<tcp, typename Backend::executor>;

std::string pattern(std::size_t size)
{
    std::string bytes(size, '.');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>(i * 31 + i / 4096);
    return bytes;
}

/// Notes what a coroutine ends with.
auto ends(recorder& log, std::string name)
{
    return [&log, name = std::move(name)](std::exception_ptr error) {
        try {
            if (error)
                std::rethrow_exception(error);
            log.handled(name + " done");
        }
        catch (const boost::system::system_error& thrown) {
            log.handled(name + ' ' + thrown.code().message());
        }
    };
}

// TLS

template <typename Stream>
asio::awaitable<void> serve_tls(Stream& stream, std::size_t size)
{
    co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    std::string data(size, '.');
    co_await asio::async_read(stream, asio::buffer(data), asio::use_awaitable);
    co_await asio::async_write(stream, asio::buffer(data), asio::use_awaitable);
    co_await stream.async_shutdown(asio::use_awaitable);
}

template <typename Stream>
asio::awaitable<void> ask_tls(Stream& stream, std::size_t size, bool& same)
{
    co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
    const std::string out = pattern(size);
    std::string in(size, '.');
    co_await asio::async_write(stream, asio::buffer(out), asio::use_awaitable);
    co_await asio::async_read(stream, asio::buffer(in), asio::use_awaitable);
    same = in == out;
    // The server's notice of its end, then ours.
    error_code ec;
    co_await asio::async_read(
        stream, asio::buffer(in), asio::redirect_error(asio::use_awaitable, ec));
    same = same && ec == asio::error::eof;
    co_await stream.async_shutdown(asio::use_awaitable);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_composed)

BOOST_AUTO_TEST_CASE_TEMPLATE(tls_carries_a_conversation, Backend, subjects)
{
    auto server_tls = make_tls_server();
    auto client_tls = make_tls_client();
    for (std::size_t size : {std::size_t{1}, std::size_t{1} << 20}) {
        auto [context, link, log] = fixture<Backend, loopback_pair>();
        asio::ssl::stream<typename Backend::socket&> server(link.first, server_tls);
        asio::ssl::stream<typename Backend::socket> client(
            std::move(link.second), client_tls);
        bool same = false;
        asio::co_spawn(context, serve_tls(server, size), ends(log, "server"));
        asio::co_spawn(context, ask_tls(client, size, same), ends(log, "client"));
        finish(context);
        BOOST_TEST(same);
        const std::string text = log.take();
        BOOST_TEST(
            (text == "server done; client done" || text == "client done; server done"),
            text);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(tls_handshake_is_cancelled_and_closed, Backend, subjects)
{
    auto client_tls = make_tls_client();
    for (bool close : {false, true}) {
        auto [context, link, log] = fixture<Backend>();
        asio::ssl::stream<typename Backend::socket&> client(link.socket, client_tls);
        client.async_handshake(asio::ssl::stream_base::client, log.done("handshake"));
        steady_timer<Backend> timer(context, 1ms);
        timer.async_wait([&](error_code) {
            if (close)
                link.socket.close();
            else
                link.socket.cancel();
        });
        finish(context);
        BOOST_TEST(log.take() == "handshake operation_aborted");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(tls_end_without_notice_is_truncation, Backend, subjects)
{
    auto server_tls = make_tls_server();
    auto client_tls = make_tls_client();
    auto [context, link, log] = fixture<Backend, loopback_pair>();
    asio::ssl::stream<typename Backend::socket&> server(link.first, server_tls);
    asio::ssl::stream<typename Backend::socket&> client(link.second, client_tls);
    char byte = 0;
    server.async_handshake(asio::ssl::stream_base::server, [&](error_code ec) {
        log.done("server")(ec);
        asio::async_write(server, asio::buffer("x", 1), [&](error_code, std::size_t) {
            link.first.close();
        });
    });
    client.async_handshake(asio::ssl::stream_base::client, [&](error_code ec) {
        BOOST_TEST(text(ec) == "ok");
        asio::async_read(client, asio::buffer(&byte, 1), [&](error_code, std::size_t n) {
            BOOST_TEST(n == 1u);
            client.async_read_some(
                asio::buffer(&byte, 1), [&](error_code end, std::size_t) {
                    log.note(
                        end == asio::ssl::error::stream_truncated ? "truncated"
                                                                  : text(end));
                });
        });
    });
    finish(context);
    BOOST_TEST(log.take() == "server ok; truncated");
}

BOOST_AUTO_TEST_SUITE_END()

// WebSocket

namespace {

// What has a native handle of OpenSSL's is encrypted.
template <typename Stream>
asio::awaitable<void>
shake_hands(Stream& stream, asio::ssl::stream_base::handshake_type side)
{
    if constexpr (requires { stream.native_handle(); })
        co_await stream.async_handshake(side, asio::use_awaitable);
}

template <typename Stream>
asio::awaitable<void> serve_websocket(websocket::stream<Stream>& stream)
{
    co_await shake_hands(stream.next_layer(), asio::ssl::stream_base::server);
    stream.set_option(
        websocket::stream_base::timeout::suggested(beast::role_type::server));
    co_await stream.async_accept(asio::use_awaitable);
    for (;;) {
        beast::flat_buffer message;
        error_code ec;
        co_await stream.async_read(
            message, asio::redirect_error(asio::use_awaitable, ec));
        if (ec == websocket::error::closed)
            co_return;
        if (ec)
            throw boost::system::system_error(ec);
        stream.binary(stream.got_binary());
        co_await stream.async_write(message.data(), asio::use_awaitable);
    }
}

/// Messages of all sizes of length fields, a ping between two fragments, and a close.
template <typename Stream>
asio::awaitable<void> ask_websocket(websocket::stream<Stream>& stream, recorder& log)
{
    co_await shake_hands(stream.next_layer(), asio::ssl::stream_base::client);
    co_await stream.async_handshake("localhost", "/", asio::use_awaitable);
    stream.control_callback([&](websocket::frame_type kind, beast::string_view) {
        if (kind == websocket::frame_type::pong)
            log.note("pong");
    });
    for (const std::size_t size : {0U, 5U, 300U, 70000U, 300000U}) {
        const std::string out = pattern(size);
        stream.binary(true);
        co_await stream.async_write_some(
            false, asio::buffer(out, size / 2), asio::use_awaitable);
        co_await stream.async_ping({}, asio::use_awaitable);
        co_await stream.async_write_some(
            true, asio::buffer(out) + size / 2, asio::use_awaitable);
        beast::flat_buffer in;
        co_await stream.async_read(in, asio::use_awaitable);
        log.note(beast::buffers_to_string(in.data()) == out ? "same" : "different");
    }
    co_await stream.async_close(websocket::close_code::normal, asio::use_awaitable);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_websocket)

BOOST_AUTO_TEST_CASE_TEMPLATE(websocket_over_tls_messages_come_back, Backend, subjects)
{
    auto server_tls = make_tls_server();
    auto client_tls = make_tls_client();
    auto [context, link, log] = fixture<Backend, loopback_pair>();
    using stream = websocket::stream<beast::ssl_stream<beast_stream<Backend>>>;
    stream server(std::move(link.first), server_tls);
    stream client(std::move(link.second), client_tls);
    recorder results;
    asio::co_spawn(context, serve_websocket(server), ends(results, "server"));
    asio::co_spawn(context, ask_websocket(client, log), ends(results, "client"));
    finish(context);
    BOOST_TEST(
        log.take() == "pong; same; pong; same; pong; same; pong; same; pong; same");
    const std::string text = results.take();
    BOOST_TEST(
        (text == "server done; client done" || text == "client done; server done"), text);
}

BOOST_AUTO_TEST_SUITE_END()

// Rate limits, std::iostream, stackful coroutines

BOOST_AUTO_TEST_SUITE(test_layers)

BOOST_AUTO_TEST_CASE_TEMPLATE(rate_policy_limits_each_transfer, Backend, subjects)
{
    using limited_stream =
        beast::basic_stream<tcp, typename Backend::executor, beast::simple_rate_policy>;
    constexpr std::size_t limit = 600;
    auto [context, link, log] = fixture<Backend>();
    limited_stream stream(std::move(link.socket));
    std::string data(4 * limit, 'x');
    stream.rate_policy().read_limit(limit);
    stream.rate_policy().write_limit(limit);
    link.remote.send(data);
    BOOST_TEST(ready(stream.socket().native_handle(), POLLIN));
    stream.async_read_some(asio::buffer(data), log.io("read"));
    stream.async_write_some(asio::buffer(data), log.io("write"));
    run_until(context, [&] { return log.count() == 2; });
    const std::string first = log.take();
    BOOST_TEST(
        (first == "read ok 600; write ok 600" || first == "write ok 600; read ok 600"),
        first);
    // The second waits on a timer, until the limit's next second begins.
    stream.async_read_some(asio::buffer(data), log.io("again"));
    run_until(context, [&] { return log.count() == 1; });
    BOOST_TEST(log.take() == "again ok 600");
    stream.close();
    finish(context);
}

// Its socket has the default executor, so only drop_in.hpp moves it.
BOOST_AUTO_TEST_CASE(socket_iostream_talks_and_times_out)
{
    listener server;
    std::thread remote([&] {
        peer client = server.accept();
        const std::string line = client.receive(5);
        client.send("you said " + line);
        client.at_end();
    });
    asio::ip::tcp::iostream stream;
    stream.expires_after(wait_limit);
    stream.connect(server.endpoint());
    BOOST_TEST_REQUIRE(bool(stream), stream.error().message());
    stream << "ping\n" << std::flush;
    std::string line;
    std::getline(stream, line);
    BOOST_TEST(line == "you said ping");
    stream.expires_after(5ms);
    BOOST_TEST(!std::getline(stream, line));
    BOOST_TEST((stream.error() == asio::error::timed_out));
    stream.close();
    remote.join();
#ifdef ASIO_URING_DROP_IN
    asio::execution_context& context =
        asio::query(stream.socket().get_executor(), asio::execution::context);
    BOOST_TEST((asio_uring::status(context).mode != asio_uring::ring_mode::none));
#endif
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stackful_coroutines_speak_tls, Backend, subjects)
{
    auto server_tls = make_tls_server();
    auto client_tls = make_tls_client();
    auto [context, link, log] = fixture<Backend, loopback_pair>();
    asio::ssl::stream<typename Backend::socket> server(std::move(link.first), server_tls);
    asio::ssl::stream<typename Backend::socket> client(
        std::move(link.second), client_tls);
    std::string in(300000, '.');
    const std::string out = pattern(in.size());
    asio::spawn(
        context,
        [&](asio::yield_context yield) {
            server.async_handshake(asio::ssl::stream_base::server, yield);
            asio::async_read(server, asio::buffer(in), yield);
            asio::async_write(server, asio::buffer("done", 4), yield);
        },
        ends(log, "server"));
    asio::spawn(
        context,
        [&](asio::yield_context yield) {
            client.async_handshake(asio::ssl::stream_base::client, yield);
            asio::async_write(client, asio::buffer(out), yield);
            std::array<char, 4> answer;
            asio::async_read(client, asio::buffer(answer), yield);
        },
        ends(log, "client"));
    finish(context);
    BOOST_TEST(log.take() == "server done; client done");
    BOOST_TEST(in == out);
}

BOOST_AUTO_TEST_SUITE_END()

// Channels and groups

namespace {

template <typename Executor>
using text_channel = experimental::channel<Executor, void(error_code, std::string)>;

/// Lines from a socket into a channel; the end of the stream closes it.
template <typename Backend, typename Channel>
asio::awaitable<void> produce(typename Backend::socket& socket, Channel& channel)
{
    for (;;) {
        std::string data(4, '.');
        error_code ec;
        const std::size_t size = co_await asio::async_read(
            socket, asio::buffer(data), asio::redirect_error(asio::use_awaitable, ec));
        if (size != data.size())
            break;
        co_await channel.async_send(error_code(), data, asio::use_awaitable);
    }
    channel.close();
}

template <typename Backend, typename Channel>
asio::awaitable<void> consume(typename Backend::socket& socket, Channel& channel)
{
    for (;;) {
        error_code ec;
        std::string data =
            co_await channel.async_receive(asio::redirect_error(asio::use_awaitable, ec));
        if (ec)
            break;
        data += '!';
        co_await asio::async_write(socket, asio::buffer(data), asio::use_awaitable);
    }
    socket.shutdown(asio::socket_base::shutdown_send);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_groups)

BOOST_AUTO_TEST_CASE_TEMPLATE(channel_stands_between_two_transfers, Backend, subjects)
{
    auto [context, from, log] = fixture<Backend>();
    loopback<Backend> to(context);
    using channel_type = text_channel<typename Backend::any_executor>;
    channel_type channel(context.get_executor(), 2);
    asio::co_spawn(
        context, produce<Backend>(from.socket, channel), ends(log, "producer"));
    asio::co_spawn(context, consume<Backend>(to.socket, channel), ends(log, "consumer"));
    turn(context);
    std::string expected;
    for (int i = 0; i < 20; ++i) {
        const std::string word = "w" + std::to_string(100 + i);
        from.remote.send(word);
        expected += word + '!';
    }
    from.remote.shutdown_send();
    finish(context);
    BOOST_TEST(to.remote.receive(expected.size()) == expected);
    BOOST_TEST(to.remote.at_end());
    BOOST_TEST(log.take() == "producer done; consumer done");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(group_takes_the_first_of_many_kinds, Backend, subjects)
{
    using channel_type = experimental::
        concurrent_channel<typename Backend::any_executor, void(error_code, std::string)>;
    for (int winner : {0, 1, 2, 3}) {
        auto [context, link, log] = fixture<Backend>();
        typename Backend::acceptor acceptor(
            context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        typename Backend::socket accepted(context);
        steady_timer<Backend> timer(context, winner == 1 ? 1ms : 1h);
        channel_type channel(context.get_executor());
        char data[4];
        experimental::make_parallel_group(
            link.socket.async_read_some(asio::buffer(data), asio::deferred),
            timer.async_wait(asio::deferred),
            channel.async_receive(asio::deferred),
            acceptor.async_accept(accepted, asio::deferred))
            .async_wait(
                experimental::wait_for_one(),
                [&](std::array<std::size_t, 4> order,
                    error_code read,
                    std::size_t,
                    error_code wait,
                    error_code receive,
                    std::string,
                    error_code accept) {
                    const error_code all[] = {read, wait, receive, accept};
                    log.handled(std::to_string(order[0]));
                    for (std::size_t i = 0; i < 4; ++i)
                        BOOST_TEST(bool(all[i]) == (i != order[0]), "part " << i);
                });
        turn(context);
        if (winner == 0)
            link.remote.send("x");
        peer client;
        if (winner == 2)
            channel.try_send(error_code(), "x");
        if (winner == 3)
            client = start_connect(acceptor.local_endpoint());
        finish(context);
        BOOST_TEST(log.take() == std::to_string(winner));
        // Who lost is free to start again.
        link.remote.send("again");
        link.socket.async_read_some(asio::buffer(data), log.io("read"));
        finish(context);
        BOOST_TEST(log.take() == "read ok 4");
    }
}

BOOST_AUTO_TEST_SUITE_END()
