// SPDX-License-Identifier: BSL-1.0
// The promises of lio-uring, third part: sockets, time, readiness, cancelling, messages
// and futexes.
#include "../ring/in_child.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/provided_buffers.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

op::connect connect_op(int fd, const bound_socket& listener)
{
    return {
        .fd = fd,
        .address = listener.address.get(),
        .address_size = listener.address.size};
}

std::string text_of(const taken_buffer& taken)
{
    return {reinterpret_cast<const char*>(taken.data.data()), taken.data.size()};
}

/// Request 1 has sent so much, and then has let go of its data.
void check_zero_copy(const completions& done, int size)
{
    const abi::cqe& sent = done.of(1);
    BOOST_TEST(sent.res == size);
    BOOST_TEST(has_more(sent));
    const auto released =
        std::find_if(done.begin(), done.end(), [](const abi::cqe& entry) {
            return (entry.flags & abi::cqe_f_notif) != 0;
        });
    BOOST_REQUIRE(released != done.end());
    BOOST_TEST(released->user_data == 1);
    BOOST_TEST(!has_more(*released));
    BOOST_TEST((&*released > &sent));
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_lio_uring_events)

BOOST_AUTO_TEST_CASE(l15_socket_as_descriptor_and_as_slot)
{
    ring r{{.entries = 2}};
    op::socket make{.domain = AF_INET, .type = SOCK_DGRAM | SOCK_CLOEXEC};
    const unique_fd plain{result_of(r, make)};
    BOOST_TEST(plain.get() > 2);
    BOOST_TEST((::fcntl(plain.get(), F_GETFD) & FD_CLOEXEC) != 0);
    make.domain = -1;
    BOOST_TEST(result_of(r, make) == -EAFNOSUPPORT);

    const registered_files files = registered_files::sparse(r, 4);
    const bound_socket receiver = make_bound(SOCK_DGRAM);
    BOOST_TEST(
        result_of(r, op::socket{.domain = AF_INET, .type = SOCK_DGRAM, .slot = 3}) == 0);
    const op::send send{
        .data = "datagram",
        .size = 8,
        .address = receiver.address.get(),
        .address_size = receiver.address.size};
    BOOST_TEST(result_of(r, op::on_slot(3, send)) == 8);
    std::array<char, 16> in{};
    BOOST_TEST(::recv(receiver.get(), in.data(), in.size(), 0) == 8);
    BOOST_TEST(result_of(r, op::on_slot(2, send)) == -EBADF);
}

BOOST_AUTO_TEST_CASE(l16_accept_once_and_accept_many)
{
    ring r{{.entries = 4}};
    const bound_socket listener = make_listener();
    const unique_fd first = connect_to(listener);
    const op::accept once{.fd = listener.get(), .flags = SOCK_CLOEXEC};
    const unique_fd accepted{result_of(r, once)};
    BOOST_TEST(accepted.get() > 2);

    op::accept many = once;
    many.ioprio = abi::accept_multishot;
    push(r, many, 7);
    BOOST_TEST(r.submit().submitted == 1);
    std::vector<unique_fd> clients;
    for (int count = 0; count != 5; ++count)
        clients.push_back(connect_to(listener));
    for (const abi::cqe& entry : reap(r, 5)) {
        const unique_fd server{entry.res};
        BOOST_TEST(server.get() > 2);
        BOOST_TEST(entry.user_data == 7);
        BOOST_TEST(has_more(entry));
    }
    // The end of the listener is the end of the request.
    BOOST_TEST(::shutdown(listener.get(), SHUT_RD) == 0);
    const abi::cqe last = reap_one(r);
    BOOST_TEST(last.res == -EINVAL);
    BOOST_TEST(!has_more(last));
}

BOOST_AUTO_TEST_CASE(l17_bind_listen_connect_shutdown)
{
    if (!kernel_features::running().supports(abi::opcode::bind))
        ASIO_URING_SKIP("the kernel has no BIND (6.11)");
    ring r{{.entries = 4}};
    bound_socket listener{make_socket(SOCK_STREAM), {}};
    push(
        r,
        op::bind{
            .fd = listener.get(),
            .address = listener.address.get(),
            .address_size = listener.address.size},
        1,
        abi::sqe_io_link);
    push(r, op::listen{.fd = listener.get(), .backlog = 4}, 2);
    const completions bound = reap(r, 2);
    BOOST_TEST(bound.res_of(1) == 0);
    BOOST_TEST(bound.res_of(2) == 0);
    listener.address = loopback_address::of(listener.get());
    BOOST_TEST(listener.address.value.sin_port != 0);

    const unique_fd client = make_socket(SOCK_STREAM);
    BOOST_TEST(result_of(r, connect_op(client.get(), listener)) == 0);
    BOOST_TEST(result_of(r, connect_op(client.get(), listener)) == -EISCONN);
    const unique_fd server{result_of(r, op::accept{.fd = listener.get()})};
    BOOST_TEST(result_of(r, op::shutdown{.fd = client.get(), .how = SHUT_RDWR}) == 0);
    char byte = 0;
    BOOST_TEST(result_of(r, op::recv{.fd = server.get(), .data = &byte, .size = 1}) == 0);
    BOOST_TEST(
        result_of(r, op::send{.fd = client.get(), .data = "x", .size = 1}) == -EPIPE);
}

BOOST_AUTO_TEST_CASE(l18_send_recv_and_send_zc)
{
    ring r{{.entries = 4}};
    const fd_pair pair = tcp_pair();
    std::array<char, 8> in{};
    BOOST_TEST(
        result_of(r, op::send{.fd = pair.first.get(), .data = "plain", .size = 5}) == 5);
    BOOST_TEST(
        result_of(r, op::recv{.fd = pair.second.get(), .data = in.data(), .size = 8}) ==
        5);
    BOOST_TEST(std::string_view{in.data()} == "plain");

    push(r, op::send_zc{.fd = pair.first.get(), .data = "zerocopy", .size = 8}, 1);
    const op::recv all{
        .fd = pair.second.get(), .data = in.data(), .size = 8, .flags = MSG_WAITALL};
    push(r, all, 2);
    check_zero_copy(reap(r, 3), 8);
    BOOST_TEST((std::string_view{in.data(), 8} == "zerocopy"));
}

BOOST_AUTO_TEST_CASE(l18_recv_many_gives_a_completion_per_arrival)
{
    ring r{{.entries = 4}};
    const fd_pair pair = tcp_pair();
    provided_buffers buffers{r, {.group = 2, .count = 4, .size = 64}};
    push(
        r,
        op::recv{.fd = pair.second.get(), .ioprio = abi::recv_multishot, .group = 2},
        1);
    BOOST_TEST(r.submit().submitted == 1);
    for (const std::string_view text : {"one", "two", "three", "four", "five", "six"}) {
        BOOST_REQUIRE(
            ::send(pair.first.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
        const abi::cqe entry = reap_one(r);
        BOOST_TEST(has_more(entry));
        const auto taken = buffers.take(entry);
        BOOST_REQUIRE(taken.has_value());
        BOOST_TEST(text_of(*taken) == text);
        buffers.give_back(*taken);
    }
    BOOST_TEST(::shutdown(pair.first.get(), SHUT_WR) == 0);
    const abi::cqe last = reap_one(r);
    BOOST_TEST(last.res == 0);
    BOOST_TEST(!has_more(last));
}

BOOST_AUTO_TEST_CASE(l19_sendmsg_recvmsg_sendmsg_zc)
{
    ring r{{.entries = 4}};
    const fd_pair pair = tcp_pair();
    char one[] = "sca";
    char two[] = "ttered";
    ::iovec out[]{{one, 3}, {two, 6}};
    ::msghdr message{};
    message.msg_iov = out;
    message.msg_iovlen = 2;
    BOOST_TEST(
        result_of(r, op::sendmsg{.fd = pair.first.get(), .message = &message}) == 9);
    std::array<char, 7> head{};
    std::array<char, 11> tail{};
    ::iovec in[]{{head.data(), head.size()}, {tail.data(), tail.size()}};
    ::msghdr received{};
    received.msg_iov = in;
    received.msg_iovlen = 2;
    push(r, op::sendmsg_zc{.fd = pair.first.get(), .message = &message}, 1);
    const op::recvmsg all{
        .fd = pair.second.get(), .message = &received, .flags = MSG_WAITALL};
    push(r, all, 2);
    const completions done = reap(r, 3);
    check_zero_copy(done, 9);
    BOOST_TEST(done.res_of(2) == 18);
    BOOST_TEST((std::string_view{head.data(), 7} == "scatter"));
    BOOST_TEST((std::string_view{tail.data(), 11} == "edscattered"));
}

BOOST_AUTO_TEST_CASE(l22_nop_timeout_timeout_remove_link_timeout)
{
    ring r{{.entries = 4}};
    BOOST_TEST(result_of(r, op::nop{}) == 0);
    const auto begin = steady_clock::now();
    const abi::kernel_timespec short_time = to_timespec(milliseconds{3});
    const abi::kernel_timespec long_time = to_timespec(seconds{1000});
    BOOST_TEST(result_of(r, op::timeout{.expiry = &short_time}) == -ETIME);
    BOOST_TEST((steady_clock::now() >= begin + milliseconds{3}));
    // An update gives it a new end instead of ending it.
    push(r, op::timeout{.expiry = &long_time}, 1);
    push(r, op::timeout_update{.user_data = 1, .expiry = &short_time}, 2);
    const completions updated = reap(r, 2);
    BOOST_TEST(updated.res_of(2) == 0);
    BOOST_TEST(updated.res_of(1) == -ETIME);
    push(r, op::timeout{.expiry = &long_time}, 3);
    push(r, op::timeout_remove{.user_data = 3}, 4);
    const completions removed = reap(r, 2);
    BOOST_TEST(removed.res_of(4) == 0);
    BOOST_TEST(removed.res_of(3) == -ECANCELED);

    const pipe_pair pipe = make_pipe();
    push(r, op::poll_add{.fd = pipe.out.get(), .events = POLLIN}, 5, abi::sqe_io_link);
    push(r, op::link_timeout{.expiry = &short_time}, 6);
    const completions linked = reap(r, 2);
    BOOST_TEST(linked.res_of(5) == -ECANCELED);
    BOOST_TEST(linked.res_of(6) == -ETIME);
}

BOOST_AUTO_TEST_CASE(l23_poll_add_update_and_remove)
{
    ring r{{.entries = 4}};
    const fd_pair pair = socket_pair();
    push(r, op::poll_add{.fd = pair.first.get(), .events = POLLIN}, 1);
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(is_quiet(r));
    // The socket can be written to, and the request now asks for that, under a new name.
    const std::uint32_t both = abi::poll_update_events | abi::poll_update_user_data;
    push(
        r,
        op::poll_update{
            .user_data = 1, .new_user_data = 2, .events = POLLOUT, .flags = both},
        3);
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(3) == 0);
    BOOST_TEST(done.res_of(2) == POLLOUT);
    BOOST_TEST(result_of(r, op::poll_update{.user_data = 1, .flags = both}) == -ENOENT);

    push(r, op::poll_add{.fd = pair.first.get(), .events = POLLIN}, 4);
    push(r, op::poll_remove{.user_data = 4}, 5);
    const completions removed = reap(r, 2);
    BOOST_TEST(removed.res_of(4) == -ECANCELED);
    BOOST_TEST(removed.res_of(5) == 0);
}

namespace {

/// Two reads of each pipe in flight: 1 and 2 of the first, 3 and 4 of the second.
void start_reads(ring& r, const pipe_pair& first, const pipe_pair& second, char* memory)
{
    push(r, op::read{.fd = first.out.get(), .data = memory, .size = 1}, 1);
    push(r, op::read{.fd = first.out.get(), .data = memory + 1, .size = 1}, 2);
    push(r, op::read{.fd = second.out.get(), .data = memory + 2, .size = 1}, 3);
    push(r, op::poll_add{.fd = second.out.get(), .events = POLLIN}, 4);
    BOOST_REQUIRE(r.submit().submitted == 4);
    BOOST_REQUIRE(is_quiet(r));
}

/// The cancel finds as many as expected, and each ends as cancelled.
void check_cancels(
    ring& r, const op::async_cancel& cancel, const std::vector<std::uint64_t>& expected)
{
    push(r, cancel, 99);
    const completions done = reap(r, 1 + expected.size());
    const int found = done.res_of(99);
    const bool counts = (cancel.flags & abi::async_cancel_all) != 0;
    BOOST_TEST(found == (counts ? static_cast<int>(expected.size()) : 0));
    for (const std::uint64_t user_data : expected)
        BOOST_TEST(done.res_of(user_data) == -ECANCELED);
}

} // namespace

BOOST_AUTO_TEST_CASE(l24_cancel_by_every_key)
{
    ring r{{.entries = 8}};
    const pipe_pair first = make_pipe();
    const pipe_pair second = make_pipe();
    std::array<char, 4> memory{};
    const auto start = [&] { start_reads(r, first, second, memory.data()); };
    const std::uint32_t all = abi::async_cancel_all;
    start();
    check_cancels(r, {.user_data = 2}, {2});
    check_cancels(
        r, {.fd = second.out.get(), .flags = abi::async_cancel_fd | all}, {3, 4});
    check_cancels(r, {.flags = abi::async_cancel_any | all}, {1});
    check_cancels(r, {.flags = abi::async_cancel_any | all}, {});
    BOOST_TEST(result_of(r, op::async_cancel{.user_data = 1}) == -ENOENT);
    // With that key nothing found is no error.
    BOOST_TEST(result_of(r, op::async_cancel{.flags = abi::async_cancel_any}) == 0);

    // A direct descriptor is named by its slot.
    const int table[] = {first.out.get()};
    const registered_files files{r, table};
    push(r, op::on_slot(0, op::read{.data = memory.data(), .size = 1}), 5);
    BOOST_TEST(r.submit().submitted == 1);
    check_cancels(
        r,
        {.fd = 0, .flags = abi::async_cancel_fd | abi::async_cancel_fd_fixed | all},
        {5});
}

BOOST_AUTO_TEST_CASE(l24_cancel_by_opcode_alone_and_with_another_key)
{
    ring r{{.entries = 8}};
    const std::uint32_t all = abi::async_cancel_all;
    const op::async_cancel polls{
        .flags = abi::async_cancel_op | all, .operation = abi::opcode::poll_add};
    if (result_of(r, polls) == -EINVAL)
        ASIO_URING_SKIP("the kernel has no cancel by opcode (6.6)");
    const pipe_pair first = make_pipe();
    const pipe_pair second = make_pipe();
    std::array<char, 4> memory{};
    start_reads(r, first, second, memory.data());
    check_cancels(r, polls, {4});
    check_cancels(
        r,
        {.fd = first.out.get(),
         .flags = abi::async_cancel_fd | abi::async_cancel_op | all,
         .operation = abi::opcode::read},
        {1, 2});
    check_cancels(r, {.user_data = 3, .flags = abi::async_cancel_userdata | all}, {3});
}

BOOST_AUTO_TEST_CASE(l26_messages_carry_data_and_descriptors_to_another_ring)
{
    ring r{{.entries = 4}};
    ring other{{.entries = 4}};
    const int target = other.native_handle();
    BOOST_TEST(
        result_of(r, op::msg_ring{.target = target, .user_data = 11, .result = 22}) == 0);
    const abi::cqe plain = reap_one(other);
    BOOST_TEST((plain.user_data == 11 && plain.res == 22 && plain.flags == 0));

    // The read end of a pipe moves into the other ring's table.
    const pipe_pair pipe = make_pipe();
    const int table[] = {-1, pipe.out.get()};
    const registered_files sources{r, table};
    const registered_files targets = registered_files::sparse(other, 4);
    BOOST_TEST(
        result_of(
            r,
            op::msg_ring_fd{
                .target = target, .source_slot = 1, .target_slot = 3, .user_data = 13}) ==
        0);
    BOOST_TEST(reap_one(other).user_data == 13);
    BOOST_REQUIRE(::write(pipe.in.get(), "moved", 5) == 5);
    std::array<char, 5> in{};
    BOOST_TEST(
        result_of(other, op::on_slot(3, op::read{.data = in.data(), .size = 5})) == 5);
    BOOST_TEST((std::string_view{in.data(), 5} == "moved"));
    // Not a ring.
    BOOST_TEST(result_of(r, op::msg_ring{.target = pipe.in.get()}) == -EBADFD);
}

BOOST_AUTO_TEST_CASE(l26_messages_carry_completion_flags)
{
    ring r{{.entries = 4}};
    ring other{{.entries = 4}};
    const op::msg_ring message{
        .target = other.native_handle(),
        .user_data = 12,
        .result = 23,
        .cqe_flags = 0x50};
    const int sent = result_of(r, message);
    if (sent == -EINVAL)
        ASIO_URING_SKIP("the kernel passes no flags in messages (6.3)");
    BOOST_TEST(sent == 0);
    const abi::cqe received = reap_one(other);
    BOOST_TEST((received.user_data == 12 && received.res == 23));
    BOOST_TEST(received.flags == 0x50);
}

BOOST_AUTO_TEST_CASE(l27_futex_wait_wake_and_wait_for_several)
{
    if (!kernel_features::running().supports(abi::opcode::futex_wait))
        ASIO_URING_SKIP("the kernel has no futex operations (6.7)");
    // The kernel loses private waits that start before the process has a second thread.
    std::thread{[] {}}.join();
    ring r{{.entries = 4}};
    std::uint32_t word = 5;
    BOOST_TEST(result_of(r, op::futex_wait{.word = &word, .value = 4}) == -EAGAIN);
    BOOST_TEST(result_of(r, op::futex_wake{.word = &word}) == 0);
    push(r, op::futex_wait{.word = &word, .value = 5}, 1);
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(is_quiet(r));
    push(r, op::futex_wake{.word = &word, .count = 10}, 2);
    const completions woken = reap(r, 2);
    BOOST_TEST(woken.res_of(1) == 0);
    BOOST_TEST(woken.res_of(2) == 1);

    // The result of a wait for several is the one that was woken, here by a thread.
    std::array<std::uint32_t, 3> words{};
    std::array<abi::futex_waitv, 3> several{};
    for (std::size_t index = 0; index != 3; ++index) {
        several[index].uaddr = reinterpret_cast<std::uintptr_t>(&words[index]);
        several[index].flags = op::futex_private_word;
    }
    push(r, op::futex_waitv{.words = several.data(), .count = 3}, 3);
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(is_quiet(r));
    long woken_by_thread = 0;
    std::thread{[&] {
        woken_by_thread =
            ::syscall(SYS_futex, &words[2], FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }}.join();
    BOOST_TEST(woken_by_thread == 1);
    BOOST_TEST(reap(r, 1).res_of(3) == 2);
}

BOOST_AUTO_TEST_CASE(l27_futex_wait_of_a_process_with_one_thread_is_woken_by_its_second)
{
    if (!kernel_features::running().supports(abi::opcode::futex_wait))
        ASIO_URING_SKIP("the kernel has no futex operations (6.7)");
    const std::string verdict = in_child([]() -> std::string {
        constexpr std::uint32_t shared_word = 0x02; // FUTEX2_SIZE_U32
        std::uint32_t word = 5;
        ring r{{.entries = 4}};
        const op::futex_wait wait{.word = &word, .value = 5, .futex_flags = shared_word};
        if (!r.try_push(wait, 1) || r.submit().submitted != 1)
            return "the wait did not start";
        long woken = 0;
        std::thread{[&] {
            woken = ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
        }}.join();
        if (woken != 1)
            return "the wake found nobody";
        return r.submit_and_wait(1).ec || r.peek()->res != 0 ? "the wait failed" : "";
    });
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
