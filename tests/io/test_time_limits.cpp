// SPDX-License-Identifier: BSL-1.0
// Time limits of single operations, which Boost has since 1.86.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/version.hpp>

#if BOOST_VERSION >= 108600

#    include <boost/asio/as_tuple.hpp>
#    include <boost/asio/cancel_after.hpp>
#    include <boost/asio/cancel_at.hpp>
#    include <boost/asio/co_spawn.hpp>
#    include <boost/asio/detached.hpp>
#    include <boost/asio/ip/udp.hpp>
#    include <boost/asio/read.hpp>
#    include <boost/asio/use_awaitable.hpp>
#    include <boost/asio/write.hpp>
#    include <boost/test/unit_test.hpp>

#    include <chrono>
#    include <cstddef>
#    include <string>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using boost::system::error_code;
using socket_base = asio::socket_base;
using std::chrono::steady_clock;

} // namespace

BOOST_AUTO_TEST_SUITE(test_time_limits)

BOOST_AUTO_TEST_CASE_TEMPLATE(limits_end_what_does_not_happen, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    typename Backend::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    typename Backend::socket accepted(context);
    asio::basic_datagram_socket<asio::ip::udp, typename Backend::executor> datagrams(
        context, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
    steady_timer<Backend> timer(context, 1h);
    steady_timer<Backend> limit(context);
    char data[4];

    link.socket.async_read_some(
        asio::buffer(data), asio::cancel_after(1ms, log.io("read")));
    finish(context);
    BOOST_TEST(log.take() == "read operation_aborted 0");
    link.socket.async_read_some(
        asio::buffer(data), asio::cancel_after(limit, 1ms, log.io("read")));
    finish(context);
    BOOST_TEST(log.take() == "read operation_aborted 0");
    link.socket.async_wait(
        socket_base::wait_read,
        asio::cancel_at(steady_clock::now() + 1ms, log.done("wait")));
    finish(context);
    BOOST_TEST(log.take() == "wait operation_aborted");
    acceptor.async_accept(accepted, asio::cancel_after(1ms, log.done("accept")));
    finish(context);
    BOOST_TEST(log.take() == "accept operation_aborted");
    datagrams.async_receive(
        asio::buffer(data), asio::cancel_after(1ms, log.io("datagram")));
    finish(context);
    BOOST_TEST(log.take() == "datagram operation_aborted 0");
    timer.async_wait(asio::cancel_after(1ms, log.done("timer")));
    finish(context);
    BOOST_TEST(log.take() == "timer operation_aborted");
    link.remote.send("ab");
    asio::async_read(
        link.socket, asio::buffer(data), asio::cancel_after(1ms, log.io("all")));
    finish(context);
    BOOST_TEST(log.take() == "all operation_aborted 2");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(limits_leave_alone_what_happens, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    listener server;
    typename Backend::socket client(context);
    char data[4];

    const auto started = steady_clock::now();
    link.remote.send("data");
    link.socket.async_read_some(
        asio::buffer(data), asio::cancel_after(1h, log.io("read")));
    finish(context);
    link.socket.async_write_some(
        asio::buffer("x", 1), asio::cancel_at(steady_clock::now() + 1h, log.io("write")));
    finish(context);
    client.async_connect(server.endpoint(), asio::cancel_after(1h, log.done("connect")));
    finish(context);
    BOOST_TEST(log.take() == "read ok 4; write ok 1; connect ok");
    // The limit's own timer goes with the operation.
    BOOST_TEST((steady_clock::now() - started < wait_limit));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(limits_serve_coroutines, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

    auto body = [&]() -> asio::awaitable<void> {
        char data[4];
        auto [late, nothing] = co_await link.socket.async_read_some(
            asio::buffer(data), asio::cancel_after(1ms, tuple));
        log.note(text(late) + ' ' + std::to_string(nothing));
        link.remote.send("data");
        auto [ec, size] = co_await link.socket.async_read_some(
            asio::buffer(data), asio::cancel_after(1h, tuple));
        log.note(text(ec) + ' ' + std::to_string(size));
    };
    asio::co_spawn(context, body, asio::detached);
    finish(context);
    BOOST_TEST(log.take() == "operation_aborted 0; ok 4");
}

BOOST_AUTO_TEST_SUITE_END()

#endif
