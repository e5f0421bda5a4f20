// SPDX-License-Identifier: BSL-1.0
// Local (Unix domain) streams and packets, generic protocols, objects that change their
// executor or protocol, and waits that stand beside other operations.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"
#include "../support/skip.hpp"

#include <asio_uring/detail/ring/spare_ring.hpp>
#include <asio_uring/op/descriptor.hpp>
#include <asio_uring/op/file.hpp>
#include <asio_uring/op/nop.hpp>
#include <asio_uring/op/pipe.hpp>
#include <asio_uring/op/socket.hpp>
#include <asio_uring/ring/kernel_features.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_seq_packet_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>
#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <boost/version.hpp>

#if BOOST_VERSION >= 108400
#    include <boost/asio/local/seq_packet_protocol.hpp>
#endif

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <type_traits>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;
using local = asio::local::stream_protocol;
using packets = asio::generic::seq_packet_protocol;
using socket_base = asio::socket_base;

template <typename Backend>
using local_socket = asio::basic_stream_socket<local, typename Backend::executor>;

template <typename Backend>
using local_acceptor = asio::basic_socket_acceptor<local, typename Backend::executor>;

/// Two connected local streams.
template <typename Backend>
struct local_pair
{
    explicit local_pair(typename Backend::io_context& context)
        : first(context), second(context)
    {
        asio::local::connect_pair(first, second);
    }

    local_socket<Backend> first;
    local_socket<Backend> second;
};

/// A folder of its own for sockets with names.
class socket_folder
{
public:
    socket_folder()
    {
        char name[] = "/tmp/asio_uring_test_XXXXXX";
        BOOST_TEST_REQUIRE(::mkdtemp(name) != nullptr);
        path_ = name;
    }

    ~socket_folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    local::endpoint endpoint(const char* name) const { return {path_ + '/' + name}; }

private:
    std::string path_;
};

/// Two connected packet sockets, the second a plain descriptor.
template <typename Backend>
struct packet_link
{
    explicit packet_link(typename Backend::io_context& context) : socket(context)
    {
        int ends[2];
        const int kind = SOCK_SEQPACKET | SOCK_CLOEXEC;
        BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, kind, 0, ends) == 0);
        socket.assign(packets(AF_UNIX, 0), ends[0]);
        remote = peer(ends[1]);
    }

    asio::basic_seq_packet_socket<packets, typename Backend::executor> socket;
    peer remote;
};

/// The ring that is kept for the next context is left out.
std::size_t open_descriptors()
{
    asio_uring::detail::drop_spare_ring();
    const std::filesystem::directory_iterator entries("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_local)

BOOST_AUTO_TEST_CASE(names_are_asios_types_on_the_ring)
{
    using executor = asio_uring::any_io_executor;
    using stock_local =
        asio::basic_stream_socket<asio_uring::local::stream_protocol, executor>;
    BOOST_TEST((std::is_same_v<asio_uring::local::stream_protocol::socket, stock_local>));
    using packets = asio_uring::generic::seq_packet_protocol;
    using stock_packets = asio::basic_seq_packet_socket<packets, executor>;
    BOOST_TEST((std::is_same_v<packets::socket, stock_packets>));
    using generic = asio_uring::generic::stream_protocol;
    using stock_generic = asio::basic_stream_socket<generic, executor>;
    BOOST_TEST(
        (std::is_same_v<asio_uring::generic::stream_protocol::socket, stock_generic>));

    asio_uring::io_context context(1);
    asio_uring::local::stream_protocol::socket first(context);
    asio_uring::local::stream_protocol::socket second(context);
    asio_uring::local::connect_pair(first, second);
    char byte;
    first.async_read_some(asio::buffer(&byte, 1), [](error_code, std::size_t) {});
    second.write_some(asio::buffer("x", 1));
    finish(context);
    BOOST_TEST(asio_uring::counters(context).operations == (has_ring(context) ? 1u : 0u));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(local_stream_carries_bytes_and_ends, Backend, backends)
{
    auto [context, pair, log] = fixture<Backend, local_pair>();
    std::string sent(500'000, '\0');
    for (std::size_t i = 0; i != sent.size(); ++i)
        sent[i] = static_cast<char>(i * 11 / 7);
    std::string got(sent.size(), '\0');
    char more[4];

    asio::async_read(pair.second, asio::buffer(got), log.io("read"));
    asio::async_write(pair.first, asio::buffer(sent), [&](error_code ec, std::size_t n) {
        BOOST_TEST(text(ec) == "ok");
        BOOST_TEST(n == sent.size());
        pair.first.shutdown(socket_base::shutdown_send);
    });
    finish(context);
    pair.second.async_read_some(asio::buffer(more), log.io("end"));
    finish(context);

    BOOST_TEST(log.take() == "read ok 500000; end eof 0");
    BOOST_TEST((got == sent));
    pair.first.close();
    pair.second.async_write_some(asio::buffer("x", 1), log.io("write"));
    finish(context);
    BOOST_TEST(log.take() == "write broken_pipe 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(local_acceptor_takes_connections, Backend, backends)
{
    typename Backend::io_context context;
    const socket_folder folder;
    local_acceptor<Backend> acceptor(context, folder.endpoint("server"));
    local_socket<Backend> client(context);
    local_socket<Backend> served(context);
    recorder log;
    local::endpoint from;
    char data[8];

    acceptor.async_accept(served, from, log.done("accept"));
    turn(context);
    client.async_connect(folder.endpoint("server"), log.done("connect"));
    finish(context);
    std::string lines = log.take();
    BOOST_TEST(lines.find("accept ok") != std::string::npos);
    BOOST_TEST(lines.find("connect ok") != std::string::npos);
    BOOST_TEST(from.path().empty());
    BOOST_TEST((client.remote_endpoint() == folder.endpoint("server")));

    client.async_write_some(asio::buffer("data", 4), [](error_code, std::size_t) {});
    served.async_read_some(asio::buffer(data), log.io("read"));
    finish(context);
    BOOST_TEST(log.take() == "read ok 4");

    client.close();
    client.async_connect(folder.endpoint("nobody"), log.done("nobody"));
    finish(context);
    BOOST_TEST(log.take() == "nobody system:" + std::to_string(ENOENT));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(local_move_accept_hands_over_a_socket, Backend, backends)
{
    typename Backend::io_context context;
    const socket_folder folder;
    local_acceptor<Backend> acceptor(context, folder.endpoint("server"));
    local_socket<Backend> client(context);
    std::string got;

    acceptor.async_accept([&](error_code ec, local_socket<Backend> served) {
        BOOST_TEST(text(ec) == "ok");
        char data[8];
        got.assign(data, served.read_some(asio::buffer(data)));
    });
    client.connect(folder.endpoint("server"));
    client.write_some(asio::buffer("hello", 5));
    finish(context);

    BOOST_TEST(got == "hello");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(packets_keep_boundaries_and_flags, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, packet_link>();
    char data[4];
    socket_base::message_flags flags[3] = {-1, -1, -1};

    link.remote.send("123456");
    link.remote.send("ab");
    link.socket.async_receive(asio::buffer(data), flags[0], log.io("cut"));
    link.socket.async_receive(asio::buffer(data), 0, flags[1], log.io("whole"));
    link.socket.async_send(asio::buffer("answer", 6), 0, log.io("send"));
    finish(context);
    std::string lines = log.take();
    BOOST_TEST(lines.find("cut ok 4") < lines.find("whole ok 2"));
    BOOST_TEST(lines.find("send ok 6") != std::string::npos);
    BOOST_TEST((flags[0] & MSG_TRUNC) != 0);
    BOOST_TEST((flags[1] & MSG_TRUNC) == 0);
    BOOST_TEST(link.remote.receive(6) == "answer");

    link.socket.async_receive(null_buffers(), flags[2], log.io("null"));
    link.remote.send("x");
    finish(context);
    BOOST_TEST(log.take() == "null ok 0");
    BOOST_TEST(flags[2] == 0);
    BOOST_TEST(link.socket.receive(asio::buffer(data), flags[2]) == 1u);
}

#if BOOST_VERSION >= 108400

using local_packets = asio::local::seq_packet_protocol;

BOOST_AUTO_TEST_CASE_TEMPLATE(local_packets_connect_and_carry, Backend, backends)
{
    using executor = typename Backend::executor;
    typename Backend::io_context context;
    const socket_folder folder;
    const local_packets::endpoint address(folder.endpoint("packets").path());
    asio::basic_socket_acceptor<local_packets, executor> acceptor(context, address);
    asio::basic_seq_packet_socket<local_packets, executor> client(context);
    asio::basic_seq_packet_socket<local_packets, executor> served(context);
    recorder log;
    char data[4];
    socket_base::message_flags flags[2] = {0, 0};

    acceptor.async_accept(served, log.done("accept"));
    client.async_connect(address, [](error_code ec) { BOOST_TEST(text(ec) == "ok"); });
    finish(context);
    BOOST_TEST(log.take() == "accept ok");
    client.async_send(asio::buffer("123456", 6), 0, log.io("send"));
    finish(context);
    client.async_send(asio::buffer("ab", 2), 0, log.io("send"));
    finish(context);
    served.async_receive(asio::buffer(data), flags[0], log.io("cut"));
    served.async_receive(asio::buffer(data), flags[1], log.io("whole"));
    finish(context);
    BOOST_TEST(log.take() == "send ok 6; send ok 2; cut ok 4; whole ok 2");
    BOOST_TEST((flags[0] & MSG_TRUNC) != 0);
    BOOST_TEST((flags[1] & MSG_TRUNC) == 0);

    served.async_receive(asio::buffer(data), flags[0], log.io("cancelled"));
    turn(context);
    served.cancel();
    finish(context);
    client.close();
    served.async_receive(asio::buffer(data), flags[0], log.io("end"));
    finish(context);
    BOOST_TEST(log.take() == "cancelled operation_aborted 0; end ok 0");
}

BOOST_AUTO_TEST_CASE(local_packets_have_a_name)
{
    asio_uring::io_context context(1);
    asio_uring::local::seq_packet_protocol::socket first(context);
    asio_uring::local::seq_packet_protocol::socket second(context);
    asio_uring::local::connect_pair(first, second);
    recorder log;
    char data[4];
    socket_base::message_flags flags = 0;

    second.async_receive(asio::buffer(data), flags, log.io("receive"));
    first.async_send(asio::buffer("abc", 3), 0, [](error_code, std::size_t) {});
    finish(context);
    BOOST_TEST(log.take() == "receive ok 3");
    // The packet was sent at once.
    BOOST_TEST(asio_uring::counters(context).operations == (has_ring(context) ? 1u : 0u));
}

#endif

BOOST_AUTO_TEST_CASE_TEMPLATE(packets_end_and_are_cancelled, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend, packet_link>();
        char data[4];
        socket_base::message_flags flags = 0;

        link.socket.async_receive(asio::buffer(data), flags, log.io("cancelled"));
        reach(context, when);
        link.socket.cancel();
        finish(context);
        link.socket.async_receive(asio::buffer(data), flags, log.io("end"));
        reach(context, when);
        link.remote.close();
        finish(context);

        BOOST_TEST(log.take() == "cancelled operation_aborted 0; end ok 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(generic_sockets_speak_any_protocol, Backend, backends)
{
    typename Backend::io_context context;
    using generic = asio::generic::stream_protocol;
    asio::basic_stream_socket<generic, typename Backend::executor> socket(context);
    const asio::generic::datagram_protocol::endpoint any(
        asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
    asio::basic_datagram_socket<
        asio::generic::datagram_protocol,
        typename Backend::executor>
        datagrams(context, any);
    listener server;
    recorder log;
    char data[8];
    asio::generic::datagram_protocol::endpoint from;

    socket.async_connect(generic::endpoint(server.endpoint()), log.done("connect"));
    finish(context);
    peer served = server.accept();
    served.send("data");
    socket.async_read_some(asio::buffer(data), log.io("read"));
    finish(context);
    datagrams.async_receive_from(asio::buffer(data), from, log.io("receive"));
    datagrams.async_send_to(
        asio::buffer("self", 4), datagrams.local_endpoint(), [](error_code, std::size_t) {
        });
    finish(context);

    BOOST_TEST(log.take() == "connect ok; read ok 4; receive ok 4");
    BOOST_TEST((from == datagrams.local_endpoint()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(socket_becomes_generic, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[8];
    using generic = asio::generic::stream_protocol;

    asio::basic_stream_socket<generic, typename Backend::executor> near(
        std::move(link.socket));
    asio::basic_stream_socket<generic, asio::any_io_executor> any(context.get_executor());
    near.async_read_some(asio::buffer(data), log.io("first"));
    link.remote.send("one");
    finish(context);
    any = Backend::leave(near);
    any.async_read_some(asio::buffer(data), log.io("second"));
    link.remote.send("three");
    finish(context);

    BOOST_TEST(log.take() == "first ok 3; second ok 5");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(idle_socket_changes_its_executor, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[8];
    using any_socket = asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor>;

    link.socket.non_blocking(true);
    any_socket any(Backend::leave(link.socket));
    BOOST_TEST(!link.socket.is_open());
    BOOST_TEST(any.non_blocking());
    BOOST_TEST((any.get_executor() == asio::any_io_executor(context.get_executor())));
    any.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    link.remote.send("data");
    finish(context);
    asio::async_write(any, asio::buffer("answer", 6), log.io("write"));
    finish(context);
    BOOST_TEST(link.remote.receive(6) == "answer");
    any.async_wait(socket_base::wait_read, log.done("wait"));
    turn(context);
    any.close();
    finish(context);

    BOOST_TEST(log.take() == "read ok 4; write ok 6; wait operation_aborted");
    BOOST_TEST(link.remote.at_end());
    // What was moved from is fit for use.
    link.socket.open(asio::ip::tcp::v4());
    BOOST_TEST(link.socket.is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pending_work_stays_with_its_service, Backend, backends)
{
    for (stage when : stages) {
        auto [context, link, log] = fixture<Backend>();
        char data[8];
        using any_socket =
            asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor>;
        // Where both types are the same service's, it is a move like any other.
        const bool same_service = std::is_base_of_v<stock, Backend> || !has_ring(context);

        link.socket.async_read_some(asio::buffer(data), log.io("pending"));
        link.socket.async_wait(socket_base::wait_error, log.done("error"));
        reach(context, when);
        any_socket any(context.get_executor());
        any = Backend::leave(link.socket);
        if (!same_service) {
            run_until(context, [&] { return log.count() == 1; });
            BOOST_TEST(log.take() == "pending operation_aborted 0");
            any.async_read_some(asio::buffer(data), log.io("pending"));
            turn(context);
        }
        link.remote.send("data");
        run_until(context, [&] { return log.count() == 1; });
        BOOST_TEST(log.take() == "pending ok 4");
        any.close();
        finish(context);
        BOOST_TEST(log.take() == "error operation_aborted");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(acceptor_changes_its_executor, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    recorder log;
    using any_acceptor =
        asio::basic_socket_acceptor<asio::ip::tcp, asio::any_io_executor>;
    const auto endpoint = acceptor.local_endpoint();

    any_acceptor any(Backend::leave(acceptor));
    asio::ip::tcp::socket served(context);
    any.async_accept(served, log.done("accept"));
    peer client = start_connect(endpoint);
    finish(context);

    BOOST_TEST(log.take() == "accept ok");
    BOOST_TEST(served.is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_behind_a_connect_ends_behind_it, Backend, backends)
{
    typename Backend::io_context context;
    listener server;
    typename Backend::socket socket(context);
    recorder log;

    socket.async_connect(server.endpoint(), log.done("connect"));
    socket.async_wait(socket_base::wait_write, log.done("wait"));
    finish(context);

    BOOST_TEST(log.take() == "connect ok; wait ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_for_an_error_has_a_line_of_its_own, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[8];

    link.socket.async_wait(socket_base::wait_error, log.done("error"));
    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    link.remote.send("data");
    run_until(context, [&] { return log.count() == 1; });
    link.remote.send("!", MSG_OOB);
    finish(context);

    BOOST_TEST(log.take() == "read ok 4; error ok");
}

BOOST_AUTO_TEST_CASE(undelivered_descriptors_are_closed_with_the_context)
{
    namespace op = asio_uring::op;
    const std::size_t before = open_descriptors();
    listener server;
    peer first = start_connect(server.endpoint());
    peer second = start_connect(server.endpoint());
    BOOST_TEST_REQUIRE(ready(server.fd(), POLLIN));
    std::size_t made = 0;
    {
        asio_uring::io_context context(1);
        if (!has_ring(context))
            ASIO_URING_SKIP("single requests need a ring");
        const std::size_t with_context = open_descriptors();
        const auto executor = context.get_executor();
        const auto never = [](error_code, int) { BOOST_TEST(false); };
        asio_uring::async_submit(executor, op::nop{}, [](error_code, int) {});
        asio_uring::async_submit(
            executor, op::accept{.fd = server.fd(), .flags = SOCK_CLOEXEC}, never);
        asio_uring::async_submit(
            executor,
            op::socket{.domain = AF_INET, .type = SOCK_DGRAM | SOCK_CLOEXEC},
            never);
        asio_uring::async_submit(
            executor, op::openat{.path = "/dev/null", .flags = O_CLOEXEC}, never);
        // All are completed in one turn, of which the scheduler delivers the first.
        context.poll_one();
        made = open_descriptors() - with_context;
    }

    BOOST_TEST(made == 3u);
    BOOST_TEST(open_descriptors() == before + 3); // the listener and its clients
}

// Their numbers are in the memory of whoever asked for them, who may be gone.
BOOST_AUTO_TEST_CASE(undelivered_ends_of_a_pipe_are_closed_with_the_context)
{
    namespace op = asio_uring::op;
    if (!uses_ring<ring>())
        ASIO_URING_SKIP("single requests need a ring");
    if (!asio_uring::kernel_features::running().supports(op::pipe::code))
        ASIO_URING_SKIP("this kernel makes no pipes by request");
    const std::size_t before = open_descriptors();
    std::size_t made = 0;
    int kept[2] = {-1, -1};
    int lost[2] = {-1, -1};
    {
        asio_uring::io_context context(1);
        const std::size_t with_context = open_descriptors();
        const auto executor = context.get_executor();
        asio_uring::async_submit(
            executor,
            op::pipe{.descriptors = kept, .flags = O_CLOEXEC},
            [&](error_code ec, int) { BOOST_TEST(!ec); });
        asio_uring::async_submit(
            executor,
            op::pipe{.descriptors = lost, .flags = O_CLOEXEC},
            [](error_code, int) { BOOST_TEST(false); });
        // Both are completed in one turn, of which the scheduler delivers the first.
        context.poll_one();
        made = open_descriptors() - with_context;
        BOOST_TEST(::write(kept[1], "x", 1) == 1);
        BOOST_TEST(lost[0] == -1);
    }

    BOOST_TEST(made == 4u);
    BOOST_TEST(open_descriptors() == before + 2);
    char byte = 0;
    BOOST_TEST(::read(kept[0], &byte, 1) == 1);
    ::close(kept[0]);
    ::close(kept[1]);
}

BOOST_AUTO_TEST_CASE(pipe_that_cannot_be_made_reports_the_error)
{
    namespace op = asio_uring::op;
    asio_uring::io_context context(1);
    if (!has_ring(context))
        ASIO_URING_SKIP("single requests need a ring");
    recorder log;
    const auto note = [&](error_code ec, int value) {
        log.io("pipe")(ec, static_cast<std::size_t>(value));
    };
    int ends[2] = {-7, -7};
    asio_uring::async_submit(context.get_executor(), op::pipe{.flags = O_CLOEXEC}, note);
    asio_uring::async_submit(
        context.get_executor(), op::pipe{.descriptors = ends, .flags = O_APPEND}, note);
    finish(context);

    const bool known = asio_uring::kernel_features::running().supports(op::pipe::code);
    BOOST_TEST(
        log.take() == std::string(known ? "pipe fault 0" : "pipe invalid_argument 0") +
                          "; pipe invalid_argument 0");
    BOOST_TEST(ends[0] == -7);
}

BOOST_AUTO_TEST_SUITE_END()
