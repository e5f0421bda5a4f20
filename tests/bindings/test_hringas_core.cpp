// SPDX-License-Identifier: BSL-1.0
// The promises of hringas, first part: layout, counters, timers, a child process.
#include "../support/plain_sockets.hpp"
#include "../support/raw_ring.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <sys/eventfd.h>
#include <sys/wait.h>

#include <unistd.h>

namespace asio_uring::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// The bytes of an entry that holds nothing but these.
abi::sqe
bare_entry(abi::opcode code, std::int32_t fd, std::uint8_t flags, std::uint64_t user_data)
{
    abi::sqe entry{};
    entry.opcode = static_cast<std::uint8_t>(code);
    entry.fd = fd;
    entry.flags = flags;
    entry.user_data = user_data;
    return entry;
}

bool same_bytes(const abi::sqe& left, const abi::sqe& right)
{
    return std::memcmp(&left, &right, sizeof left) == 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_hringas_core)

// The two queues and the operations are plain code over memory: here a test plays the
// kernel, and no call is made at all.
BOOST_AUTO_TEST_CASE(ha_core_runs_over_plain_memory_without_any_call)
{
    std::uint32_t words[8]{};
    abi::sqe entries[2]{};
    abi::cqe results[4]{};
    submission_queue submission{
        {&words[0], &words[1], &words[2], &words[3], entries, 2, 0}};
    completion_queue completion{
        {&words[4], &words[5], &words[6], &words[7], results, 4, 0, false}};
    for (std::uint32_t round = 0; round != 9; ++round) {
        abi::sqe* entry = submission.try_claim();
        BOOST_REQUIRE(entry != nullptr);
        op::close{.fd = static_cast<int>(round)}.prepare(*entry);
        entry->user_data = round;
        BOOST_TEST(submission.publish() == 1);

        const abi::sqe& taken = entries[words[0]++ % 2];
        results[words[5]++ % 4] = {taken.user_data, -taken.fd, 0};

        BOOST_TEST(completion.for_each([round](const abi::cqe& result) {
            BOOST_TEST(result.user_data == round);
            BOOST_TEST(result.res == -static_cast<int>(round));
        }) == 1);
        BOOST_TEST(submission.unconsumed() == 0);
        BOOST_TEST(words[4] == round + 1);
    }
}

BOOST_AUTO_TEST_CASE(hc_simple_api_needs_four_calls_from_ring_to_result)
{
    ring r{{.entries = 1}};
    const unique_fd event{::eventfd(5, EFD_CLOEXEC)};
    std::uint64_t count = 0;
    BOOST_TEST(
        r.try_push(op::read{.fd = event.get(), .data = &count, .size = sizeof count}, 7));
    BOOST_TEST(r.submit_and_wait(1).submitted == 1);
    BOOST_TEST(r.for_each_completion([](const abi::cqe& entry) {
        BOOST_TEST(entry.user_data == 7);
        BOOST_TEST(entry.res == 8);
    }) == 1);
    BOOST_TEST(count == 5);
}

// That binding refuses 3 entries; the kernel rounds them up to 4, and so does this one.
// Zero entries are refused by both.
BOOST_AUTO_TEST_CASE(h01_structs_offsets_entries)
{
    static_assert(sizeof(abi::setup_params) == 120);
    static_assert(sizeof(abi::sqe) == 64 && sizeof(abi::cqe) == 16);
    static_assert(abi::off_sq_ring == 0);
    static_assert(abi::off_cq_ring == 0x8000000);
    static_assert(abi::off_sqes == 0x10000000);
    boost::system::error_code ec;
    const ring none = ring::create({.entries = 0}, ec);
    BOOST_TEST((ec == errc::entries_out_of_range));
    BOOST_TEST(!none.is_open());
    const ring three = ring::create({.entries = 3}, ec);
    BOOST_TEST(!ec);
    BOOST_TEST(three.sq_entries() == 4);
    BOOST_TEST(three.cq_entries() == 8);
}

BOOST_AUTO_TEST_CASE(h02_nop_moves_every_counter_by_one)
{
    raw_ring r{1, 2};
    BOOST_TEST(r.counters() == (shared_counters{0, 0, 0, 0}));
    abi::sqe* entry = r.submission.try_claim();
    BOOST_REQUIRE(entry != nullptr);
    op::nop{}.prepare(*entry);
    entry->user_data = 0xaaaaaaaa;
    BOOST_TEST(same_bytes(*entry, bare_entry(abi::opcode::nop, -1, 0, 0xaaaaaaaa)));
    // Claimed, and the kernel's words untouched.
    BOOST_TEST(r.submission.claimed() == 1);
    BOOST_TEST(r.submission.published() == 0);
    BOOST_TEST(r.submission.space_left() == 0);
    BOOST_TEST(r.counters() == (shared_counters{0, 0, 0, 0}));

    BOOST_TEST(r.submission.publish() == 1);
    BOOST_TEST(r.submission.published() == 1);
    BOOST_TEST(r.counters() == (shared_counters{0, 1, 0, 0}));
    BOOST_TEST(r.enter(1, 0, 0) == 1);
    BOOST_TEST(r.counters() == (shared_counters{1, 1, 0, 1}));
    BOOST_TEST(r.submission.unconsumed() == 0);
    BOOST_TEST(r.submission.space_left() == 1);

    BOOST_REQUIRE(r.completion.ready() == 1);
    const abi::cqe result = *r.completion.peek();
    BOOST_TEST(r.counters() == (shared_counters{1, 1, 0, 1}));
    r.completion.advance(1);
    BOOST_TEST(r.counters() == (shared_counters{1, 1, 1, 1}));
    BOOST_TEST(r.completion.ready() == 0);
    BOOST_TEST(result.user_data == 0xaaaaaaaa);
    BOOST_TEST(result.res == 0);
    BOOST_TEST(result.flags == 0);
}

BOOST_AUTO_TEST_CASE(h02_nop_with_drain_completes_and_closed_ring_has_no_descriptor)
{
    ring r{{.entries = 1}};
    push(r, op::nop{}, 0xbbbbbbbb, abi::sqe_io_drain);
    BOOST_TEST(same_bytes(
        r.sqe_at(0), bare_entry(abi::opcode::nop, -1, abi::sqe_io_drain, 0xbbbbbbbb)));
    const completions done = reap(r, 1);
    BOOST_TEST(done.res_of(0xbbbbbbbb) == 0);
    BOOST_TEST(r.claimed() == 1);
    BOOST_TEST(r.published() == 1);
    BOOST_TEST(r.unconsumed() == 0);
    BOOST_TEST(r.ready() == 0);
    r.close();
    BOOST_TEST(r.native_handle() == -1);
    BOOST_TEST(!r.is_open());
}

BOOST_AUTO_TEST_CASE(h12_timeout_after_a_relative_time_expires)
{
    ring r{{.entries = 1}};
    const abi::kernel_timespec ten_ms{0, 10'000'000};
    const auto begin = steady_clock::now();
    BOOST_TEST(result_of(r, op::timeout{.expiry = &ten_ms}) == -ETIME);
    const auto elapsed = steady_clock::now() - begin;
    BOOST_TEST((elapsed >= milliseconds{10}));
    BOOST_TEST((elapsed < seconds{5}));
}

BOOST_AUTO_TEST_CASE(h13_timeout_after_a_number_of_completions_ends_without_error)
{
    ring r{{.entries = 2}};
    const abi::kernel_timespec three_seconds{3, 0};
    const auto begin = steady_clock::now();
    push(r, op::timeout{.expiry = &three_seconds, .count = 1}, 0x11);
    push(r, op::nop{}, 0x22);
    const completions done = reap(r, 2);
    BOOST_TEST(done[0].user_data == 0x22);
    BOOST_TEST(done[0].res == 0);
    BOOST_TEST(done[1].user_data == 0x11);
    BOOST_TEST(done[1].res == 0);
    BOOST_TEST((steady_clock::now() - begin < seconds{3}));
}

BOOST_AUTO_TEST_CASE(h14_timeout_remove_cancels_the_timeout)
{
    ring r{{.entries = 2}};
    const abi::kernel_timespec three_seconds{3, 0};
    push(r, op::timeout{.expiry = &three_seconds}, 0x88888888);
    push(r, op::timeout_remove{.user_data = 0x88888888}, 0x99999999);
    const abi::sqe& remover = r.sqe_at(1);
    BOOST_TEST((remover.opcode == 12 && remover.addr == 0x88888888));
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(0x88888888) == -ECANCELED);
    BOOST_TEST(done.res_of(0x99999999) == 0);
}

BOOST_AUTO_TEST_CASE(h36_waitid_reports_the_child_and_its_status)
{
    if (!kernel_features::running().supports(abi::opcode::waitid))
        ASIO_URING_SKIP("the kernel has no WAITID (6.7)");
    ring r{{.entries = 2}};
    ::siginfo_t info{};
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(7);
    BOOST_REQUIRE(child > 0);
    BOOST_TEST(
        result_of(
            r,
            op::waitid{
                .id_type = P_PID, .id = child, .result = &info, .options = WEXITED}) ==
        0);
    BOOST_TEST(info.si_pid == child);
    BOOST_TEST(info.si_status == 7);
    BOOST_TEST(info.si_code == CLD_EXITED);
    // It has been collected.
    BOOST_TEST(::waitpid(child, nullptr, WNOHANG) == -1);
}

BOOST_AUTO_TEST_CASE(h40_completions_copied_across_the_wrap_advance_the_head_exactly)
{
    raw_ring r{2, 4};
    const abi::kernel_timespec soon{0, 10'000};
    std::uint64_t next = 0;
    const auto submit = [&](auto operation, unsigned count) {
        for (unsigned index = 0; index != count; ++index) {
            abi::sqe* entry = r.submission.try_claim();
            BOOST_REQUIRE(entry != nullptr);
            operation.prepare(*entry);
            entry->user_data = next++;
        }
        r.submission.publish();
        BOOST_REQUIRE(r.enter(count, 0, 0) == static_cast<int>(count));
    };
    // Two completions first, so that each batch of four crosses the end of the array.
    submit(op::nop{}, 2);
    r.completion.advance(2);

    unsigned wrong = 0;
    for (std::uint32_t round = 1; round != 1024; ++round) {
        BOOST_REQUIRE(r.counters().cq_head == 2 + 4 * (round - 1));
        submit(op::timeout{.expiry = &soon}, 2);
        submit(op::timeout{.expiry = &soon}, 2);
        const auto deadline = end_of_patience();
        while (r.completion.ready() < 4) {
            BOOST_REQUIRE(r.enter(0, 4, abi::enter_getevents) >= 0);
            BOOST_REQUIRE((steady_clock::now() < deadline));
        }
        std::vector<std::uint64_t> seen;
        BOOST_REQUIRE(r.completion.for_each([&](const abi::cqe& result) {
            wrong += result.res == -ETIME ? 0U : 1U;
            seen.push_back(result.user_data);
        }) == 4);
        std::sort(seen.begin(), seen.end());
        wrong += seen == std::vector{next - 4, next - 3, next - 2, next - 1} ? 0U : 1U;
    }
    BOOST_TEST(wrong == 0);
    BOOST_TEST(r.counters().cq_head == 2 + 4 * 1023);
    BOOST_TEST(r.counters().cq_tail == 2 + 4 * 1023);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
