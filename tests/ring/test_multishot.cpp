// SPDX-License-Identifier: BSL-1.0
// Operations with more than one completion: what each kind gives, how it ends, and that
// nothing is lost when it has to be started again.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/provided_buffers.hpp>
#include <asio_uring/ring/recvmsg_result.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>

#include <poll.h>

namespace asio_uring::test {

namespace {

using boost::system::error_code;

constexpr std::uint64_t stream = 1;
constexpr std::uint16_t group = 3;

int error_of(const abi::cqe& entry) { return result_error(entry.res).value(); }

std::string text_of(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

op::recv multishot_recv(const unique_fd& socket, std::uint16_t more_flags = 0)
{
    const auto ioprio = static_cast<std::uint16_t>(abi::recv_multishot | more_flags);
    return {.fd = socket.get(), .ioprio = ioprio, .group = group};
}

template <class Op>
void start(ring& r, const Op& operation, std::uint8_t sqe_flags = 0)
{
    BOOST_REQUIRE(r.try_push(operation, stream, sqe_flags));
    BOOST_REQUIRE(r.submit().submitted == 1);
}

/// Cancels the stream; returns its last completion.
abi::cqe cancel_stream(ring& r)
{
    BOOST_REQUIRE(r.try_push(op::async_cancel{.user_data = stream}, 2));
    const std::vector<abi::cqe> seen = reap(r, 2);
    BOOST_REQUIRE(seen.size() == 2);
    const std::size_t own = seen[0].user_data == stream ? 0 : 1;
    BOOST_TEST(seen[1 - own].user_data == 2);
    BOOST_TEST(seen[1 - own].res == 0);
    BOOST_TEST(seen[own].user_data == stream);
    BOOST_TEST(!has_more(seen[own]));
    return seen[own];
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_multishot)

BOOST_AUTO_TEST_CASE(poll_reports_each_wake_up_until_it_is_cancelled)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        fd_pair pair = socket_pair();
        start(
            r,
            op::poll_add{
                .fd = pair.first.get(), .events = POLLIN, .flags = abi::poll_add_multi});
        for (int round = 0; round != 3; ++round) {
            send_text(pair.second, "x");
            const abi::cqe ready = reap_one(r);
            BOOST_TEST(ready.user_data == stream);
            BOOST_TEST((ready.res & POLLIN) != 0);
            BOOST_TEST(has_more(ready));
            // Nothing new has come: unread data alone is no news.
            BOOST_TEST(reap_ready(r).empty());
        }
        // A peer that is gone is an event, not the end.
        pair.second.reset();
        const std::vector<abi::cqe> gone = reap(r, 1);
        BOOST_REQUIRE(gone.size() == 1);
        BOOST_TEST((gone[0].res & POLLHUP) != 0);
        BOOST_TEST(has_more(gone[0]));
        static_cast<void>(reap_ready(r));
        BOOST_TEST(error_of(cancel_stream(r)) == ECANCELED);
    }
}

BOOST_AUTO_TEST_CASE(level_triggered_poll_is_refused_or_reports_again)
{
    ring r{ring_options{.entries = 4}};
    const fd_pair pair = socket_pair();
    send_text(pair.second, "abc");
    start(
        r,
        op::poll_add{
            .fd = pair.first.get(),
            .events = POLLIN,
            .flags = abi::poll_add_multi | abi::poll_add_level});
    const abi::cqe first = reap_one(r);
    if (first.res < 0) {
        // The flag has a number, but no kernel up to 6.18 takes it.
        BOOST_TEST(error_of(first) == EINVAL);
        BOOST_TEST(!has_more(first));
        return;
    }
    BOOST_TEST(has_more(first));
    BOOST_TEST((reap_one(r).res & POLLIN) != 0);
}

BOOST_AUTO_TEST_CASE(accept_gives_a_descriptor_per_connection_until_the_listener_is_shut)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        const bound_socket server = make_listener();
        std::vector<unique_fd> clients;
        clients.push_back(connect_to(server));
        start(
            r,
            op::accept{
                .fd = server.fd.get(),
                .flags = SOCK_CLOEXEC,
                .ioprio = abi::accept_multishot});
        for (std::size_t index = 0; index != 3; ++index) {
            const abi::cqe entry = reap_one(r);
            BOOST_TEST(entry.user_data == stream);
            BOOST_TEST(has_more(entry));
            const unique_fd peer{entry.res};
            BOOST_REQUIRE(static_cast<bool>(peer));
            send_text(clients[index], "hi");
            BOOST_TEST(read_text(peer.get(), 4) == "hi");
            clients.push_back(connect_to(server));
        }
        const unique_fd last{reap_one(r).res};
        BOOST_TEST(static_cast<bool>(last));
        BOOST_REQUIRE(::shutdown(server.fd.get(), SHUT_RD) == 0);
        const abi::cqe end = reap_one(r);
        BOOST_TEST(error_of(end) == EINVAL);
        BOOST_TEST(!has_more(end));
    }
}

BOOST_AUTO_TEST_CASE(accept_ends_cancelled_and_leaves_the_backlog_alone)
{
    ring r{ring_options{.entries = 4}};
    const bound_socket server = make_listener();
    const op::accept accept{.fd = server.fd.get(), .ioprio = abi::accept_multishot};
    start(r, accept);
    BOOST_TEST(error_of(cancel_stream(r)) == ECANCELED);
    const unique_fd client = connect_to(server);
    BOOST_TEST(reap_ready(r).empty());
    start(r, accept);
    const unique_fd peer{reap_one(r).res};
    BOOST_TEST(static_cast<bool>(peer));
}

BOOST_AUTO_TEST_CASE(direct_accept_ends_when_the_table_is_full_and_goes_on_when_restarted)
{
    ring r{ring_options{.entries = 4}};
    auto table = registered_files::sparse(r, 2);
    const bound_socket server = make_listener();
    const op::accept accept{
        .fd = server.fd.get(),
        .ioprio = abi::accept_multishot,
        .slot = abi::file_index_alloc};
    std::vector<unique_fd> clients;
    for (int count = 0; count != 6; ++count)
        clients.push_back(connect_to(server));
    auto client = clients.begin();
    for (int lap = 0; lap != 2; ++lap) {
        start(r, accept);
        std::vector<std::uint32_t> slots;
        for (int count = 0; count != 2; ++count) {
            const abi::cqe entry = reap_one(r);
            BOOST_TEST(has_more(entry));
            BOOST_REQUIRE((entry.res == 0 || entry.res == 1));
            slots.push_back(result_value(entry.res));
        }
        BOOST_TEST(slots[0] != slots[1]);
        const abi::cqe full = reap_one(r);
        BOOST_TEST(error_of(full) == ENFILE);
        BOOST_TEST(!has_more(full));

        std::array<char, 8> bytes{};
        const op::recv receive{.data = bytes.data(), .size = bytes.size()};
        for (std::uint32_t slot : slots) {
            send_text(*client++, "hi");
            BOOST_TEST(run(r, op::on_slot(slot, receive)).res == 2);
            BOOST_TEST(!table.clear(slot));
        }
        // The one that found no room was taken from the backlog all the same, and closed.
        BOOST_TEST(
            run(r, op::recv{.fd = client->get(), .data = bytes.data(), .size = 8}).res <=
            0);
        ++client;
    }
}

BOOST_AUTO_TEST_CASE(receive_parks_without_buffers_and_goes_on_when_started_again)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        provided_buffers buffers{r, {.group = group, .count = 2, .size = 4}};
        const fd_pair pair = socket_pair();
        send_text(pair.second, "0123456789abcdef, and more");
        std::string text;
        for (int lap = 0; lap != 2; ++lap) {
            start(r, multishot_recv(pair.first));
            const std::vector<abi::cqe> seen = reap(r, 3);
            BOOST_REQUIRE(seen.size() == 3);
            for (std::size_t index = 0; index != 2; ++index) {
                BOOST_TEST(has_more(seen[index]));
                const auto taken = buffers.take(seen[index]);
                BOOST_REQUIRE(taken.has_value());
                text += text_of(taken->data);
            }
            BOOST_TEST(error_of(seen[2]) == ENOBUFS);
            BOOST_TEST(!has_more(seen[2]));
            BOOST_TEST(!has_buffer(seen[2]));
            BOOST_TEST(buffers.available() == 0);
            buffers.give_back(0);
            buffers.give_back(1);
        }
        BOOST_TEST(text == "0123456789abcdef");
    }
}

BOOST_AUTO_TEST_CASE(receive_ends_at_the_end_of_the_stream)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = group, .count = 2, .size = 4}};
    fd_pair pair = tcp_pair();
    start(r, multishot_recv(pair.first));
    send_text(pair.second, "abc");
    const abi::cqe data = reap_one(r);
    BOOST_TEST(data.res == 3);
    BOOST_TEST(has_more(data));
    pair.second.reset();
    const abi::cqe end = reap_one(r);
    BOOST_TEST(end.res == 0);
    BOOST_TEST(!has_more(end));
    BOOST_TEST(!has_buffer(end));
}

// Kernel 6.17; an older one refuses the size and does not know the limit.
BOOST_AUTO_TEST_CASE(receive_keeps_to_its_size_and_ends_at_its_limit)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = 1, .count = 8, .size = 8}};
    const fd_pair pair = socket_pair();
    send_text(pair.second, "0123456789abcdefghijklmnopqrstuvwxyz");
    const op::recv request{
        .fd = pair.first.get(),
        .size = 5,
        .ioprio = abi::recv_multishot,
        .group = 1,
        .total = 12};
    BOOST_REQUIRE(r.try_push(request, 1));
    std::string sizes;
    for (bool more = true; more;) {
        const abi::cqe done = reap_one(r);
        more = has_more(done);
        if (done.res == -EINVAL)
            ASIO_URING_SKIP("the kernel limits no multishot receive (6.17)");
        BOOST_REQUIRE(done.res > 0);
        sizes += std::to_string(done.res) + ' ';
    }
    // The last completion goes beyond the limit.
    BOOST_TEST(sizes == "5 5 5 ");
}

BOOST_AUTO_TEST_CASE(receive_ends_cancelled_and_leaves_data_in_the_socket)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = group, .count = 2, .size = 4}};
    const fd_pair pair = socket_pair();
    start(r, multishot_recv(pair.first));
    const abi::cqe end = cancel_stream(r);
    BOOST_TEST(error_of(end) == ECANCELED);
    BOOST_TEST(!has_buffer(end));
    send_text(pair.second, "abc");
    BOOST_TEST(reap_ready(r).empty());
    BOOST_TEST(read_text(pair.first.get(), 8) == "abc");
    BOOST_TEST(buffers.available() == 2);
}

BOOST_AUTO_TEST_CASE(receive_without_a_group_or_with_waitall_is_refused)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = group, .count = 2, .size = 4}};
    const fd_pair pair = socket_pair();
    op::recv receive = multishot_recv(pair.first);
    receive.flags = MSG_WAITALL;
    BOOST_TEST(error_of(run(r, receive)) == EINVAL);
    receive = multishot_recv(pair.first);
    receive.group.reset();
    BOOST_TEST(error_of(run(r, receive)) == EINVAL);
    // A group nobody has registered is an empty one.
    receive.group = std::uint16_t{99};
    send_text(pair.second, "abc");
    BOOST_TEST(error_of(run(r, receive)) == ENOBUFS);
}

BOOST_AUTO_TEST_CASE(bundled_receive_gives_all_bytes_in_order)
{
    ring r{ring_options{.entries = 4}};
    if ((r.features() & abi::feat_recvsend_bundle) == 0)
        ASIO_URING_SKIP("the kernel has no bundles (6.10)");
    provided_buffers buffers{r, {.group = group, .count = 8, .size = 4}};
    const fd_pair pair = tcp_pair();
    const std::string sent = "the quick brown fox jumps over the lazy dog";
    std::string text;
    unsigned wide = 0;
    bool armed = false;
    for (std::size_t at = 0; at < sent.size(); at += 19)
        send_text(pair.second, std::string_view{sent}.substr(at, 19));
    while (text.size() < sent.size()) {
        if (!armed)
            start(r, multishot_recv(pair.first, abi::recvsend_bundle));
        const abi::cqe entry = reap_one(r);
        armed = has_more(entry);
        BOOST_REQUIRE((entry.res > 0 || error_of(entry) == ENOBUFS));
        const unsigned count = buffers.for_each(entry, [&](const taken_buffer& taken) {
            text += text_of(taken.data);
            buffers.give_back(taken);
        });
        wide += count > 1 ? 1U : 0U;
    }
    BOOST_TEST(text == sent);
    BOOST_TEST(wide > 0U);
    BOOST_TEST(buffers.available() == 8);
}

BOOST_AUTO_TEST_CASE(zero_length_datagram_ends_a_receive_and_a_message_receive)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = group, .count = 4, .size = 128}};
    const fd_pair pair = socket_pair(SOCK_DGRAM);
    start(r, multishot_recv(pair.first));
    send_text(pair.second, "a");
    BOOST_TEST(has_more(reap_one(r)));
    BOOST_TEST(::send(pair.second.get(), "", 0, 0) == 0);
    const abi::cqe end = reap_one(r);
    BOOST_TEST(end.res == 0);
    BOOST_TEST(!has_more(end));
    BOOST_TEST(!has_buffer(end));

    ::msghdr message{};
    start(
        r,
        op::recvmsg{
            .fd = pair.first.get(),
            .message = &message,
            .ioprio = abi::recv_multishot,
            .group = group});
    BOOST_TEST(::send(pair.second.get(), "", 0, 0) == 0);
    // A message has a name and flags even if it has no bytes, so it comes with a buffer.
    const abi::cqe empty = reap_one(r);
    BOOST_TEST(empty.res == static_cast<std::int32_t>(sizeof(abi::recvmsg_out)));
    BOOST_TEST(!has_more(empty));
    const auto taken = buffers.take(empty);
    BOOST_REQUIRE(taken.has_value());
    const auto result = recvmsg_result::parse(taken->data, message);
    BOOST_REQUIRE(result.has_value());
    BOOST_TEST(result->payload().empty());
    BOOST_TEST(!result->payload_truncated());
}

BOOST_AUTO_TEST_CASE(message_receive_gives_name_control_and_payload_of_each_datagram)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = group, .count = 4, .size = 128}};
    const bound_socket server = make_bound(SOCK_DGRAM);
    const bound_socket client = make_bound(SOCK_DGRAM);
    const int on = 1;
    BOOST_REQUIRE(
        ::setsockopt(server.fd.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0);
    ::msghdr message{};
    message.msg_namelen = sizeof(sockaddr_in);
    message.msg_controllen = CMSG_SPACE(sizeof(in_pktinfo));
    start(
        r,
        op::recvmsg{
            .fd = server.fd.get(),
            .message = &message,
            .ioprio = abi::recv_multishot,
            .group = group});
    const std::size_t room =
        128 - sizeof(abi::recvmsg_out) - message.msg_namelen - message.msg_controllen;
    const std::vector<std::string> texts{"hello", std::string(room, 'f'), "again"};
    for (const std::string& text : texts) {
        BOOST_REQUIRE(
            ::sendto(
                client.fd.get(),
                text.data(),
                text.size(),
                0,
                server.address.get(),
                server.address.size) == static_cast<ssize_t>(text.size()));
        const abi::cqe entry = reap_one(r);
        BOOST_TEST(has_more(entry));
        const auto taken = buffers.take(entry);
        BOOST_REQUIRE(taken.has_value());
        const auto result = recvmsg_result::parse(taken->data, message);
        BOOST_REQUIRE(result.has_value());
        BOOST_TEST(text_of(result->payload()) == text);
        BOOST_TEST(!result->payload_truncated());
        BOOST_TEST(!result->control_truncated());
        BOOST_TEST(!result->name_truncated());
        sockaddr_in from{};
        BOOST_REQUIRE(result->name().size() == sizeof from);
        std::memcpy(&from, result->name().data(), sizeof from);
        BOOST_TEST(from.sin_port == client.address.value.sin_port);
        unsigned calls = 0;
        result->for_each_control(
            [&](int level, int type, std::span<const std::byte> data) {
                ++calls;
                BOOST_TEST(level == int{IPPROTO_IP});
                BOOST_TEST(type == IP_PKTINFO);
                in_pktinfo info{};
                BOOST_REQUIRE(data.size() == sizeof info);
                std::memcpy(&info, data.data(), sizeof info);
                BOOST_TEST(info.ipi_addr.s_addr == htonl(INADDR_LOOPBACK));
            });
        BOOST_TEST(calls == 1U);
        buffers.give_back(*taken);
    }
    BOOST_TEST(error_of(cancel_stream(r)) == ECANCELED);
}

BOOST_AUTO_TEST_CASE(message_that_does_not_fit_is_cut_and_says_so)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = group, .count = 4, .size = 64}};
    const bound_socket server = make_bound(SOCK_DGRAM);
    const bound_socket client = make_bound(SOCK_DGRAM);
    const int on = 1;
    BOOST_REQUIRE(
        ::setsockopt(server.fd.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0);
    for (int flags : {0, int{MSG_TRUNC}}) {
        ::msghdr message{};
        message.msg_namelen = 4;
        message.msg_controllen = 8;
        start(
            r,
            op::recvmsg{
                .fd = server.fd.get(),
                .message = &message,
                .flags = flags,
                .ioprio = abi::recv_multishot,
                .group = group});
        const std::string text(100, 'x');
        BOOST_REQUIRE(
            ::sendto(
                client.fd.get(),
                text.data(),
                text.size(),
                0,
                server.address.get(),
                server.address.size) == 100);
        const auto taken = buffers.take(reap_one(r));
        BOOST_REQUIRE(taken.has_value());
        const auto result = recvmsg_result::parse(taken->data, message);
        BOOST_REQUIRE(result.has_value());
        BOOST_TEST(result->payload().size() == 64U - 16 - 4 - 8);
        BOOST_TEST(result->payload_truncated());
        BOOST_TEST(result->control_truncated());
        BOOST_TEST(result->name_truncated());
        BOOST_TEST(result->name().size() == 4U);
        BOOST_TEST(result->for_each_control([](int, int, auto) {}) == 0U);
        // With the flag the header tells the length on the wire.
        BOOST_TEST(result->header().payloadlen == (flags == 0 ? 36U : 100U));
        BOOST_TEST(error_of(cancel_stream(r)) == ECANCELED);
    }
}

BOOST_AUTO_TEST_CASE(read_gives_a_buffer_per_wake_up_until_the_writer_is_gone)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = group, .count = 2, .size = 8}};
    pipe_pair pipe = make_pipe();
    const op::read_multishot read{.fd = pipe.out.get(), .group = group};
    start(r, read);
    std::string text;
    for (std::string_view part : {"abc", "defg", "h"}) {
        write_text(pipe.in, part);
        const abi::cqe entry = reap_one(r);
        BOOST_TEST(has_more(entry));
        const auto taken = buffers.take(entry);
        BOOST_REQUIRE(taken.has_value());
        text += text_of(taken->data);
        buffers.give_back(*taken);
    }
    BOOST_TEST(text == "abcdefgh");
    pipe.in.reset();
    const abi::cqe end = reap_one(r);
    BOOST_TEST(end.res == 0);
    BOOST_TEST(!has_more(end));
    BOOST_TEST(!has_buffer(end));
}

BOOST_AUTO_TEST_CASE(read_parks_without_buffers_ends_cancelled_and_refuses_plain_files)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = group, .count = 1, .size = 4}};
    const pipe_pair pipe = make_pipe();
    const op::read_multishot read{.fd = pipe.out.get(), .group = group};
    write_text(pipe.in, "abcdefgh");
    start(r, read);
    const std::vector<abi::cqe> seen = reap(r, 2);
    BOOST_REQUIRE(seen.size() == 2);
    BOOST_TEST(text_of(buffers.take(seen[0])->data) == "abcd");
    BOOST_TEST(error_of(seen[1]) == ENOBUFS);
    BOOST_TEST(!has_more(seen[1]));
    buffers.give_back(0);
    start(r, read);
    BOOST_TEST(text_of(buffers.take(reap_one(r))->data) == "efgh");
    buffers.give_back(0);
    BOOST_TEST(reap_ready(r).empty());
    BOOST_TEST(error_of(cancel_stream(r)) == ECANCELED);

    const unique_fd file = memory_file("abc");
    BOOST_TEST(
        error_of(run(r, op::read_multishot{.fd = file.get(), .group = group})) == EBADFD);
}

BOOST_AUTO_TEST_CASE(timer_expires_as_often_as_asked_and_then_ends)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        const abi::kernel_timespec soon{0, 100'000};
        op::timeout timer{.expiry = &soon, .count = 3, .flags = abi::timeout_multishot};
        start(r, timer);
        for (int left = 2; left >= 0; --left) {
            const abi::cqe expired = reap_one(r);
            BOOST_TEST(error_of(expired) == ETIME);
            BOOST_TEST(has_more(expired) == (left != 0));
        }
        // Without a count it goes on until it is removed.
        timer.count = 0;
        start(r, timer);
        for (int count = 0; count != 5; ++count)
            BOOST_TEST(has_more(reap_one(r)));
        BOOST_REQUIRE(r.try_push(op::timeout_remove{.user_data = stream}, 2));
        abi::cqe entry{};
        for (unsigned ends = 0; ends != 2;) {
            entry = reap_one(r);
            if (entry.user_data == 2)
                BOOST_TEST(entry.res == 0);
            else if (!has_more(entry))
                BOOST_TEST(error_of(entry) == ECANCELED);
            ends += has_more(entry) ? 0U : 1U;
        }
        timer.flags |= abi::timeout_abs;
        BOOST_TEST(error_of(run(r, timer)) == EINVAL);
    }
}

BOOST_AUTO_TEST_CASE(full_completion_queue_ends_a_receive_without_losing_bytes)
{
    ring r{ring_options{.entries = 2, .cq_entries = 2}};
    provided_buffers buffers{r, {.group = group, .count = 16, .size = 1}};
    const fd_pair pair = socket_pair();
    start(r, multishot_recv(pair.first));
    const std::string sent = "0123456789";
    send_text(pair.second, sent);
    std::string text;
    unsigned ends = 0;
    // Look only now and then, so that completions pile up.
    while (text.size() != sent.size()) {
        const abi::cqe entry = reap_one(r);
        BOOST_REQUIRE(entry.res == 1);
        text += text_of(buffers.take(entry)->data);
        if (!has_more(entry)) {
            ++ends;
            start(r, multishot_recv(pair.first));
        }
    }
    BOOST_TEST(text == sent);
    BOOST_TEST(ends > 0U);
    BOOST_TEST(r.overflow_count() == 0U);
}

BOOST_AUTO_TEST_CASE(zero_copy_send_is_done_first_and_frees_its_data_later)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        const fd_pair pair = tcp_pair();
        const std::string data(1000, 'z');
        const op::send_zc send{
            .fd = pair.first.get(),
            .data = data.data(),
            .size = std::uint32_t(data.size()),
            .ioprio = abi::send_zc_report_usage};
        start(r, send);
        const std::vector<abi::cqe> seen = reap(r, 2);
        BOOST_REQUIRE(seen.size() == 2);
        BOOST_TEST(seen[0].res == 1000);
        BOOST_TEST(has_more(seen[0]));
        BOOST_TEST((seen[0].flags & abi::cqe_f_notif) == 0U);
        BOOST_TEST(seen[1].user_data == stream);
        BOOST_TEST((seen[1].flags & abi::cqe_f_notif) != 0U);
        BOOST_TEST(!has_more(seen[1]));
        // The loopback device copies, and says so.
        BOOST_TEST(static_cast<std::uint32_t>(seen[1].res) == abi::notif_usage_zc_copied);
        BOOST_TEST(read_text(pair.second.get(), 2000) == data);
    }
}

BOOST_AUTO_TEST_CASE(failed_zero_copy_send_is_free_with_its_last_completion)
{
    ring r{ring_options{.entries = 4}};
    const fd_pair local = socket_pair();
    for (int fd : {local.first.get(), 1 << 20}) {
        start(r, op::send_zc{.fd = fd, .data = "x", .size = 1});
        abi::cqe entry = reap_one(r);
        BOOST_TEST((error_of(entry) == (fd == 1 << 20 ? EBADF : EOPNOTSUPP)));
        // The kernel may or may not announce a notification; the flag tells.
        while (has_more(entry))
            entry = reap_one(r);
        BOOST_TEST(reap_ready(r).empty());
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
