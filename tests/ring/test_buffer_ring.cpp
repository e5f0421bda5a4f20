// SPDX-License-Identifier: BSL-1.0
// Provided-buffer rings: both kinds of memory, whole and incremental use, bundles, who
// owns which buffer, misuse.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"
#include "in_child.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/provided_buffers.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <signal.h>

namespace asio_uring::test {

namespace {

using boost::system::error_code;

std::string text_of(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

int error_of(const abi::cqe& entry) { return result_error(entry.res).value(); }

/// One receive into the group.
op::recv receive(const unique_fd& socket, std::uint16_t group, std::uint16_t ioprio = 0)
{
    return {.fd = socket.get(), .ioprio = ioprio, .group = group};
}

/// Every way to set up a buffer ring whose buffers are used up as a whole.
std::vector<provided_buffers_options>
memory_kinds(std::uint32_t count, std::uint32_t size)
{
    return {
        {.group = 5, .count = count, .size = size},
        {.group = 6, .count = count, .size = size, .kernel_memory = true},
    };
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_buffer_ring)

BOOST_AUTO_TEST_CASE(receives_use_the_buffers_in_order_until_none_is_left)
{
    for (const provided_buffers_options& options : memory_kinds(2, 4)) {
        ring r{ring_options{.entries = 4}};
        provided_buffers buffers{r, options};
        const fd_pair pair = socket_pair();
        send_text(pair.second, "abcdefghij");
        BOOST_TEST(buffers.available() == 2);

        const auto first = buffers.take(run(r, receive(pair.first, options.group)));
        BOOST_REQUIRE(first.has_value());
        BOOST_TEST(first->id == 0);
        BOOST_TEST(!first->more);
        BOOST_TEST(text_of(first->data) == "abcd");
        const auto second = buffers.take(run(r, receive(pair.first, options.group)));
        BOOST_REQUIRE(second.has_value());
        BOOST_TEST(second->id == 1);
        BOOST_TEST(buffers.available() == 0);

        const abi::cqe none = run(r, receive(pair.first, options.group));
        BOOST_TEST(error_of(none) == ENOBUFS);
        BOOST_TEST(!buffers.take(none).has_value());

        // What comes back last is used last.
        buffers.give_back(*second);
        buffers.give_back(first->id);
        BOOST_TEST(buffers.available() == 2);
        const auto third = buffers.take(run(r, receive(pair.first, options.group)));
        BOOST_REQUIRE(third.has_value());
        BOOST_TEST(third->id == 1);
        BOOST_TEST(text_of(third->data) == "ij");
    }
}

BOOST_AUTO_TEST_CASE(added_buffers_are_the_kernels_only_after_commit)
{
    ring r{ring_options{.entries = 4}};
    buffer_ring buffers{r, {.group = 1, .entries = 4}};
    BOOST_TEST(buffers.entries() == 4);
    BOOST_TEST(buffers.group() == 1);
    const fd_pair pair = socket_pair();
    send_text(pair.second, "abcdefgh");
    std::array<char, 4> one{};
    std::array<char, 8> two{};
    buffers.add(3, one.data(), one.size());
    buffers.add(1, two.data(), two.size());
    BOOST_TEST(error_of(run(r, receive(pair.first, 1))) == ENOBUFS);
    buffers.commit();

    error_code ec;
    BOOST_TEST(buffers.kernel_head(ec) == 0);
    BOOST_TEST(buffers.tail() == 2);
    const auto first = buffers.take(run(r, receive(pair.first, 1)));
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(first->id == 3);
    BOOST_TEST(static_cast<void*>(first->data.data()) == one.data());
    BOOST_TEST(text_of(first->data) == "abcd");
    if (const auto head = buffers.kernel_head(ec); ec.value() != EINVAL)
        BOOST_TEST(head == 1);

    // An id may come back with other memory.
    buffers.add(3, two.data() + 4, 4);
    buffers.commit();
    BOOST_TEST(buffers.memory(3).size() == 4);
    const auto second = buffers.take(run(r, receive(pair.first, 1)));
    BOOST_REQUIRE(second.has_value());
    BOOST_TEST(second->id == 1);
    BOOST_TEST(text_of(second->data) == "efgh");
}

// More buffers than the kernel holds at a time: the rest waits with the application.
BOOST_AUTO_TEST_CASE(ids_may_be_more_than_entries)
{
    ring r{ring_options{.entries = 4}};
    buffer_ring buffers{r, {.group = 1, .entries = 2, .ids = 40'000}};
    BOOST_TEST(buffers.entries() == 2);
    BOOST_TEST(buffers.ids() == 40'000);
    const fd_pair pair = socket_pair();
    std::array<std::array<char, 4>, 5> memory{};
    const std::array<std::uint16_t, 5> ids{39'999, 7, 12'345, 0, 2};
    std::string received;
    for (std::size_t at = 0; at != ids.size(); ++at) {
        buffers.add(ids[at], memory[at].data(), 4);
        buffers.commit();
        if (buffers.available() < 2)
            continue;
        // Full: one has to come back before the next is added.
        send_text(pair.second, std::string(4, static_cast<char>('a' + at)));
        const auto taken = buffers.take(run(r, receive(pair.first, 1)));
        BOOST_REQUIRE(taken.has_value());
        BOOST_TEST(taken->id == ids[at - 1]);
        received += text_of(taken->data);
    }
    BOOST_TEST(received == "bbbbccccddddeeee");
    BOOST_TEST(buffers.available() == 1);
    // An id is free again when its buffer was taken.
    buffers.give_back(7);
    buffers.commit();
    BOOST_TEST(buffers.available() == 2);
}

BOOST_AUTO_TEST_CASE(memory_of_the_caller_holds_entries_and_buffers)
{
    alignas(4096) static std::array<std::byte, 4096> entries;
    std::array<std::byte, 64> memory{};
    ring r{ring_options{.entries = 4}};
    const fd_pair pair = socket_pair();
    {
        buffer_ring buffers{r, {.group = 1, .entries = 4, .entry_memory = entries}};
        buffers.add(3, memory.data(), 8);
        buffers.commit();
        const auto* first = reinterpret_cast<const abi::buf*>(entries.data());
        BOOST_TEST(first->bid == 3);
        BOOST_TEST(first->len == 8);
        send_text(pair.second, "abc");
        buffer_ring moved{std::move(buffers)};
        const auto taken = moved.take(run(r, receive(pair.first, 1)));
        BOOST_REQUIRE(taken.has_value());
        BOOST_TEST(text_of(taken->data) == "abc");
    }
    provided_buffers buffers{r, {.group = 1, .count = 4, .size = 16, .memory = memory}};
    send_text(pair.second, "defg");
    const auto taken = buffers.take(run(r, receive(pair.first, 1)));
    BOOST_REQUIRE(taken.has_value());
    BOOST_TEST((taken->data.data() == memory.data()));
    BOOST_TEST(text_of(memory).substr(0, 4) == "defg");

    error_code ec;
    const std::span<std::byte> whole{entries};
    for (const buffer_ring_options& options :
         {buffer_ring_options{.entries = 4, .entry_memory = whole.subspan(16)},
          buffer_ring_options{.entries = 512, .entry_memory = whole},
          buffer_ring_options{
              .entries = 4, .kernel_memory = true, .entry_memory = whole}})
    {
        buffer_ring::create(r, options, ec);
        BOOST_TEST(ec == make_error_code(errc::ring_memory_unusable));
    }
    buffer_ring::create(r, {.entries = 4, .ids = 65'537}, ec);
    BOOST_TEST(ec == make_error_code(errc::buffer_ring_out_of_range));
    provided_buffers::create(
        r, {.group = 2, .count = 5, .size = 16, .memory = memory}, ec);
    BOOST_TEST(ec == make_error_code(errc::buffer_ring_out_of_range));
}

BOOST_AUTO_TEST_CASE(incremental_buffer_is_shared_by_messages_until_it_is_full)
{
    ring r{ring_options{.entries = 4}};
    for (bool kernel_memory : {false, true}) {
        error_code ec;
        auto buffers = provided_buffers::create(
            r,
            {.group = 2,
             .count = 2,
             .size = 8,
             .incremental = true,
             .kernel_memory = kernel_memory},
            ec);
        if (ec == make_error_code(errc::unsupported_buffer_ring))
            ASIO_URING_SKIP("the kernel has no incremental buffer rings (6.12)");
        BOOST_REQUIRE(!ec);
        const fd_pair pair = socket_pair();
        const std::vector<std::pair<std::string, bool>> steps{
            {"abc", true}, {"de", true}, {"fgh", false}};
        std::byte* expected = buffers.memory(0).data();
        for (const auto& [text, more] : steps) {
            send_text(pair.second, text);
            const auto taken = buffers.take(run(r, receive(pair.first, 2)));
            BOOST_REQUIRE(taken.has_value());
            BOOST_TEST(taken->id == 0);
            BOOST_TEST(taken->more == more);
            BOOST_TEST((taken->data.data() == expected));
            BOOST_TEST(text_of(taken->data) == text);
            BOOST_TEST(buffers.available() == (more ? 2U : 1U));
            expected += text.size();
            buffers.give_back(*taken); // nothing happens while the kernel keeps it
        }
        BOOST_TEST(buffers.available() == 2);
        BOOST_TEST(text_of(buffers.memory(0)) == "abcdefgh");

        // Given back, it starts at its beginning again.
        send_text(pair.second, "01234567");
        BOOST_TEST(buffers.take(run(r, receive(pair.first, 2)))->id == 1);
        buffers.give_back(1);
        send_text(pair.second, "xy");
        const auto again = buffers.take(run(r, receive(pair.first, 2)));
        BOOST_REQUIRE(again.has_value());
        BOOST_TEST(again->id == 0);
        BOOST_TEST((again->data.data() == buffers.memory(0).data()));
    }
}

BOOST_AUTO_TEST_CASE(bundle_spans_buffers_in_the_order_they_were_added)
{
    ring r{ring_options{.entries = 4}};
    if ((r.features() & abi::feat_recvsend_bundle) == 0)
        ASIO_URING_SKIP("the kernel has no bundles (6.10)");
    for (const provided_buffers_options& options : memory_kinds(4, 4)) {
        provided_buffers buffers{r, options};
        const fd_pair pair = socket_pair();
        // Bring the buffers out of their first order.
        send_text(pair.second, "aaaabbbbcccc");
        std::vector<std::uint16_t> ids;
        for (int count = 0; count != 3; ++count)
            ids.push_back(buffers.take(run(r, receive(pair.first, options.group)))->id);
        for (std::uint16_t id : {ids[1], ids[0], ids[2]})
            buffers.give_back(id);

        send_text(pair.second, "0123456789");
        std::string text;
        std::vector<std::uint16_t> seen;
        unsigned largest = 0;
        // How much one completion spans is the kernel's choice.
        while (text.size() < 10) {
            const abi::cqe entry =
                run(r, receive(pair.first, options.group, abi::recvsend_bundle));
            BOOST_REQUIRE(entry.res > 0);
            const std::size_t before = text.size();
            const unsigned count =
                buffers.for_each(entry, [&](const taken_buffer& taken) {
                    text += text_of(taken.data);
                    seen.push_back(taken.id);
                    BOOST_TEST(!taken.more);
                    buffers.give_back(taken.id); // while the walk goes on
                });
            BOOST_TEST(text.size() - before == static_cast<std::size_t>(entry.res));
            largest = std::max(largest, count);
        }
        BOOST_TEST(largest >= 2);
        BOOST_TEST(text == "0123456789");
        const std::vector<std::uint16_t> expected{3, 1, 0};
        BOOST_TEST(seen == expected, boost::test_tools::per_element());
        BOOST_TEST(buffers.available() == 4);
    }
}

BOOST_AUTO_TEST_CASE(bundle_over_incremental_buffers_ends_inside_one)
{
    ring r{ring_options{.entries = 4}};
    error_code ec;
    auto buffers = provided_buffers::create(
        r, {.group = 2, .count = 4, .size = 4, .incremental = true}, ec);
    if (ec == make_error_code(errc::unsupported_buffer_ring))
        ASIO_URING_SKIP("the kernel has no incremental buffer rings (6.12)");
    const fd_pair pair = socket_pair();
    const auto bundle = receive(pair.first, 2, abi::recvsend_bundle);
    std::string text;
    std::vector<std::pair<int, bool>> parts;
    const auto collect = [&](const taken_buffer& taken) {
        text += text_of(taken.data);
        parts.emplace_back(taken.id, taken.more);
    };
    for (std::string_view message : {"01", "23456", "789", "abcdef"}) {
        send_text(pair.second, message);
        buffers.for_each(run(r, bundle), collect);
    }
    BOOST_TEST(text == "0123456789abcdef");
    const std::vector<std::pair<int, bool>> expected{
        {0, true}, {0, false}, {1, true}, {1, false}, {2, true}, {2, false}, {3, false}};
    BOOST_TEST((parts == expected));
    BOOST_TEST(buffers.available() == 0);
}

BOOST_AUTO_TEST_CASE(buffer_without_bytes_is_the_applications_all_the_same)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = 1, .count = 2, .size = 8}};
    pipe_pair pipe = make_pipe();
    const op::read read{.fd = pipe.out.get(), .size = 8, .group = 1};
    pipe.in.reset();

    // The end of a pipe comes with a buffer, the end of a socket without.
    const abi::cqe end = run(r, read);
    BOOST_TEST(end.res == 0);
    BOOST_REQUIRE(has_buffer(end));
    const auto taken = buffers.take(end);
    BOOST_REQUIRE(taken.has_value());
    BOOST_TEST(taken->data.empty());
    BOOST_TEST(buffers.available() == 1);

    fd_pair pair = socket_pair();
    pair.second.reset();
    const abi::cqe socket_end = run(r, receive(pair.first, 1));
    BOOST_TEST(socket_end.res == 0);
    unsigned calls = buffers.for_each(socket_end, [](const taken_buffer&) {});
    BOOST_TEST(calls == (has_buffer(socket_end) ? 1U : 0U));
    BOOST_TEST(buffers.available() == 1);
}

BOOST_AUTO_TEST_CASE(buffer_of_a_failed_operation_comes_back)
{
    ring r{ring_options{.entries = 4}};
    buffer_ring buffers{r, {.group = 1, .entries = 2}};
    buffers.add(1, reinterpret_cast<void*>(16), 8); // nobody's memory
    buffers.commit();
    const fd_pair pair = socket_pair();
    send_text(pair.second, "abc");
    // A worker has to take the buffer before it tries.
    const abi::cqe failed = run(r, receive(pair.first, 1), abi::sqe_async);
    BOOST_TEST(error_of(failed) == EFAULT);
    BOOST_REQUIRE(has_buffer(failed));
    const auto taken = buffers.take(failed);
    BOOST_REQUIRE(taken.has_value());
    BOOST_TEST(taken->id == 1);
    BOOST_TEST(taken->data.empty());
    BOOST_TEST(buffers.available() == 0);
}

BOOST_AUTO_TEST_CASE(send_takes_its_data_from_the_group)
{
    ring r{ring_options{.entries = 4}};
    if ((r.features() & abi::feat_recvsend_bundle) == 0)
        ASIO_URING_SKIP("the kernel has no provided buffers for sends (6.10)");
    buffer_ring buffers{r, {.group = 1, .entries = 4}};
    std::array<std::string, 4> parts{"first ", "second ", "third ", "fourth"};
    const auto add_all = [&] {
        for (std::uint16_t id = 0; id != 4; ++id)
            buffers.add(id, parts[id].data(), std::uint32_t(parts[id].size()));
        buffers.commit();
    };
    const fd_pair pair = tcp_pair();
    op::send send{.fd = pair.first.get(), .group = std::uint16_t{1}};
    add_all();
    const auto single = buffers.take(run(r, send));
    BOOST_REQUIRE(single.has_value());
    BOOST_TEST(single->id == 0);
    BOOST_TEST(text_of(single->data) == "first ");

    send.ioprio = abi::recvsend_bundle;
    std::string sent;
    const unsigned count = buffers.for_each_in_bundle(
        run(r, send), [&](const taken_buffer& taken) { sent += text_of(taken.data); });
    BOOST_TEST(count == 3);
    BOOST_TEST(sent == "second third fourth");
    BOOST_TEST(buffers.available() == 0);
    BOOST_TEST(error_of(run(r, send)) == ENOBUFS);
    BOOST_TEST(read_text(pair.second.get(), 64) == "first second third fourth");
}

BOOST_AUTO_TEST_CASE(unregistered_group_ends_the_receives_that_need_it)
{
    ring r{ring_options{.entries = 4}};
    provided_buffers buffers{r, {.group = 1, .count = 2, .size = 8}};
    const fd_pair pair = socket_pair();
    const auto multishot = receive(pair.first, 1, abi::recv_multishot);
    BOOST_REQUIRE(r.try_push(multishot, 7));
    BOOST_TEST(reap_ready(r).empty());
    BOOST_TEST(!buffers.unregister());
    BOOST_TEST(!buffers);
    BOOST_TEST(!buffers.unregister());
    send_text(pair.second, "abc");
    const abi::cqe ended = reap_one(r);
    BOOST_TEST(ended.user_data == 7);
    BOOST_TEST((error_of(ended) == ENOBUFS || error_of(ended) == ENOENT));
    BOOST_TEST(!has_more(ended));
    BOOST_TEST(!has_buffer(ended));
    BOOST_TEST(read_text(pair.first.get(), 8) == "abc");
}

BOOST_AUTO_TEST_CASE(misuse_is_refused_with_a_code_that_says_so)
{
    ring r{ring_options{.entries = 4}};
    error_code ec;
    for (std::uint32_t entries : {0U, 3U, 65536U, 1U << 31}) {
        buffer_ring::create(r, {.group = 1, .entries = entries}, ec);
        BOOST_TEST(ec == make_error_code(errc::buffer_ring_out_of_range));
    }
    for (const provided_buffers_options& options :
         {provided_buffers_options{.count = 0, .size = 8},
          provided_buffers_options{.count = 8, .size = 0},
          provided_buffers_options{.count = 32769, .size = 1}})
    {
        provided_buffers::create(r, options, ec);
        BOOST_TEST(ec == make_error_code(errc::buffer_ring_out_of_range));
        BOOST_CHECK_THROW((provided_buffers{r, options}), boost::system::system_error);
    }
    ring closed;
    buffer_ring::create(closed, {.group = 1, .entries = 4}, ec);
    BOOST_TEST(ec == make_error_code(errc::not_open));

    const buffer_ring first{r, {.group = 1, .entries = 4}};
    for (bool kernel_memory : {false, true}) {
        buffer_ring::create(
            r, {.group = 1, .entries = 4, .kernel_memory = kernel_memory}, ec);
        BOOST_TEST(ec == make_error_code(errc::buffer_group_registered));
        BOOST_TEST((ec == boost::system::errc::file_exists));
    }
    BOOST_CHECK_THROW(
        (buffer_ring{r, {.group = 1, .entries = 4}}), boost::system::system_error);
    const buffer_ring second{r, {.group = 2, .entries = 32768}};
    BOOST_TEST(second.entries() == 32768);
}

BOOST_AUTO_TEST_CASE(moved_ring_of_buffers_works_and_unregisters_once)
{
    ring r{ring_options{.entries = 4}};
    const fd_pair pair = socket_pair();
    {
        provided_buffers first{r, {.group = 1, .count = 3, .size = 4}};
        provided_buffers other{r, {.group = 2, .count = 1, .size = 4}};
        provided_buffers second{std::move(first)};
        BOOST_TEST(!first);
        BOOST_TEST(first.count() == 0);
        other = std::move(second);
        BOOST_TEST(!second);
        BOOST_TEST(other.count() == 3);
        send_text(pair.second, "abcd");
        const auto taken = other.take(run(r, receive(pair.first, 1)));
        BOOST_REQUIRE(taken.has_value());
        BOOST_TEST(text_of(taken->data) == "abcd");
        BOOST_TEST(error_of(run(r, receive(pair.first, 2))) == ENOBUFS);
    }
    const buffer_ring again{r, {.group = 1, .entries = 4}};
}

BOOST_AUTO_TEST_CASE(child_of_a_fork_leaves_the_group_to_its_parent)
{
    for (const provided_buffers_options& options : memory_kinds(2, 4)) {
        ring r{ring_options{.entries = 4}};
        provided_buffers buffers{r, options};
        const std::string verdict = in_child([&buffers]() -> std::string {
            provided_buffers mine{std::move(buffers)};
            const error_code ec = mine.unregister();
            return ec ? ec.message() : std::string{};
        });
        BOOST_TEST(verdict == "");
        const fd_pair pair = socket_pair();
        send_text(pair.second, "abcd");
        const auto taken = buffers.take(run(r, receive(pair.first, options.group)));
        BOOST_REQUIRE(taken.has_value());
        BOOST_TEST(text_of(taken->data) == "abcd");
    }
}

BOOST_AUTO_TEST_CASE(completion_looked_at_late_finds_the_bytes_of_its_bundle)
{
    // Two completions of one group, the second looked at first: its buffers are back in
    // the ring, over the entries of the first.
    ring r{ring_options{.entries = 4}};
    buffer_ring buffers{r, {.group = 1, .entries = 4}};
    std::array<std::array<char, 4>, 4> memory{};
    for (std::uint16_t id = 0; id != 4; ++id)
        buffers.add(id, memory[id].data(), 4);
    buffers.commit();
    const auto completion = [](std::uint32_t id, std::int32_t bytes) {
        return abi::cqe{0, bytes, abi::cqe_f_buffer | id << abi::cqe_buffer_shift};
    };
    std::vector<int> seen;
    const auto see = [&](const taken_buffer& taken) { seen.push_back(taken.id); };
    buffers.for_each_in_bundle(completion(2, 8), see);
    for (int lap = 0; lap != 3; ++lap) {
        buffers.give_back(3);
        buffers.give_back(2);
        BOOST_TEST(buffers.for_each_in_bundle(completion(3, 5), see) == 2U);
    }
    BOOST_TEST(buffers.for_each_in_bundle(completion(0, 8), see) == 2U);
    const std::vector<int> expected{2, 3, 3, 2, 3, 2, 3, 2, 0, 1};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

#if !defined(NDEBUG)
BOOST_AUTO_TEST_CASE(broken_ownership_stops_a_debug_build)
{
    const auto ends_by_assert = [](auto misuse) {
        const std::string verdict = in_child([&]() -> std::string {
            std::freopen("/dev/null", "w", stderr);
            ::signal(SIGABRT, SIG_DFL);
            ring r{ring_options{.entries = 4}};
            provided_buffers buffers{r, {.group = 1, .count = 2, .size = 4}};
            buffer_ring raw{r, {.group = 2, .entries = 2}};
            misuse(buffers, raw);
            return "went on";
        });
        return verdict.find("ended by signal") != std::string::npos;
    };
    const abi::cqe first{0, 4, abi::cqe_f_buffer};
    const abi::cqe foreign{0, 4, abi::cqe_f_buffer | 7U << abi::cqe_buffer_shift};
    BOOST_TEST(ends_by_assert([](auto& buffers, auto&) { buffers.give_back(0); }));
    BOOST_TEST(ends_by_assert([&](auto& buffers, auto&) {
        static_cast<void>(buffers.take(first));
        buffers.give_back(0);
        buffers.give_back(0);
    }));
    BOOST_TEST(ends_by_assert([&](auto& buffers, auto&) {
        static_cast<void>(buffers.take(first));
        static_cast<void>(buffers.take(first));
    }));
    BOOST_TEST(ends_by_assert(
        [&](auto& buffers, auto&) { static_cast<void>(buffers.take(foreign)); }));
    BOOST_TEST(ends_by_assert([](auto&, auto& raw) { raw.give_back(0); }));
    BOOST_TEST(ends_by_assert([](auto&, auto& raw) { raw.add(2, &raw, 1); }));
    BOOST_TEST(ends_by_assert([](auto&, auto& raw) { raw.add(0, &raw, 0); }));
}
#endif

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
