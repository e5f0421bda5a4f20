// SPDX-License-Identifier: BSL-1.0
// Beast over the objects under test: streams with timeouts, HTTP round trips.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

template <typename Backend>
using stream = beast::basic_stream<tcp, typename Backend::executor>;

/// Beast's own timeout has its own category.
std::string result(error_code ec)
{
    return ec == beast::error::timeout ? "timeout" : text(ec);
}

http::response<http::string_body> answer(const http::request<http::string_body>& request)
{
    http::response<http::string_body> response(http::status::ok, request.version());
    response.keep_alive(request.keep_alive());
    response.body() = std::string(request.target()) + ' ' + request.body();
    response.prepare_payload();
    return response;
}

template <typename Backend>
asio::awaitable<void> serve(typename Backend::socket socket)
{
    stream<Backend> connection(std::move(socket));
    beast::flat_buffer buffer;
    for (bool open = true; open;) {
        http::request<http::string_body> request;
        connection.expires_after(wait_limit);
        co_await http::async_read(connection, buffer, request, asio::use_awaitable);
        auto response = answer(request);
        open = response.keep_alive();
        co_await http::async_write(connection, response, asio::use_awaitable);
    }
    error_code ec;
    connection.socket().shutdown(asio::socket_base::shutdown_send, ec);
}

template <typename Backend>
asio::awaitable<void>
ask(stream<Backend>& connection, tcp::endpoint target, recorder& log)
{
    connection.expires_after(wait_limit);
    co_await connection.async_connect(target, asio::use_awaitable);
    beast::flat_buffer buffer;
    for (int i = 0; i < 3; ++i) {
        http::request<http::string_body> request(
            http::verb::post, "/" + std::to_string(i), 11);
        request.keep_alive(i < 2);
        request.body() = std::string(i == 1 ? 300000 : 5, 'b');
        request.prepare_payload();
        co_await http::async_write(connection, request, asio::use_awaitable);
        http::response<http::string_body> response;
        co_await http::async_read(connection, buffer, response, asio::use_awaitable);
        bool whole =
            response.body() == std::string(request.target()) + ' ' + request.body();
        log.note(std::to_string(response.result_int()) + (whole ? " whole" : " broken"));
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_beast)

BOOST_AUTO_TEST_CASE_TEMPLATE(stream_reads_and_writes_in_time, Backend, backends)
{
    typename Backend::io_context context;
    listener server;
    stream<Backend> connection(context);
    recorder log;
    char data[8];

    connection.expires_after(wait_limit);
    connection.async_connect(server.endpoint(), log.done("connect"));
    finish(context);
    peer remote = server.accept();
    connection.async_write_some(asio::buffer("ping", 4), log.io("write"));
    finish(context);
    BOOST_TEST(remote.receive(4) == "ping");
    connection.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    remote.send("pong");
    finish(context);

    BOOST_TEST(log.take() == "connect ok; write ok 4; read ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stream_read_times_out_and_closes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    stream<Backend> connection(std::move(link.socket));
    char data[8];

    connection.expires_after(5ms);
    connection.async_read_some(asio::buffer(data), [&](error_code ec, std::size_t n) {
        log.note("read " + result(ec) + ' ' + std::to_string(n));
    });
    finish(context);

    BOOST_TEST(log.take() == "read timeout 0");
    BOOST_TEST(!connection.socket().is_open());
    BOOST_TEST(link.remote.at_end());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stream_write_times_out_and_closes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    stream<Backend> connection(std::move(link.socket));

    fill(connection.socket());
    connection.expires_after(5ms);
    connection.async_write_some(asio::buffer("x", 1), [&](error_code ec, std::size_t n) {
        log.note("write " + result(ec) + ' ' + std::to_string(n));
    });
    finish(context);

    BOOST_TEST(log.take() == "write timeout 0");
    BOOST_TEST(!connection.socket().is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stream_connect_times_out, Backend, backends)
{
    typename Backend::io_context context;
    busy_listener busy;
    stream<Backend> connection(context);
    recorder log;

    connection.expires_after(5ms);
    connection.async_connect(
        busy.endpoint(), [&](error_code ec) { log.note("connect " + result(ec)); });
    finish(context);

    BOOST_TEST(log.take() == "connect timeout");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stream_cancel_and_close_abort, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    stream<Backend> connection(std::move(link.socket));
    char data[8];

    connection.expires_after(wait_limit);
    connection.async_read_some(asio::buffer(data), log.io("cancelled"));
    turn(context);
    connection.cancel();
    finish(context);
    connection.async_read_some(asio::buffer(data), log.io("closed"));
    turn(context);
    connection.close();
    finish(context);

    BOOST_TEST(log.take() == "cancelled operation_aborted 0; closed operation_aborted 0");
    BOOST_TEST(link.remote.at_end());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stream_repeated_timeouts_do_not_fire, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    stream<Backend> connection(std::move(link.socket));
    char data[1];
    constexpr std::size_t rounds = 200;

    for (std::size_t i = 0; i < rounds; ++i) {
        connection.expires_after(wait_limit);
        connection.async_read_some(asio::buffer(data), log.io("read"));
        turn(context);
        link.remote.send("x");
        finish(context);
    }
    BOOST_TEST(log.count() == rounds);
    BOOST_TEST(log.take().find("aborted") == std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(http_round_trips_arrive_whole, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
    stream<Backend> client(context);

    acceptor.async_accept([&](error_code ec, typename Backend::socket socket) {
        log.done("accept")(ec);
        asio::co_spawn(context, serve<Backend>(std::move(socket)), asio::detached);
    });
    asio::co_spawn(
        context, ask<Backend>(client, acceptor.local_endpoint(), log), asio::detached);
    finish(context);

    BOOST_TEST(log.take() == "accept ok; 200 whole; 200 whole; 200 whole");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(http_sync_round_trip_arrives_whole, Backend, backends)
{
    typename Backend::io_context context;
    loopback_pair<Backend> link(context);
    beast::flat_buffer buffer;
    http::request<http::empty_body> request(http::verb::get, "/path", 11);
    http::request<http::string_body> received;

    http::write(link.first, request);
    http::read(link.second, buffer, received);
    BOOST_TEST((received.method() == http::verb::get));
    BOOST_TEST(received.target() == "/path");
}

BOOST_AUTO_TEST_SUITE_END()
