// SPDX-License-Identifier: BSL-1.0
// Rings that change their size with entries claimed, published, in flight and not reaped.
#include "../support/skip.hpp"
#include "ring_check.hpp"

#include <asio_uring/ring/kernel_features.hpp>

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <random>
#include <set>
#include <thread>

namespace asio_uring::test {

namespace {

constexpr std::uint32_t deferred =
    abi::setup_single_issuer | abi::setup_defer_taskrun | abi::setup_taskrun_flag;

bool kernel_resizes()
{
    return kernel_features::running().supports(abi::register_op::resize_rings);
}

std::vector<std::uint64_t> numbers(const std::vector<abi::cqe>& entries)
{
    std::vector<std::uint64_t> result;
    for (const abi::cqe& entry : entries)
        result.push_back(entry.user_data);
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_resize)

BOOST_AUTO_TEST_CASE(resized_ring_keeps_entries_at_every_stage_in_every_layout)
{
    if (!kernel_resizes())
        ASIO_URING_SKIP("the kernel resizes no rings (6.13)");
    for (std::uint32_t layout :
         {std::uint32_t{0},
          abi::setup_sqe128,
          abi::setup_cqe32,
          abi::setup_no_mmap,
          abi::setup_sqe128 | abi::setup_cqe32 | abi::setup_no_mmap})
    {
        BOOST_TEST_CONTEXT("layout " << layout)
        {
            ring r{ring_options{.entries = 4, .flags = deferred | layout}};
            for (int round = 0; round != 3; ++round)
                BOOST_TEST(works(r)); // move the counters off zero
            socket_pair sockets;
            char byte = 0;
            const op::recv receive{.fd = sockets.left.get(), .data = &byte, .size = 1};
            BOOST_REQUIRE(r.try_push(receive, 1));
            BOOST_REQUIRE(r.try_push(op::nop{}, 2));
            BOOST_TEST(r.submit().submitted == 2); // 1 in flight, 2 not reaped
            BOOST_REQUIRE(r.try_push(op::nop{}, 3));
            r.publish();
            BOOST_REQUIRE(r.try_push(op::nop{}, 4)); // claimed

            BOOST_TEST(!r.resize(16, 64));
            BOOST_TEST(r.sq_entries() == 16);
            BOOST_TEST(r.cq_entries() == 64);
            BOOST_TEST(r.claimed() - r.published() == 1);
            BOOST_TEST(r.unconsumed() == 1);
            BOOST_TEST(r.ready() == 1);
            BOOST_REQUIRE(r.try_push(op::nop{}, 5));
            BOOST_REQUIRE(::send(sockets.right.get(), "x", 1, 0) == 1);
            const std::vector<std::uint64_t> expected{1, 2, 3, 4, 5};
            BOOST_TEST(
                numbers(reap_sorted(r, 5)) == expected, boost::test_tools::per_element());
            BOOST_TEST(byte == 'x');

            BOOST_TEST(!r.resize(2));
            BOOST_TEST(r.sq_entries() == 2);
            BOOST_TEST(r.cq_entries() == 4);
            for (int round = 0; round != 9; ++round)
                BOOST_TEST(works(r));
        }
    }
}

BOOST_AUTO_TEST_CASE(size_too_small_for_what_is_there_changes_nothing)
{
    if (!kernel_resizes())
        ASIO_URING_SKIP("the kernel resizes no rings (6.13)");
    ring r{ring_options{.entries = 8, .flags = deferred}};
    const auto too_small = make_error_code(errc::size_too_small);
    for (std::uint64_t number = 0; number != 3; ++number)
        BOOST_REQUIRE(r.try_push(op::nop{}, number));
    BOOST_TEST(r.resize(2, 16) == too_small); // claimed
    r.publish();
    BOOST_TEST(r.resize(2, 16) == too_small); // published
    BOOST_TEST((r.resize(2, 16) == boost::system::errc::value_too_large));
    BOOST_TEST(r.submit().submitted == 3);
    BOOST_TEST(r.resize(2, 2) == too_small); // not reaped
    BOOST_TEST(r.sq_entries() == 8);
    BOOST_TEST(r.cq_entries() == 16);
    const std::vector<std::uint64_t> expected{0, 1, 2};
    BOOST_TEST(numbers(reap(r)) == expected, boost::test_tools::per_element());
    BOOST_TEST(!r.resize(2, 2));
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_CASE(ring_resized_under_load_completes_each_request_once)
{
    if (!kernel_resizes())
        ASIO_URING_SKIP("the kernel resizes no rings (6.13)");
    ring r{ring_options{.entries = 8, .cq_entries = 16, .flags = deferred}};
    socket_pair sockets;
    std::minstd_rand source{7};
    const auto random = [&source](unsigned limit) {
        return static_cast<unsigned>(source() % limit);
    };
    std::set<std::uint64_t> open;
    std::uint64_t next = 0;
    unsigned twice = 0;
    unsigned resized = 0;
    const auto collect = [&](const abi::cqe& entry) {
        twice += open.erase(entry.user_data) == 1 ? 0U : 1U;
    };
    char sink = 0;
    for (int round = 0; round != 2000; ++round) {
        for (unsigned count = random(9); count != 0; --count) {
            const bool pushed =
                next % 7 == 0
                    ? r.try_push(
                          op::recv{.fd = sockets.left.get(), .data = &sink, .size = 1},
                          next)
                    : r.try_push(op::nop{.flags = abi::nop_tw}, next);
            if (!pushed)
                break;
            open.insert(next);
            if (next++ % 7 == 0)
                BOOST_REQUIRE(::send(sockets.right.get(), "x", 1, 0) == 1);
        }
        if (random(4) != 0)
            BOOST_TEST(!r.submit().ec);
        const unsigned entries = 2U << random(5);
        const auto ec = r.resize(entries, entries << random(3));
        BOOST_REQUIRE((!ec || ec == make_error_code(errc::size_too_small)));
        resized += ec ? 0U : 1U;
        if (random(3) == 0) {
            BOOST_REQUIRE(!r.run_task_work());
            r.for_each_completion(collect);
        }
    }
    while (!open.empty() && !r.submit_and_wait({.deadline = far_off()}).ec)
        r.for_each_completion(collect);
    BOOST_TEST(open.empty());
    BOOST_TEST(twice == 0);
    BOOST_TEST(resized > 500);
    BOOST_TEST(r.overflow_count() == 0);
}

BOOST_AUTO_TEST_CASE(mixed_ring_shrinks_only_when_it_is_empty)
{
    if (!kernel_resizes() ||
        !kernel_features::running().supports_setup(abi::setup_cqe_mixed))
        ASIO_URING_SKIP("the kernel has no mixed completion rings (6.18)");
    ring r{ring_options{
        .entries = 8, .cq_entries = 16, .flags = deferred | abi::setup_cqe_mixed}};
    BOOST_REQUIRE(r.try_push(op::nop{.flags = abi::nop_cqe32}, 1));
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(r.resize(8, 8) == make_error_code(errc::size_too_small));
    BOOST_TEST(!r.resize(8, 32));
    const auto seen = reap(r);
    BOOST_TEST(seen.size() == 1);
    BOOST_TEST((seen.at(0).flags & abi::cqe_f_32) != 0);
    BOOST_TEST(!r.resize(8, 8));
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_CASE(ring_that_cannot_be_resized_says_so)
{
    ring plain{ring_options{.entries = 4}};
    BOOST_TEST(plain.resize(8) == make_error_code(errc::not_resizable));
    BOOST_TEST(works(plain));
    ring indexed{ring_options{.entries = 4, .flags = deferred, .optional_flags = 0}};
    BOOST_TEST(indexed.resize(8) == make_error_code(errc::not_resizable));
    ring closed;
    BOOST_TEST(closed.resize(8) == make_error_code(errc::not_open));

    ring r{ring_options{.entries = 4, .flags = deferred}};
    BOOST_TEST(r.resize(0) == make_error_code(errc::entries_out_of_range));
    BOOST_TEST(r.resize(40000) == make_error_code(errc::entries_out_of_range));
    BOOST_TEST(r.resize(8, 4) == make_error_code(errc::cq_entries_out_of_range));
    if (!kernel_resizes())
        ASIO_URING_SKIP("the kernel resizes no rings (6.13)");
    boost::system::error_code ec;
    std::thread{[&] { ec = r.resize(8); }}.join();
    BOOST_TEST(ec == make_error_code(errc::wrong_thread));
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
