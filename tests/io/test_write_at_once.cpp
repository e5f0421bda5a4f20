// SPDX-License-Identifier: BSL-1.0
// A transfer that needs not wait is made within its initiating function, so nothing that
// the program does afterwards takes it back. One that has to wait is made while it is
// pending, or never, and costs nothing meanwhile.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/object_kinds.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"
#include "../support/whole_transfers.hpp"

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>

#include <poll.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;

const auto ignore = [](error_code, std::size_t) {};

/// What a handler throws.
struct raised
{};

/// Runs a context with one handler to its end, however that comes.
template <typename Context>
void run_handler(Context& context, std::function<void()> handler)
{
    asio::post(context, std::move(handler));
    loop_scope scope;
    try {
        context.run_for(wait_limit);
    }
    catch (const raised&) {
    }
}

/// A program that has a read pending, writes 3 bytes in a handler, goes on and is over
/// when its context returns from run(). Returns what has arrived of 10 such programs.
template <typename Backend, typename GoOn>
std::size_t arrived_of_30(GoOn go_on)
{
    std::size_t arrived = 0;
    for (int i = 0; i != 10; ++i) {
        peer remote;
        {
            typename Backend::io_context context;
            auto link = std::make_unique<loopback<Backend>>(context);
            remote = std::move(link->remote);
            auto socket =
                std::make_unique<typename Backend::socket>(std::move(link->socket));
            char data[8];
            socket->async_read_some(asio::buffer(data), ignore);
            run_handler(context, [&] {
                asio::async_write(*socket, asio::buffer("bye", 3), ignore);
                go_on(context, socket);
            });
        }
        arrived += remote.receive(3).size();
    }
    return arrived;
}

/// The same with a datagram, of 20 programs. Several datagrams count as one if all came.
template <typename Backend, typename GoOn>
int datagrams_of_20(std::size_t each, GoOn go_on)
{
    using socket_type =
        asio::basic_datagram_socket<asio::ip::udp, typename Backend::executor>;
    const bound_socket far = make_bound(SOCK_DGRAM);
    int arrived = 0;
    for (int i = 0; i != 20; ++i) {
        {
            typename Backend::io_context context;
            auto socket = std::make_unique<socket_type>(context, asio::ip::udp::v4());
            socket->connect(
                {asio::ip::address_v4::loopback(), ntohs(far.address.value.sin_port)});
            char data[8];
            socket->async_receive(asio::buffer(data), ignore);
            run_handler(context, [&] {
                for (std::size_t sent = 0; sent != each; ++sent)
                    socket->async_send(asio::buffer("bye", 3), ignore);
                go_on(context, socket);
            });
        }
        std::size_t got = 0;
        char data[8];
        while (::recv(far.get(), data, sizeof(data), MSG_DONTWAIT) == 3)
            ++got;
        arrived += got == each ? 1 : 0;
    }
    return arrived;
}

std::size_t thread_count()
{
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

/// The processor time of this process.
std::chrono::microseconds processor_time()
{
    ::rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

template <typename Backend>
using any_stream =
    asio::basic_stream_socket<asio::generic::stream_protocol, typename Backend::executor>;

/// A stream that takes little before its reader reads. The reader is the second.
fd_pair narrow_pair(int family)
{
    const int size = 4096;
    fd_pair made;
    if (family == AF_UNIX) {
        made = socket_pair();
    }
    else {
        const bound_socket server = make_listener();
        made.second = make_socket(SOCK_STREAM);
        ::setsockopt(made.second.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        BOOST_TEST_REQUIRE(
            ::connect(made.second.get(), server.address.get(), server.address.size) == 0);
        made.first.reset(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    ::setsockopt(made.first.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return made;
}

/// A stream whose peer has shut its sending side and reads nothing.
template <typename Backend>
struct half_closed
{
    half_closed(typename Backend::io_context& context, int family) : socket(context)
    {
        fd_pair pair = narrow_pair(family);
        ::shutdown(pair.second.get(), SHUT_WR);
        socket.assign(asio::generic::stream_protocol(family, 0), pair.first.release());
        far = std::move(pair.second);
    }

    any_stream<Backend> socket;
    unique_fd far;
};

constexpr int families[] = {AF_UNIX, AF_INET};

/// Fills the stream of a peer that does not read.
template <typename Socket>
std::size_t fill_any(Socket& socket, int family)
{
    return family == AF_UNIX ? fill_descriptor(socket.native_handle()) : fill(socket);
}

/// Passes in which nothing is expected to happen.
template <typename Context>
void turn_often(Context& context)
{
    constexpr int passes = 300;
    for (int i = 0; i != passes; ++i)
        turn(context);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_write_at_once)

BOOST_AUTO_TEST_CASE_TEMPLATE(write_before_stop_arrives, Backend, backends)
{
    const std::size_t at_once =
        arrived_of_30<Backend>([](auto& context, auto&) { context.stop(); });
    const std::size_t in_a_handler = arrived_of_30<Backend>(
        [](auto& context, auto&) { asio::post(context, [&] { context.stop(); }); });
    const std::size_t after_cancel = arrived_of_30<Backend>([](auto& context, auto& s) {
        s->cancel();
        context.stop();
    });

    BOOST_TEST(at_once == 30u);
    BOOST_TEST(in_a_handler == 30u);
    BOOST_TEST(after_cancel == 30u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(write_before_an_exception_arrives, Backend, backends)
{
    const std::size_t arrived =
        arrived_of_30<Backend>([](auto&, auto&) { throw raised(); });
    BOOST_TEST(arrived == 30u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(write_before_destruction_arrives, Backend, backends)
{
    const std::size_t arrived =
        arrived_of_30<Backend>([](auto&, auto& socket) { socket.reset(); });
    BOOST_TEST(arrived == 30u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(write_before_close_arrives, Backend, backends)
{
    const std::size_t arrived =
        arrived_of_30<Backend>([](auto&, auto& socket) { socket->close(); });
    BOOST_TEST(arrived == 30u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(write_is_made_when_it_was_started, Kind, pending_kinds)
{
    auto [context, line, log] = Kind();

    line.writer().async_write_some(asio::buffer("one", 3), log.io("write"));
    ::pollfd entry{line.out ? line.out.get() : line.in.get(), POLLIN, 0};
    BOOST_TEST(::poll(&entry, 1, 0) == 1);
    BOOST_TEST(log.count() == 0u);
    line.writer().cancel();
    finish(context);

    BOOST_TEST(log.take() == "write ok 3");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(datagram_before_the_end_arrives, Backend, backends)
{
    const auto arrived = [](std::size_t each, auto go_on) {
        return datagrams_of_20<Backend>(each, go_on);
    };

    BOOST_TEST(arrived(1, [](auto&, auto& s) { s->close(); }) == 20);
    BOOST_TEST(arrived(2, [](auto&, auto& s) { s->close(); }) == 20);
    BOOST_TEST(arrived(1, [](auto&, auto& s) { s.reset(); }) == 20);
    BOOST_TEST(arrived(1, [](auto& context, auto&) { context.stop(); }) == 20);
    BOOST_TEST(arrived(1, [](auto&, auto&) { throw raised(); }) == 20);
    const int after_shutdown = arrived(1, [](auto&, auto& s) {
        error_code ec;
        s->shutdown(asio::socket_base::shutdown_both, ec);
        s->close();
    });
    BOOST_TEST(after_shutdown == 20);
    const int after_cancel = arrived(1, [](auto&, auto& s) {
        s->cancel();
        s->close();
    });
    BOOST_TEST(after_cancel == 20);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    write_pending_at_release_is_never_carried_out, Backend, backends)
{
    for (int family : families) {
        // A local stream fills fast. When the release comes is what matters.
        const int rounds = family == AF_UNIX ? 200 : 5;
        for (int round = 0; round != rounds; ++round) {
            typename Backend::io_context context(1);
            half_closed<Backend> link(context, family);
            recorder log;
            const std::size_t before = fill_any(link.socket, family);

            link.socket.async_write_some(asio::buffer("A", 1), log.io("old"));
            context.run_for(std::chrono::microseconds(round * 500 / rounds));
            context.restart();
            BOOST_TEST(log.count() == 0u);
            const int fd = link.socket.release();
            link.socket.assign(asio::generic::stream_protocol(family, 0), fd);
            link.socket.async_write_some(asio::buffer("B", 1), log.io("new"));
            run_until(context, [&] { return log.count() == 1; });
            BOOST_TEST(log.take() == "old operation_aborted 0");
            const std::string first = read_whole(link.far.get(), before);
            run_until(context, [&] { return log.count() == 1; });

            BOOST_TEST(log.take() == "new ok 1");
            BOOST_TEST(first.find('A') == std::string::npos);
            link.socket.close();
            BOOST_TEST(read_whole(link.far.get(), 8) == "B");
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    write_pending_at_cancel_is_never_carried_out, Kind, pending_kinds)
{
    for (stage when : stages) {
        auto [context, line, log] = Kind();
        const std::size_t before = line.fill();

        line.writer().async_write_some(asio::buffer("A", 1), log.io("old"));
        reach(context, when);
        const std::size_t taken = line.take(before).size();
        line.writer().cancel();
        line.writer().async_write_some(asio::buffer("B", 1), log.io("new"));
        finish(context);

        BOOST_TEST(taken == before);
        BOOST_TEST(log.take() == "old operation_aborted 0; new ok 1");
        BOOST_TEST(line.take(1) == "B");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    half_closed_peer_never_ends_a_wait_to_write, Backend, backends)
{
    for (int family : families) {
        typename Backend::io_context context(1);
        std::vector<std::unique_ptr<half_closed<Backend>>> links;
        std::size_t ended = 0;
        for (int i = 0; i != 20; ++i) {
            links.push_back(std::make_unique<half_closed<Backend>>(context, family));
            auto& socket = links.back()->socket;
            fill_any(socket, family);
            socket.async_wait(socket.wait_write, [&](error_code) { ++ended; });
        }

        turn_often(context);
        BOOST_TEST(ended == 0u);
        for (auto& link : links)
            link->socket.cancel();
        finish(context);
        BOOST_TEST(ended == links.size());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    writes_to_half_closed_peers_cost_no_thread_and_no_time, Backend, backends)
{
    constexpr auto while_waiting = std::chrono::milliseconds(100);
    const std::size_t threads = thread_count();
    for (int family : families) {
        typename Backend::io_context context(1);
        std::vector<std::unique_ptr<half_closed<Backend>>> links;
        const std::string longer(1 << 20, 'x');
        std::size_t ended = 0;
        for (int i = 0; i != 300; ++i) {
            links.push_back(std::make_unique<half_closed<Backend>>(context, family));
            asio::async_write(
                links.back()->socket, asio::buffer(longer), [&](error_code, std::size_t) {
                    ++ended;
                });
        }
        turn_often(context);
        BOOST_TEST(ended == 0u);
        BOOST_TEST(thread_count() <= threads);

        const auto before = processor_time();
        context.restart();
        context.run_for(while_waiting);
        BOOST_TEST((processor_time() - before < while_waiting / 2));
        for (auto& link : links)
            link->socket.close();
        finish(context);
        BOOST_TEST(ended == links.size());
        BOOST_TEST(thread_count() <= threads);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    descriptor_with_a_half_closed_peer_costs_no_thread_and_no_time, Backend, backends)
{
    constexpr auto while_waiting = std::chrono::milliseconds(100);
    const std::size_t threads = thread_count();
    const std::string longer(4 << 20, 'x');
    for (int flag : {0, static_cast<int>(SOCK_NONBLOCK)}) {
        typename Backend::io_context context(1);
        fd_pair pair = socket_pair(SOCK_STREAM | flag);
        ::shutdown(pair.second.get(), SHUT_WR);
        descriptor_object<Backend> object(context, pair.first.release());
        recorder log;

        asio::async_write(object, asio::buffer(longer), log.io("write"));
        turn_often(context);
        BOOST_TEST(thread_count() <= threads);
        const auto before = processor_time();
        context.restart();
        context.run_for(while_waiting);
        BOOST_TEST((processor_time() - before < while_waiting / 2));
        BOOST_TEST(log.count() == 0u);
        object.close();
        finish(context);
        BOOST_TEST(log.count() == 1u);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    write_of_a_file_is_there_when_it_was_started, Backend, backends)
{
    typename Backend::io_context context(1);
    const unique_fd file = memory_file();
    recorder log;
    descriptor_object<Backend> object(context, ::dup(file.get()));

    object.async_write_some(asio::buffer("hello", 5), log.io("write"));
    BOOST_TEST(content_of(file, 16) == "hello");
    object.write_some(asio::buffer("WORLD", 5));
    object.async_write_some(asio::buffer("!", 1), log.io("last"));
    object.close();
    BOOST_TEST(content_of(file, 16) == "helloWORLD!");
    finish(context);

    BOOST_TEST(log.take() == "write ok 5; last ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    write_of_a_file_before_release_or_destruction_is_kept, Backend, backends)
{
    for (bool released : {true, false}) {
        typename Backend::io_context context(1);
        const unique_fd file = memory_file();
        recorder log;
        std::optional<descriptor_object<Backend>> object;
        object.emplace(context, ::dup(file.get()));

        object->async_write_some(asio::buffer("hello", 5), log.io("write"));
        const unique_fd kept{released ? object->release() : -1};
        object.reset();
        BOOST_TEST(content_of(file, 16) == "hello");
        finish(context);

        BOOST_TEST(log.take() == "write ok 5");
    }
}

BOOST_AUTO_TEST_SUITE_END()
