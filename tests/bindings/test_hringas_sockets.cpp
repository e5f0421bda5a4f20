// SPDX-License-Identifier: BSL-1.0
// The promises of hringas, third part: sockets.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <string_view>
#include <vector>

#include <netinet/in.h>

#include <fcntl.h>

namespace asio_uring::test {

namespace {

/// Both ends of a connection that the ring made: an accept and a connect, in any order.
fd_pair make_pair_on(ring& r)
{
    const bound_socket listener = make_listener();
    fd_pair made;
    made.first = make_socket(SOCK_STREAM);
    push(r, op::accept{.fd = listener.get(), .flags = SOCK_CLOEXEC}, 0xaaaaaaaa);
    push(
        r,
        op::connect{
            .fd = made.first.get(),
            .address = listener.address.get(),
            .address_size = listener.address.size},
        0xcccccccc);
    const completions done = reap(r, 2);
    made.second.reset(done.res_of(0xaaaaaaaa));
    BOOST_REQUIRE(made.second.get() > 2);
    BOOST_REQUIRE(done.res_of(0xcccccccc) == 0);
    return made;
}

std::uint32_t without_nonempty(const abi::cqe& entry)
{
    return entry.flags & ~abi::cqe_f_sock_nonempty;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_hringas_sockets)

BOOST_AUTO_TEST_CASE(h10_accept_connect_send_recv)
{
    ring r{{.entries = 16}};
    const fd_pair pair = make_pair_on(r);
    const std::array<char, 10> out{1, 0, 1, 0, 1, 0, 1, 0, 1, 0};
    std::array<char, 5> in{9, 9, 9, 9, 9};
    push(
        r,
        op::send{.fd = pair.first.get(), .data = out.data(), .size = out.size()},
        0xeeeeeeee,
        abi::sqe_io_link);
    push(
        r,
        op::recv{.fd = pair.second.get(), .data = in.data(), .size = in.size()},
        0xffffffff);
    const completions done = reap(r, 2);
    BOOST_TEST(done[0].user_data == 0xeeeeeeee);
    BOOST_TEST(done[0].res == 10);
    BOOST_TEST(done[0].flags == 0);
    BOOST_TEST(done[1].user_data == 0xffffffff);
    BOOST_TEST(done[1].res == 5);
    BOOST_TEST(without_nonempty(done[1]) == 0);
    BOOST_TEST(std::equal(in.begin(), in.end(), out.begin()));
}

BOOST_AUTO_TEST_CASE(h11_sendmsg_recvmsg_of_a_datagram)
{
    ring r{{.entries = 2}};
    bound_socket server = make_bound(SOCK_DGRAM);
    const unique_fd client = make_socket(SOCK_DGRAM);
    std::array<char, 128> out;
    out.fill(42);
    std::array<char, 128> in{};
    ::iovec out_vector{out.data(), out.size()};
    ::iovec in_vector{in.data(), in.size()};
    ::msghdr out_message{};
    out_message.msg_name = server.address.get();
    out_message.msg_namelen = server.address.size;
    out_message.msg_iov = &out_vector;
    out_message.msg_iovlen = 1;
    loopback_address sender;
    ::msghdr in_message{};
    in_message.msg_name = sender.get();
    in_message.msg_namelen = sender.size;
    in_message.msg_iov = &in_vector;
    in_message.msg_iovlen = 1;

    push(
        r,
        op::sendmsg{.fd = client.get(), .message = &out_message},
        0x11111111,
        abi::sqe_io_link);
    push(r, op::recvmsg{.fd = server.get(), .message = &in_message}, 0x22222222);
    BOOST_TEST(r.claimed() - r.published() == 2);
    const submit_result submitted =
        r.submit_and_wait(wait_options{.min_complete = 2, .deadline = end_of_patience()});
    BOOST_TEST(submitted.submitted == 2);
    BOOST_TEST(r.unconsumed() == 0);
    BOOST_TEST(r.ready() == 2);
    const completions done = reap(r, 2);
    BOOST_TEST(r.ready() == 0);
    BOOST_TEST(done.res_of(0x11111111) == 128);
    BOOST_TEST(done.res_of(0x22222222) == 128);
    BOOST_TEST(without_nonempty(done.of(0x22222222)) == 0);
    BOOST_TEST(out == in);
    BOOST_TEST(
        sender.value.sin_port == loopback_address::of(client.get()).value.sin_port);
}

BOOST_AUTO_TEST_CASE(h15_recv_with_a_linked_timeout_is_cancelled_by_it)
{
    ring r{{.entries = 4}};
    const fd_pair pair = make_pair_on(r);
    std::array<char, 2> in{};
    const abi::kernel_timespec one_ms{0, 1'000'000};
    push(
        r,
        op::recv{.fd = pair.second.get(), .data = in.data(), .size = in.size()},
        0xffffffff,
        abi::sqe_io_link);
    push(r, op::link_timeout{.expiry = &one_ms}, 0x22222222);
    const completions done = reap(r, 2);
    const int received = done.res_of(0xffffffff);
    BOOST_TEST((received == -ECANCELED || received == -EINTR), "recv: " << received);
    const int expired = done.res_of(0x22222222);
    BOOST_TEST((expired == -ETIME || expired == -EALREADY), "timer: " << expired);
}

BOOST_AUTO_TEST_CASE(h18_recv_is_cancelled_by_its_user_data)
{
    ring r{{.entries = 4}};
    const fd_pair pair = make_pair_on(r);
    std::array<char, 2> in{};
    push(
        r,
        op::recv{.fd = pair.second.get(), .data = in.data(), .size = in.size()},
        0xffffffff);
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(is_quiet(r));
    push(r, op::async_cancel{.user_data = 0xffffffff}, 0x99999999);
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(0xffffffff) == -ECANCELED);
    BOOST_TEST(done.res_of(0x99999999) == 0);
}

BOOST_AUTO_TEST_CASE(h20_shutdown_of_a_listener_and_of_an_unbound_socket)
{
    ring r{{.entries = 2}};
    const bound_socket listener = make_listener(1);
    BOOST_TEST(result_of(r, op::shutdown{.fd = listener.get(), .how = SHUT_RD}) == 0);
    // The kernel gives a pending accept an error once the listener is shut down.
    BOOST_TEST(result_of(r, op::accept{.fd = listener.get()}) == -EINVAL);
    const unique_fd unbound = make_socket(SOCK_STREAM);
    BOOST_TEST(
        result_of(r, op::shutdown{.fd = unbound.get(), .how = SHUT_RD}) == -ENOTCONN);
}

BOOST_AUTO_TEST_CASE(h29_accept_multishot_serves_four_connects)
{
    ring r{{.entries = 16}};
    const bound_socket listener = make_listener();
    push(
        r,
        op::accept{
            .fd = listener.get(), .flags = SOCK_CLOEXEC, .ioprio = abi::accept_multishot},
        0xaaaaaaaa);
    BOOST_TEST(r.submit().submitted == 1);
    std::vector<unique_fd> clients;
    std::vector<unique_fd> accepted;
    for (int count = 0; count != 4; ++count) {
        clients.push_back(connect_to(listener));
        const abi::cqe entry = reap_one(r);
        BOOST_TEST(entry.user_data == 0xaaaaaaaa);
        BOOST_REQUIRE(entry.res > 2);
        BOOST_TEST(has_more(entry));
        accepted.emplace_back(entry.res);
    }
    for (std::size_t index = 0; index != 4; ++index) {
        char byte = 0;
        BOOST_TEST(::send(clients[index].get(), "x", 1, 0) == 1);
        BOOST_TEST(::recv(accepted[index].get(), &byte, 1, MSG_WAITALL) == 1);
    }
    // It is still there, and ends when asked to.
    push(r, op::async_cancel{.user_data = 0xaaaaaaaa}, 0x99);
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(0x99) == 0);
    BOOST_TEST(done.res_of(0xaaaaaaaa) == -ECANCELED);
    BOOST_TEST(!has_more(done.of(0xaaaaaaaa)));
}

BOOST_AUTO_TEST_CASE(h30_accept_connect_send_zc_recv)
{
    ring r{{.entries = 16}};
    const fd_pair pair = make_pair_on(r);
    const std::array<char, 15> out{
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o'};
    std::array<char, 10> in{};
    push(
        r,
        op::send_zc{.fd = pair.first.get(), .data = out.data(), .size = out.size()},
        0xeeeeeeee,
        abi::sqe_io_link);
    push(
        r,
        op::recv{.fd = pair.second.get(), .data = in.data(), .size = in.size()},
        0xffffffff);
    const completions done = reap(r, 3);
    BOOST_TEST(done[0].user_data == 0xeeeeeeee);
    BOOST_TEST(done[0].res == 15);
    BOOST_TEST(done[0].flags == abi::cqe_f_more);
    const abi::cqe& released = done[1].user_data == 0xeeeeeeee ? done[1] : done[2];
    BOOST_TEST(released.user_data == 0xeeeeeeee);
    BOOST_TEST(released.flags == abi::cqe_f_notif);
    BOOST_TEST(released.res == 0);
    BOOST_TEST(done.res_of(0xffffffff) == 10);
    BOOST_TEST(without_nonempty(done.of(0xffffffff)) == 0);
    BOOST_TEST(std::equal(in.begin(), in.end(), out.begin()));
}

BOOST_AUTO_TEST_CASE(h33_socket_is_made_by_the_ring)
{
    ring r{{.entries = 1}};
    const unique_fd made{
        result_of(r, op::socket{.domain = AF_INET, .type = SOCK_STREAM | SOCK_CLOEXEC})};
    BOOST_TEST(made.get() > 2);
    int type = 0;
    ::socklen_t size = sizeof type;
    BOOST_TEST(::getsockopt(made.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0);
    BOOST_TEST(type == SOCK_STREAM);
}

namespace {

/// 2 x 150 bytes one way, as two sends and one receive that waits for all of them.
void exchange(ring& r, int sender, int receiver)
{
    std::array<char, 300> out;
    std::iota(out.begin(), out.end(), '\1');
    std::array<char, 300> in{};
    push(r, op::send{.fd = sender, .data = out.data(), .size = 150}, 1, abi::sqe_io_link);
    push(r, op::send{.fd = sender, .data = out.data() + 150, .size = 150}, 2);
    push(
        r,
        op::recv{
            .fd = receiver, .data = in.data(), .size = in.size(), .flags = MSG_WAITALL},
        3);
    const completions done = reap(r, 3);
    BOOST_TEST(done.res_of(1) == 150);
    BOOST_TEST(done.res_of(2) == 150);
    BOOST_TEST(done.res_of(3) == 300);
    BOOST_TEST(in == out);
}

/// The option of a socket as the ring reads it.
int option_of(ring& r, int socket, int name)
{
    int value = 0;
    const op::getsockopt ask{
        .fd = socket, .name = name, .value = &value, .size = sizeof value};
    BOOST_TEST(result_of(r, ask) == sizeof value);
    return value;
}

} // namespace

BOOST_AUTO_TEST_CASE(h41_bind_listen_connect_by_the_ring_alone)
{
    if (!kernel_features::running().supports(abi::opcode::listen))
        ASIO_URING_SKIP("the kernel has no LISTEN (6.11)");
    ring r{{.entries = 16}};
    const op::socket make{.domain = AF_INET, .type = SOCK_STREAM | SOCK_CLOEXEC};
    unique_fd listener{result_of(r, make)};
    BOOST_REQUIRE(listener.get() > 2);
    const int fd = listener.get();
    const int one = 1;
    const loopback_address any_port;
    push(
        r,
        op::setsockopt{.fd = fd, .name = SO_REUSEADDR, .value = &one, .size = sizeof one},
        1,
        abi::sqe_io_link);
    push(
        r,
        op::setsockopt{.fd = fd, .name = SO_REUSEPORT, .value = &one, .size = sizeof one},
        2,
        abi::sqe_io_link);
    push(
        r,
        op::bind{.fd = fd, .address = any_port.get(), .address_size = any_port.size},
        3,
        abi::sqe_io_link);
    push(r, op::listen{.fd = fd, .backlog = 1}, 4);
    for (const abi::cqe& entry : reap(r, 4))
        BOOST_TEST(entry.res == 0, "request " << entry.user_data << ": " << entry.res);
    BOOST_TEST(option_of(r, fd, SO_REUSEADDR) == 1);
    BOOST_TEST(option_of(r, fd, SO_REUSEPORT) == 1);

    const loopback_address address = loopback_address::of(fd);
    unique_fd client{result_of(r, make)};
    push(r, op::accept{.fd = fd, .flags = SOCK_CLOEXEC}, 5);
    push(
        r,
        op::connect{
            .fd = client.get(), .address = address.get(), .address_size = address.size},
        6);
    const completions joined = reap(r, 2);
    unique_fd server{joined.res_of(5)};
    BOOST_REQUIRE(server.get() > 2);
    BOOST_TEST(joined.res_of(6) == 0);

    exchange(r, client.get(), server.get());
    exchange(r, server.get(), client.get());

    // Each is shut down and then closed, as one chain of two per socket.
    for (unique_fd* socket : {&client, &server, &listener}) {
        const int number = socket->release();
        push(r, op::shutdown{.fd = number}, 7, abi::sqe_io_link);
        push(r, op::close{.fd = number}, 8);
        const completions done = reap(r, 2);
        BOOST_TEST(done.res_of(7) == 0);
        BOOST_TEST(done.res_of(8) == 0);
        BOOST_TEST(::fcntl(number, F_GETFD) == -1);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
