// SPDX-License-Identifier: BSL-1.0
// Rings that poll: the kernel's submission thread, and disks.
#include "../support/skip.hpp"
#include "ring_check.hpp"

#include <asio_uring/ring/kernel_features.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

/// The polling threads this process has, also of rings that are going away.
std::set<std::string> polling_threads()
{
    std::set<std::string> threads;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream name{entry.path() / "comm"};
        std::string text;
        std::getline(name, text);
        if (text.rfind("iou-sqp-", 0) == 0)
            threads.insert(entry.path().filename());
    }
    return threads;
}

/// How many there are that were not there `before`.
unsigned new_polling_threads(const std::set<std::string>& before)
{
    unsigned count = 0;
    for (const std::string& thread : polling_threads())
        count += before.count(thread) == 0 ? 1U : 0U;
    return count;
}

/// Whether the thread goes to sleep in the time a test may take.
bool falls_asleep(const ring& r)
{
    const auto end = far_off();
    while (!r.needs_wakeup() && std::chrono::steady_clock::now() < end)
        ::sched_yield();
    return r.needs_wakeup();
}

/// A file of one page, in the folder of temporary files, open past the page cache.
class direct_file
{
public:
    direct_file()
    {
        const auto folder = std::filesystem::temp_directory_path();
        std::string path = folder / "asio_uring_direct_XXXXXX";
        const detail::unique_fd made{::mkstemp(path.data())};
        const std::string text(size, 'd');
        if (made && ::write(made.get(), text.data(), size) == size)
            fd_.reset(::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
        ::fsync(made.get());
        ::unlink(path.c_str());
    }
    int get() const { return fd_.get(); }
    static constexpr unsigned size = 4096;

private:
    detail::unique_fd fd_;
};

struct free_memory
{
    void operator()(char* memory) const { std::free(memory); }
};
using aligned_page = std::unique_ptr<char, free_memory>;

aligned_page make_page()
{
    return aligned_page{static_cast<char*>(std::aligned_alloc(4096, 4096))};
}

/// The result of reading the file through a polling ring.
int polled_read(ring& r, const direct_file& file, char* data)
{
    if (!r.try_push(op::read{.fd = file.get(), .data = data, .size = file.size}, 1))
        return -EBUSY;
    const submit_result result = r.submit_and_wait({.deadline = far_off()});
    const auto seen = reap(r);
    return seen.size() == 1 ? seen[0].res : -result.ec.value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_polling)

BOOST_AUTO_TEST_CASE(polled_submission_needs_no_enter_while_the_thread_is_awake)
{
    ring r{ring_options{
        .entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 10'000}};
    BOOST_TEST(works(r)); // a thread that finds nothing when it starts sleeps at once
    for (std::uint64_t number = 0; number != 50; ++number) {
        BOOST_REQUIRE(r.try_push(op::nop{}, number));
        r.publish();
        const auto end = far_off();
        while (r.ready() == 0 && std::chrono::steady_clock::now() < end)
            ::sched_yield();
        const auto seen = reap(r);
        BOOST_REQUIRE(seen.size() == 1);
        BOOST_TEST(seen[0].user_data == number);
    }
}

BOOST_AUTO_TEST_CASE(polled_submission_waits_for_space_in_a_full_queue)
{
    ring r{ring_options{
        .entries = 2,
        .cq_entries = 64,
        .flags = abi::setup_sqpoll,
        .sq_thread_idle_ms = 1}};
    std::uint64_t next = 0;
    std::uint64_t expected = 0;
    for (int round = 0; round != 60; ++round) {
        if (round % 20 == 0)
            BOOST_TEST(falls_asleep(r));
        while (r.try_push(op::nop{}, next))
            ++next;
        BOOST_TEST(r.submission().space_left() == 0);
        BOOST_REQUIRE(!r.wait_for_space());
        BOOST_TEST(r.submission().space_left() != 0);
        for (const abi::cqe& entry : reap(r))
            BOOST_TEST(entry.user_data == expected++);
    }
    while (expected != next && !r.submit_and_wait({.deadline = far_off()}).ec) {
        for (const abi::cqe& entry : reap(r))
            BOOST_TEST(entry.user_data == expected++);
    }
    BOOST_TEST(expected == next);

    ring plain{ring_options{.entries = 1}};
    BOOST_REQUIRE(plain.try_push(op::nop{}, 1));
    BOOST_TEST(!plain.wait_for_space());
}

// The polling thread consumes entries when it likes; each counts once all the same.
BOOST_AUTO_TEST_CASE(polled_submission_counts_each_entry_once)
{
    ring r{
        ring_options{.entries = 8, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 1}};
    unsigned pushed = 0;
    unsigned told = 0;
    for (int round = 0; round != 20; ++round) {
        if (round % 5 == 0)
            BOOST_TEST(falls_asleep(r)); // so that entries stay unconsumed for a while
        for (unsigned count = 0; count != 2; ++count)
            pushed += r.try_push(op::nop{}, 1) ? 1U : 0U;
        for (int again = 0; again != 3; ++again)
            told += r.submit().submitted;
        const submit_result waited =
            r.submit_and_wait({.min_complete = 2, .deadline = far_off()});
        BOOST_REQUIRE(!waited.ec);
        told += waited.submitted;
        r.advance(r.ready());
    }
    BOOST_TEST(pushed == 40);
    BOOST_TEST(told == pushed);
}

BOOST_AUTO_TEST_CASE(attached_rings_share_one_polling_thread)
{
    const std::set<std::string> before = polling_threads();
    ring first{
        ring_options{.entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 1}};
    const ring_options attached{
        .entries = 4,
        .flags = abi::setup_sqpoll | abi::setup_attach_wq,
        .sq_thread_idle_ms = 1,
        .attach_wq_fd = first.native_handle()};
    ring second{attached};
    // A thread gets its name when it first runs.
    BOOST_TEST(works(first));
    BOOST_TEST(works(second));
    BOOST_TEST(new_polling_threads(before) == 1);
    ring third{
        ring_options{.entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 1}};
    BOOST_TEST(works(third));
    BOOST_TEST(new_polling_threads(before) == 2);
    first.close();
    BOOST_TEST(works(second));
}

BOOST_AUTO_TEST_CASE(polling_thread_runs_on_the_cpu_it_was_given)
{
    cpu_set_t allowed;
    BOOST_REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    unsigned cpu = CPU_SETSIZE - 1;
    while (!CPU_ISSET(cpu, &allowed))
        --cpu;
    const std::set<std::string> before = polling_threads();
    ring r{ring_options{
        .entries = 4,
        .flags = abi::setup_sqpoll | abi::setup_sq_aff,
        .sq_thread_cpu = cpu,
        .sq_thread_idle_ms = 1}};
    BOOST_TEST(works(r));
    BOOST_TEST(new_polling_threads(before) == 1);
    for (const std::string& thread : polling_threads()) {
        if (before.count(thread) != 0)
            continue;
        cpu_set_t pinned;
        BOOST_REQUIRE(
            ::sched_getaffinity(std::stoi(thread), sizeof pinned, &pinned) == 0);
        BOOST_TEST(CPU_COUNT(&pinned) == 1);
        BOOST_TEST(CPU_ISSET(cpu, &pinned));
    }
    boost::system::error_code ec;
    const ring_options nowhere{
        .entries = 4,
        .flags = abi::setup_sqpoll | abi::setup_sq_aff,
        .sq_thread_cpu = 100'000};
    BOOST_TEST(!ring::create(nowhere, ec).is_open());
    BOOST_TEST(ec.value() == EINVAL);
}

BOOST_AUTO_TEST_CASE(polled_completion_reads_a_file_past_the_cache)
{
    const direct_file file;
    if (file.get() < 0)
        ASIO_URING_SKIP("the folder of temporary files takes no direct I/O");
    const aligned_page page = make_page();
    ring r{ring_options{.entries = 4, .flags = abi::setup_iopoll}};
    const int result = polled_read(r, file, page.get());
    if (result == -EOPNOTSUPP)
        ASIO_URING_SKIP("the disk has no poll queues");
    BOOST_TEST(result == 4096);
    BOOST_TEST(page.get()[4095] == 'd');
}

BOOST_AUTO_TEST_CASE(hybrid_polled_completion_reads_a_file_past_the_cache)
{
    if (!kernel_features::running().supports_setup(abi::setup_hybrid_iopoll))
        ASIO_URING_SKIP("the kernel has no hybrid polling (6.13)");
    const direct_file file;
    if (file.get() < 0)
        ASIO_URING_SKIP("the folder of temporary files takes no direct I/O");
    const aligned_page page = make_page();
    ring r{ring_options{
        .entries = 4, .flags = abi::setup_iopoll | abi::setup_hybrid_iopoll}};
    const int result = polled_read(r, file, page.get());
    if (result == -EOPNOTSUPP)
        ASIO_URING_SKIP("the disk has no poll queues");
    BOOST_TEST(result == 4096);
    BOOST_TEST(page.get()[4095] == 'd');
}

BOOST_AUTO_TEST_CASE(polled_wait_with_nothing_in_flight_ends_at_its_deadline)
{
    ring r{ring_options{.entries = 4, .flags = abi::setup_iopoll}};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{5};
    BOOST_TEST(r.submit_and_wait({.deadline = deadline}).ec.value() == ETIME);
    BOOST_TEST((std::chrono::steady_clock::now() >= deadline));
}

// The kernel gives up a wait of this kind when the CPU is wanted elsewhere.
BOOST_AUTO_TEST_CASE(polled_wait_never_returns_with_nothing_ready)
{
    ring r{ring_options{.entries = 4, .flags = abi::setup_iopoll}};
    for (int round = 0; round != 4000; ++round) {
        BOOST_REQUIRE(r.try_push(op::nop{}, 7, abi::sqe_async));
        BOOST_REQUIRE(r.submit().submitted == 1);
        BOOST_REQUIRE(!r.submit_and_wait(1).ec);
        BOOST_REQUIRE(r.ready() == 1);
        r.advance(1);
    }
}

BOOST_AUTO_TEST_CASE(ring_that_polls_disks_refuses_everything_else)
{
    ring r{ring_options{.entries = 4, .flags = abi::setup_iopoll}};
    const abi::kernel_timespec soon{0, 1};
    BOOST_REQUIRE(r.try_push(op::timeout{.expiry = &soon}, 1));
    BOOST_TEST(r.submit().submitted == 1);
    const auto seen = reap(r);
    BOOST_REQUIRE(seen.size() == 1);
    BOOST_TEST(seen[0].res == -EINVAL);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
