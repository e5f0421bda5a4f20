// SPDX-License-Identifier: BSL-1.0
// The queues over memory that the test plays the kernel on: counters that wrap, wide
// entries, rewinding.
#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace asio_uring::test {

namespace {

constexpr unsigned sq_entries = 4;

/// Submission side: the words and entries the kernel would share.
struct submission_memory
{
    explicit submission_memory(std::uint32_t start) : head{start}, tail{start} {}

    submission_queue queue(bool mixed = false)
    {
        return submission_queue{submission_queue::view{
            .head = &head,
            .tail = &tail,
            .flags = &flags,
            .dropped = &dropped,
            .sqes = entries.data(),
            .entries = sq_entries,
            .entry_shift = 0,
            .mixed = mixed}};
    }

    /// What the kernel finds at its head.
    const abi::sqe& next() const { return entries[head % sq_entries]; }

    std::uint32_t head;
    std::uint32_t tail;
    std::uint32_t flags = 0;
    std::uint32_t dropped = 0;
    std::array<abi::sqe, sq_entries> entries{};
};

bool push(submission_queue& queue, std::uint64_t number)
{
    abi::sqe* entry = queue.try_claim();
    if (entry != nullptr)
        entry->user_data = number;
    return entry != nullptr;
}

bool push_wide(submission_queue& queue, std::uint64_t number, std::uint8_t padding = 0)
{
    abi::wide_sqe* entry = queue.try_claim_wide(padding);
    if (entry != nullptr) {
        op::nop128{}.prepare(*entry);
        entry->user_data = number;
    }
    return entry != nullptr;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_views)

BOOST_AUTO_TEST_CASE(submission_counters_run_through_two_to_the_thirty_two)
{
    submission_memory kernel{0xffff'fffdU};
    submission_queue queue = kernel.queue();
    std::uint64_t expected = 0;
    std::uint64_t next = 0;
    for (int round = 0; round != 20; ++round) {
        const std::uint32_t sequence = queue.claimed();
        for (unsigned count = 0; count != sq_entries; ++count)
            BOOST_TEST(push(queue, next++));
        BOOST_TEST(!push(queue, 99));
        BOOST_TEST(queue.space_left() == 0);
        BOOST_TEST(queue.at(sequence + 1).user_data == next - 3);
        BOOST_TEST(queue.publish() == sq_entries);
        // The kernel takes three, then the last.
        for (int count = 0; count != 3; ++count, ++kernel.head)
            BOOST_TEST(kernel.next().user_data == expected++);
        BOOST_TEST(queue.unconsumed() == 1);
        BOOST_TEST(queue.space_left() == 3);
        BOOST_TEST(kernel.next().user_data == expected++);
        ++kernel.head;
        BOOST_TEST(queue.unconsumed() == 0);
    }
    BOOST_TEST(kernel.tail == 0xffff'fffdU + 80);
}

BOOST_AUTO_TEST_CASE(completion_counters_run_through_two_to_the_thirty_two)
{
    for (const bool mixed : {false, true}) {
        std::uint32_t head = 0xffff'fffeU;
        std::uint32_t tail = head;
        std::uint32_t flags = 0;
        std::uint32_t overflow = 0;
        std::array<abi::cqe, 8> entries{};
        completion_queue queue{completion_queue::view{
            .head = &head,
            .tail = &tail,
            .flags = &flags,
            .overflow = &overflow,
            .cqes = entries.data(),
            .entries = 8,
            .entry_shift = 0,
            .mixed = mixed}};
        std::uint64_t next = 0;
        std::uint64_t expected = 0;
        for (int round = 0; round != 20; ++round) {
            for (int count = 0; count != 7; ++count)
                entries[tail++ % 8] = {.user_data = next++, .res = 0, .flags = 0};
            BOOST_TEST(queue.ready() == 7);
            BOOST_TEST(queue.peek()->user_data == expected);
            BOOST_TEST(queue.at(6).user_data == expected + 6);
            queue.advance(2);
            expected += 2;
            BOOST_TEST(queue.for_each([&](const abi::cqe& entry) {
                BOOST_TEST(entry.user_data == expected++);
            }) == 5);
            BOOST_TEST(queue.ready() == 0);
            BOOST_TEST(queue.peek() == nullptr);
            BOOST_TEST(head == tail);
        }
    }
}

BOOST_AUTO_TEST_CASE(wide_entry_takes_two_places_side_by_side)
{
    submission_memory kernel{0xffff'fffcU}; // the first place
    submission_queue queue = kernel.queue(true);
    BOOST_TEST(push(queue, 1));
    BOOST_TEST(push_wide(queue, 2));
    BOOST_TEST(queue.space_left() == 1);
    BOOST_TEST(kernel.entries[1].user_data == 2);
    BOOST_TEST(kernel.entries[1].opcode == 63);

    // The last place cannot hold half of it: padding does, and the rest has to wait.
    BOOST_TEST(!push_wide(queue, 3, abi::sqe_io_link));
    BOOST_TEST(queue.space_left() == 0);
    const abi::sqe& padding = kernel.entries[3];
    BOOST_TEST(padding.opcode == 0);
    BOOST_TEST(padding.flags == (abi::sqe_io_link | abi::sqe_cqe_skip_success));
    BOOST_TEST(queue.publish() == 4);
    kernel.head += 3;
    BOOST_TEST(!push_wide(queue, 3) == false);
    BOOST_TEST(kernel.entries[0].user_data == 3);
    BOOST_TEST(queue.publish() == 3);
}

BOOST_AUTO_TEST_CASE(wide_entry_pads_the_end_and_starts_over_in_one_step)
{
    submission_memory kernel{3};
    submission_queue queue = kernel.queue(true);
    BOOST_TEST(push_wide(queue, 5));
    BOOST_TEST(queue.claimed() == 6);
    BOOST_TEST(kernel.entries[3].flags == abi::sqe_cqe_skip_success);
    BOOST_TEST(kernel.entries[0].user_data == 5);
    BOOST_TEST(!push_wide(queue, 6)); // one place left
    BOOST_TEST(push(queue, 7));
    BOOST_TEST(kernel.entries[2].user_data == 7);
}

BOOST_AUTO_TEST_CASE(wide_operation_is_pushed_as_such)
{
    static_assert(abi::is_wide(op::nop128::code) && abi::is_wide(op::uring_cmd128::code));
    static_assert(!abi::is_wide(op::nop::code));
    ring r{ring_options{.entries = 2, .flags = abi::setup_sqe128}};
    const std::array<std::byte, 80> payload{std::byte{1}};
    BOOST_REQUIRE(r.try_push(op::uring_cmd128{.fd = 0, .payload = payload}, 9));
    BOOST_REQUIRE(r.try_push(op::nop{}, 10));
    BOOST_TEST(r.claimed() == 2);
    BOOST_TEST(r.sqe_at(0).user_data == 9);
    BOOST_TEST(r.sqe_at(1).user_data == 10);
    BOOST_REQUIRE(!r.submit().ec);
    BOOST_REQUIRE(r.try_push(op::uring_cmd_sqe128{.fd = 0, .payload = payload}, 11));
    BOOST_TEST(r.claimed() == 3);
}

// The kernel would take the second half for an operation.
BOOST_AUTO_TEST_CASE(wide_operation_is_refused_by_a_ring_without_wide_entries)
{
    ring r{ring_options{.entries = 8}};
    const std::array<std::byte, 80> payload{std::byte{1}};
    BOOST_TEST(!r.try_push(op::uring_cmd128{.fd = 0, .payload = payload}, 1));
    BOOST_TEST(!r.try_push(op::uring_cmd_sqe128{.fd = 0, .payload = payload}, 1));
    BOOST_TEST(!r.try_push(op::nop128{}, 1));
    BOOST_TEST((r.try_claim_wide() == nullptr));
    BOOST_TEST(r.claimed() == 0);
}

// One thread rewrites its entry while another one is in the kernel, whose head moves. A
// queue that holds more than fits gives it time to do so.
BOOST_AUTO_TEST_CASE(entry_is_rewritten_while_the_kernel_consumes_others)
{
    constexpr std::uint32_t others = 5'000'000;
    submission_memory kernel{0};
    kernel.tail = others;
    submission_queue queue = kernel.queue();
    BOOST_REQUIRE(push(queue, 0));
    std::thread consumer{[&kernel] {
        for (std::uint32_t head = 1; head <= others; ++head)
            std::atomic_ref{kernel.head}.store(head, std::memory_order_release);
    }};
    do
        ++queue.at(others).user_data;
    while (queue.unconsumed() != 0);
    consumer.join();
    BOOST_TEST(queue.at(others).user_data > 0);
}

BOOST_AUTO_TEST_CASE(rewound_queue_starts_at_its_first_place_with_what_is_left)
{
    submission_memory kernel{0};
    std::uint32_t own_tail = 0;
    submission_queue queue{submission_queue::view{
        .head = &kernel.head,
        .tail = &own_tail,
        .flags = &kernel.flags,
        .dropped = &kernel.dropped,
        .sqes = kernel.entries.data(),
        .entries = sq_entries,
        .entry_shift = 0,
        .mixed = false}};
    for (int round = 0; round != 10; ++round) {
        BOOST_TEST(push(queue, 0));
        BOOST_TEST(push(queue, 1));
        BOOST_TEST(push(queue, 2));
        BOOST_TEST(queue.publish() == 3);
        BOOST_TEST(push(queue, 3)); // not shown to the kernel
        BOOST_TEST(!push(queue, 4));
        queue.rewind(2); // a partial submission
        BOOST_TEST(queue.unconsumed() == 1);
        BOOST_TEST(queue.claimed() == 2);
        BOOST_TEST(kernel.entries[0].user_data == 2);
        BOOST_TEST(kernel.entries[1].user_data == 3);
        BOOST_TEST(queue.space_left() == 2);
        BOOST_TEST(queue.publish() == 2);
        queue.rewind(2);
        BOOST_TEST(queue.claimed() == 0);
        BOOST_TEST(queue.space_left() == 4);
    }
    BOOST_TEST(kernel.tail == 0);
    BOOST_TEST(kernel.head == 0);
}

BOOST_AUTO_TEST_CASE(resumed_queues_keep_entries_across_a_counter_that_wraps)
{
    submission_memory small{0xffff'ffffU};
    submission_queue before = small.queue();
    BOOST_TEST(push(before, 1));
    BOOST_TEST(push(before, 2));
    before.publish();
    BOOST_TEST(push(before, 3));

    std::array<abi::sqe, 16> entries{};
    std::uint32_t head = small.head;
    std::uint32_t tail = small.tail;
    submission_queue after{submission_queue::view{
        .head = &head,
        .tail = &tail,
        .flags = &small.flags,
        .dropped = &small.dropped,
        .sqes = entries.data(),
        .entries = 16,
        .entry_shift = 0}};
    after.resume(before);
    BOOST_TEST(after.unconsumed() == 2);
    BOOST_TEST(after.claimed() - after.published() == 1);
    BOOST_TEST(entries[15].user_data == 1);
    BOOST_TEST(entries[0].user_data == 2);
    BOOST_TEST(entries[1].user_data == 3);
    BOOST_TEST(after.space_left() == 13);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
