// SPDX-License-Identifier: BSL-1.0
// Datagram sockets: UDP, local datagrams, and raw sockets where the process may.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"
#include "../support/skip.hpp"

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/icmp.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <type_traits>

#include <netinet/ip_icmp.h>

namespace {

using namespace asio_uring::test;
using asio::ip::udp;
using boost::system::error_code;
using local_protocol = asio::local::datagram_protocol;
using icmp_protocol = asio::ip::icmp;
using socket_base = asio::socket_base;

template <typename Backend>
using udp_socket = asio::basic_datagram_socket<udp, typename Backend::executor>;

template <typename Backend>
using local_socket =
    asio::basic_datagram_socket<local_protocol, typename Backend::executor>;

udp::endpoint loopback_endpoint() { return {asio::ip::address_v4::loopback(), 0}; }

/// A receiver under test and a plain sender, neither connected.
template <typename Backend>
struct receiver
{
    explicit receiver(typename Backend::io_context& context)
        : socket(context, loopback_endpoint()),
          plain(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    {
        const udp::endpoint any = loopback_endpoint();
        const auto size = static_cast<::socklen_t>(any.size());
        BOOST_TEST_REQUIRE(::bind(plain.fd(), any.data(), size) == 0);
    }

    void send(std::string_view data)
    {
        const udp::endpoint to = socket.local_endpoint();
        const auto size = static_cast<::socklen_t>(to.size());
        const auto sent =
            ::sendto(plain.fd(), data.data(), data.size(), 0, to.data(), size);
        BOOST_TEST_REQUIRE(sent == static_cast<::ssize_t>(data.size()));
    }

    udp::endpoint sender() const
    {
        udp::endpoint result;
        auto size = static_cast<::socklen_t>(result.capacity());
        ::getsockname(plain.fd(), result.data(), &size);
        return result;
    }

    std::string receive()
    {
        BOOST_TEST_REQUIRE(ready(plain.fd(), POLLIN), "no datagram arrived");
        std::string data(65536, '\0');
        const auto size = ::recv(plain.fd(), data.data(), data.size(), MSG_DONTWAIT);
        data.resize(static_cast<std::size_t>(std::max<::ssize_t>(size, 0)));
        return data;
    }

    udp_socket<Backend> socket;
    peer plain;
};

::icmphdr echo_request(std::uint16_t id)
{
    ::icmphdr request{};
    request.type = ICMP_ECHO;
    request.un.echo.id = id;
    std::array<std::uint16_t, sizeof(request) / 2> words;
    std::memcpy(words.data(), &request, sizeof(request));
    std::uint32_t sum = 0;
    for (std::uint16_t word : words)
        sum += word;
    request.checksum = static_cast<std::uint16_t>(~(sum + (sum >> 16)));
    return request;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_datagram)

BOOST_AUTO_TEST_CASE(names_are_asios_types_on_the_ring)
{
    using executor = asio_uring::any_io_executor;
    using stock_udp = asio::basic_datagram_socket<asio_uring::ip::udp, executor>;
    BOOST_TEST((std::is_same_v<asio_uring::ip::udp::socket, stock_udp>));
    using stock_icmp = asio::basic_raw_socket<asio_uring::ip::icmp, executor>;
    BOOST_TEST((std::is_same_v<asio_uring::ip::icmp::socket, stock_icmp>));
    using stock_local =
        asio::basic_datagram_socket<asio_uring::local::datagram_protocol, executor>;
    BOOST_TEST(
        (std::is_same_v<asio_uring::local::datagram_protocol::socket, stock_local>));
    BOOST_TEST((std::is_same_v<asio_uring::ip::udp::endpoint, udp::endpoint>));

    asio_uring::io_context context(1);
    asio_uring::ip::udp::socket socket(context, loopback_endpoint());
    char byte;
    socket.async_receive(asio::buffer(&byte, 1), [](error_code, std::size_t) {});
    socket.send_to(asio::buffer("x", 1), socket.local_endpoint());
    finish(context);
    BOOST_TEST(asio_uring::counters(context).operations == (has_ring(context) ? 1u : 0u));
}

BOOST_AUTO_TEST_CASE(resolver_gives_endpoints_of_the_protocol)
{
    asio_uring::io_context context(1);
    asio_uring::ip::udp::resolver resolver(context);
    udp::endpoint found;

    resolver.async_resolve("127.0.0.1", "9", [&](error_code ec, auto results) {
        BOOST_TEST(text(ec) == "ok");
        if (!ec)
            found = *results.begin();
    });
    finish(context);

    BOOST_TEST((found == udp::endpoint(asio::ip::address_v4::loopback(), 9)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(receive_from_tells_the_sender, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend, receiver>();
        char data[16];
        udp::endpoint from;

        link.socket.async_receive_from(asio::buffer(data), from, log.io("receive"));
        reach(context, when);
        link.send("hello");
        finish(context);

        BOOST_TEST(log.take() == "receive ok 5");
        BOOST_TEST(std::string(data, 5) == "hello");
        BOOST_TEST((from == link.sender()));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(send_to_reaches_its_destination, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    const std::array<asio::const_buffer, 3> parts{
        asio::buffer("ab", 2), asio::const_buffer(), asio::buffer("cd", 2)};

    link.socket.async_send_to(asio::buffer("one", 3), link.sender(), log.io("one"));
    link.socket.async_send_to(parts, link.sender(), log.io("parts"));
    link.socket.async_send_to(asio::const_buffer(), link.sender(), log.io("empty"));
    finish(context);

    BOOST_TEST(log.take() == "one ok 3; parts ok 4; empty ok 0");
    BOOST_TEST(link.receive() == "one");
    BOOST_TEST(link.receive() == "abcd");
    BOOST_TEST(link.receive().empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(connected_sockets_send_and_receive, Backend, backends)
{
    auto [context, first, log] = fixture<Backend, udp_socket>(loopback_endpoint());
    udp_socket<Backend> second(context, loopback_endpoint());
    char data[16];

    first.async_connect(second.local_endpoint(), log.done("connect"));
    second.connect(first.local_endpoint());
    finish(context);
    second.async_receive(asio::buffer(data), log.io("receive"));
    first.async_send(asio::buffer("data", 4), log.io("send"));
    run_until(context, [&] { return log.count() == 3; });

    std::string lines = log.take();
    BOOST_TEST(lines.starts_with("connect ok; "));
    BOOST_TEST(lines.find("receive ok 4") != std::string::npos);
    BOOST_TEST(lines.find("send ok 4") != std::string::npos);
    BOOST_TEST((first.remote_endpoint() == second.local_endpoint()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(long_datagram_is_cut_to_the_buffer, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    std::array<char, 4> data;
    char one[2], two[3];
    std::array<asio::mutable_buffer, 2> parts{asio::buffer(one), asio::buffer(two)};
    udp::endpoint from;

    link.send("0123456789");
    link.send("abcdefghij");
    link.send("next");
    link.socket.async_receive_from(asio::buffer(data), from, log.io("cut"));
    link.socket.async_receive_from(parts, from, log.io("cut parts"));
    link.socket.async_receive(asio::buffer(data), log.io("whole"));
    finish(context);

    BOOST_TEST(log.take() == "cut ok 4; cut parts ok 5; whole ok 4");
    BOOST_TEST(std::string(data.data(), 4) == "next");
    BOOST_TEST(std::string(one, 2) + std::string(two, 3) == "abcde");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_datagram_is_a_result, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    char data[4];
    udp::endpoint from;

    link.socket.async_receive_from(asio::buffer(data), from, log.io("from"));
    link.socket.async_receive(asio::buffer(data), log.io("plain"));
    link.socket.async_receive(asio::mutable_buffer(), log.io("no room"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    link.send("");
    link.send("");
    run_until(context, [&] { return log.count() == 2; });
    link.send("dropped");
    finish(context);

    BOOST_TEST(log.take() == "from ok 0; plain ok 0; no room ok 0");
    BOOST_TEST((from == link.sender()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(datagrams_are_received_in_order, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    std::array<std::array<char, 4>, 4> data;
    udp::endpoint from;

    for (std::size_t i = 0; i != data.size(); ++i)
        link.socket.async_receive_from(
            asio::buffer(data[i]), from, log.io("r" + std::to_string(i)));
    turn(context);
    for (const char* text : {"a", "bb", "ccc", "dddd"})
        link.send(text);
    finish(context);

    BOOST_TEST(log.take() == "r0 ok 1; r1 ok 2; r2 ok 3; r3 ok 4");
    BOOST_TEST(data[3][0] == 'd');
}

BOOST_AUTO_TEST_CASE_TEMPLATE(datagrams_leave_in_order, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    std::string all;

    for (int i = 0; i != 8; ++i) {
        const char* digit = &"01234567"[i];
        link.socket.async_send_to(
            asio::buffer(digit, 1), link.sender(), log.io(std::string(digit, 1)));
    }
    finish(context);
    for (int i = 0; i != 8; ++i)
        all += link.receive();

    BOOST_TEST(
        log.take() == "0 ok 1; 1 ok 1; 2 ok 1; 3 ok 1; 4 ok 1; 5 ok 1; 6 ok 1; 7 ok 1");
    BOOST_TEST(all == "01234567");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(peek_leaves_the_datagram, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    char data[8];
    udp::endpoint from;

    link.send("data");
    link.socket.async_receive_from(
        asio::buffer(data), from, socket_base::message_peek, log.io("peek"));
    link.socket.async_receive(asio::buffer(data), log.io("take"));
    finish(context);

    BOOST_TEST(log.take() == "peek ok 4; take ok 4");
    error_code ec;
    link.socket.non_blocking(true);
    link.socket.receive(asio::buffer(data), 0, ec);
    BOOST_TEST(text(ec) == "would_block");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(errors_of_the_kernel_are_reported, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    udp_socket<Backend> other(context, udp::v4());
    const std::string huge(70'000, 'x');
    const udp::endpoint broadcast(asio::ip::make_address("255.255.255.255"), 9);
    char data[4];

    link.socket.async_send_to(asio::buffer(huge), link.sender(), log.io("huge"));
    finish(context);
    BOOST_TEST(log.take() == "huge system:" + std::to_string(EMSGSIZE) + " 0");
    other.async_send(asio::buffer("x", 1), log.io("nowhere"));
    finish(context);
    BOOST_TEST(log.take() == "nowhere system:" + std::to_string(EDESTADDRREQ) + " 0");
    other.async_send_to(asio::buffer("x", 1), broadcast, log.io("broadcast"));
    finish(context);
    BOOST_TEST(log.take() == "broadcast system:" + std::to_string(EACCES) + " 0");

    const udp::endpoint gone = link.sender();
    link.plain.close();
    other.connect(gone);
    other.async_receive(asio::buffer(data), log.io("receive"));
    turn(context);
    other.send(asio::buffer("x", 1));
    finish(context);
    BOOST_TEST(log.take() == "receive connection_refused 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closed_socket_reports_bad_descriptor, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, udp_socket>();
    char data[4];
    udp::endpoint from;

    socket.async_receive_from(asio::buffer(data), from, log.io("from"));
    socket.async_send_to(asio::buffer("x", 1), loopback_endpoint(), log.io("to"));
    socket.async_receive(asio::mutable_buffer(), log.io("empty"));
    socket.async_receive_from(null_buffers(), from, log.io("null"));
    finish(context);

    BOOST_TEST(
        log.take() == "from bad_descriptor 0; to bad_descriptor 0; "
                      "empty bad_descriptor 0; null bad_descriptor 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancel_and_close_end_receives, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend, receiver>();
        char data[4];
        udp::endpoint from;
        asio::cancellation_signal signal;

        link.socket.async_receive_from(asio::buffer(data), from, log.io("r0"));
        link.socket.async_receive_from(
            asio::buffer(data),
            from,
            asio::bind_cancellation_slot(signal.slot(), log.io("r1")));
        reach(context, when);
        signal.emit(asio::cancellation_type::partial);
        run_until(context, [&] { return log.count() == 1; });
        link.socket.cancel();
        finish(context);
        BOOST_TEST(log.take() == "r1 operation_aborted 0; r0 operation_aborted 0");

        link.socket.async_receive_from(asio::buffer(data), from, log.io("open"));
        reach(context, when);
        link.socket.close();
        finish(context);
        BOOST_TEST(log.take() == "open operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(move_keeps_what_is_pending, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend, receiver>();
        char data[8];
        udp::endpoint from;

        link.socket.async_receive_from(asio::buffer(data), from, log.io("receive"));
        reach(context, when);
        udp_socket<Backend> moved(std::move(link.socket));
        link.socket = std::move(moved);
        link.send("data");
        finish(context);

        BOOST_TEST(log.take() == "receive ok 4");
        BOOST_TEST((from == link.sender()));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(release_and_assign_hand_over, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    char data[8];

    link.socket.async_receive(asio::buffer(data), log.io("released"));
    turn(context);
    const auto endpoint = link.socket.local_endpoint();
    peer own(link.socket.release());
    finish(context);
    link.socket.assign(udp::v4(), own.release());
    BOOST_TEST((link.socket.local_endpoint() == endpoint));
    link.socket.async_receive(asio::buffer(data), log.io("assigned"));
    link.send("data");
    finish(context);

    BOOST_TEST(log.take() == "released operation_aborted 0; assigned ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(waits_stand_in_line_with_receives, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    char data[8];
    udp::endpoint from = link.sender();

    link.socket.async_wait(socket_base::wait_read, log.done("w0"));
    link.socket.async_receive_from(null_buffers(), from, log.io("null"));
    link.socket.async_receive_from(asio::buffer(data), from, log.io("r0"));
    link.socket.async_wait(socket_base::wait_error, log.done("error"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    link.send("data");
    run_until(context, [&] { return log.count() == 3; });
    link.socket.async_wait(socket_base::wait_write, log.done("write"));
    run_until(context, [&] { return log.count() == 4; });
    link.socket.cancel();
    finish(context);

    BOOST_TEST(
        log.take() == "w0 ok; null ok 0; r0 ok 4; write ok; error operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sync_calls_and_their_modes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, receiver>();
    char data[8];
    udp::endpoint from;
    error_code ec;

    link.socket.non_blocking(true);
    link.socket.receive_from(asio::buffer(data), from, 0, ec);
    BOOST_TEST(text(ec) == "would_block");
    link.socket.async_receive_from(asio::buffer(data), from, log.io("receive"));
    turn(context);
    link.send("async");
    finish(context);
    BOOST_TEST(log.take() == "receive ok 5");
    link.socket.non_blocking(false);
    link.send("sync");
    BOOST_TEST(link.socket.available() == 4u);
    BOOST_TEST(link.socket.receive_from(asio::buffer(data), from) == 4u);
    BOOST_TEST((from == link.sender()));
    BOOST_TEST(link.socket.send_to(asio::buffer("x", 1), from) == 1u);
    BOOST_TEST(link.receive() == "x");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(options_of_datagrams_are_kept, Backend, backends)
{
    typename Backend::io_context context;
    udp_socket<Backend> socket(context, udp::v4());
    socket_base::broadcast broadcast;
    socket_base::receive_buffer_size room;
    asio::ip::multicast::hops hops;
    asio::ip::multicast::enable_loopback loop;

    socket.set_option(socket_base::broadcast(true));
    socket.get_option(broadcast);
    BOOST_TEST(broadcast.value());
    socket.set_option(socket_base::receive_buffer_size(32768));
    socket.get_option(room);
    BOOST_TEST(room.value() >= 32768);
    socket.set_option(asio::ip::multicast::hops(3));
    socket.get_option(hops);
    BOOST_TEST(hops.value() == 3);
    socket.set_option(asio::ip::multicast::enable_loopback(false));
    socket.get_option(loop);
    BOOST_TEST(!loop.value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(broadcast_reaches_the_loopback_net, Backend, backends)
{
    auto [context, to, log] = fixture<Backend, udp_socket>(udp::endpoint(udp::v4(), 0));
    udp_socket<Backend> from(context, udp::v4());
    char data[8];
    const udp::endpoint all(
        asio::ip::make_address("127.255.255.255"), to.local_endpoint().port());

    from.set_option(socket_base::broadcast(true));
    to.async_receive(asio::buffer(data), log.io("receive"));
    turn(context);
    from.async_send_to(asio::buffer("all", 3), all, log.io("send"));
    finish(context);

    std::string lines = log.take();
    BOOST_TEST(lines.find("receive ok 3") != std::string::npos);
    BOOST_TEST(lines.find("send ok 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(group_member_receives_multicast, Backend, backends)
{
    auto [context, member, log] =
        fixture<Backend, udp_socket>(udp::endpoint(udp::v4(), 0));
    udp_socket<Backend> sender(context, udp::v4());
    char data[8];
    const auto group = asio::ip::make_address_v4("239.255.77.1");
    const auto loopback = asio::ip::address_v4::loopback();
    error_code ec;

    member.set_option(asio::ip::multicast::join_group(group, loopback), ec);
    BOOST_TEST_REQUIRE(text(ec) == "ok");
    sender.set_option(asio::ip::multicast::outbound_interface(loopback));
    sender.set_option(asio::ip::multicast::enable_loopback(true));
    member.async_receive(asio::buffer(data), log.io("receive"));
    turn(context);
    sender.async_send_to(
        asio::buffer("group", 5),
        udp::endpoint(group, member.local_endpoint().port()),
        log.io("send"));
    finish(context);
    std::string lines = log.take();
    BOOST_TEST(lines.find("receive ok 5") != std::string::npos);
    BOOST_TEST(lines.find("send ok 5") != std::string::npos);

    member.set_option(asio::ip::multicast::leave_group(group, loopback), ec);
    BOOST_TEST(text(ec) == "ok");
    member.set_option(asio::ip::multicast::leave_group(group, loopback), ec);
    BOOST_TEST(text(ec) == "system:" + std::to_string(EADDRNOTAVAIL));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(local_pair_keeps_boundaries_and_waits, Backend, backends)
{
    auto [context, first, log] = fixture<Backend, local_socket>();
    local_socket<Backend> second(context);
    char data[8];
    std::size_t sent = 0;
    error_code ec;

    asio::local::connect_pair(first, second);
    first.async_send(asio::buffer("one", 3), log.io("one"));
    first.async_send(asio::buffer("three", 5), log.io("three"));
    second.async_receive(asio::buffer(data, 2), log.io("cut"));
    second.async_receive(asio::buffer(data), log.io("whole"));
    finish(context);
    std::string lines = log.take();
    BOOST_TEST(lines.find("cut ok 2") < lines.find("whole ok 5"));

    first.non_blocking(true);
    while (first.send(asio::buffer("x", 1), 0, ec), !ec)
        ++sent;
    first.async_send(asio::buffer("last", 4), log.io("last"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    for (std::size_t i = 0; i != sent; ++i)
        second.receive(asio::buffer(data));
    finish(context);
    BOOST_TEST(log.take() == "last ok 4");
    BOOST_TEST(second.receive(asio::buffer(data)) == 4u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(local_sender_is_told_by_its_name, Backend, backends)
{
    typename Backend::io_context context;
    const std::string unique = std::to_string(::getpid());
    const local_protocol::endpoint here(std::string("\0asio_uring_here_", 17) + unique);
    const local_protocol::endpoint there(std::string("\0asio_uring_there_", 18) + unique);
    local_socket<Backend> first(context, here);
    local_socket<Backend> second(context, there);
    recorder log;
    char data[8];
    local_protocol::endpoint from;

    first.async_receive_from(asio::buffer(data), from, log.io("named"));
    turn(context);
    second.async_send_to(asio::buffer("data", 4), here, log.io("send"));
    finish(context);
    BOOST_TEST((from == there));
    local_socket<Backend> nameless(context, local_protocol());
    first.async_receive_from(asio::buffer(data), from, log.io("nameless"));
    nameless.async_send_to(asio::buffer("none", 4), here, log.io("send"));
    finish(context);
    BOOST_TEST(from.path().empty());

    std::string lines = log.take();
    BOOST_TEST(lines.find("nameless ok 4") != std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(icmp_echo_is_answered, Backend, backends)
{
    typename Backend::io_context context;
    asio::basic_raw_socket<icmp_protocol, typename Backend::executor> socket(context);
    error_code ec;
    if (socket.open(icmp_protocol::v4(), ec), ec)
        ASIO_URING_SKIP("raw sockets are for processes with CAP_NET_RAW: " + text(ec));
    recorder log;
    const auto id = static_cast<std::uint16_t>(::getpid());
    ::icmphdr request = echo_request(id);
    std::array<char, 256> answer;
    icmp_protocol::endpoint from;
    bool answered = false;

    socket.async_send_to(
        asio::buffer(&request, sizeof(request)),
        icmp_protocol::endpoint(asio::ip::address_v4::loopback(), 0),
        log.io("send"));
    // Both the request and its answer pass the loopback, and so may those of others.
    while (!answered) {
        std::size_t size = 0;
        socket.async_receive_from(
            asio::buffer(answer), from, [&](error_code result, std::size_t bytes) {
                BOOST_TEST(text(result) == "ok");
                size = bytes;
            });
        finish(context);
        BOOST_TEST_REQUIRE(size >= 28u);
        ::icmphdr header;
        std::memcpy(&header, answer.data() + 20, sizeof(header));
        answered = header.type == ICMP_ECHOREPLY && header.un.echo.id == id;
    }

    BOOST_TEST(log.take() == "send ok 8");
    BOOST_TEST((from.address() == asio::ip::address_v4::loopback()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(close_after_sends_delivers_them, Backend, backends)
{
    auto [context, sender, log] = fixture<Backend, udp_socket>(loopback_endpoint());
    udp_socket<Backend> target(context, loopback_endpoint());
    std::array<char, 8> data;

    for (const char* name : {"first", "second"})
        sender.async_send_to(
            asio::buffer("hello", 5), target.local_endpoint(), log.io(name));
    sender.close();
    finish(context);

    BOOST_TEST(log.take() == "first ok 5; second ok 5");
    BOOST_TEST(target.available() == 5u);
    BOOST_TEST(target.receive(asio::buffer(data)) == 5u);
    BOOST_TEST(target.available() == 5u);
}

BOOST_AUTO_TEST_SUITE_END()
