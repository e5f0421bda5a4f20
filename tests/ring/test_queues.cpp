// SPDX-License-Identifier: BSL-1.0
// Claim, publish, reap: wrap-around, full queues, rewriting, overflow, two threads, wide
// entries.
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include <sched.h>

namespace asio_uring::test {

namespace {

std::vector<std::uint64_t> reap_user_data(ring& r)
{
    std::vector<std::uint64_t> seen;
    r.for_each_completion(
        [&seen](const abi::cqe& entry) { seen.push_back(entry.user_data); });
    return seen;
}

/// Fills `count` no-operations numbered from `first`; false when there is no room.
bool push_numbered(ring& r, std::uint64_t first, unsigned count)
{
    for (unsigned index = 0; index != count; ++index) {
        if (!r.try_push(op::nop{}, first + index))
            return false;
    }
    return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_queues)

BOOST_AUTO_TEST_CASE(batches_over_many_wraps_complete_once_each_and_in_order)
{
    for (std::uint32_t optional : {std::uint32_t{0}, ring_options{}.optional_flags}) {
        ring r{ring_options{.entries = 4, .optional_flags = optional}};
        std::uint64_t next = 0;
        std::uint64_t expected = 0;
        unsigned wrong = 0;
        for (unsigned round = 0; round != 5000; ++round) {
            const unsigned batch = 1 + round % 4;
            BOOST_REQUIRE(push_numbered(r, next, batch));
            next += batch;
            BOOST_REQUIRE(r.publish() == batch);
            BOOST_REQUIRE(r.enter(batch, batch, abi::enter_getevents) == int(batch));
            for (std::uint64_t number : reap_user_data(r))
                wrong += number == expected++ ? 0U : 1U;
        }
        BOOST_TEST(wrong == 0);
        BOOST_TEST(expected == next);
        BOOST_TEST(r.claimed() == static_cast<std::uint32_t>(next));
        BOOST_TEST(r.overflow_count() == 0);
        BOOST_TEST(r.submission().dropped() == 0);
    }
}

BOOST_AUTO_TEST_CASE(counters_follow_claim_publish_enter_and_reap)
{
    ring r{ring_options{.entries = 4}};
    BOOST_TEST(r.claimed() == 0);
    BOOST_TEST(r.peek() == nullptr);

    BOOST_REQUIRE(push_numbered(r, 7, 3));
    BOOST_TEST(r.claimed() == 3);
    BOOST_TEST(r.published() == 0);
    BOOST_TEST(r.unconsumed() == 0);
    BOOST_TEST(r.submission().space_left() == 1);

    BOOST_TEST(r.publish() == 3);
    BOOST_TEST(r.published() == 3);
    BOOST_TEST(r.unconsumed() == 3);
    BOOST_TEST(r.ready() == 0);

    // A smaller count submits a part; the rest stays published.
    BOOST_TEST(r.enter(2, 0, 0) == 2);
    BOOST_TEST(r.unconsumed() == 1);
    BOOST_TEST(r.ready() == 2);
    BOOST_TEST(r.enter(1, 0, 0) == 1);
    BOOST_TEST(r.unconsumed() == 0);

    BOOST_TEST(r.ready() == 3);
    BOOST_TEST(r.peek()->user_data == 7);
    BOOST_TEST(r.completion().at(2).user_data == 9);
    r.advance(1);
    BOOST_TEST(r.ready() == 2);
    BOOST_TEST(r.peek()->user_data == 8);
    r.advance(2);
    BOOST_TEST(r.ready() == 0);
    BOOST_TEST(r.peek() == nullptr);
}

BOOST_AUTO_TEST_CASE(full_queue_refuses_a_claim_until_the_kernel_consumes)
{
    ring r{ring_options{.entries = 2}};
    BOOST_REQUIRE(push_numbered(r, 0, 2));
    BOOST_TEST(r.try_claim() == nullptr);
    BOOST_TEST(!r.try_push(op::nop{}, 9));
    BOOST_TEST(r.claimed() == 2);
    r.publish();
    BOOST_TEST(r.try_claim() == nullptr);
    BOOST_TEST(r.enter(2, 0, 0) == 2);
    BOOST_TEST(r.try_claim() != nullptr);
}

BOOST_AUTO_TEST_CASE(claimed_entry_is_zero_whatever_it_held)
{
    ring r{ring_options{.entries = 2, .flags = abi::setup_sqe128}};
    const std::vector<unsigned char> zero(128);
    for (int round = 0; round != 6; ++round) {
        abi::sqe* entry = r.try_claim();
        BOOST_REQUIRE(entry != nullptr);
        BOOST_TEST((std::memcmp(entry, zero.data(), zero.size()) == 0));
        std::memset(static_cast<void*>(entry), 0xff, 128);
        std::memset(
            static_cast<void*>(entry), 0, 32); // a no-operation with odd leftovers
        r.publish();
        BOOST_REQUIRE(r.enter(1, 1, abi::enter_getevents) == 1);
        BOOST_TEST(reap_user_data(r).size() == 1);
    }
}

BOOST_AUTO_TEST_CASE(claimed_entry_not_yet_published_can_be_rewritten)
{
    ring r{ring_options{.entries = 4}};
    // Move the counters off zero first, so that sequence and slot differ.
    BOOST_REQUIRE(push_numbered(r, 0, 3));
    BOOST_TEST(!r.submit().ec);
    reap_user_data(r);

    const std::uint32_t sequence = r.claimed();
    BOOST_REQUIRE(push_numbered(r, 10, 3));
    abi::sqe& withdrawn = r.sqe_at(sequence + 1);
    BOOST_TEST(withdrawn.user_data == 11);
    withdrawn = abi::sqe{};
    op::nop{}.prepare(withdrawn);
    withdrawn.user_data = 99;

    BOOST_TEST(!r.submit().ec);
    const std::vector<std::uint64_t> expected{10, 99, 12};
    const std::vector<std::uint64_t> seen = reap_user_data(r);
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(overflowed_completions_are_flushed_in_order_and_none_is_lost)
{
    ring r{ring_options{.entries = 4, .cq_entries = 4}};
    for (std::uint64_t first = 0; first != 40; first += 4) {
        BOOST_REQUIRE(push_numbered(r, first, 4));
        BOOST_REQUIRE(r.publish() == 4);
        BOOST_REQUIRE(r.enter(4, 0, 0) == 4);
    }
    BOOST_TEST(r.completion_overflow());
    BOOST_TEST(r.ready() == 4);

    std::vector<std::uint64_t> seen;
    for (int turn = 0; turn != 100 && seen.size() != 40; ++turn) {
        const auto some = reap_user_data(r);
        seen.insert(seen.end(), some.begin(), some.end());
        BOOST_REQUIRE(r.enter(0, 0, abi::enter_getevents) >= 0);
    }
    BOOST_TEST(seen.size() == 40);
    BOOST_TEST(std::is_sorted(seen.begin(), seen.end()));
    BOOST_TEST(!r.completion_overflow());
    BOOST_TEST(r.overflow_count() == 0);
}

BOOST_AUTO_TEST_CASE(reaping_callback_may_claim_and_publish)
{
    ring r{ring_options{.entries = 2}};
    BOOST_REQUIRE(push_numbered(r, 0, 1));
    std::uint64_t last = 0;
    for (int turn = 0; turn != 100; ++turn) {
        BOOST_REQUIRE(!r.submit_and_wait(1).ec);
        r.for_each_completion([&](const abi::cqe& entry) {
            last = entry.user_data;
            BOOST_REQUIRE(r.try_push(op::nop{}, entry.user_data + 1));
            r.publish();
        });
    }
    BOOST_TEST(last == 99);
}

BOOST_AUTO_TEST_CASE(reaping_callback_that_throws_keeps_what_it_has_not_seen)
{
    ring r{ring_options{.entries = 4}};
    BOOST_REQUIRE(push_numbered(r, 0, 3));
    BOOST_TEST(!r.submit().ec);
    const auto stop_at_one = [](const abi::cqe& entry) {
        if (entry.user_data == 1)
            throw std::runtime_error("enough");
    };
    BOOST_CHECK_THROW(r.for_each_completion(stop_at_one), std::runtime_error);
    const std::vector<std::uint64_t> expected{2};
    BOOST_TEST(reap_user_data(r) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(two_sides_used_by_two_threads_lose_nothing)
{
    constexpr std::uint64_t total = 20000;
    ring r{ring_options{.entries = 32, .cq_entries = 64}};
    unsigned failed = 0;
    std::thread submitter{[&r, &failed] {
        std::uint64_t next = 0;
        while (next != total) {
            while (next != total && r.try_push(op::nop{}, next))
                ++next;
            failed += r.submit().ec ? 1U : 0U;
        }
    }};

    std::uint64_t expected = 0;
    unsigned wrong = 0;
    while (expected != total) {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        if (r.wait(wait_options{.deadline = limit}))
            break;
        r.completion().for_each([&](const abi::cqe& entry) {
            wrong += entry.user_data == expected++ ? 0U : 1U;
        });
    }
    submitter.join();
    BOOST_TEST(failed == 0);
    BOOST_TEST(expected == total);
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(polled_submission_wakes_a_sleeping_thread)
{
    boost::system::error_code ec;
    ring r = ring::create(
        {.entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 1}, ec);
    BOOST_REQUIRE(!ec);
    for (std::uint64_t round = 0; round != 3; ++round) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (!r.needs_wakeup() && std::chrono::steady_clock::now() < end)
            ::sched_yield();
        BOOST_TEST(r.needs_wakeup());
        BOOST_REQUIRE(r.try_push(op::nop{}, round));
        const submit_result result = r.submit_and_wait(wait_options{
            .deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10}});
        BOOST_TEST(!result.ec);
        const std::vector<std::uint64_t> expected{round};
        BOOST_TEST(reap_user_data(r) == expected, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(mixed_ring_counts_entries_of_both_widths_and_skips_padding)
{
    boost::system::error_code ec;
    ring r =
        ring::create({.entries = 4, .cq_entries = 8, .flags = abi::setup_cqe_mixed}, ec);
    if (ec == make_error_code(errc::unsupported_setup_flag))
        ASIO_URING_SKIP("the kernel has no mixed completion rings (6.18)");
    BOOST_REQUIRE(!ec);
    std::uint64_t next = 0;
    std::uint64_t expected = 0;
    unsigned wide = 0;
    for (int round = 0; round != 300; ++round) {
        for (unsigned index = 0; index != 3; ++index) {
            const std::uint32_t flags = (next + index) % 2 == 0 ? abi::nop_cqe32 : 0;
            BOOST_REQUIRE(r.try_push(op::nop{.flags = flags}, next + index));
        }
        next += 3;
        BOOST_REQUIRE(r.submit().submitted == 3);
        const unsigned seen = r.for_each_completion([&](const abi::cqe& entry) {
            BOOST_REQUIRE(entry.user_data == expected++);
            wide += (entry.flags & abi::cqe_f_32) != 0 ? 1U : 0U;
        });
        BOOST_REQUIRE(seen == 3);
    }
    BOOST_TEST(wide == 450);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
