// SPDX-License-Identifier: BSL-1.0
// Batched writes: the write that a handler starts is a request of the next turn. Whatever
// the program does with the object or its context before then finds it carried out.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>

#include <unistd.h>

namespace {

using namespace asio_uring::test;
using asio_uring::write_mode;
using boost::system::error_code;
using udp_socket = asio::basic_datagram_socket<asio::ip::udp, ring::executor>;

const auto ignore = [](error_code, std::size_t) {};

asio_uring::ring_options batched() { return {.writes = write_mode::batched}; }

/// Without a ring Asio's own service writes, at once.
const bool batches = !ring_is_forbidden();
const write_mode mode = batches ? write_mode::batched : write_mode::at_once;

/// Runs one handler, and takes no turn behind it.
template <typename F>
void run_handler(ring::io_context& context, F handler)
{
    bool ran = false;
    asio::post(context, [&] {
        ran = true;
        handler();
    });
    run_until(context, [&] { return ran; });
}

/// A connection whose socket writes with the turn.
struct batch
{
    ring::io_context context{1, batched()};
    loopback<ring> link{context};
    recorder log;

    void write(std::string_view text)
    {
        run_handler(context, [&] {
            link.socket.async_write_some(asio::buffer(text), log.io("write"));
        });
    }

    std::size_t arrived() { return link.remote.drain(); }
};

/// The object-level calls before which the kernel must have seen a write.
const std::pair<const char*, std::function<void(batch&)>> calls[] = {
    {"close", [](batch& b) { b.link.socket.close(); }},
    {"cancel", [](batch& b) { b.link.socket.cancel(); }},
    {"shutdown",
     [](batch& b) { b.link.socket.shutdown(asio::socket_base::shutdown_send); }},
    {"release", [](batch& b) { ::close(b.link.socket.release()); }},
    {"destruction", [](batch& b) { ring::socket(std::move(b.link.socket)); }},
    {"move assignment",
     [](batch& b) { b.link.socket = ring::socket(b.context, asio::ip::tcp::v4()); }},
    {"conversion",
     [](batch& b) {
         const auto away = asio_uring::leave_ring(std::move(b.link.socket));
     }},
    {"option", [](batch& b) { b.link.socket.set_option(asio::ip::tcp::no_delay(true)); }},
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_batched_writes)

BOOST_AUTO_TEST_CASE(context_with_the_option_says_so)
{
    ring::io_context usual;
    ring::io_context context(1, batched());

    BOOST_TEST((asio_uring::status(context).writes == mode));
    const char* const variable = std::getenv("ASIO_URING_WRITES");
    const bool overridden =
        variable != nullptr && std::string_view(variable) == "batched";
    const write_mode expected = overridden ? mode : write_mode::at_once;
    BOOST_TEST((asio_uring::status(usual).writes == expected));
}

BOOST_AUTO_TEST_CASE(write_goes_with_the_turn)
{
    batch b;
    b.write("hello");
    const std::size_t before = b.arrived();
    turn(b.context);

    BOOST_TEST(before == (batches ? 0u : 5u));
    BOOST_TEST(before + b.arrived() == 5u);
    BOOST_TEST(b.log.take() == "write ok 5");
}

BOOST_AUTO_TEST_CASE(write_outside_of_run_is_made_at_once)
{
    batch b;
    b.link.socket.async_write_some(asio::buffer("hello", 5), b.log.io("write"));
    BOOST_TEST(b.arrived() == 5u);
    finish(b.context);
    BOOST_TEST(b.log.take() == "write ok 5");
}

BOOST_AUTO_TEST_CASE(write_before_close_on_a_single_issuer_ring_arrives)
{
    ring::io_context context(
        1,
        {.flags = asio_uring::abi::setup_single_issuer, .writes = write_mode::batched});
    loopback<ring> link(context);
    recorder log;
    run_handler(context, [&] {
        link.socket.async_write_some(asio::buffer("hello", 5), log.io("write"));
        link.socket.close();
    });
    finish(context);
    BOOST_TEST(link.remote.receive(5) == "hello");
    BOOST_TEST(log.take() == "write ok 5");
}

BOOST_AUTO_TEST_CASE(writes_of_one_turn_take_one_entry)
{
    ring::io_context context(1, batched());
    std::vector<std::unique_ptr<loopback<ring>>> links;
    for (int i = 0; i != 32; ++i)
        links.push_back(std::make_unique<loopback<ring>>(context));
    turn(context);
    const auto before = asio_uring::counters(context).enters;
    run_handler(context, [&] {
        for (auto& link : links)
            link->socket.async_write_some(asio::buffer("x", 1), ignore);
    });
    turn(context);

    BOOST_TEST(asio_uring::counters(context).enters - before <= 2u);
    for (auto& link : links)
        BOOST_TEST(link->remote.drain() == 1u);
}

BOOST_AUTO_TEST_CASE(write_of_several_buffers_arrives_whole)
{
    batch b;
    const std::array<asio::const_buffer, 3> parts{
        asio::buffer("ab", 2), asio::buffer("", 0), asio::buffer("cde", 3)};
    run_handler(
        b.context, [&] { b.link.socket.async_write_some(parts, b.log.io("write")); });
    finish(b.context);

    BOOST_TEST(b.link.remote.receive(5) == "abcde");
    BOOST_TEST(b.log.take() == "write ok 5");
}

BOOST_AUTO_TEST_CASE(write_before_a_call_of_its_object_arrives)
{
    for (const auto& [name, call] : calls) {
        BOOST_TEST_CONTEXT(name)
        {
            batch b;
            b.write("hello");
            call(b);
            finish(b.context);
            BOOST_TEST(b.arrived() == 5u);
            BOOST_TEST(b.log.take() == "write ok 5");
        }
    }
}

BOOST_AUTO_TEST_CASE(write_before_a_synchronous_transfer_comes_first)
{
    batch b;
    b.write("one");
    b.link.socket.write_some(asio::buffer("two", 3));
    BOOST_TEST(b.link.remote.receive(6) == "onetwo");

    b.write("ask");
    b.link.socket.write_some(asio::buffer("now", 3));
    BOOST_TEST(b.link.remote.receive(6) == "asknow");
}

BOOST_AUTO_TEST_CASE(request_before_a_synchronous_read_is_sent)
{
    batch b;
    b.write("ask");
    char answer[3];
    b.link.remote.send("yes");
    asio::read(b.link.socket, asio::buffer(answer));
    BOOST_TEST(b.arrived() == 3u);
    b.write("ask");
    b.link.remote.send("yes");
    b.link.socket.wait(ring::socket::wait_read);
    BOOST_TEST(b.arrived() == 3u);
}

BOOST_AUTO_TEST_CASE(writes_of_one_object_in_one_turn_keep_their_order)
{
    batch b;
    run_handler(b.context, [&] {
        for (const char* text : {"a", "b", "c", "d"})
            b.link.socket.async_write_some(asio::buffer(text, 1), b.log.io("write"));
    });
    finish(b.context);
    BOOST_TEST(b.link.remote.receive(4) == "abcd");
    BOOST_TEST(b.log.take() == "write ok 1; write ok 1; write ok 1; write ok 1");
}

BOOST_AUTO_TEST_CASE(datagrams_of_one_turn_all_arrive)
{
    const bound_socket far = make_bound(SOCK_DGRAM);
    const asio::ip::udp::endpoint to(
        asio::ip::address_v4::loopback(), ntohs(far.address.value.sin_port));
    recorder log;
    ring::io_context context(1, batched());
    udp_socket socket(context, asio::ip::udp::v4());
    const std::array<asio::const_buffer, 2> parts{
        asio::buffer("d", 1), asio::buffer("e", 1)};
    run_handler(context, [&] {
        socket.async_send_to(asio::buffer("a", 1), to, log.io("send"));
        socket.async_send_to(asio::buffer("b", 1), to, log.io("send"));
        socket.async_send_to(asio::buffer("c", 1), to, log.io("send"));
        socket.async_send_to(parts, to, log.io("send"));
    });
    finish(context);

    std::string all;
    char data[8];
    for (int i = 0; i != 4; ++i) {
        const auto size = ::recv(far.get(), data, sizeof(data), MSG_DONTWAIT);
        all.append(data, size > 0 ? static_cast<std::size_t>(size) : 0) += ' ';
    }
    BOOST_TEST(all == "a b c de ");
    BOOST_TEST(log.take() == "send ok 1; send ok 1; send ok 1; send ok 2");
}

BOOST_AUTO_TEST_CASE(write_that_its_slot_cancels_before_the_turn_is_not_made)
{
    batch b;
    asio::cancellation_signal signal;
    run_handler(b.context, [&] {
        b.link.socket.async_write_some(
            asio::buffer("hello", 5),
            asio::bind_cancellation_slot(signal.slot(), b.log.io("write")));
    });
    signal.emit(asio::cancellation_type::total);
    finish(b.context);
    BOOST_TEST(b.log.take() == (batches ? "write operation_aborted 0" : "write ok 5"));
    BOOST_TEST(b.arrived() == (batches ? 0u : 5u));
}

BOOST_AUTO_TEST_CASE(write_without_room_waits_and_is_cancelled_like_any_other)
{
    batch b;
    fill(b.link.socket);
    b.write("hello");
    turn(b.context);
    BOOST_TEST(b.log.take() == "");
    b.link.socket.cancel();
    finish(b.context);
    BOOST_TEST(b.log.take() == "write operation_aborted 0");

    b.write("hello");
    turn(b.context);
    run_until(b.context, [&] {
        b.link.remote.drain();
        return b.log.count() != 0;
    });
    BOOST_TEST(b.log.take() == "write ok 5");
}

BOOST_AUTO_TEST_CASE(write_behind_one_without_room_follows_it)
{
    batch b;
    const std::size_t filled = fill(b.link.socket);
    b.write("hello");
    turn(b.context);
    b.write("world");
    turn(b.context);
    BOOST_TEST(b.link.remote.receive(filled).size() == filled);
    finish(b.context);
    BOOST_TEST(b.link.remote.receive(10) == "helloworld");
    BOOST_TEST(b.log.take() == "write ok 5; write ok 5");
}

BOOST_AUTO_TEST_CASE(write_to_a_peer_that_is_gone_fails)
{
    batch b;
    b.link.remote.reset();
    b.write("hello");
    finish(b.context);
    const std::string first = b.log.take();
    BOOST_TEST((first == "write connection_reset 0" || first == "write broken_pipe 0"));
}

BOOST_AUTO_TEST_CASE(write_before_stop_arrives_by_the_end_of_the_context)
{
    peer remote;
    {
        ring::io_context context(1, batched());
        auto link = std::make_unique<loopback<ring>>(context);
        remote = std::move(link->remote);
        asio::post(context, [&] {
            link->socket.async_write_some(asio::buffer("bye", 3), ignore);
            context.stop();
        });
        context.run();
        // It goes with the next turn, and none follows.
        if (batches)
            BOOST_TEST(remote.drain() == 0u);
        // What owns the socket is a handler, which the context destroys.
        asio::post(context, [link = std::move(link)] {});
    }
    BOOST_TEST(remote.receive(3) == "bye");
}

BOOST_AUTO_TEST_CASE(write_before_a_fork_is_made_once)
{
    batch b;
    b.write("hello");
    b.context.notify_fork(asio::execution_context::fork_prepare);
    const ::pid_t child = ::fork();
    if (child == 0) {
        ::alarm(10);
        b.context.notify_fork(asio::execution_context::fork_child);
        b.context.run();
        ::_exit(0);
    }
    b.context.notify_fork(asio::execution_context::fork_parent);
    finish(b.context);
    int status = -1;
    ::waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
    BOOST_TEST(b.arrived() == 5u);
    BOOST_TEST(b.log.take() == "write ok 5");
}

BOOST_AUTO_TEST_SUITE_END()
