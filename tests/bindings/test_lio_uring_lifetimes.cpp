// SPDX-License-Identifier: BSL-1.0
// The promises of lio-uring, fifth part: the contract about lifetimes. What the comments
// at the operations say may go after the submit, goes; what they say must stay, stays.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Rings that consume an entry during the submit, and by a thread of their own.
constexpr std::uint32_t submitting[]{0, abi::setup_sqpoll};

/// A request that the kernel has consumed and that has not started: it is linked behind a
/// read of an empty pipe.
class waiting_request
{
public:
    template <class Op>
    waiting_request(ring& r, const Op& operation) : ring_{r}
    {
        push(r, op::read{.fd = gate_.out.get(), .data = &byte_, .size = 1}, 1, linked);
        push(r, operation, 2);
        BOOST_REQUIRE(!r.submit().ec);
        BOOST_REQUIRE(eventually([&r] { return r.unconsumed() == 0; }));
        BOOST_REQUIRE(is_quiet(r));
    }

    /// Lets it start, and returns its result.
    int start_and_finish()
    {
        BOOST_REQUIRE(::write(gate_.in.get(), "x", 1) == 1);
        const completions done = reap(ring_, 2);
        BOOST_REQUIRE(done.res_of(1) == 1);
        return done.res_of(2);
    }

private:
    static constexpr std::uint8_t linked = abi::sqe_io_link;
    ring& ring_;
    pipe_pair gate_ = make_pipe();
    char byte_ = 0;
};

/// Text in memory of its own, that is overwritten.
struct fleeting_text
{
    std::array<char, 32> memory{};

    explicit fleeting_text(const char* text) { std::strcpy(memory.data(), text); }
    const char* get() const { return memory.data(); }
    void spoil() { std::strcpy(memory.data(), "/nowhere/at/all"); }
};

void spoil(loopback_address& address) { address.value.sin_family = AF_MAX; }

template <std::size_t Size>
std::string text_of(const std::array<char, Size>& memory)
{
    return {memory.data(), Size};
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_lio_uring_lifetimes)

BOOST_AUTO_TEST_CASE(l30_paths_and_open_how_may_go_after_the_submit)
{
    for (const std::uint32_t flags : submitting) {
        const temporary_directory folder;
        folder.write("a", "A");
        ring r{{.entries = 4, .flags = flags}};
        fleeting_text from{"a"};
        fleeting_text to{"b"};
        waiting_request rename{
            r,
            op::renameat{
                .old_directory = folder.fd(),
                .old_path = from.get(),
                .new_directory = folder.fd(),
                .new_path = to.get()}};
        from.spoil();
        to.spoil();
        BOOST_TEST(rename.start_and_finish() == 0);
        BOOST_TEST(folder.read("b") == "A");

        fleeting_text path{"b"};
        abi::open_how how{.flags = O_RDONLY | O_CLOEXEC, .mode = 0, .resolve = 0};
        waiting_request open{
            r, op::openat2{.directory = folder.fd(), .path = path.get(), .how = &how}};
        path.spoil();
        how.flags = O_DIRECTORY;
        const unique_fd opened{open.start_and_finish()};
        char byte = 0;
        BOOST_TEST(::read(opened.get(), &byte, 1) == 1);
        BOOST_TEST(byte == 'A');
    }
}

BOOST_AUTO_TEST_CASE(l30_addresses_may_go_after_the_submit)
{
    for (const std::uint32_t flags : submitting) {
        ring r{{.entries = 4, .flags = flags}};
        const bound_socket listener = make_listener();
        const unique_fd client = make_socket(SOCK_STREAM);
        loopback_address peer = listener.address;
        waiting_request connect{
            r,
            op::connect{
                .fd = client.get(), .address = peer.get(), .address_size = peer.size}};
        spoil(peer);
        BOOST_TEST(connect.start_and_finish() == 0);

        const bound_socket receiver = make_bound(SOCK_DGRAM);
        const unique_fd sender = make_socket(SOCK_DGRAM);
        loopback_address target = receiver.address;
        waiting_request send{
            r,
            op::send{
                .fd = sender.get(),
                .data = "text",
                .size = 4,
                .address = target.get(),
                .address_size = target.size}};
        spoil(target);
        BOOST_TEST(send.start_and_finish() == 4);
        std::array<char, 8> in{};
        BOOST_TEST(::recv(receiver.get(), in.data(), in.size(), MSG_DONTWAIT) == 4);
    }
}

BOOST_AUTO_TEST_CASE(l30_timespecs_and_events_may_go_after_the_submit)
{
    for (const std::uint32_t flags : submitting) {
        ring r{{.entries = 4, .flags = flags}};
        abi::kernel_timespec expiry = to_timespec(milliseconds{5});
        waiting_request timeout{r, op::timeout{.expiry = &expiry}};
        expiry = to_timespec(seconds{1000});
        BOOST_TEST(timeout.start_and_finish() == -ETIME);

        const unique_fd watched{::epoll_create1(EPOLL_CLOEXEC)};
        const pipe_pair pipe = make_pipe();
        ::epoll_event event{};
        event.events = EPOLLOUT;
        event.data.u64 = 17;
        waiting_request add{
            r,
            op::epoll_ctl{
                .epoll_fd = watched.get(),
                .operation = EPOLL_CTL_ADD,
                .fd = pipe.in.get(),
                .event = &event}};
        event.events = 0;
        event.data.u64 = 0;
        BOOST_TEST(add.start_and_finish() == 0);
        ::epoll_event seen{};
        BOOST_TEST(::epoll_wait(watched.get(), &seen, 1, 0) == 1);
        BOOST_TEST(std::uint64_t{seen.data.u64} == 17);
    }
}

BOOST_AUTO_TEST_CASE(l30_vectors_and_headers_of_sends_may_go_after_the_submit)
{
    for (const std::uint32_t flags : submitting) {
        ring r{{.entries = 4, .flags = flags}};
        const pipe_pair pipe = make_pipe();
        std::array<char, 4> first{};
        std::array<char, 4> second{};
        ::iovec in[]{{first.data(), 4}, {second.data(), 4}};
        waiting_request read{
            r, op::readv{.fd = pipe.out.get(), .buffers = in, .count = 2}};
        in[0] = in[1] = {nullptr, 1};
        BOOST_REQUIRE(::write(pipe.in.get(), "abcdefgh", 8) == 8);
        BOOST_TEST(read.start_and_finish() == 8);
        BOOST_TEST(text_of(first) == "abcd");
        BOOST_TEST(text_of(second) == "efgh");

        const fd_pair pair = socket_pair();
        char text[] = "text";
        ::iovec out{text, 4};
        ::msghdr header{};
        header.msg_iov = &out;
        header.msg_iovlen = 1;
        waiting_request send{r, op::sendmsg{.fd = pair.first.get(), .message = &header}};
        out = {nullptr, 1};
        header.msg_iov = nullptr;
        header.msg_iovlen = 99;
        BOOST_TEST(send.start_and_finish() == 4);
        BOOST_TEST(::recv(pair.second.get(), first.data(), 4, MSG_DONTWAIT) == 4);
        BOOST_TEST(text_of(first) == "text");
    }
}

// Data is not copied at submit: the kernel takes what stands there when it gets to it.
BOOST_AUTO_TEST_CASE(l30_data_is_read_until_the_completion)
{
    for (const std::uint32_t flags : submitting) {
        ring r{{.entries = 4, .flags = flags}};
        const fd_pair pair = socket_pair();
        std::array<char, 4> out{'e', 'a', 'r', 'l'};
        waiting_request send{
            r, op::send{.fd = pair.first.get(), .data = out.data(), .size = 4}};
        out = {'l', 'a', 't', 'e'};
        BOOST_TEST(send.start_and_finish() == 4);
        std::array<char, 4> in{};
        BOOST_TEST(::recv(pair.second.get(), in.data(), 4, MSG_DONTWAIT) == 4);
        BOOST_TEST(text_of(in) == "late");
    }
}

BOOST_AUTO_TEST_CASE(l30_buffer_is_written_until_the_last_completion_whatever_is_closed)
{
    ring r{{.entries = 4}};
    fd_pair pair = socket_pair();
    std::array<char, 4> in{};
    push(r, op::recv{.fd = pair.second.get(), .data = in.data(), .size = 4}, 1);
    BOOST_TEST(r.submit().submitted == 1);
    // Closing the descriptor ends nothing: the request holds the socket.
    pair.second.reset();
    BOOST_TEST(is_quiet(r));
    BOOST_REQUIRE(::send(pair.first.get(), "late", 4, MSG_NOSIGNAL) == 4);
    BOOST_TEST(reap(r, 1).res_of(1) == 4);
    BOOST_TEST(text_of(in) == "late");
    // With its completion the socket goes as well.
    BOOST_TEST(eventually(
        [&pair] { return ::send(pair.first.get(), "x", 1, MSG_NOSIGNAL) == -1; }));
}

BOOST_AUTO_TEST_CASE(l30_addresses_and_headers_of_receives_are_written_until_completed)
{
    ring r{{.entries = 4}};
    const bound_socket listener = make_listener();
    loopback_address peer;
    ::socklen_t peer_size = peer.size;
    push(
        r,
        op::accept{
            .fd = listener.get(),
            .address = peer.get(),
            .address_size = &peer_size,
            .flags = SOCK_CLOEXEC},
        1);
    const bound_socket receiver = make_bound(SOCK_DGRAM);
    std::array<char, 2> in{};
    ::iovec vector{in.data(), in.size()};
    loopback_address sender;
    ::msghdr header{};
    header.msg_name = sender.get();
    header.msg_namelen = sender.size;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    push(r, op::recvmsg{.fd = receiver.get(), .message = &header}, 2);
    BOOST_TEST(r.submit().submitted == 2);
    BOOST_TEST(is_quiet(r));
    BOOST_TEST(peer.value.sin_port == 0);
    BOOST_TEST(sender.value.sin_port == 0);

    const unique_fd client = connect_to(listener);
    const unique_fd accepted{reap(r, 1).res_of(1)};
    BOOST_TEST(peer.value.sin_port == loopback_address::of(client.get()).value.sin_port);
    const bound_socket source = make_bound(SOCK_DGRAM);
    BOOST_REQUIRE(
        ::sendto(
            source.get(), "text", 4, 0, receiver.address.get(), receiver.address.size) ==
        4);
    BOOST_TEST(reap(r, 1).res_of(2) == 2);
    BOOST_TEST(sender.value.sin_port == source.address.value.sin_port);
    BOOST_TEST((header.msg_flags & MSG_TRUNC) != 0);
}

BOOST_AUTO_TEST_CASE(l30_results_are_written_until_completed)
{
    const temporary_directory folder;
    folder.write("f", "12345");
    ring r{{.entries = 4}};
    struct ::statx status
    {};
    waiting_request ask{
        r,
        op::statx{
            .directory = folder.fd(),
            .path = "f",
            .mask = STATX_SIZE,
            .result = &status}};
    BOOST_TEST(status.stx_size == 0);
    BOOST_TEST(ask.start_and_finish() == 0);
    BOOST_TEST(status.stx_size == 5);
}

BOOST_AUTO_TEST_CASE(l30_futex_word_is_read_until_completed)
{
    if (!kernel_features::running().supports(abi::opcode::futex_wait))
        ASIO_URING_SKIP("the kernel has no futex operations (6.7)");
    // The kernel loses private waits that start before the process has a second thread.
    std::thread{[] {}}.join();
    ring r{{.entries = 4}};
    std::uint32_t word = 5;
    waiting_request wait{r, op::futex_wait{.word = &word, .value = 5}};
    word = 6;
    BOOST_TEST(wait.start_and_finish() == -EAGAIN);
}

namespace {

/// What the peer has not taken yet.
int unsent(const unique_fd& socket)
{
    int bytes = 0;
    BOOST_REQUIRE(::ioctl(socket.get(), SIOCOUTQNSD, &bytes) == 0);
    return bytes;
}

/// Sends until the peer's window is full; what comes behind that stays on this side.
std::size_t fill_window(const unique_fd& socket)
{
    const std::string block(4096, '-');
    std::size_t total = 0;
    while (unsent(socket) == 0) {
        const ssize_t sent =
            ::send(socket.get(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        BOOST_REQUIRE(sent > 0);
        total += static_cast<std::size_t>(sent);
    }
    return total;
}

} // namespace

BOOST_AUTO_TEST_CASE(l30_data_of_a_zero_copy_send_is_read_until_the_notification)
{
    ring r{{.entries = 4}};
    const fd_pair pair = tcp_pair();
    const std::size_t before = fill_window(pair.first);
    std::array<char, 4> out{'e', 'a', 'r', 'l'};
    push(r, op::send_zc{.fd = pair.first.get(), .data = out.data(), .size = 4}, 1);
    const abi::cqe sent = reap_one(r);
    BOOST_TEST(sent.res == 4);
    BOOST_TEST(has_more(sent));
    // Sent, says the result; the data is the kernel's all the same.
    BOOST_TEST(is_quiet(r));
    out = {'l', 'a', 't', 'e'};
    std::string received(before + 4, '\0');
    BOOST_TEST(
        ::recv(pair.second.get(), received.data(), received.size(), MSG_WAITALL) ==
        static_cast<ssize_t>(received.size()));
    BOOST_TEST(received.substr(before) == "late");
    const abi::cqe released = reap_one(r);
    BOOST_TEST(released.user_data == 1);
    BOOST_TEST(released.flags == abi::cqe_f_notif);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
