// SPDX-License-Identifier: BSL-1.0
// The table of direct descriptors: use, tags, updates, kernel-chosen slots, hand-over
// between rings, misuse.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "in_child.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace asio_uring::test {

namespace {

using boost::system::error_code;

int error_of(const abi::cqe& entry) { return result_error(entry.res).value(); }

/// Reads from a slot into a scratch buffer and says what came.
std::string read_slot(ring& r, std::uint32_t slot)
{
    std::array<char, 32> bytes{};
    const op::read read{.data = bytes.data(), .size = bytes.size(), .offset = 0};
    const abi::cqe entry = run(r, op::on_slot(slot, read));
    if (entry.res < 0)
        return "error " + std::to_string(-entry.res);
    return {bytes.data(), static_cast<std::size_t>(entry.res)};
}

const std::string bad_slot = "error " + std::to_string(EBADF);

} // namespace

BOOST_AUTO_TEST_SUITE(test_registered_files)

BOOST_AUTO_TEST_CASE(slot_keeps_its_file_after_the_descriptor_is_closed)
{
    ring r{ring_options{.entries = 4}};
    unique_fd one = memory_file("one");
    unique_fd two = memory_file("two");
    const std::array<int, 3> descriptors{one.get(), -1, two.get()};
    const registered_files table{r, descriptors};
    BOOST_TEST(table.size() == 3);
    one.reset();
    two.reset();
    BOOST_TEST(read_slot(r, 0) == "one");
    BOOST_TEST(read_slot(r, 1) == bad_slot);
    BOOST_TEST(read_slot(r, 2) == "two");
    BOOST_TEST(read_slot(r, 3) == bad_slot);
}

BOOST_AUTO_TEST_CASE(updates_set_clear_and_skip_single_slots)
{
    ring r{ring_options{.entries = 4}};
    auto table = registered_files::sparse(r, 3);
    const unique_fd one = memory_file("one");
    const unique_fd two = memory_file("two");
    BOOST_TEST(!table.set(1, one.get()));
    BOOST_TEST(read_slot(r, 0) == bad_slot);
    BOOST_TEST(read_slot(r, 1) == "one");

    const std::array<int, 3> changes{two.get(), abi::register_files_skip, two.get()};
    const update_result result = table.update(0, changes);
    BOOST_TEST(!result.ec);
    BOOST_TEST(result.updated == 3);
    BOOST_TEST(read_slot(r, 0) == "two");
    BOOST_TEST(read_slot(r, 1) == "one");
    BOOST_TEST(read_slot(r, 2) == "two");

    BOOST_TEST(!table.clear(1));
    BOOST_TEST(!table.clear(1));
    BOOST_TEST(!table.set(0, one.get()));
    BOOST_TEST(read_slot(r, 0) == "one");
    BOOST_TEST(read_slot(r, 1) == bad_slot);
}

BOOST_AUTO_TEST_CASE(update_that_fails_half_way_reports_what_it_did_and_why)
{
    ring r{ring_options{.entries = 4}};
    const unique_fd one = memory_file("one");
    const unique_fd two = memory_file("two");
    const std::array<int, 3> all{one.get(), one.get(), one.get()};
    registered_files table{r, all};
    const std::array<int, 3> changes{two.get(), 1 << 20, two.get()};
    update_result result = table.update(0, changes);
    BOOST_TEST(result.updated == 1);
    BOOST_TEST(result.ec.value() == EBADF);
    BOOST_TEST(read_slot(r, 0) == "two");
    BOOST_TEST(read_slot(r, 1) == bad_slot);
    BOOST_TEST(read_slot(r, 2) == "one");

    const std::array<int, 2> with_ring{two.get(), r.native_handle()};
    result = table.update(1, with_ring);
    BOOST_TEST(result.updated == 1);
    BOOST_TEST(result.ec == make_error_code(errc::ring_in_file_table));
    BOOST_TEST(read_slot(r, 1) == "two");
}

BOOST_AUTO_TEST_CASE(misuse_is_refused_with_a_code_that_says_so)
{
    ring r{ring_options{.entries = 4}};
    ring other{ring_options{.entries = 4}};
    const unique_fd one = memory_file("one");
    error_code ec;
    registered_files::create(r, {}, ec);
    BOOST_TEST(ec == make_error_code(errc::table_size_out_of_range));
    registered_files::sparse(r, 0, ec);
    BOOST_TEST(ec == make_error_code(errc::table_size_out_of_range));
    for (int descriptor : {r.native_handle(), other.native_handle()}) {
        const std::array<int, 2> with_ring{one.get(), descriptor};
        registered_files::create(r, with_ring, ec);
        BOOST_TEST(ec == make_error_code(errc::ring_in_file_table));
        BOOST_TEST((ec == boost::system::errc::bad_file_descriptor));
    }
    const std::array<int, 2> with_closed{one.get(), 1 << 20};
    registered_files::create(r, with_closed, ec);
    BOOST_TEST(ec.value() == EBADF);
    BOOST_TEST((ec.category() == boost::system::system_category()));
    const std::uint64_t tag = 1;
    registered_files::create(r, with_closed, std::span{&tag, 1}, ec);
    BOOST_TEST(ec == make_error_code(errc::tags_do_not_match));
    ring closed;
    registered_files::sparse(closed, 4, ec);
    BOOST_TEST(ec == make_error_code(errc::not_open));

    auto table = registered_files::sparse(r, 4);
    registered_files::sparse(r, 4, ec);
    BOOST_TEST(ec == make_error_code(errc::files_registered));
    BOOST_TEST((ec == boost::system::errc::device_or_resource_busy));
    BOOST_TEST(table.set(4, one.get()) == make_error_code(errc::index_out_of_range));
    BOOST_TEST(table.clear(~0U) == make_error_code(errc::index_out_of_range));
    BOOST_TEST(
        (table.update(3, with_closed).ec == make_error_code(errc::index_out_of_range)));
    BOOST_TEST(table.alloc_range(2, 3) == make_error_code(errc::index_out_of_range));
    registered_files none;
    BOOST_TEST(none.set(0, one.get()) == make_error_code(errc::not_open));
    BOOST_TEST(none.alloc_range(0, 0) == make_error_code(errc::not_open));
}

BOOST_AUTO_TEST_CASE(table_beyond_the_descriptor_limit_is_refused)
{
    const std::string verdict = in_child([]() -> std::string {
        ::rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = 64;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        error_code ec;
        ring r = ring::create({.entries = 4}, ec);
        if (ec)
            return "no ring: " + ec.message();
        registered_files::sparse(r, 65, ec);
        if (ec != make_error_code(errc::table_size_out_of_range))
            return "unexpected outcome: " + ec.message();
        registered_files::sparse(r, 64, ec);
        return ec ? "64 slots: " + ec.message() : "";
    });
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(tag_comes_back_when_its_file_has_left_the_slot)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        const pipe_pair pipe = make_pipe();
        const std::array<int, 2> descriptors{pipe.out.get(), pipe.in.get()};
        const std::array<std::uint64_t, 2> tags{41, 42};
        registered_files table{r, descriptors, tags};

        BOOST_TEST(!table.clear(1));
        const abi::cqe cleared = reap_one(r);
        BOOST_TEST(cleared.user_data == 42);
        BOOST_TEST(cleared.res == 0);

        BOOST_TEST(!table.set(1, pipe.in.get(), 43));
        BOOST_TEST(reap_ready(r).empty());
        BOOST_TEST(!table.unregister());
        const std::vector<abi::cqe> rest = reap(r, 2);
        BOOST_REQUIRE(rest.size() == 2);
        BOOST_TEST((rest[0].user_data ^ rest[1].user_data) == (41U ^ 43U));
    }
}

BOOST_AUTO_TEST_CASE(file_in_use_outlives_its_slot_and_its_tag_waits)
{
    ring r{ring_options{.entries = 4}};
    pipe_pair pipe = make_pipe();
    const int descriptor = pipe.out.get();
    const std::uint64_t tag = 51;
    registered_files table{r, std::span{&descriptor, 1}, std::span{&tag, 1}};
    pipe.out.reset();
    std::array<char, 8> bytes{};
    const op::read read{.data = bytes.data(), .size = bytes.size()};
    BOOST_REQUIRE(r.try_push(op::on_slot(0, read), 7));
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(!table.clear(0));
    BOOST_TEST(reap_ready(r).empty());

    write_text(pipe.in, "late");
    const std::vector<abi::cqe> seen = reap(r, 2);
    BOOST_REQUIRE(seen.size() == 2);
    const std::size_t first = seen[0].user_data == 7 ? 0 : 1;
    BOOST_TEST(seen[first].res == 4);
    BOOST_TEST(seen[1 - first].user_data == tag);
}

BOOST_AUTO_TEST_CASE(kernel_picks_slots_inside_the_range_until_it_is_full)
{
    ring r{ring_options{.entries = 4}};
    auto table = registered_files::sparse(r, 6);
    BOOST_TEST(!table.alloc_range(2, 3));
    const op::socket socket{
        .domain = AF_INET, .type = SOCK_STREAM, .slot = abi::file_index_alloc};
    std::vector<int> slots;
    for (int count = 0; count != 3; ++count)
        slots.push_back(run(r, socket).res);
    const std::vector<int> expected{2, 3, 4};
    BOOST_TEST(slots == expected, boost::test_tools::per_element());
    BOOST_TEST(error_of(run(r, socket)) == ENFILE);

    // A slot outside is for explicit use; a closed one is free again.
    op::socket at_five = socket;
    at_five.slot = 5;
    BOOST_TEST(run(r, at_five).res == 0);
    BOOST_TEST(run(r, op::close{.slot = 3}).res == 0);
    BOOST_TEST(error_of(run(r, op::close{.slot = 3})) == EBADF);
    BOOST_TEST(run(r, socket).res == 3);
    BOOST_TEST(!table.clear(4));
    BOOST_TEST(run(r, socket).res == 4);
    BOOST_TEST(error_of(run(r, socket)) == ENFILE);
}

BOOST_AUTO_TEST_CASE(update_operation_fills_slots_the_kernel_picks)
{
    ring r{ring_options{.entries = 4}};
    const auto table = registered_files::sparse(r, 2);
    const unique_fd one = memory_file("one");
    std::array<int, 2> files{one.get(), one.get()};
    const op::files_update update{
        .files = files.data(), .count = 2, .offset = abi::file_index_alloc};
    BOOST_TEST(run(r, update).res == 2);
    // The array now names the slots.
    BOOST_TEST(files[0] == 0);
    BOOST_TEST(files[1] == 1);
    BOOST_TEST(read_slot(r, 1) == "one");
    files = {one.get(), one.get()};
    BOOST_TEST(error_of(run(r, update)) == ENFILE);
}

BOOST_AUTO_TEST_CASE(installed_descriptor_and_its_slot_live_apart)
{
    ring r{ring_options{.entries = 4}};
    auto table = registered_files::sparse(r, 2);
    unique_fd one = memory_file("one");
    BOOST_TEST(!table.set(1, one.get()));
    one.reset();

    const unique_fd plain{run(r, op::fixed_fd_install{.slot = 1}).res};
    BOOST_REQUIRE(static_cast<bool>(plain));
    BOOST_TEST(::fcntl(plain.get(), F_GETFD) == FD_CLOEXEC);
    const unique_fd inherited{
        run(r, op::fixed_fd_install{.slot = 1, .flags = abi::fixed_fd_no_cloexec}).res};
    BOOST_TEST(::fcntl(inherited.get(), F_GETFD) == 0);
    BOOST_TEST(read_slot(r, 1) == "one");
    BOOST_TEST(!table.clear(1));
    BOOST_TEST(content_of(plain, 8) == "one");
    BOOST_TEST(error_of(run(r, op::fixed_fd_install{.slot = 1})) == EBADF);
}

BOOST_AUTO_TEST_CASE(message_hands_a_direct_descriptor_to_another_ring)
{
    for (std::uint32_t flags : ring_kinds) {
        ring source{ring_options{.entries = 4}};
        ring target{ring_options{.entries = 4, .flags = flags}};
        auto theirs = registered_files::sparse(target, 2);
        auto ours = registered_files::sparse(source, 2);
        BOOST_TEST(!ours.set(1, memory_file("one").get()));

        op::msg_ring_fd send{
            .target = target.native_handle(),
            .source_slot = 1,
            .target_slot = 1,
            .user_data = 77};
        BOOST_TEST(run(source, send).res == 0);
        abi::cqe arrived = reap_one(target);
        BOOST_TEST(arrived.user_data == 77);
        BOOST_TEST(arrived.res == 0);
        BOOST_TEST(read_slot(target, 1) == "one");

        // The kernel's choice is told to both sides.
        send.target_slot = abi::file_index_alloc;
        BOOST_TEST(run(source, send).res == 0);
        arrived = reap_one(target);
        BOOST_TEST(arrived.res == 0);
        BOOST_TEST(!ours.clear(1));
        BOOST_TEST(read_slot(source, 1) == bad_slot);
        BOOST_TEST(read_slot(target, 0) == "one");

        BOOST_TEST(error_of(run(source, send)) == EBADF);
        BOOST_TEST(!ours.set(1, memory_file("two").get()));
        BOOST_TEST(error_of(run(source, send)) == ENFILE);

        send.target_slot = 0;
        send.flags = abi::msg_ring_cqe_skip;
        BOOST_TEST(run(source, send).res == 0);
        BOOST_TEST(reap_ready(target).empty());
        BOOST_TEST(read_slot(target, 0) == "two");
    }
}

BOOST_AUTO_TEST_CASE(moved_table_unregisters_once_and_from_its_new_place)
{
    ring r{ring_options{.entries = 4}};
    const std::array<int, 1> empty{-1};
    {
        auto first = registered_files::sparse(r, 2);
        registered_files second{std::move(first)};
        BOOST_TEST(!first);
        BOOST_TEST(first.size() == 0);
        first = std::move(second);
        BOOST_TEST(first.size() == 2);
        BOOST_TEST(r.register_files(empty) == make_error_code(errc::files_registered));
    }
    BOOST_TEST(!r.register_files(empty));
    BOOST_TEST(!r.unregister_files());

    auto table = registered_files::sparse(r, 2);
    table.release();
    BOOST_TEST(!r.unregister_files());
}

BOOST_AUTO_TEST_CASE(child_of_a_fork_leaves_the_table_to_its_parent)
{
    ring r{ring_options{.entries = 4}};
    auto table = registered_files::sparse(r, 2);
    BOOST_TEST(!table.set(1, memory_file("one").get()));
    const std::string verdict = in_child([&table]() -> std::string {
        registered_files mine{std::move(table)};
        const error_code ec = mine.unregister();
        return ec ? ec.message() : std::string{};
    });
    BOOST_TEST(verdict == "");
    BOOST_TEST(read_slot(r, 1) == "one");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
