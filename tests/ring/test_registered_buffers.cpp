// SPDX-License-Identifier: BSL-1.0
// The table of registered buffers: use, tags, updates, clones, limits, misuse.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"
#include "in_child.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include <grp.h>

namespace asio_uring::test {

namespace {

using boost::system::error_code;

/// Memory for a few buffers, each with its own letter.
struct blocks
{
    static constexpr std::size_t size = 64;
    std::array<std::array<char, size>, 4> memory{};
    std::vector<iovec> vectors{};

    blocks()
    {
        char letter = 'a';
        for (auto& block : memory) {
            block.fill(letter++);
            vectors.push_back({block.data(), size});
        }
    }

    std::string text(std::size_t index, std::size_t count) const
    {
        return {memory[index].data(), count};
    }
};

int error_of(const abi::cqe& entry) { return result_error(entry.res).value(); }

} // namespace

BOOST_AUTO_TEST_SUITE(test_registered_buffers)

BOOST_AUTO_TEST_CASE(registered_buffers_carry_reads_and_writes_at_their_index)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    const registered_buffers table{r, b.vectors};
    BOOST_TEST(table.size() == 4);
    const unique_fd file = memory_file();

    const fixed_buffer source = table[1].from(60);
    BOOST_TEST(source.size == 4);
    BOOST_TEST(source.index == 1);
    BOOST_TEST(run(r, op::write_from(source, file.get(), 0)).res == 4);
    BOOST_TEST(run(r, op::write_from(table[2].first(3), file.get(), 4)).res == 3);
    BOOST_TEST(content_of(file, 16) == "bbbbccc");

    BOOST_TEST(run(r, op::read_into(table[3].from(1), file.get(), 0)).res == 7);
    BOOST_TEST(b.text(3, 9) == "dbbbbcccd");

    // The memory has to lie inside the buffer of the index.
    fixed_buffer wrong = table[0];
    wrong.index = 1;
    BOOST_TEST(error_of(run(r, op::read_into(wrong, file.get(), 0))) == EFAULT);
}

BOOST_AUTO_TEST_CASE(second_table_is_refused_until_the_first_is_gone)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    registered_buffers table{r, b.vectors};
    error_code ec;
    const auto second = registered_buffers::create(r, b.vectors, ec);
    BOOST_TEST(ec == make_error_code(errc::buffers_registered));
    BOOST_TEST((ec == boost::system::errc::device_or_resource_busy));
    BOOST_TEST(ec.message().find("unregister") != std::string::npos);
    BOOST_TEST(!second);
    BOOST_TEST(second.size() == 0);
    BOOST_CHECK_THROW(registered_buffers::sparse(r, 1), boost::system::system_error);
    BOOST_TEST(run(r, op::read_into(table[0], memory_file("xy").get(), 0)).res == 2);

    BOOST_TEST(!table.unregister());
    BOOST_TEST(!table);
    BOOST_TEST(!table.unregister());
    const auto third = registered_buffers::create(r, b.vectors, ec);
    BOOST_TEST(!ec);
    BOOST_TEST(third.size() == 4);
}

BOOST_AUTO_TEST_CASE(moved_table_unregisters_once_and_from_its_new_place)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    {
        registered_buffers first{r, b.vectors};
        registered_buffers second{std::move(first)};
        BOOST_TEST(!first);
        BOOST_TEST(first.size() == 0);
        ring moved{std::move(r)};
        r = std::move(moved);
        first = std::move(second);
        BOOST_TEST(!second);
        BOOST_TEST(run(r, op::read_into(first[0], memory_file("xy").get(), 0)).res == 2);
        BOOST_TEST(
            r.register_buffers(b.vectors) == make_error_code(errc::buffers_registered));
    }
    BOOST_TEST(!r.register_buffers(b.vectors));
    BOOST_TEST(!r.unregister_buffers());

    registered_buffers table{r, b.vectors};
    table.release();
    BOOST_TEST(!table);
    BOOST_TEST(!r.unregister_buffers());
}

BOOST_AUTO_TEST_CASE(sparse_table_is_filled_and_cleared_by_updates)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    auto table = registered_buffers::sparse(r, 3);
    BOOST_TEST(table.size() == 3);
    BOOST_TEST(table[2].size == 0);
    const unique_fd file = memory_file("0123");
    const op::read_fixed read{
        .fd = file.get(),
        .data = b.memory[0].data(),
        .size = 4,
        .offset = 0,
        .buffer_index = 2};
    BOOST_TEST(error_of(run(r, read)) == EFAULT);

    const update_result filled = table.update(1, std::span{b.vectors}.subspan(1, 1));
    BOOST_TEST(!filled.ec);
    BOOST_TEST(filled.updated == 1);
    BOOST_TEST(error_of(run(r, read)) == EFAULT);
    BOOST_TEST(!table.update(2, std::span{b.vectors}.first(1)).ec);
    BOOST_TEST(static_cast<void*>(table[2].data) == b.memory[0].data());
    BOOST_TEST(run(r, read).res == 4);

    const iovec nothing{};
    BOOST_TEST(!table.update(2, std::span{&nothing, 1}).ec);
    BOOST_TEST(table[2].size == 0);
    BOOST_TEST(error_of(run(r, read)) == EFAULT);
}

BOOST_AUTO_TEST_CASE(update_that_fails_half_way_reports_what_it_did_and_why)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    registered_buffers table{r, std::span{b.vectors}.first(3)};
    const std::array<iovec, 3> changes{
        b.vectors[3], iovec{reinterpret_cast<void*>(16), 64}, b.vectors[3]};
    const update_result result = table.update(0, changes);
    BOOST_TEST(result.updated == 1);
    BOOST_TEST(result.ec.value() == EFAULT);
    BOOST_TEST(static_cast<void*>(table[0].data) == b.memory[3].data());

    // The kernel's table is as ours says: the failed place has its old buffer.
    const unique_fd file = memory_file("0123");
    for (std::size_t index = 0; index != 3; ++index)
        BOOST_TEST(run(r, op::read_into(table[index], file.get(), 0)).res == 4);
    BOOST_TEST(b.text(3, 4) == "0123");
    BOOST_TEST(b.text(1, 4) == "0123");
    BOOST_TEST(b.text(0, 4) == "aaaa");
}

BOOST_AUTO_TEST_CASE(misuse_is_refused_with_a_code_that_says_so)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    error_code ec;
    registered_buffers::create(r, {}, ec);
    BOOST_TEST(ec == make_error_code(errc::table_size_out_of_range));
    registered_buffers::sparse(r, 0, ec);
    BOOST_TEST(ec == make_error_code(errc::table_size_out_of_range));
    registered_buffers::sparse(r, 16385, ec);
    BOOST_TEST(ec == make_error_code(errc::table_size_out_of_range));
    const std::array<std::uint64_t, 2> tags{1, 2};
    registered_buffers::create(r, b.vectors, tags, ec);
    BOOST_TEST(ec == make_error_code(errc::tags_do_not_match));
    const iovec missing{reinterpret_cast<void*>(16), 64};
    registered_buffers::create(r, std::span{&missing, 1}, ec);
    BOOST_TEST(ec.value() == EFAULT);
    ring closed;
    registered_buffers::create(closed, b.vectors, ec);
    BOOST_TEST(ec == make_error_code(errc::not_open));

    registered_buffers table{r, b.vectors};
    const std::span<const iovec> two = std::span{b.vectors}.first(2);
    BOOST_TEST(table.update(3, two).ec == make_error_code(errc::index_out_of_range));
    BOOST_TEST(table.update(~0U, two).ec == make_error_code(errc::index_out_of_range));
    BOOST_TEST((
        table.update(0, b.vectors, tags).ec == make_error_code(errc::tags_do_not_match)));
    registered_buffers none;
    BOOST_TEST(none.update(0, two).ec == make_error_code(errc::not_open));
    BOOST_TEST(none.clone_from(table) == make_error_code(errc::not_open));
    BOOST_TEST(table.clone_from(none) == make_error_code(errc::not_open));
}

BOOST_AUTO_TEST_CASE(largest_table_is_accepted)
{
    ring r{ring_options{.entries = 4}};
    auto table = registered_buffers::sparse(r, 16384);
    blocks b;
    BOOST_TEST(!table.update(16383, std::span{b.vectors}.first(1)).ec);
    const unique_fd file = memory_file("0123");
    BOOST_TEST(run(r, op::read_into(table[16383], file.get(), 0)).res == 4);
}

BOOST_AUTO_TEST_CASE(tag_comes_back_when_its_buffer_has_left_the_table)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        blocks b;
        const std::array<std::uint64_t, 3> tags{11, 0, 13};
        registered_buffers table{r, std::span{b.vectors}.first(3), tags};
        BOOST_TEST(reap_ready(r).empty());

        const std::uint64_t next = 21;
        const auto replacement = std::span{b.vectors}.subspan(3, 1);
        BOOST_TEST(!table.update(0, replacement, std::span{&next, 1}).ec);
        const abi::cqe first = reap_one(r);
        BOOST_TEST(first.user_data == 11);
        BOOST_TEST(first.res == 0);
        BOOST_TEST(first.flags == 0);

        BOOST_TEST(!table.unregister());
        const std::vector<abi::cqe> rest = reap(r, 2);
        BOOST_REQUIRE(rest.size() == 2);
        BOOST_TEST((rest[0].user_data ^ rest[1].user_data) == (21U ^ 13U));
        BOOST_TEST(reap_ready(r).empty());
    }
}

BOOST_AUTO_TEST_CASE(buffer_in_use_outlives_the_table_and_its_tag_waits)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    const std::uint64_t tag = 31;
    registered_buffers table{r, std::span{b.vectors}.first(1), std::span{&tag, 1}};
    const pipe_pair pipe = make_pipe();
    BOOST_REQUIRE(r.try_push(op::read_into(table[0], pipe.out.get()), 7));
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(!table.unregister());
    BOOST_TEST(reap_ready(r).empty());

    write_text(pipe.in, "late");
    const std::vector<abi::cqe> seen = reap(r, 2);
    BOOST_REQUIRE(seen.size() == 2);
    const abi::cqe& read = seen[seen[0].user_data == 7 ? 0 : 1];
    const abi::cqe& freed = seen[seen[0].user_data == 7 ? 1 : 0];
    BOOST_TEST(read.res == 4);
    BOOST_TEST(freed.user_data == tag);
    BOOST_TEST(b.text(0, 5) == "latea");
}

BOOST_AUTO_TEST_CASE(cloned_table_serves_another_ring_and_outlives_its_source)
{
    ring r{ring_options{.entries = 4}};
    ring other{ring_options{.entries = 4}};
    blocks b;
    auto source = registered_buffers{r, b.vectors};
    error_code ec;
    auto table = registered_buffers::clone(other, source, {}, ec);
    if (ec.value() == EINVAL)
        ASIO_URING_SKIP("the kernel cannot clone buffers (6.12)");
    BOOST_TEST(!ec);
    BOOST_TEST(table.size() == 4);
    source = {};
    const unique_fd file = memory_file("0123");
    BOOST_TEST(run(other, op::read_into(table[2], file.get(), 0)).res == 4);
    BOOST_TEST(b.text(2, 5) == "0123c");

    registered_buffers::clone(other, table, {}, ec);
    BOOST_TEST(ec == make_error_code(errc::buffers_registered));
}

BOOST_AUTO_TEST_CASE(cloned_range_replaces_places_and_grows_the_table)
{
    ring r{ring_options{.entries = 4}};
    ring other{ring_options{.entries = 4}};
    blocks b;
    const registered_buffers source{r, b.vectors};
    error_code ec;
    const clone_range tail{.source_index = 2, .index = 1, .count = 2};
    auto table = registered_buffers::clone(other, source, tail, ec);
    if (ec.value() == EINVAL)
        ASIO_URING_SKIP("the kernel cannot clone a part of a table (6.13)");
    BOOST_TEST(!ec);
    BOOST_TEST(table.size() == 3);
    BOOST_TEST(table[0].size == 0);

    const clone_range behind{.source_index = 0, .index = 2, .count = 3};
    BOOST_TEST(!table.clone_from(source, behind));
    BOOST_TEST(table.size() == 5);
    const unique_fd file = memory_file("0123");
    for (std::size_t index = 1; index != 5; ++index)
        BOOST_TEST(run(other, op::read_into(table[index], file.get(), 0)).res == 4);
    BOOST_TEST(static_cast<void*>(table[1].data) == b.memory[2].data());
    BOOST_TEST(static_cast<void*>(table[4].data) == b.memory[2].data());
    BOOST_TEST(b.text(3, 4) == "dddd");

    // A table may be its own source, also of places that overlap.
    const clone_range shifted{.source_index = 1, .index = 2, .count = 3};
    BOOST_TEST(!table.clone_from(table, shifted));
    for (const auto& [index, block] : {std::pair{2U, 2U}, {3U, 0U}, {4U, 1U}}) {
        BOOST_TEST(static_cast<void*>(table[index].data) == b.memory[block].data());
        BOOST_TEST(run(other, op::read_into(table[index], file.get(), 0)).res == 4);
    }

    BOOST_TEST(!table.clone_from(source));
    BOOST_TEST(table.size() == 5);
    for (const auto& [index, block] : {std::pair{0U, 0U}, {3U, 3U}, {4U, 1U}}) {
        BOOST_TEST(static_cast<void*>(table[index].data) == b.memory[block].data());
        BOOST_TEST(run(other, op::read_into(table[index], file.get(), 0)).res == 4);
    }

    const clone_range outside{.source_index = 3, .index = 0, .count = 2};
    BOOST_TEST(
        table.clone_from(source, outside) == make_error_code(errc::index_out_of_range));
    const clone_range no_count{.source_index = 1};
    BOOST_TEST(
        table.clone_from(source, no_count) == make_error_code(errc::index_out_of_range));
    const clone_range far{.source_index = 0, .index = 16383, .count = 2};
    BOOST_TEST(
        table.clone_from(source, far) == make_error_code(errc::table_size_out_of_range));
}

BOOST_AUTO_TEST_CASE(
    zero_copy_send_of_a_registered_buffer_releases_it_with_a_notification)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    const registered_buffers table{r, b.vectors};
    const fd_pair tcp = tcp_pair();
    BOOST_REQUIRE(r.try_push(op::send_from(table[1].first(5), tcp.first.get()), 9));
    const std::vector<abi::cqe> seen = reap(r, 2);
    BOOST_REQUIRE(seen.size() == 2);
    BOOST_TEST(seen[0].res == 5);
    BOOST_TEST(has_more(seen[0]));
    BOOST_TEST((seen[1].flags & abi::cqe_f_notif) != 0U);
    BOOST_TEST(!has_more(seen[1]));
    BOOST_TEST(read_text(tcp.second.get(), 16) == "bbbbb");

    fixed_buffer wrong = table[0];
    wrong.index = 40;
    BOOST_REQUIRE(r.try_push(op::send_from(wrong, tcp.first.get()), 9));
    BOOST_TEST(error_of(reap_one(r)) == EFAULT);
}

BOOST_AUTO_TEST_CASE(child_of_a_fork_leaves_the_table_to_its_parent)
{
    ring r{ring_options{.entries = 4}};
    blocks b;
    registered_buffers table{r, b.vectors};
    const std::string verdict = in_child([&table]() -> std::string {
        registered_buffers mine{std::move(table)};
        const error_code ec = mine.unregister();
        return ec ? ec.message() : std::string{};
    });
    BOOST_TEST(verdict == "");
    BOOST_TEST(run(r, op::read_into(table[0], memory_file("xy").get(), 0)).res == 2);
}

BOOST_AUTO_TEST_CASE(exhausted_memory_lock_limit_says_what_to_raise)
{
    const std::string verdict = in_child([]() -> std::string {
        const ::rlimit limit{1U << 20, 1U << 20};
        if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
            return "setrlimit failed";
        constexpr ::uid_t nobody = 65534;
        if (::getuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setuid(nobody) != 0))
            return "setuid failed";
        error_code ec;
        ring r = ring::create({.entries = 4}, ec);
        if (ec)
            return "no ring: " + ec.message();
        std::vector<char> large(4U << 20);
        const iovec vector{large.data(), large.size()};
        const auto table = registered_buffers::create(r, std::span{&vector, 1}, ec);
        if (ec != make_error_code(errc::locked_memory_exhausted))
            return "unexpected outcome: " + ec.message();
        if (!(ec == boost::system::errc::not_enough_memory))
            return "not equivalent to ENOMEM";
        auto empty = registered_buffers::sparse(r, 1, ec);
        if (ec || empty.update(0, std::span{&vector, 1}).ec !=
                      make_error_code(errc::locked_memory_exhausted))
            return "unexpected outcome of the update";
        return ec.message().empty() ? "no text" : "";
    });
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
