// SPDX-License-Identifier: BSL-1.0
// Rings that somebody else has set up, rings whose descriptor is closed, and the raw
// system calls below both.
#include "../support/skip.hpp"
#include "ring_check.hpp"

#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/raw.hpp>
#include <asio_uring/ring/registered_files.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

bool kernel_keeps_an_index_alone()
{
    return (kernel_features::running().features() & abi::feat_reg_reg_ring) != 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_adopt)

BOOST_AUTO_TEST_CASE(ring_set_up_by_raw_calls_is_taken_over_and_closed)
{
    constexpr std::uint32_t layouts[] = {
        0, abi::setup_sqe128 | abi::setup_cqe32, abi::setup_no_sqarray};
    for (const std::uint32_t flags : layouts) {
        if (!kernel_features::running().supports_setup(flags))
            continue;
        abi::setup_params params{};
        params.flags = flags;
        const int fd = raw_setup(3, params);
        BOOST_REQUIRE(fd >= 0);
        boost::system::error_code ec;
        {
            ring r = ring::adopt(fd, params, ec);
            BOOST_TEST(!ec);
            BOOST_TEST(r.native_handle() == fd);
            BOOST_TEST(r.sq_entries() == 4);
            BOOST_TEST(r.setup_flags() == flags);
            for (int round = 0; round != 10; ++round)
                BOOST_TEST(works(r));
        }
        BOOST_TEST(!is_open(fd));
    }
}

BOOST_AUTO_TEST_CASE(ring_taken_over_has_what_is_in_flight)
{
    abi::setup_params params{};
    const int fd = raw_setup(4, params);
    BOOST_REQUIRE(fd >= 0);
    // Another owner uses the ring first, over a descriptor of its own.
    boost::system::error_code ec;
    socket_pair sockets;
    char byte = 0;
    {
        ring before = ring::adopt(::dup(fd), params, ec);
        BOOST_REQUIRE(!ec);
        BOOST_REQUIRE(works(before));
        BOOST_REQUIRE(before.try_push(
            op::recv{.fd = sockets.left.get(), .data = &byte, .size = 1}, 5));
        BOOST_TEST(before.submit().submitted == 1);
    }
    ring r = ring::adopt(fd, params, ec);
    BOOST_REQUIRE(!ec);
    BOOST_REQUIRE(::send(sockets.right.get(), "x", 1, 0) == 1);
    const auto seen = reap_sorted(r, 1);
    BOOST_REQUIRE(seen.size() == 1);
    BOOST_TEST(seen[0].user_data == 5);
    BOOST_TEST(byte == 'x');
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_CASE(ring_not_taken_over_leaves_the_descriptor_to_the_caller)
{
    abi::setup_params params{};
    const detail::unique_fd made{raw_setup(4, params)};
    BOOST_REQUIRE(made);
    boost::system::error_code ec;

    abi::setup_params own_memory = params;
    own_memory.flags |= abi::setup_no_mmap;
    BOOST_TEST(!ring::adopt(made.get(), own_memory, ec).is_open());
    BOOST_TEST(ec == make_error_code(errc::no_ring_descriptor));

    abi::setup_params old = params;
    old.features &= ~abi::feat_nodrop;
    BOOST_TEST(!ring::adopt(made.get(), old, ec).is_open());
    BOOST_TEST(ec == make_error_code(errc::kernel_too_old));

    BOOST_TEST(!ring::adopt(-1, params, ec).is_open());
    BOOST_TEST(ec.value() == EBADF);
    BOOST_TEST(is_open(made.get()));
}

BOOST_AUTO_TEST_CASE(ring_without_its_descriptor_works_through_its_index)
{
    if (!kernel_keeps_an_index_alone())
        ASIO_URING_SKIP("the kernel registers through a descriptor only (6.3)");
    constexpr std::uint32_t deferred =
        abi::setup_single_issuer | abi::setup_defer_taskrun;
    for (const std::uint32_t flags : {std::uint32_t{0}, deferred}) {
        ring r{ring_options{.entries = 4, .flags = flags, .close_descriptor = true}};
        BOOST_TEST(r.native_handle() == -1);
        BOOST_TEST(r.has_registered_ring_fd());
        BOOST_TEST(works(r));
        r.unregister_ring_fd(); // nothing to fall back on
        BOOST_TEST(works(r));
        ring moved{std::move(r)};
        BOOST_TEST(works(moved));
        {
            registered_files table = registered_files::sparse(moved, 2);
            BOOST_TEST(table.size() == 2);
        }
        const int files[] = {0};
        BOOST_TEST(!moved.register_files(files));

        // What is mapped through the descriptor is refused.
        boost::system::error_code ec;
        buffer_ring::create(moved, {.group = 1, .entries = 4, .kernel_memory = true}, ec);
        BOOST_TEST(ec == make_error_code(errc::no_ring_descriptor));
        if (flags == deferred)
            BOOST_TEST(moved.resize(8) == make_error_code(errc::no_ring_descriptor));
        BOOST_TEST(works(moved));

        // Another thread has no such index.
        std::thread{[&moved] {
            const int none = -1;
            BOOST_TEST(moved.register_call(abi::register_op::files, &none, 1) == -EEXIST);
        }}.join();
    }
}

BOOST_AUTO_TEST_CASE(closed_rings_give_their_index_back)
{
    if (!kernel_keeps_an_index_alone())
        ASIO_URING_SKIP("the kernel registers through a descriptor only (6.3)");
    const ring_options options{.entries = 2, .close_descriptor = true};
    // A thread has sixteen places.
    for (int round = 0; round != 40; ++round) {
        ring r{options};
        BOOST_REQUIRE(r.native_handle() == -1);
    }
    std::vector<ring> many;
    for (int count = 0; count != 16; ++count)
        many.emplace_back(options);
    ring one_more{options};
    BOOST_TEST(one_more.native_handle() >= 0); // no place left: it keeps its descriptor
    BOOST_TEST(works(one_more));
    BOOST_TEST(works(many.back()));
}

BOOST_AUTO_TEST_CASE(raw_calls_return_what_the_kernel_returns)
{
    errno = 4711;
    abi::setup_params params{};
    BOOST_TEST(raw_setup(0, params) == -EINVAL);
    BOOST_TEST(raw_enter(-1, 0, 0, 0) == -EBADF);
    BOOST_TEST(raw_register(-1, abi::register_op::files, nullptr, 0) < 0);
    params = {};
    const detail::unique_fd fd{raw_setup(2, params)};
    BOOST_REQUIRE(fd);
    BOOST_TEST(params.sq_entries == 2);
    BOOST_TEST(raw_enter(fd.get(), 0, 0, 0) == 0);
    const abi::kernel_timespec soon{0, 1'000'000};
    abi::getevents_arg argument{};
    argument.ts = reinterpret_cast<std::uintptr_t>(&soon);
    BOOST_TEST(raw_enter(fd.get(), 0, 1, abi::enter_getevents, argument) == -ETIME);
    sigset_t none;
    ::sigemptyset(&none);
    BOOST_TEST(raw_enter(fd.get(), 0, 0, abi::enter_getevents, none) == 0);
    const int file = 0;
    BOOST_TEST(raw_register(fd.get(), abi::register_op::files, &file, 1) == 0);
    BOOST_TEST(raw_register(fd.get(), 3U, nullptr, 0) == 0);
    BOOST_TEST(errno == 4711);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
