// SPDX-License-Identifier: BSL-1.0
// Entering the kernel: partial submission, refusals, task work by the dozen, registered
// waits, threads that end, and the wrong thread.
#include "../support/skip.hpp"
#include "in_child.hpp"
#include "ring_check.hpp"

#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/wait_region.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <thread>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

namespace asio_uring::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint32_t deferred = abi::setup_single_issuer | abi::setup_defer_taskrun;

/// Lets every io_uring_enter of this process that submits `to_submit` entries fail.
bool refuse_enter(unsigned to_submit, int error)
{
    ::sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 426, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, to_submit, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const ::sock_fprog filter{6, program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

std::string submit_after_refusal(int error)
{
    ring r{ring_options{.entries = 8}};
    if (!refuse_enter(3, error))
        return "no seccomp";
    for (std::uint64_t number = 0; number != 3; ++number) {
        if (!r.try_push(op::nop{}, number))
            return "no room";
    }
    const submit_result refused = r.submit();
    if (refused.ec.value() != error || refused.submitted != 0 || r.unconsumed() != 3)
        return "the refusal was not reported: " + refused.ec.message();
    const submit_result waited = r.submit_and_wait({.deadline = far_off()});
    if (waited.ec.value() != error || r.unconsumed() != 3)
        return "the wait hid the refusal: " + waited.ec.message();
    if (!r.try_push(op::nop{}, 3))
        return "no room for one more";
    const submit_result again = r.submit();
    return !again.ec && again.submitted == 4 && reap(r).size() == 4 ? "" : "lost";
}

/// A disabled ring, a region of its own, and both enabled.
struct waiting_ring
{
    explicit waiting_ring(std::uint32_t flags = 0)
        : r{ring_options{.entries = 4, .flags = abi::setup_r_disabled | flags}},
          region{r, 4}
    {
        BOOST_TEST(!r.enable());
    }
    ring r;
    wait_region region;
};

bool kernel_has_regions()
{
    return kernel_features::running().supports_enter(abi::enter_ext_arg_reg);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_enter)

BOOST_AUTO_TEST_CASE(bad_entry_ends_a_batch_only_without_submit_all)
{
    for (const bool all : {false, true}) {
        ring r{ring_options{
            .entries = 8,
            .optional_flags = all ? abi::setup_submit_all : std::uint32_t{0}}};
        if (all && (r.setup_flags() & abi::setup_submit_all) == 0)
            continue;
        BOOST_REQUIRE(r.try_push(op::nop{}, 0));
        BOOST_REQUIRE(r.try_push(op::nop{}, 1, 1U << 7)); // a flag nobody knows
        BOOST_REQUIRE(r.try_push(op::nop{}, 2));
        const submit_result first = r.submit();
        BOOST_TEST(!first.ec);
        BOOST_TEST(first.submitted == (all ? 3 : 2));
        BOOST_TEST(r.unconsumed() == (all ? 0 : 1));
        // What was left goes with the next call.
        BOOST_TEST(r.submit().submitted == (all ? 0 : 1));
        const auto seen = reap_sorted(r, 3);
        BOOST_REQUIRE(seen.size() == 3);
        BOOST_TEST(seen[1].res == -EINVAL);
        BOOST_TEST(seen[2].res == 0);
    }
}

BOOST_AUTO_TEST_CASE(refused_submission_is_reported_and_keeps_its_entries)
{
    for (int error : {EAGAIN, EBUSY, EBADR}) {
        const std::string verdict =
            in_child([error] { return submit_after_refusal(error); });
        if (verdict == "no seccomp")
            ASIO_URING_SKIP("this system does not let a process filter its calls");
        BOOST_TEST(verdict == "", "errno " << error);
    }
}

BOOST_AUTO_TEST_CASE(min_wait_gathers_what_comes_and_is_content_with_less)
{
    if (!kernel_features::running().supports_feature(abi::feat_min_timeout))
        ASIO_URING_SKIP("the kernel has no minimal wait (6.12)");
    ring r{ring_options{.entries = 4, .flags = deferred}};
    socket_pair sockets;
    char byte = 0;
    BOOST_REQUIRE(::send(sockets.right.get(), "x", 1, 0) == 1);
    BOOST_REQUIRE(
        r.try_push(op::recv{.fd = sockets.left.get(), .data = &byte, .size = 1}, 1));
    const auto begin = steady_clock::now();
    const submit_result result = r.submit_and_wait(
        {.min_complete = 3, .deadline = far_off(), .min_wait = milliseconds{20}});
    const auto took = steady_clock::now() - begin;
    BOOST_TEST(!result.ec);
    BOOST_TEST(r.ready() == 1);
    BOOST_TEST((took >= milliseconds{20}));
    BOOST_TEST((took < std::chrono::seconds{9}));
}

BOOST_AUTO_TEST_CASE(task_work_beyond_one_call_is_run_to_its_end)
{
    if (!kernel_features::running().supports_feature(abi::feat_no_iowait))
        ASIO_URING_SKIP("the kernel has no no-operation as task work (6.17)");
    for (std::uint32_t told : {std::uint32_t{0}, abi::setup_taskrun_flag}) {
        ring r{ring_options{.entries = 128, .flags = deferred | told}};
        for (std::uint64_t number = 0; number != 100; ++number)
            BOOST_REQUIRE(r.try_push(op::nop{.flags = abi::nop_tw}, number));
        BOOST_TEST(r.submit().submitted == 100);
        BOOST_TEST(r.enter(0, 0, abi::enter_getevents) >= 0);
        BOOST_TEST(r.ready() < 100); // the reason for the function
        BOOST_TEST(!r.run_task_work());
        BOOST_TEST(r.ready() == 100);
        BOOST_TEST(!r.task_work_pending());
        BOOST_TEST(!r.run_task_work());
    }
}

BOOST_AUTO_TEST_CASE(task_work_run_stops_at_a_full_queue_and_flushes_the_backlog)
{
    ring r{ring_options{.entries = 8, .cq_entries = 8}};
    for (std::uint64_t first = 0; first != 40; first += 8) {
        for (std::uint64_t number = first; number != first + 8; ++number)
            BOOST_REQUIRE(r.try_push(op::nop{}, number));
        BOOST_TEST(r.submit().submitted == 8);
    }
    std::uint64_t expected = 0;
    for (int turn = 0; turn != 5; ++turn) {
        BOOST_TEST(!r.run_task_work());
        BOOST_TEST(r.ready() == 8);
        for (const abi::cqe& entry : reap(r))
            BOOST_TEST(entry.user_data == expected++);
    }
    BOOST_TEST(!r.run_task_work());
    BOOST_TEST(!r.completion_overflow());
    BOOST_TEST(r.ready() == 0);
}

BOOST_AUTO_TEST_CASE(registered_wait_ends_with_its_timeout_each_time)
{
    if (!kernel_has_regions())
        ASIO_URING_SKIP("the kernel has no wait regions (6.13)");
    for (std::uint32_t flags : {std::uint32_t{0}, deferred}) {
        waiting_ring w{flags};
        BOOST_TEST(w.region.slots() >= 4);
        const registered_wait wait = w.region.set(3, milliseconds{5});
        for (int round = 0; round != 3; ++round) {
            const auto begin = steady_clock::now();
            BOOST_TEST(w.r.enter(0, 1, abi::enter_getevents, wait) == -ETIME);
            BOOST_TEST((steady_clock::now() - begin >= milliseconds{5}));
        }
        // The same call submits, and a completion ends it.
        BOOST_REQUIRE(w.r.try_push(op::nop{}, 1));
        BOOST_TEST(w.r.publish() == 1);
        BOOST_TEST(w.r.enter(1, 1, abi::enter_getevents, wait) == 1);
        BOOST_TEST(reap(w.r).size() == 1);
    }
}

BOOST_AUTO_TEST_CASE(registered_wait_takes_all_of_the_wait_options)
{
    if (!kernel_has_regions())
        ASIO_URING_SKIP("the kernel has no wait regions (6.13)");
    waiting_ring w{deferred};
    const auto deadline = steady_clock::now() + milliseconds{20};
    const registered_wait late = w.region.set(0, {.deadline = deadline});
    BOOST_TEST(w.r.enter(0, 1, abi::enter_getevents, late) == -ETIME);
    BOOST_TEST((steady_clock::now() >= deadline));
    // The slot is not copied, but the deadline stays where it was.
    BOOST_TEST(w.r.enter(0, 1, abi::enter_getevents, late) == -ETIME);

    const registered_wait gather =
        w.region.set(1, {.deadline = far_off(), .min_wait = milliseconds{10}});
    BOOST_REQUIRE(w.r.try_push(op::nop{}, 1));
    w.r.publish();
    const auto begin = steady_clock::now();
    BOOST_TEST(w.r.enter(1, 3, abi::enter_getevents, gather) == 1);
    BOOST_TEST((steady_clock::now() - begin >= milliseconds{10}));
    BOOST_TEST(reap(w.r).size() == 1);

    sigset_t open;
    ::sigemptyset(&open);
    const registered_wait masked = w.region.set(2, {.signals = &open});
    BOOST_TEST(w.region.at(2).sigmask_sz == abi::kernel_sigset_size);
    BOOST_REQUIRE(w.r.try_push(op::nop{}, 2));
    w.r.publish();
    BOOST_TEST(w.r.enter(1, 1, abi::enter_getevents, masked) == 1);
}

BOOST_AUTO_TEST_CASE(wait_region_and_ring_end_in_any_order)
{
    if (!kernel_has_regions())
        ASIO_URING_SKIP("the kernel has no wait regions (6.13)");
    ring r{ring_options{.entries = 4, .flags = abi::setup_r_disabled}};
    registered_wait wait;
    {
        wait_region region{r, 1};
        wait_region moved{std::move(region)};
        BOOST_TEST(region.slots() == 0);
        wait = moved.set(0, milliseconds{5});
    }
    BOOST_TEST(!r.enable());
    BOOST_TEST(r.enter(0, 1, abi::enter_getevents, wait) == -ETIME);
}

BOOST_AUTO_TEST_CASE(wait_region_lies_in_memory_of_the_caller)
{
    if (!kernel_has_regions())
        ASIO_URING_SKIP("the kernel has no wait regions (6.13)");
    alignas(4096) static std::array<std::byte, 8192> memory;
    ring r{ring_options{.entries = 4, .flags = abi::setup_r_disabled}};
    const std::span<std::byte> whole{memory};
    boost::system::error_code ec;
    for (const auto part : {whole.subspan(64), whole.first(4000), whole.first(0)}) {
        BOOST_TEST(wait_region::create(r, part, ec).slots() == 0);
        BOOST_TEST(ec == make_error_code(errc::ring_memory_unusable));
    }
    wait_region region{r, whole};
    BOOST_TEST(region.slots() == memory.size() / sizeof(abi::reg_wait));
    BOOST_TEST((reinterpret_cast<std::byte*>(&region.at(0)) == memory.data()));
    wait_region moved{std::move(region)};
    const registered_wait wait = moved.set(100, milliseconds{5});
    BOOST_TEST(!r.enable());
    const auto begin = steady_clock::now();
    BOOST_TEST(r.enter(0, 1, abi::enter_getevents, wait) == -ETIME);
    BOOST_TEST((steady_clock::now() - begin >= milliseconds{5}));
    BOOST_TEST(wait_region::create(r, whole, ec).slots() == 0);
    BOOST_TEST(ec == make_error_code(errc::already_registered));
}

BOOST_AUTO_TEST_CASE(wait_region_refused_says_why)
{
    boost::system::error_code ec;
    ring enabled{ring_options{.entries = 4}};
    if (!kernel_has_regions()) {
        wait_region::create(enabled, 1, ec);
        BOOST_TEST(ec == make_error_code(errc::unsupported_register_call));
        return;
    }
    BOOST_TEST(wait_region::create(enabled, 1, ec).slots() == 0);
    BOOST_TEST(ec == make_error_code(errc::ring_not_disabled));
    BOOST_CHECK_THROW((wait_region{enabled, 1}), boost::system::system_error);

    ring r{ring_options{.entries = 4, .flags = abi::setup_r_disabled}};
    wait_region::create(r, 0, ec);
    BOOST_TEST(ec.value() == EINVAL);
    const wait_region region{r, 1};
    wait_region::create(r, 1, ec);
    BOOST_TEST(ec == make_error_code(errc::already_registered));
    ring closed;
    wait_region::create(closed, 1, ec);
    BOOST_TEST(ec.value() == EBADF);
}

BOOST_AUTO_TEST_CASE(wait_on_the_boottime_clock_keeps_its_deadline)
{
    if (!kernel_features::running().supports(abi::register_op::clock))
        ASIO_URING_SKIP("the kernel has one clock for waits (6.12)");
    ring r{ring_options{.entries = 4}};
    for (const wait_clock clock : {wait_clock::boottime, wait_clock::monotonic}) {
        BOOST_TEST(!r.register_clock(clock));
        const auto deadline = steady_clock::now() + milliseconds{10};
        BOOST_TEST(r.submit_and_wait({.deadline = deadline}).ec.value() == ETIME);
        BOOST_TEST((steady_clock::now() >= deadline));
        BOOST_TEST(works(r));
    }
}

BOOST_AUTO_TEST_CASE(single_issuer_ring_tells_another_thread_whose_it_is)
{
    for (std::uint32_t flags : {abi::setup_single_issuer, deferred}) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        boost::system::error_code submitted;
        boost::system::error_code waited;
        boost::system::error_code registered;
        std::thread{[&] {
            (void)r.try_push(op::nop{}, 17);
            submitted = r.submit().ec;
            waited = r.submit_and_wait({.deadline = far_off()}).ec;
            registered = r.unregister_files();
        }}.join();
        const auto wrong_thread = make_error_code(errc::wrong_thread);
        BOOST_TEST(submitted == wrong_thread);
        BOOST_TEST(waited == wrong_thread);
        BOOST_TEST(registered == wrong_thread);
        BOOST_TEST(contains(wrong_thread.message(), "setup_single_issuer"));
        // The entry is still there for the owner.
        BOOST_TEST(r.submit().submitted == 1);
        BOOST_TEST(reap_sorted(r, 1).size() == 1);
    }
}

BOOST_AUTO_TEST_CASE(request_of_a_thread_that_ended_is_cancelled_and_leaves_its_data)
{
    ring r{ring_options{.entries = 4}};
    socket_pair sockets;
    char byte = 0;
    std::thread{[&] {
        (void)r.try_push(op::recv{.fd = sockets.left.get(), .data = &byte, .size = 1}, 1);
        BOOST_TEST(!r.submit().ec);
    }}.join();
    BOOST_TEST(r.ready() == 0);
    BOOST_REQUIRE(::send(sockets.right.get(), "x", 1, 0) == 1);
    const auto seen = reap_sorted(r, 1);
    BOOST_REQUIRE(seen.size() == 1);
    BOOST_TEST(seen[0].res == -ECANCELED);
    BOOST_TEST(byte == 0);
    BOOST_TEST(::recv(sockets.left.get(), &byte, 1, MSG_DONTWAIT) == 1);
}

BOOST_AUTO_TEST_CASE(ring_whose_owner_ended_can_only_be_closed)
{
    ring r;
    std::thread{[&] { r = ring{ring_options{.entries = 4, .flags = deferred}}; }}.join();
    BOOST_REQUIRE(r.try_push(op::nop{}, 1));
    BOOST_TEST(r.submit().ec == make_error_code(errc::wrong_thread));
    r.close();
    BOOST_TEST(!r.is_open());
}

BOOST_AUTO_TEST_CASE(child_of_a_fork_makes_a_ring_of_its_own)
{
    for (std::uint32_t flags : {std::uint32_t{0}, deferred}) {
        ring r{ring_options{.entries = 4, .flags = flags, .register_ring_fd = true}};
        BOOST_TEST(works(r));
        const std::string verdict = in_child([&]() -> std::string {
            // Another thread of the parent owns the index; this process has none.
            if (r.enter(0, 1, abi::enter_getevents) >= 0)
                return "the parent's index works here";
            r = ring{ring_options{.entries = 4, .flags = flags}};
            return works(r) ? "" : "the new ring does not work";
        });
        BOOST_TEST(verdict == "");
        BOOST_TEST(works(r));
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
