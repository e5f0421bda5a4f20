// SPDX-License-Identifier: BSL-1.0
// The promises of hringas, fourth part: registered and provided buffers.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/provided_buffers.hpp>
#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>

namespace asio_uring::test {

namespace {

constexpr std::uint16_t group = 1337;
constexpr std::uint32_t buffer_size = 128;
constexpr int buffer_count = 4;
using buffer_area = std::array<char, buffer_size * buffer_count>;

op::provide_buffers provide_all(buffer_area& memory)
{
    return {
        .data = memory.data(),
        .size = buffer_size,
        .count = buffer_count,
        .group = group,
        .first_id = 0};
}

bool is_filled_with(const buffer_area& memory, unsigned id, char value)
{
    const std::string_view bytes{memory.data() + id * buffer_size, buffer_size};
    return bytes.find_first_not_of(value) == std::string_view::npos;
}

/// Without a buffer left, the answer is ENOBUFS and names none.
void check_exhausted(const abi::cqe& entry)
{
    BOOST_TEST(entry.res == -ENOBUFS);
    BOOST_TEST((entry.flags & abi::cqe_f_buffer) == 0);
    BOOST_TEST(!has_more(entry));
}

std::string text_of(const taken_buffer& taken)
{
    return {reinterpret_cast<const char*>(taken.data.data()), taken.data.size()};
}

/// A group of two buffers of four bytes.
const provided_buffers_options two_of_four{.group = 16, .count = 2, .size = 4};

} // namespace

BOOST_AUTO_TEST_SUITE(test_hringas_buffers)

BOOST_AUTO_TEST_CASE(h07_write_fixed_read_fixed)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    ring r{{.entries = 2}};
    std::array<char, 11> first;
    std::array<char, 11> second;
    std::memcpy(first.data(), "foobar+++++", 11);
    std::memcpy(second.data(), "-----------", 11);
    const ::iovec both[]{{first.data(), 11}, {second.data(), 11}};
    const registered_buffers buffers{r, both};
    BOOST_TEST(buffers.size() == 2);
    push(
        r,
        op::write_from(buffers[0].first(6), file.get(), 3),
        0x45454545,
        abi::sqe_io_link);
    push(r, op::read_into(buffers[1], file.get(), 0), 0x12121212);
    BOOST_TEST((r.sqe_at(0).opcode == 5 && r.sqe_at(0).buf_index == 0));
    BOOST_TEST((r.sqe_at(1).opcode == 4 && r.sqe_at(1).buf_index == 1));

    const completions done = reap(r, 2);
    BOOST_TEST(done[0].user_data == 0x45454545);
    BOOST_TEST(done[0].res == 6);
    BOOST_TEST(done[1].user_data == 0x12121212);
    BOOST_TEST(done[1].res == 9);
    const std::string_view expected{"\0\0\0foobar--", 11};
    BOOST_TEST((std::string_view{second.data(), 11} == expected));
}

BOOST_AUTO_TEST_CASE(h26_provided_buffers_are_consumed_by_reads_and_provided_again)
{
    ring r{{.entries = 1}};
    const unique_fd zero{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    buffer_area memory;
    memory.fill('z');
    BOOST_TEST(result_of(r, provide_all(memory)) == 0);
    const op::read read{
        .fd = zero.get(), .size = buffer_size, .offset = 0, .group = group};
    std::set<unsigned> used;
    for (int count = 0; count != buffer_count; ++count) {
        const abi::cqe entry = run(r, read);
        BOOST_TEST(entry.res == static_cast<int>(buffer_size));
        used.insert(buffer_id(entry));
        BOOST_TEST(is_filled_with(memory, buffer_id(entry), '\0'));
    }
    BOOST_TEST((used == std::set<unsigned>{0, 1, 2, 3}));
    check_exhausted(run(r, read));

    memory.fill('z');
    const op::provide_buffers again{
        .data = memory.data() + 2 * buffer_size,
        .size = buffer_size,
        .count = 1,
        .group = group,
        .first_id = 2};
    BOOST_TEST(result_of(r, again) == 0);
    const abi::cqe entry = run(r, read);
    BOOST_TEST(entry.res == static_cast<int>(buffer_size));
    BOOST_TEST(buffer_id(entry) == 2);
    BOOST_TEST(is_filled_with(memory, 2, '\0'));
    BOOST_TEST(is_filled_with(memory, 1, 'z'));
}

BOOST_AUTO_TEST_CASE(h27_remove_buffers_leaves_one_read_its_buffer)
{
    ring r{{.entries = 1}};
    const unique_fd zero{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    buffer_area memory;
    memory.fill('z');
    BOOST_TEST(result_of(r, provide_all(memory)) == 0);
    BOOST_TEST(result_of(r, op::remove_buffers{.count = 3, .group = group}) == 3);
    const op::read read{
        .fd = zero.get(), .size = buffer_size, .offset = 0, .group = group};
    const abi::cqe entry = run(r, read);
    BOOST_TEST(entry.res == static_cast<int>(buffer_size));
    const unsigned used = buffer_id(entry);
    BOOST_REQUIRE(used < buffer_count);
    BOOST_TEST(is_filled_with(memory, used, '\0'));
    BOOST_TEST(is_filled_with(memory, (used + 1) % buffer_count, 'z'));
    check_exhausted(run(r, read));
}

BOOST_AUTO_TEST_CASE(h28_provided_buffers_are_consumed_by_recv)
{
    ring r{{.entries = 16}};
    const fd_pair pair = tcp_pair();
    buffer_area memory;
    memory.fill('z');
    BOOST_TEST(result_of(r, provide_all(memory)) == 0);
    const op::recv receive{.fd = pair.second.get(), .size = buffer_size, .group = group};
    const std::string payload(buffer_size, 'y');
    std::set<unsigned> used;
    for (int count = 0; count != buffer_count; ++count) {
        push(r, receive, 0xdfdfdfdf);
        const abi::sqe& entry = r.sqe_at(r.claimed() - 1);
        BOOST_TEST((entry.flags == abi::sqe_buffer_select && entry.buf_group == group));
        BOOST_TEST((entry.addr == 0 && entry.len == buffer_size));
        send_text(pair.first, payload);
        const abi::cqe done = reap_one(r);
        BOOST_TEST(done.res == static_cast<int>(buffer_size));
        used.insert(buffer_id(done));
        BOOST_TEST(is_filled_with(memory, buffer_id(done), 'y'));
    }
    BOOST_TEST((used == std::set<unsigned>{0, 1, 2, 3}));
    send_text(pair.first, payload);
    check_exhausted(run(r, receive));

    const op::provide_buffers again{
        .data = memory.data() + 2 * buffer_size,
        .size = buffer_size,
        .count = 1,
        .group = group,
        .first_id = 2};
    memory.fill('z');
    BOOST_TEST(result_of(r, again) == 0);
    const abi::cqe done = run(r, receive);
    BOOST_TEST(done.res == static_cast<int>(buffer_size));
    BOOST_TEST(buffer_id(done) == 2);
    BOOST_TEST(is_filled_with(memory, 2, 'y'));
}

BOOST_AUTO_TEST_CASE(h37_buffer_group_gives_recv_its_buffer)
{
    ring r{{.entries = 16}};
    const fd_pair pair = tcp_pair();
    provided_buffers buffers{r, {.group = 1, .count = 1, .size = 128}};
    BOOST_TEST(buffers.available() == 1);
    for (const std::string_view text : {"hello", "again"}) {
        send_text(pair.first, text);
        const abi::cqe done = run(r, op::recv{.fd = pair.second.get(), .group = 1});
        BOOST_TEST(done.res == 5);
        BOOST_TEST(buffer_id(done) == 0);
        const auto taken = buffers.take(done);
        BOOST_REQUIRE(taken.has_value());
        BOOST_TEST(text_of(*taken) == text);
        BOOST_TEST(buffers.available() == 0);
        buffers.give_back(*taken);
        BOOST_TEST(buffers.available() == 1);
    }
}

BOOST_AUTO_TEST_CASE(h38_ring_mapped_buffers_recv)
{
    ring r{{.entries = 16}};
    const fd_pair pair = tcp_pair();
    provided_buffers buffers{r, two_of_four};
    const op::recv receive{.fd = pair.second.get(), .group = 16};
    const auto receive_one = [&](std::string_view expected) {
        const abi::cqe done = run(r, receive);
        const auto taken = buffers.take(done);
        BOOST_REQUIRE(taken.has_value());
        BOOST_TEST(done.res == static_cast<int>(expected.size()));
        BOOST_TEST(text_of(*taken) == expected);
        return taken->id;
    };
    for (int round = 0; round != 4; ++round) {
        send_text(pair.first, "abcdefghijklmno");
        const std::uint16_t first = receive_one("abcd");
        const std::uint16_t second = receive_one("efgh");
        BOOST_TEST(first != second);
        check_exhausted(run(r, receive));
        BOOST_TEST(!buffers.take(run(r, receive)).has_value());
        buffers.give_back(first);
        buffers.give_back(second);
        const std::uint16_t third = receive_one("ijkl");
        const std::uint16_t fourth = receive_one("mno");
        buffers.give_back(third);
        buffers.give_back(fourth);
    }
}

namespace {

/// The next two completions are chunks of the stream, and the request goes on.
void check_two_chunks(
    ring& r, provided_buffers& buffers, std::string_view one, std::string_view two)
{
    const completions done = reap(r, 2);
    std::vector<std::uint16_t> ids;
    for (const std::string_view expected : {one, two}) {
        const abi::cqe& entry = done[ids.size()];
        BOOST_TEST(entry.res == 4);
        BOOST_TEST(has_more(entry));
        const auto taken = buffers.take(entry);
        BOOST_REQUIRE(taken.has_value());
        BOOST_TEST(text_of(*taken) == expected);
        ids.push_back(taken->id);
    }
    BOOST_TEST((ids[0] != ids[1]));
}

} // namespace

BOOST_AUTO_TEST_CASE(h39_ring_mapped_buffers_multishot_recv)
{
    ring r{{.entries = 16}};
    const fd_pair pair = tcp_pair();
    provided_buffers buffers{r, two_of_four};
    const op::recv receive{
        .fd = pair.second.get(), .ioprio = abi::recv_multishot, .group = 16};
    for (int round = 0; round != 4; ++round) {
        send_text(pair.first, "abcdefghijklmnop");
        push(r, receive, 0x11);
        check_two_chunks(r, buffers, "abcd", "efgh");
        // Data is there and no buffer: the request ends.
        const abi::cqe last = reap_one(r);
        BOOST_TEST(last.user_data == 0x11);
        check_exhausted(last);
        buffers.give_back(0);
        buffers.give_back(1);

        // No buffer and no data either: it waits, and can be cancelled.
        push(r, receive, 0x22);
        check_two_chunks(r, buffers, "ijkl", "mnop");
        BOOST_TEST(is_quiet(r));
        push(r, op::async_cancel{.user_data = 0x22}, 0x44);
        const completions done = reap(r, 2);
        const int cancelled = done.res_of(0x44);
        BOOST_TEST((cancelled == 0 || cancelled == -ENOENT), "cancel: " << cancelled);
        const int ended = done.res_of(0x22);
        BOOST_TEST((ended == -ECANCELED || ended == -ENOBUFS), "recv: " << ended);
        BOOST_TEST(!has_more(done.of(0x22)));
        BOOST_TEST(buffers.available() == 0);
        buffers.give_back(0);
        buffers.give_back(1);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
