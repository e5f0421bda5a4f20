// SPDX-License-Identifier: BSL-1.0
// Meeting: acceptors, connects, ranges of endpoints, resolvers, socket streams.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/no_descriptors.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace asio_uring::test;
using asio::ip::tcp;
using boost::system::error_code;
using socket_base = asio::socket_base;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// An endpoint of loopback where nobody listens.
tcp::endpoint refusing_endpoint() { return listener().endpoint(); }

} // namespace

BOOST_AUTO_TEST_SUITE(test_acceptor)

BOOST_AUTO_TEST_CASE_TEMPLATE(async_accept_into_peer, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
    typename Backend::socket socket(context);

    acceptor.async_accept(socket, log.done("accept"));
    log.note("started");
    turn(context);
    peer client = start_connect(acceptor.local_endpoint());
    finish(context);

    BOOST_TEST(log.take() == "started; accept ok");
    BOOST_TEST(socket.is_open());
    socket.write_some(asio::buffer("hi", 2));
    BOOST_TEST(client.receive(2) == "hi");
    client.send("yo");
    char data[4];
    socket.async_read_some(asio::buffer(data), log.io("read"));
    finish(context);
    BOOST_TEST(log.take() == "read ok 2");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(async_accept_connection_waiting, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
    typename Backend::socket socket(context);
    tcp::endpoint remote;

    typename Backend::socket client(context);
    client.connect(acceptor.local_endpoint());
    acceptor.async_accept(socket, remote, log.done("accept"));
    finish(context);

    BOOST_TEST(log.take() == "accept ok");
    BOOST_TEST((remote == client.local_endpoint()));
    BOOST_TEST((socket.remote_endpoint() == remote));
    BOOST_TEST((socket.local_endpoint() == acceptor.local_endpoint()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(async_accept_move_forms, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::io_context other;
    typename Backend::acceptor acceptor(context, any_port);
    recorder log;
    tcp::endpoint remote;
    std::vector<typename Backend::socket> accepted;
    auto keep = [&](error_code ec, typename Backend::socket socket) {
        log.done("accept")(ec);
        accepted.push_back(std::move(socket));
    };
    std::vector<peer> clients;

    acceptor.async_accept(keep);
    acceptor.async_accept(remote, keep);
    acceptor.async_accept(other, keep);
    acceptor.async_accept(other, remote, keep);
    acceptor.async_accept(Backend::get_executor(other), keep);
    acceptor.async_accept(Backend::get_executor(other), remote, keep);
    turn(context);
    for (int i = 0; i < 6; ++i)
        clients.push_back(start_connect(acceptor.local_endpoint()));
    finish(context);

    BOOST_TEST(
        log.take() == "accept ok; accept ok; accept ok; accept ok; accept ok; "
                      "accept ok");
    BOOST_TEST_REQUIRE(accepted.size() == 6u);
    for (std::size_t i = 0; i < 6; ++i) {
        auto& home = asio::query(accepted[i].get_executor(), asio::execution::context);
        asio::execution_context& expected = i < 2 ? context : other;
        BOOST_TEST(&home == &expected);
        accepted[i].write_some(asio::buffer("x", 1));
    }
    for (peer& client : clients)
        BOOST_TEST(client.receive(1) == "x");
    BOOST_TEST((remote == accepted[5].remote_endpoint()));
    char byte;
    accepted[5].async_read_some(asio::buffer(&byte, 1), log.io("read"));
    clients[5].close();
    finish(other);
    BOOST_TEST(log.take() == "read eof 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sync_accept_forms, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::acceptor acceptor(context, any_port);
    typename Backend::socket socket(context);
    std::vector<peer> clients;
    tcp::endpoint remote;
    error_code ec = asio::error::fault;
    for (int i = 0; i < 10; ++i)
        clients.push_back(start_connect(acceptor.local_endpoint()));

    acceptor.accept(socket);
    BOOST_TEST(socket.is_open());
    socket.close();
    acceptor.accept(socket, ec);
    BOOST_TEST(text(ec) == "ok");
    socket.close();
    acceptor.accept(socket, remote);
    BOOST_TEST((socket.remote_endpoint() == remote));
    socket.close();
    acceptor.accept(socket, remote, ec);
    BOOST_TEST((socket.remote_endpoint() == remote));
    BOOST_TEST(acceptor.accept().is_open());
    BOOST_TEST(acceptor.accept(ec).is_open());
    BOOST_TEST(acceptor.accept(remote).is_open());
    BOOST_TEST(acceptor.accept(context).is_open());
    BOOST_TEST(acceptor.accept(context, remote, ec).is_open());
    BOOST_TEST(acceptor.accept(Backend::get_executor(context)).is_open());
    BOOST_TEST(text(ec) == "ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    accept_into_open_peer_reports_already_open, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
    loopback<Backend> link(context);
    error_code ec;
    peer client = start_connect(acceptor.local_endpoint());
    int before = link.socket.native_handle();

    acceptor.async_accept(link.socket, log.done("accept"));
    log.note("started");
    finish(context);
    acceptor.accept(link.socket, ec);

    BOOST_TEST(log.take() == "started; accept already_open");
    BOOST_TEST(text(ec) == "already_open");
    BOOST_TEST(link.socket.native_handle() == before);
    BOOST_TEST(acceptor.accept().is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closed_acceptor_reports_bad_descriptor, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>();
    typename Backend::socket socket(context);
    error_code ec;
    auto after = [&](const char* call) { log.note(call + (' ' + text(ec))); };

    acceptor.async_accept(socket, log.done("async_accept"));
    acceptor.async_accept(
        [&](error_code result, typename Backend::socket) { log.done("move")(result); });
    acceptor.async_wait(socket_base::wait_read, log.done("async_wait"));
    finish(context);
    BOOST_TEST(
        log.take() == "async_accept bad_descriptor; move bad_descriptor; "
                      "async_wait bad_descriptor");
    acceptor.accept(socket, ec), after("accept");
    acceptor.listen(1, ec), after("listen");
    acceptor.bind(any_port, ec), after("bind");
    acceptor.cancel(ec), after("cancel");
    acceptor.local_endpoint(ec), after("local");
    acceptor.set_option(socket_base::reuse_address(true), ec), after("set");
    acceptor.wait(socket_base::wait_read, ec), after("wait");
    acceptor.non_blocking(true, ec), after("non_blocking");
    acceptor.release(ec), after("release");
    acceptor.close(ec), after("close");

    BOOST_TEST(
        log.take() == "accept bad_descriptor; listen bad_descriptor; "
                      "bind bad_descriptor; cancel bad_descriptor; "
                      "local bad_descriptor; set bad_descriptor; "
                      "wait bad_descriptor; non_blocking bad_descriptor; "
                      "release bad_descriptor; close ok");
    BOOST_CHECK_THROW(acceptor.accept(), boost::system::system_error);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(acceptor_steps_report_their_errors, Backend, backends)
{
    auto [context, first, log] = fixture<Backend, stream_acceptor>(any_port);
    typename Backend::acceptor second(context);
    typename Backend::socket socket(context);
    error_code ec;

    second.open(tcp::v4());
    second.open(tcp::v4(), ec);
    BOOST_TEST(text(ec) == "already_open");
    second.bind(first.local_endpoint(), ec);
    BOOST_TEST(text(ec) == "address_in_use");
    second.bind(any_port, ec);
    BOOST_TEST(text(ec) == "ok");
    second.async_accept(socket, log.done("not listening"));
    finish(context);
    BOOST_TEST(log.take() == "not listening invalid_argument");
    second.accept(socket, ec);
    BOOST_TEST(text(ec) == "invalid_argument");
    second.listen(socket_base::max_listen_connections, ec);
    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST(connect_result(second.local_endpoint()) == 0);
    BOOST_CHECK_THROW(
        typename Backend::acceptor(context, first.local_endpoint(), false),
        boost::system::system_error);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    accept_that_waits_needs_no_descriptor_yet, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
    typename Backend::socket socket(context);

    turn(context);
    {
        const no_descriptors none;
        acceptor.async_accept(socket, log.done("accept"));
        turn(context);
    }
    // Asio tries at once, and the kernel wants a descriptor before it looks.
    if (!Backend::on_ring || !has_ring(context))
        BOOST_TEST(log.take() == "accept no_descriptors");
    else {
        BOOST_TEST(log.take() == "");
        peer client = start_connect(acceptor.local_endpoint());
        finish(context);
        BOOST_TEST(log.take() == "accept ok");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    connection_that_nobody_waited_for_is_accepted, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
    typename Backend::socket socket(context);
    peer client;

    {
        // The reactor hears of it, and nobody wants it.
        const auto work = asio::make_work_guard(context);
        acceptor.async_accept(socket, log.done("unwanted"));
        turn(context);
        acceptor.cancel();
        turn(context);
        client = start_connect(acceptor.local_endpoint());
        turn(context);
        turn(context);
    }
    acceptor.async_accept(socket, log.done("accept"));
    finish(context);

    BOOST_TEST(log.take() == "unwanted operation_aborted; accept ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    acceptor_of_a_connected_socket_is_refused_at_once, Backend, backends)
{
    auto [context, listening, log] = fixture<Backend, stream_acceptor>(any_port);
    typename Backend::socket connected(context), socket(context);
    typename Backend::acceptor acceptor(context);

    // With room for output, and without.
    for (const bool has_room : {true, false}) {
        connected.connect(listening.local_endpoint());
        connected.non_blocking(true);
        const std::string data(65536, '.');
        error_code ec;
        while (!has_room && !ec)
            connected.write_some(asio::buffer(data), ec);
        acceptor.assign(tcp::v4(), connected.release());
        acceptor.async_accept(socket, log.done("accept"));
        finish(context);
        acceptor.close();

        BOOST_TEST(log.take() == "accept invalid_argument");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    many_accepts_outstanding_complete_in_order, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
    constexpr std::size_t count = 20;
    std::vector<typename Backend::socket> sockets;
    std::vector<peer> clients;
    std::vector<int> order;
    sockets.reserve(count);

    for (std::size_t i = 0; i < count; ++i) {
        sockets.emplace_back(context);
        acceptor.async_accept(sockets[i], [&order, &log, i](error_code ec) {
            log.done("accept")(ec);
            order.push_back(static_cast<int>(i));
        });
    }
    turn(context);
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(start_connect(acceptor.local_endpoint()));
        run_until(context, [&] { return log.count() == i + 1; });
        sockets[i].write_some(asio::buffer(&"ABCDEFGHIJKLMNOPQRST"[i], 1));
        BOOST_TEST(clients[i].receive(1) == std::string(1, static_cast<char>('A' + i)));
    }

    BOOST_TEST(std::is_sorted(order.begin(), order.end()));
    BOOST_TEST(log.take().find("aborted") == std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancel_pending_accepts_aborts_in_order, Backend, backends)
{
    for (stage when : stages) {
        auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
        typename Backend::socket socket(context);

        acceptor.async_accept(socket, log.done("a0"));
        acceptor.async_accept([&](error_code ec, typename Backend::socket moved) {
            log.done("a1")(ec);
            log.note(moved.is_open() ? "open" : "closed");
        });
        reach(context, when);
        acceptor.cancel();
        log.note("cancelled");
        finish(context);
        BOOST_TEST(
            log.take() ==
            "cancelled; a0 operation_aborted; a1 operation_aborted; closed");
        BOOST_TEST(!socket.is_open());

        peer client = start_connect(acceptor.local_endpoint());
        acceptor.async_accept(socket, log.done("a2"));
        finish(context);
        BOOST_TEST(log.take() == "a2 ok");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    close_acceptor_aborts_and_refuses_at_once, Backend, backends)
{
    for (stage when : stages) {
        auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
        typename Backend::socket socket(context);
        auto address = acceptor.local_endpoint();

        acceptor.async_accept(socket, log.done("accept"));
        reach(context, when);
        acceptor.close();
        log.note("closed");
        BOOST_TEST(connect_result(address) == ECONNREFUSED);
        typename Backend::acceptor next(context, address);
        BOOST_TEST(connect_result(address) == 0);
        finish(context);

        BOOST_TEST(log.take() == "closed; accept operation_aborted");
        BOOST_TEST(!socket.is_open());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(release_acceptor_aborts_and_hands_over, Backend, backends)
{
    for (stage when : stages) {
        auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
        typename Backend::acceptor next(context);
        typename Backend::socket socket(context);

        acceptor.async_accept(socket, log.done("old"));
        reach(context, when);
        next.assign(tcp::v4(), acceptor.release());
        BOOST_TEST(!acceptor.is_open());
        run_until(context, [&] { return log.count() == 1; });
        next.async_accept(socket, log.done("new"));
        peer client = start_connect(next.local_endpoint());
        finish(context);

        BOOST_TEST(log.take() == "old operation_aborted; new ok");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(moved_acceptor_takes_pending_along, Backend, backends)
{
    for (stage when : stages) {
        auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
        typename Backend::acceptor target(context, any_port);
        std::vector<typename Backend::socket> sockets;
        for (int i = 0; i < 3; ++i)
            sockets.emplace_back(context);

        acceptor.async_accept(sockets[0], log.done("a0"));
        acceptor.async_accept(sockets[1], log.done("a1"));
        target.async_accept(sockets[2], log.done("target"));
        reach(context, when);
        typename Backend::acceptor moved(std::move(acceptor));
        BOOST_TEST(!acceptor.is_open());
        peer first = start_connect(moved.local_endpoint());
        run_until(context, [&] { return log.count() == 1; });
        target = std::move(moved);
        run_until(context, [&] { return log.count() == 2; });
        peer second = start_connect(target.local_endpoint());
        finish(context);

        BOOST_TEST(log.take() == "a0 ok; target operation_aborted; a1 ok");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(non_blocking_acceptor_would_block, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);
    typename Backend::socket socket(context);
    error_code ec;

    acceptor.non_blocking(true);
    acceptor.accept(socket, ec);
    BOOST_TEST(text(ec) == "would_block");
    acceptor.wait(socket_base::wait_read, ec);
    BOOST_TEST(text(ec) == "would_block");
    acceptor.async_accept(socket, log.done("accept"));
    turn(context);
    peer client = start_connect(acceptor.local_endpoint());
    finish(context);

    BOOST_TEST(log.take() == "accept ok");
    BOOST_TEST(acceptor.non_blocking());
    BOOST_TEST(!socket.non_blocking());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(acceptor_wait_reports_a_connection, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>(any_port);

    acceptor.async_wait(socket_base::wait_read, log.done("wait"));
    turn(context);
    peer client = start_connect(acceptor.local_endpoint());
    finish(context);

    BOOST_TEST(log.take() == "wait ok");
    acceptor.wait(socket_base::wait_read);
    BOOST_TEST(acceptor.accept().is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(acceptor_options_are_kept, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::acceptor acceptor(context, tcp::v4());
    error_code ec;

    acceptor.set_option(socket_base::reuse_address(true));
    socket_base::reuse_address reuse;
    acceptor.get_option(reuse);
    BOOST_TEST(reuse.value());
    acceptor.set_option(socket_base::enable_connection_aborted(true), ec);
    socket_base::enable_connection_aborted aborted;
    acceptor.get_option(aborted, ec);
    BOOST_TEST(aborted.value());
    acceptor.native_non_blocking(true);
    BOOST_TEST(acceptor.native_non_blocking());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(accept_loop_in_handlers_serves_all, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::acceptor acceptor(context, any_port);
    std::vector<peer> clients;
    std::vector<typename Backend::socket> sockets;
    constexpr std::size_t count = 100;
    struct loop
    {
        typename Backend::acceptor& acceptor;
        std::vector<typename Backend::socket>& sockets;
        void operator()(error_code ec, typename Backend::socket socket)
        {
            if (ec)
                return;
            sockets.push_back(std::move(socket));
            acceptor.async_accept(*this);
        }
    };

    acceptor.async_accept(loop{acceptor, sockets});
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(start_connect(acceptor.local_endpoint()));
        run_until(context, [&] { return sockets.size() == i + 1; });
    }
    acceptor.close();
    finish(context);
    BOOST_TEST(sockets.size() == count);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(test_connect)

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_listening_endpoint_succeeds, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>();
    listener server;

    socket.async_connect(server.endpoint(), log.done("connect"));
    log.note("started");
    finish(context);
    peer remote = server.accept();
    socket.write_some(asio::buffer("hi", 2));

    BOOST_TEST(log.take() == "started; connect ok");
    BOOST_TEST(remote.receive(2) == "hi");
    BOOST_TEST((socket.remote_endpoint() == server.endpoint()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_nobody_listening_is_refused, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>();
    error_code ec;
    auto target = refusing_endpoint();

    socket.async_connect(target, log.done("connect"));
    log.note("started");
    finish(context);
    socket.close();
    socket.connect(target, ec);

    BOOST_TEST(log.take() == "started; connect connection_refused");
    BOOST_TEST(text(ec) == "connection_refused");
    BOOST_CHECK_THROW(socket.connect(target), boost::system::system_error);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_again_reports_already_connected, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    listener server;
    error_code ec;

    link.socket.async_connect(server.endpoint(), log.done("connect"));
    finish(context);
    link.socket.connect(server.endpoint(), ec);

    BOOST_TEST(log.take() == "connect already_connected");
    BOOST_TEST(text(ec) == "already_connected");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_unreachable_family_reports_error, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>(tcp::v4());
    tcp::endpoint six(asio::ip::address_v6::loopback(), 1);
    error_code ec;

    socket.async_connect(six, log.done("connect"));
    finish(context);
    socket.connect(six, ec);
    BOOST_TEST(log.take() == "connect " + text(ec));
    BOOST_TEST(bool(ec));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_pending_is_cancelled, Backend, backends)
{
    busy_listener busy;
    for (stage when : stages) {
        auto [context, socket, log] = fixture<Backend, stream_socket>();

        socket.async_connect(busy.endpoint(), log.done("connect"));
        reach(context, when);
        BOOST_TEST(log.count() == 0u);
        socket.cancel();
        log.note("cancelled");
        finish(context);
        BOOST_TEST(log.take() == "cancelled; connect operation_aborted");
        BOOST_TEST(socket.is_open());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_pending_is_closed, Backend, backends)
{
    busy_listener busy;
    for (stage when : stages) {
        auto [context, socket, log] = fixture<Backend, stream_socket>();
        listener server;

        socket.async_connect(busy.endpoint(), log.done("connect"));
        reach(context, when);
        socket.close();
        log.note("closed");
        socket.async_connect(server.endpoint(), log.done("other"));
        finish(context);
        std::string lines = log.take();
        BOOST_TEST(lines.starts_with("closed; "));
        BOOST_TEST(lines.find("connect operation_aborted") != std::string::npos);
        BOOST_TEST(lines.find("other ok") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_pending_survives_a_move, Backend, backends)
{
    busy_listener busy;
    auto [context, socket, log] = fixture<Backend, stream_socket>();

    socket.async_connect(busy.endpoint(), log.done("connect"));
    turn(context);
    typename Backend::socket moved(std::move(socket));
    moved.cancel();
    finish(context);
    BOOST_TEST(log.take() == "connect operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_range_tries_until_one_answers, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>();
    listener server;
    std::vector<tcp::endpoint> targets{
        refusing_endpoint(), refusing_endpoint(), server.endpoint()};

    asio::async_connect(socket, targets, [&](error_code ec, const tcp::endpoint& used) {
        log.done("range")(ec);
        BOOST_TEST((used == server.endpoint()));
    });
    finish(context);
    BOOST_TEST(socket.is_open());
    asio::async_connect(
        socket,
        targets.begin(),
        targets.end(),
        [&](error_code ec, std::vector<tcp::endpoint>::iterator used) {
            log.done("iterators")(ec);
            BOOST_TEST((used == targets.begin() + 2));
        });
    finish(context);

    BOOST_TEST(log.take() == "range ok; iterators ok");
    error_code ec;
    BOOST_TEST((asio::connect(socket, targets, ec) == server.endpoint()));
    BOOST_TEST(text(ec) == "ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    connect_range_without_answer_reports_last, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>();
    std::vector<tcp::endpoint> refused{refusing_endpoint(), refusing_endpoint()};
    std::vector<tcp::endpoint> none;
    auto report = [&](std::string name) {
        return [&log, name](error_code ec, const tcp::endpoint& used) {
            log.done(name)(ec);
            BOOST_TEST((used == tcp::endpoint()));
        };
    };

    asio::async_connect(socket, refused, report("refused"));
    finish(context);
    asio::async_connect(socket, none, report("none"));
    finish(context);
    int asked = 0;
    asio::async_connect(
        socket,
        refused,
        [&](error_code, const tcp::endpoint&) { return ++asked > 2; },
        report("condition"));
    finish(context);

    BOOST_TEST(
        log.take() == "refused connection_refused; none not_found; condition not_found");
    BOOST_TEST(asked == 2);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connect_range_is_cancelled_by_close, Backend, backends)
{
    busy_listener busy;
    listener server;
    auto [context, socket, log] = fixture<Backend, stream_socket>();
    std::vector<tcp::endpoint> targets{busy.endpoint(), server.endpoint()};

    asio::async_connect(socket, targets, [&](error_code ec, const tcp::endpoint&) {
        log.done("range")(ec);
    });
    turn(context);
    socket.close();
    finish(context);
    BOOST_TEST(log.take() == "range operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(resolver_shares_the_context, Backend, backends)
{
    typename Backend::io_context context;
    asio::ip::basic_resolver<tcp, typename Backend::executor> resolver(context);
    tcp::resolver stock_resolver(context);
    typename Backend::socket socket(context);
    listener server;
    recorder log;
    std::string port = std::to_string(server.endpoint().port());

    resolver.async_resolve(
        "127.0.0.1", port, [&](error_code ec, tcp::resolver::results_type results) {
            log.done("resolve")(ec);
            asio::async_connect(socket, results, [&](error_code result, tcp::endpoint) {
                log.done("connect")(result);
            });
        });
    finish(context);
    stock_resolver.async_resolve(
        tcp::v4(),
        "localhost",
        port,
        [&](error_code ec, tcp::resolver::results_type results) {
            log.done("localhost")(ec);
            BOOST_TEST(!results.empty());
        });
    finish(context);

    BOOST_TEST(log.take() == "resolve ok; connect ok; localhost ok");
    BOOST_TEST((socket.remote_endpoint() == server.endpoint()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(socket_stream_talks_to_accepted_socket, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::acceptor acceptor(context, any_port);
    tcp::iostream stream;
    char data[16];

    stream.expires_after(wait_limit);
    stream.connect(acceptor.local_endpoint());
    BOOST_TEST_REQUIRE(bool(stream), stream.error().message());
    typename Backend::socket accepted = acceptor.accept();
    stream << "question\n" << std::flush;
    std::size_t size = asio::read(accepted, asio::buffer(data, 9));
    BOOST_TEST(std::string(data, size) == "question\n");
    accepted.write_some(asio::buffer("answer 42\n", 10));
    accepted.close();
    std::string word;
    int number = 0;
    stream >> word >> number;
    BOOST_TEST(word == "answer");
    BOOST_TEST(number == 42);
    BOOST_TEST(stream.get() == '\n');
    BOOST_TEST(stream.get() == std::char_traits<char>::eof());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(socket_stream_read_times_out, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    listener server;
    tcp::iostream stream;

    stream.connect(server.endpoint());
    stream.expires_after(std::chrono::milliseconds(5));
    BOOST_TEST(stream.get() == std::char_traits<char>::eof());
    BOOST_TEST(text(stream.error()) == "timed_out");
}

BOOST_AUTO_TEST_SUITE_END()
