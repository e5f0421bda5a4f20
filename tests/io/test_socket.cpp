// SPDX-License-Identifier: BSL-1.0
// The life of a TCP socket: closed, open, connected, moved, cancelled, released, closed.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/read.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <sys/mman.h>

namespace {

using namespace asio_uring::test;
using asio::ip::tcp;
using boost::system::error_code;
using socket_base = asio::socket_base;

/// Opens a copy of the descriptor under exactly this number.
void copy_as(int number, const peer& original)
{
    int copy = ::fcntl(original.fd(), F_DUPFD_CLOEXEC, number);
    BOOST_TEST_REQUIRE(copy == number, "the descriptor number is not free after close");
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_socket)

BOOST_AUTO_TEST_CASE_TEMPLATE(
    closed_socket_async_calls_report_bad_descriptor, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>();
    char data[4];
    std::array<asio::mutable_buffer, 2> two{asio::buffer(data), asio::buffer(data)};

    socket.async_read_some(asio::buffer(data), log.io("read"));
    socket.async_read_some(two, log.io("read two"));
    socket.async_write_some(asio::buffer("x", 1), log.io("write"));
    socket.async_receive(asio::buffer(data), socket_base::message_peek, log.io("peek"));
    socket.async_receive(
        asio::buffer(data), socket_base::message_out_of_band, log.io("urgent"));
    socket.async_send(
        asio::buffer("x", 1), socket_base::message_do_not_route, log.io("send"));
    socket.async_wait(socket_base::wait_read, log.done("wait read"));
    socket.async_wait(socket_base::wait_write, log.done("wait write"));
    socket.async_wait(socket_base::wait_error, log.done("wait error"));
    log.note("started");
    finish(context);

    BOOST_TEST(
        log.take() ==
        "started; read bad_descriptor 0; read two bad_descriptor 0; "
        "write bad_descriptor 0; peek bad_descriptor 0; urgent bad_descriptor 0; "
        "send bad_descriptor 0; wait read bad_descriptor; "
        "wait write bad_descriptor; wait error bad_descriptor");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    closed_socket_empty_transfer_reports_bad_descriptor, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>();
    error_code ec;

    socket.async_read_some(asio::mutable_buffer(), log.io("read"));
    socket.async_write_some(asio::const_buffer(), log.io("write"));
    finish(context);

    BOOST_TEST(log.take() == "read bad_descriptor 0; write bad_descriptor 0");
    socket.read_some(asio::mutable_buffer(), ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    socket.write_some(asio::const_buffer(), ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    closed_socket_sync_calls_report_bad_descriptor, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>();
    char data[4];
    error_code ec;
    auto after = [&](const char* call) { log.note(call + (' ' + text(ec))); };

    BOOST_TEST(!socket.is_open());
    BOOST_TEST(socket.native_handle() == -1);
    socket.read_some(asio::buffer(data), ec), after("read");
    socket.write_some(asio::buffer("x", 1), ec), after("write");
    socket.wait(socket_base::wait_read, ec), after("wait");
    socket.cancel(ec), after("cancel");
    socket.available(ec), after("available");
    socket.at_mark(ec), after("at_mark");
    socket.bind(tcp::endpoint(tcp::v4(), 0), ec), after("bind");
    socket.shutdown(socket_base::shutdown_both, ec), after("shutdown");
    socket.local_endpoint(ec), after("local");
    socket.remote_endpoint(ec), after("remote");
    socket.set_option(tcp::no_delay(true), ec), after("set");
    tcp::no_delay option;
    socket.get_option(option, ec), after("get");
    socket_base::bytes_readable command;
    socket.io_control(command, ec), after("io_control");
    socket.non_blocking(true, ec), after("non_blocking");
    socket.native_non_blocking(true, ec), after("native");
    socket.release(ec), after("release");
    socket.close(ec), after("close");

    BOOST_TEST(
        log.take() ==
        "read bad_descriptor; write bad_descriptor; wait bad_descriptor; "
        "cancel bad_descriptor; available bad_descriptor; at_mark bad_descriptor; "
        "bind bad_descriptor; shutdown bad_descriptor; local bad_descriptor; "
        "remote bad_descriptor; set bad_descriptor; get bad_descriptor; "
        "io_control bad_descriptor; non_blocking bad_descriptor; "
        "native bad_descriptor; release bad_descriptor; close ok");
    BOOST_CHECK_THROW(socket.cancel(), boost::system::system_error);
    BOOST_CHECK_THROW(socket.remote_endpoint(), boost::system::system_error);
    BOOST_CHECK_THROW(socket.read_some(asio::buffer(data)), boost::system::system_error);
    BOOST_CHECK_NO_THROW(socket.close());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(open_socket_not_connected_reports_it, Backend, backends)
{
    auto [context, socket, log] = fixture<Backend, stream_socket>(tcp::v4());
    char data[4];
    error_code ec;

    BOOST_TEST(socket.is_open());
    socket.remote_endpoint(ec);
    BOOST_TEST(text(ec) == "not_connected");
    socket.async_read_some(asio::buffer(data), log.io("read"));
    finish(context);
    socket.async_write_some(asio::buffer("x", 1), log.io("write"));
    finish(context);

    BOOST_TEST(log.take() == "read not_connected 0; write broken_pipe 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(open_twice_reports_already_open, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    auto [near, far] = plain_pair();
    error_code ec;
    int before = link.socket.native_handle();

    link.socket.open(tcp::v4(), ec);
    BOOST_TEST(text(ec) == "already_open");
    link.socket.assign(tcp::v4(), near.fd(), ec);
    BOOST_TEST(text(ec) == "already_open");
    BOOST_CHECK_THROW(link.socket.open(tcp::v4()), boost::system::system_error);

    BOOST_TEST(link.socket.native_handle() == before);
    link.socket.write_some(asio::buffer("ok", 2));
    BOOST_TEST(link.remote.receive(2) == "ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(oversized_write_is_the_kernels_to_judge, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* memory = ::mmap(
        nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BOOST_TEST_REQUIRE(memory != MAP_FAILED);
    ::mprotect(static_cast<char*>(memory) + page, page, PROT_NONE);
    asio::const_buffer oversized(memory, std::size_t(-1));
    std::array<asio::const_buffer, 2> several{oversized, asio::buffer("x", 1)};
    error_code result;
    std::size_t written = 0;

    // The readable page may be sent before the kernel meets the guard page, or not.
    link.socket.async_write_some(oversized, [&](error_code ec, std::size_t n) {
        result = ec;
        written = n;
    });
    finish(context);
    link.socket.async_write_some(several, log.io("several"));
    finish(context);
    ::munmap(memory, 2 * page);

    BOOST_TEST((text(result) == "fault" || (!result && written > 0 && written <= page)));
    BOOST_TEST(log.take() == "several invalid_argument 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(endpoints_name_both_ends, Backend, backends)
{
    typename Backend::io_context context;
    listener server;
    typename Backend::socket socket(
        context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    error_code ec;

    auto local = socket.local_endpoint();
    BOOST_TEST(local.port() != 0);
    socket.connect(server.endpoint());
    BOOST_TEST((socket.local_endpoint(ec) == local));
    BOOST_TEST((socket.remote_endpoint(ec) == server.endpoint()));
    BOOST_TEST(text(ec) == "ok");
    typename Backend::socket second(context, tcp::v4());
    second.bind(local, ec);
    BOOST_TEST(text(ec) == "address_in_use");
}

namespace {

/// An option no kernel knows.
struct unknown_option
{
    int value = 1;

    int level(const tcp&) const { return IPPROTO_TCP; }
    int name(const tcp&) const { return 0x7fff; }
    const int* data(const tcp&) const { return &value; }
    std::size_t size(const tcp&) const { return sizeof(value); }
};

template <typename Option, typename Socket>
void check_flag(Socket& socket)
{
    for (bool wanted : {true, false}) {
        error_code ec;
        socket.set_option(Option(wanted), ec);
        BOOST_TEST(text(ec) == "ok");
        Option option;
        socket.get_option(option, ec);
        BOOST_TEST(text(ec) == "ok");
        BOOST_TEST(option.value() == wanted);
    }
}

template <typename Option, typename Socket>
void check_number(Socket& socket, int wanted, int lowest_read_back)
{
    error_code ec;
    socket.set_option(Option(wanted), ec);
    BOOST_TEST(text(ec) == "ok");
    Option option;
    socket.get_option(option);
    BOOST_TEST(option.value() >= lowest_read_back);
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(options_of_every_kind_are_kept, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::socket socket(context, tcp::v4());
    typename Backend::socket six(context);
    error_code ec;

    check_flag<tcp::no_delay>(socket);
    check_flag<socket_base::reuse_address>(socket);
    check_flag<socket_base::keep_alive>(socket);
    check_flag<socket_base::do_not_route>(socket);
    check_flag<socket_base::broadcast>(socket);
    check_flag<socket_base::out_of_band_inline>(socket);
    check_number<socket_base::send_buffer_size>(socket, 16384, 16384);
    check_number<socket_base::receive_buffer_size>(socket, 16384, 16384);
    check_number<socket_base::receive_low_watermark>(socket, 3, 3);
    check_number<asio::ip::unicast::hops>(socket, 7, 7);
    socket.set_option(socket_base::linger(true, 3));
    socket_base::linger linger;
    socket.get_option(linger, ec);
    BOOST_TEST(linger.enabled());
    BOOST_TEST(linger.timeout() == 3);
    socket.set_option(socket_base::linger(false, 0));
    socket.set_option(socket_base::enable_connection_aborted(true), ec);
    BOOST_TEST(text(ec) == "ok");
    socket.set_option(socket_base::send_low_watermark(1), ec);
    BOOST_TEST(text(ec) == "no_protocol_option");
    if (six.open(tcp::v6(), ec), !ec)
        check_flag<asio::ip::v6_only>(six);
    socket.set_option(unknown_option(), ec);
    BOOST_TEST(text(ec) == "no_protocol_option");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(low_watermark_holds_back_reads, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.socket.set_option(socket_base::receive_low_watermark(4));
    link.socket.async_wait(socket_base::wait_read, log.done("wait"));
    turn(context);
    link.remote.send("abc");
    turn(context);
    log.note("three bytes");
    link.remote.send("d");
    finish(context);

    BOOST_TEST(log.take() == "three bytes; wait ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancel_nothing_pending_is_ok, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    error_code ec = asio::error::fault;
    char data[4];

    link.socket.cancel(ec);
    BOOST_TEST(text(ec) == "ok");
    link.socket.cancel();
    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    link.remote.send("data");
    finish(context);
    link.socket.cancel();

    BOOST_TEST(log.take() == "read ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancel_pending_aborts_every_direction, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        char data[4];

        fill(link.socket);
        link.socket.async_read_some(asio::buffer(data), log.io("read"));
        link.socket.async_write_some(asio::buffer("x", 1), log.io("write"));
        link.socket.async_wait(socket_base::wait_error, log.done("wait"));
        reach(context, when);
        link.socket.cancel();
        log.note("cancelled");
        finish(context);

        std::string lines = log.take();
        BOOST_TEST(lines.starts_with("cancelled; "));
        BOOST_TEST(lines.find("read operation_aborted 0") != std::string::npos);
        BOOST_TEST(lines.find("write operation_aborted 0") != std::string::npos);
        BOOST_TEST(lines.find("wait operation_aborted") != std::string::npos);
        BOOST_TEST(link.socket.is_open());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(operation_after_cancel_works, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        std::string first(4, '.');
        std::string second(4, '.');

        link.socket.async_read_some(asio::buffer(first), log.io("first"));
        reach(context, when);
        link.socket.cancel();
        link.socket.async_read_some(asio::buffer(second), log.io("second"));
        run_until(context, [&] { return log.count() == 1; });
        link.remote.send("data");
        finish(context);

        BOOST_TEST(log.take() == "first operation_aborted 0; second ok 4");
        BOOST_TEST(first == "....");
        BOOST_TEST(second == "data");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(data_after_cancel_is_not_lost, Backend, backends)
{
    for (stage when : stages) {
        typename Backend::io_context context;
        loopback<Backend> link(context);
        std::string first(4, '.');
        std::string second(4, '.');
        error_code ended = asio::error::fault;
        std::size_t size = 99;

        // A transfer that wins against its cancellation reports its bytes, so the data is
        // in the first buffer or still in the stream.
        link.socket.async_read_some(
            asio::buffer(first), [&](error_code ec, std::size_t n) {
                ended = ec;
                size = n;
            });
        reach(context, when);
        link.socket.cancel();
        link.remote.send("data");
        finish(context);
        if (ended) {
            BOOST_TEST(text(ended) == "operation_aborted");
            BOOST_TEST(size == 0u);
            BOOST_TEST(link.socket.read_some(asio::buffer(second)) == 4u);
        }
        else
            BOOST_TEST(size == 4u);
        BOOST_TEST((ended ? second : first) == "data");
        // On a ring the kernel may have written into the first buffer by then.
        if (!ended || !Backend::on_ring)
            BOOST_TEST((ended ? first : second) == "....");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancel_from_a_handler_aborts_the_other, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];

    fill(link.socket);
    link.socket.async_write_some(asio::buffer("x", 1), log.io("write"));
    link.socket.async_read_some(asio::buffer(data), [&](error_code ec, std::size_t n) {
        log.io("read")(ec, n);
        link.socket.cancel();
        log.note("cancelled");
    });
    turn(context);
    link.remote.send("data");
    finish(context);

    BOOST_TEST(log.take() == "read ok 4; cancelled; write operation_aborted 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    close_pending_aborts_and_peer_sees_the_end, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        char data[4];
        error_code ec = asio::error::fault;

        link.socket.async_read_some(asio::buffer(data), log.io("r0"));
        link.socket.async_read_some(asio::buffer(data), log.io("r1"));
        reach(context, when);
        link.socket.close(ec);
        log.note("closed");

        BOOST_TEST(text(ec) == "ok");
        BOOST_TEST(!link.socket.is_open());
        BOOST_TEST(
            link.remote.at_end(), "the peer does not see the end before the loop turns");
        finish(context);
        BOOST_TEST(
            log.take() == "closed; r0 operation_aborted 0; r1 operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(close_pending_write_aborts, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();

        std::size_t ahead = fill(link.socket);
        link.socket.async_write_some(asio::buffer("stale", 5), log.io("w0"));
        link.socket.async_write_some(asio::buffer("stale", 5), log.io("w1"));
        reach(context, when);
        link.socket.close();
        finish(context);

        BOOST_TEST(log.take() == "w0 operation_aborted 0; w1 operation_aborted 0");
        BOOST_TEST(link.remote.receive(ahead + 1).size() == ahead);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    close_pending_read_spares_the_reused_descriptor, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        std::string stale(8, '.');
        std::string fresh(8, '.');
        auto [near, far] = plain_pair();
        int number = link.socket.native_handle();

        link.socket.async_read_some(asio::buffer(stale), log.io("stale"));
        link.socket.async_wait(socket_base::wait_read, log.done("stale wait"));
        reach(context, when);
        link.socket.close();
        copy_as(number, near);
        typename Backend::socket next(context, tcp::v4(), number);
        far.send("fresh");
        BOOST_TEST(ready(number, POLLIN));
        finish(context);
        next.async_read_some(asio::buffer(fresh), log.io("fresh"));
        finish(context);

        std::string lines = log.take();
        BOOST_TEST(lines.find("stale operation_aborted 0") != std::string::npos);
        BOOST_TEST(lines.find("stale wait operation_aborted") != std::string::npos);
        BOOST_TEST(lines.ends_with("; fresh ok 5"));
        BOOST_TEST(stale == "........");
        BOOST_TEST(fresh == "fresh...");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    close_pending_write_spares_the_reused_descriptor, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        auto [near, far] = plain_pair();
        int number = link.socket.native_handle();

        fill(link.socket);
        link.socket.async_write_some(asio::buffer("stale", 5), log.io("stale"));
        reach(context, when);
        link.socket.close();
        copy_as(number, near);
        typename Backend::socket next(context, tcp::v4(), number);
        next.async_write_some(asio::buffer("fresh", 5), log.io("fresh"));
        finish(context);
        next.shutdown(socket_base::shutdown_send);

        std::string lines = log.take();
        BOOST_TEST(lines.find("stale operation_aborted 0") != std::string::npos);
        BOOST_TEST(lines.find("fresh ok 5") != std::string::npos);
        BOOST_TEST(far.receive(16) == "fresh");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(close_from_own_handler_works, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];

    link.socket.async_read_some(asio::buffer(data), [&](error_code ec, std::size_t n) {
        log.io("first")(ec, n);
        link.socket.close();
        log.note("closed");
    });
    link.socket.async_read_some(asio::buffer(data), log.io("second"));
    turn(context);
    link.remote.send("data");
    finish(context);

    BOOST_TEST(log.take() == "first ok 4; closed; second operation_aborted 0");
    BOOST_TEST(link.remote.at_end());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closed_socket_can_be_opened_again, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        listener server;
        std::string data(4, '.');

        link.socket.async_read_some(asio::buffer(data), log.io("before"));
        reach(context, when);
        link.socket.close();
        link.socket.connect(server.endpoint());
        peer next = server.accept();
        link.socket.async_read_some(asio::buffer(data), log.io("after"));
        next.send("next");
        finish(context);

        BOOST_TEST(log.take() == "before operation_aborted 0; after ok 4");
        BOOST_TEST(data == "next");
        BOOST_TEST(link.remote.at_end());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(close_with_linger_zero_resets_the_peer, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        char byte;

        link.socket.set_option(socket_base::linger(true, 0));
        link.socket.async_read_some(asio::buffer(&byte, 1), log.io("read"));
        reach(context, when);
        link.socket.close();
        BOOST_TEST(ready(link.remote.fd(), POLLIN));
        BOOST_TEST(::recv(link.remote.fd(), &byte, 1, MSG_DONTWAIT) == -1);
        BOOST_TEST(errno == ECONNRESET);
        finish(context);

        BOOST_TEST(log.take() == "read operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(destroyed_socket_aborts_pending, Backend, backends)
{
    for (stage when : stages) {
        typename Backend::io_context context;
        recorder log;
        char data[4];
        auto link = std::make_unique<loopback<Backend>>(context);
        peer remote = std::move(link->remote);

        link->socket.async_read_some(asio::buffer(data), log.io("read"));
        reach(context, when);
        link.reset();
        log.note("destroyed");
        BOOST_TEST(remote.at_end());
        finish(context);

        BOOST_TEST(log.take() == "destroyed; read operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(release_pending_aborts_and_hands_over, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        std::string data(4, '.');
        int number = link.socket.native_handle();

        link.socket.async_read_some(asio::buffer(data), log.io("r0"));
        link.socket.async_read_some(asio::buffer(data), log.io("r1"));
        reach(context, when);
        peer released(link.socket.release());
        log.note("released");
        BOOST_TEST(released.fd() == number);
        BOOST_TEST(!link.socket.is_open());
        link.remote.send("data");
        finish(context);

        BOOST_TEST(
            log.take() == "released; r0 operation_aborted 0; r1 operation_aborted 0");
        BOOST_TEST(data == "....");
        BOOST_TEST(released.receive(4) == "data");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(released_descriptor_can_be_assigned, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        typename Backend::socket next(context);
        std::string data(4, '.');
        error_code ec = asio::error::fault;

        link.socket.async_read_some(asio::buffer(data), log.io("old"));
        reach(context, when);
        next.assign(tcp::v4(), link.socket.release(ec), ec);
        BOOST_TEST(text(ec) == "ok");
        next.async_read_some(asio::buffer(data), log.io("new"));
        link.remote.send("data");
        finish(context);
        next.close();

        BOOST_TEST(log.take() == "old operation_aborted 0; new ok 4");
        BOOST_TEST(data == "data");
        BOOST_TEST(link.remote.at_end());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(assign_takes_any_connected_descriptor, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    std::string data(4, '.');
    for (bool non_blocking : {false, true}) {
        auto [near, far] = plain_pair();
        ::fcntl(near.fd(), F_SETFL, non_blocking ? O_NONBLOCK : 0);
        typename Backend::socket socket(context, tcp::v4(), near.release());
        socket.async_read_some(asio::buffer(data), log.io("read"));
        turn(context);
        far.send("data");
        finish(context);
        BOOST_TEST(socket.write_some(asio::buffer("back", 4)) == 4u);
        BOOST_TEST(far.receive(4) == "back");
        BOOST_TEST(!socket.non_blocking());
    }
    BOOST_TEST(log.take() == "read ok 4; read ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(move_construct_takes_pending_along, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        std::string data(8, '.');
        int number = link.socket.native_handle();

        link.socket.async_read_some(asio::buffer(data, 4), log.io("r0"));
        link.socket.async_read_some(asio::buffer(&data[4], 4), log.io("r1"));
        reach(context, when);
        typename Backend::socket moved(std::move(link.socket));
        BOOST_TEST(moved.native_handle() == number);
        BOOST_TEST(!link.socket.is_open());
        link.remote.send("data");
        run_until(context, [&] { return log.count() == 1; });
        moved.cancel();
        finish(context);

        BOOST_TEST(log.take() == "r0 ok 4; r1 operation_aborted 0");
        BOOST_TEST(data == "data....");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(moved_from_socket_can_be_used_again, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    listener server;
    char data[4];
    error_code ec;

    link.socket.async_read_some(asio::buffer(data), log.io("moved"));
    turn(context);
    typename Backend::socket moved(std::move(link.socket));
    link.socket.cancel(ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    link.socket.connect(server.endpoint());
    peer second = server.accept();
    link.socket.async_read_some(asio::buffer(data), log.io("again"));
    second.send("22");
    run_until(context, [&] { return log.count() == 1; });
    link.remote.send("1");
    finish(context);

    BOOST_TEST(log.take() == "again ok 2; moved ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(move_assign_aborts_own_and_takes_others, Backend, backends)
{
    for (stage when : stages) {
        auto [context, target, log] = fixture<Backend>();
        loopback<Backend> source(context);
        std::string data(4, '.');
        char lost[4];

        target.socket.async_read_some(asio::buffer(lost), log.io("target"));
        source.socket.async_read_some(asio::buffer(data), log.io("source"));
        reach(context, when);
        target.socket = std::move(source.socket);
        log.note("assigned");
        BOOST_TEST(!source.socket.is_open());
        BOOST_TEST(target.remote.at_end());
        run_until(context, [&] { return log.count() == 2; });
        source.remote.send("data");
        finish(context);

        BOOST_TEST(log.take() == "assigned; target operation_aborted 0; source ok 4");
        BOOST_TEST(data == "data");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(move_assign_closed_onto_open_closes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];

    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    link.socket = typename Backend::socket(context);
    BOOST_TEST(!link.socket.is_open());
    BOOST_TEST(link.remote.at_end());
    finish(context);

    BOOST_TEST(log.take() == "read operation_aborted 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(moved_sockets_in_a_vector_keep_working, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    std::vector<typename Backend::socket> sockets;
    std::vector<peer> peers;
    char data[8][4];

    for (std::size_t i = 0; i < 8; ++i) {
        loopback<Backend> link(context);
        sockets.push_back(std::move(link.socket));
        peers.push_back(std::move(link.remote));
        sockets.back().async_read_some(
            asio::buffer(data[i]), log.io("s" + std::to_string(i)));
        turn(context);
    }
    for (std::size_t i = 8; i-- > 0;) {
        peers[i].send("x");
        run_until(context, [&] { return log.count() == 8 - i; });
    }

    BOOST_TEST(
        log.take() == "s7 ok 1; s6 ok 1; s5 ok 1; s4 ok 1; s3 ok 1; s2 ok 1; "
                      "s1 ok 1; s0 ok 1");
}

namespace {

/// One operation of each kind that waits, among them those without a transfer.
template <typename Backend>
struct mixed_operations
{
#if defined(BOOST_ASIO_NO_DEPRECATED)
    static constexpr std::size_t count = 4;
#else
    static constexpr std::size_t count = 5;
#endif

    explicit mixed_operations(typename Backend::io_context& context) : link(context) {}

    void start(recorder& log)
    {
        auto& socket = link.socket;
        socket.async_wait(socket_base::wait_read, log.done("wait"));
        socket.async_read_some(asio::buffer(data, 1), log.io("read"));
        socket.async_receive(
            asio::buffer(data, 1), socket_base::message_out_of_band, log.io("urgent"));
        socket.async_wait(socket_base::wait_error, log.done("error"));
#if !defined(BOOST_ASIO_NO_DEPRECATED)
        socket.async_read_some(null_buffers(), log.io("null"));
#endif
    }

    /// True if every operation was aborted, in whatever order.
    static bool all_aborted(recorder& log)
    {
        bool complete = log.count() == count;
        std::string lines = log.take();
        return complete && lines.find(" ok") == std::string::npos &&
               lines.find("INLINE") == std::string::npos;
    }

    loopback<Backend> link;
    char data[4];
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(mixed_operations_all_end_with_the_socket, Backend, backends)
{
    for (stage when : stages) {
        typename Backend::io_context context;
        recorder log;
        mixed_operations<Backend> cancelled(context);
        cancelled.start(log);
        reach(context, when);
        cancelled.link.socket.cancel();
        finish(context);
        BOOST_TEST(cancelled.all_aborted(log));

        mixed_operations<Backend> closed(context);
        closed.start(log);
        reach(context, when);
        closed.link.socket.close();
        BOOST_TEST(closed.link.remote.at_end());
        finish(context);
        BOOST_TEST(closed.all_aborted(log));

        mixed_operations<Backend> released(context);
        released.start(log);
        reach(context, when);
        peer descriptor(released.link.socket.release());
        finish(context);
        BOOST_TEST(released.all_aborted(log));

        mixed_operations<Backend> moved(context);
        moved.start(log);
        reach(context, when);
        typename Backend::socket target(std::move(moved.link.socket));
        turn(context);
        BOOST_TEST(log.count() == 0u);
        target = typename Backend::socket(context);
        finish(context);
        BOOST_TEST(moved.all_aborted(log));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    mixed_operations_are_destroyed_with_the_context, Backend, backends)
{
    for (stage when : stages) {
        recorder log;
        {
            typename Backend::io_context context;
            mixed_operations<Backend> operations(context);
            operations.start(log);
            reach(context, when);
        }
        BOOST_TEST(log.count() == 0u);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(mixed_operations_all_see_their_event, Backend, backends)
{
    auto [context, operations, log] = fixture<Backend, mixed_operations>();

    operations.start(log);
    turn(context);
    operations.link.remote.send("x");
    operations.link.remote.send("!", MSG_OOB);
    run_until(context, [&] { return log.count() >= 4u; });
    // Whether the last readiness is seen depends on when the read takes the data.
    operations.link.remote.send("y");
    finish(context);
    BOOST_TEST(log.count() == operations.count);
    BOOST_TEST(log.take().find("aborted") == std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(executor_and_layers_are_reachable, Backend, backends)
{
    typename Backend::io_context context;
    auto executor = Backend::get_executor(context);
    typename Backend::socket socket(executor);
    typename Backend::socket bound(executor, tcp::v4());
    const typename Backend::socket& constant = socket;

    BOOST_TEST((socket.get_executor() == executor));
    BOOST_TEST(&socket.lowest_layer() == &socket);
    BOOST_TEST(&constant.lowest_layer() == &socket);
    BOOST_TEST(&asio::query(executor, asio::execution::context) == &context);
    BOOST_TEST(bound.is_open());
    socket.open(tcp::v4());
    BOOST_TEST(socket.is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(converting_move_takes_pending_along, Backend, backends)
{
    using any_socket = asio::basic_stream_socket<tcp, typename Backend::any_executor>;
    for (stage when : stages) {
        auto [context, first, log] = fixture<Backend>();
        loopback<Backend> second(context);
        std::string data(8, '.');

        first.socket.async_read_some(asio::buffer(data, 4), log.io("first"));
        second.socket.async_read_some(asio::buffer(&data[4], 4), log.io("second"));
        reach(context, when);
        any_socket target(std::move(first.socket));
        BOOST_TEST(!first.socket.is_open());
        turn(context);
        BOOST_TEST(log.count() == 0u);
        first.remote.send("1111");
        run_until(context, [&] { return log.count() == 1; });
        target = std::move(second.socket);
        BOOST_TEST(first.remote.at_end());
        second.remote.send("2222");
        finish(context);
        target.async_write_some(asio::buffer("x", 1), log.io("write"));
        finish(context);

        BOOST_TEST(log.take() == "first ok 4; second ok 4; write ok 1");
        BOOST_TEST(data == "11112222");
        BOOST_TEST(second.remote.receive(1) == "x");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    converting_move_of_an_acceptor_keeps_accepting, Backend, backends)
{
    using any_socket = asio::basic_stream_socket<tcp, typename Backend::any_executor>;
    using any_acceptor = asio::basic_socket_acceptor<tcp, typename Backend::any_executor>;
    typename Backend::io_context context;
    typename Backend::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    typename Backend::socket socket(context);
    recorder log;

    acceptor.async_accept(socket, log.done("accept"));
    turn(context);
    any_acceptor target(std::move(acceptor));
    target.async_accept([&](error_code ec, any_socket accepted) {
        log.done("any")(ec);
        BOOST_TEST(accepted.is_open());
    });
    peer first = start_connect(target.local_endpoint());
    peer second = start_connect(target.local_endpoint());
    finish(context);

    BOOST_TEST(log.take() == "accept ok; any ok");
    BOOST_TEST(socket.is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(any_executor_socket_shares_the_loop, Backend, backends)
{
    typename Backend::io_context context;
    asio::basic_stream_socket<tcp, asio::any_io_executor> socket(context);
    loopback<Backend> link(context);
    recorder log;
    listener server;
    char data[2][4];

    socket.connect(server.endpoint());
    peer other = server.accept();
    socket.async_read_some(asio::buffer(data[0]), log.io("any"));
    link.socket.async_read_some(asio::buffer(data[1]), log.io("concrete"));
    turn(context);
    other.send("1");
    run_until(context, [&] { return log.count() == 1; });
    link.remote.send("22");
    finish(context);

    BOOST_TEST(log.take() == "any ok 1; concrete ok 2");
}

BOOST_AUTO_TEST_SUITE_END()
