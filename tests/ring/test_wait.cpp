// SPDX-License-Identifier: BSL-1.0
// Waiting in the kernel: deadlines, counts, signals, timeout operations.
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <vector>

#include <sys/socket.h>
#include <sys/time.h>

#include <signal.h>

namespace asio_uring::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

const std::vector<std::uint32_t> ring_kinds{
    0,
    abi::setup_coop_taskrun | abi::setup_taskrun_flag,
    abi::setup_single_issuer | abi::setup_defer_taskrun,
};

volatile sig_atomic_t signals_seen = 0;
void count_signal(int) { signals_seen = signals_seen + 1; }

/// Counts SIGALRM while it lives; the handler does not ask for restart.
struct alarm_counter
{
    alarm_counter()
    {
        signals_seen = 0;
        struct sigaction action
        {};
        action.sa_handler = count_signal;
        ::sigaction(SIGALRM, &action, &before);
    }
    ~alarm_counter() { ::sigaction(SIGALRM, &before, nullptr); }
    alarm_counter(const alarm_counter&) = delete;
    alarm_counter& operator=(const alarm_counter&) = delete;

    struct sigaction before
    {};
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_wait)

BOOST_AUTO_TEST_CASE(wait_with_deadline_ends_then_and_reports_it)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        const auto deadline = steady_clock::now() + milliseconds{20};
        const submit_result result =
            r.submit_and_wait(wait_options{.deadline = deadline});
        const auto end = steady_clock::now();
        BOOST_TEST(result.ec.value() == ETIME);
        BOOST_TEST((end >= deadline));
        BOOST_TEST((end < deadline + seconds{5}));
    }
}

BOOST_AUTO_TEST_CASE(wait_with_past_deadline_returns_at_once)
{
    ring r{ring_options{.entries = 4}};
    for (const auto deadline :
         {steady_clock::time_point{},
          steady_clock::now() - seconds{1},
          steady_clock::time_point::min()})
    {
        const auto begin = steady_clock::now();
        const submit_result result =
            r.submit_and_wait(wait_options{.deadline = deadline});
        BOOST_TEST(result.ec.value() == ETIME);
        BOOST_TEST((steady_clock::now() - begin < seconds{5}));
    }
}

BOOST_AUTO_TEST_CASE(wait_that_submits_first_still_reports_its_deadline)
{
    ring r{ring_options{.entries = 4}};
    int ends[2] = {-1, -1};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const detail::unique_fd left{ends[0]};
    const detail::unique_fd right{ends[1]};
    char byte = 0;
    BOOST_REQUIRE(r.try_push(op::recv{.fd = left.get(), .data = &byte, .size = 1}, 1));

    const submit_result result = r.submit_and_wait(
        wait_options{.deadline = steady_clock::now() + milliseconds{20}});
    BOOST_TEST(result.submitted == 1);
    BOOST_TEST(result.ec.value() == ETIME);

    // The receive is still there and ends when the data comes.
    BOOST_REQUIRE(::send(right.get(), "x", 1, 0) == 1);
    const submit_result second =
        r.submit_and_wait(wait_options{.deadline = steady_clock::now() + seconds{10}});
    BOOST_TEST(!second.ec);
    BOOST_TEST(r.for_each_completion([](const abi::cqe& entry) {
        BOOST_TEST(entry.res == 1);
    }) == 1);
    BOOST_TEST(byte == 'x');
}

BOOST_AUTO_TEST_CASE(raw_enter_takes_an_absolute_expiry)
{
    if (!kernel_features::running().supports_enter(abi::enter_abs_timer))
        ASIO_URING_SKIP("the kernel has no absolute wait (6.12)");
    ring r{ring_options{.entries = 4}};
    const auto deadline = steady_clock::now() + milliseconds{20};
    const auto since_boot = deadline.time_since_epoch();
    const auto whole = std::chrono::duration_cast<seconds>(since_boot);
    const abi::kernel_timespec expiry{
        whole.count(), std::chrono::nanoseconds{since_boot - whole}.count()};
    const abi::getevents_arg argument{
        .sigmask = 0,
        .sigmask_sz = 0,
        .min_wait_usec = 0,
        .ts = reinterpret_cast<std::uintptr_t>(&expiry)};
    const std::uint32_t flags = abi::enter_getevents | abi::enter_abs_timer;
    BOOST_TEST(r.enter(0, 1, flags, argument) == -ETIME);
    BOOST_TEST((steady_clock::now() >= deadline));
}

BOOST_AUTO_TEST_CASE(wait_for_several_returns_when_all_are_ready)
{
    for (std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 8, .flags = flags}};
        for (std::uint64_t number = 0; number != 5; ++number)
            BOOST_REQUIRE(r.try_push(op::nop{}, number));
        const submit_result result = r.submit_and_wait(5);
        BOOST_TEST(!result.ec);
        BOOST_TEST(result.submitted == 5);
        BOOST_TEST(r.ready() == 5);
        // Nothing is left to submit, and enough is ready.
        BOOST_TEST(r.submit_and_wait(3).submitted == 0);
        BOOST_TEST(r.ready() == 5);
    }
}

BOOST_AUTO_TEST_CASE(timeout_operation_ends_a_wait_for_more)
{
    ring r{ring_options{.entries = 4}};
    const abi::kernel_timespec soon{0, 1'000'000};
    BOOST_REQUIRE(r.try_push(op::timeout{.expiry = &soon}, 3));
    const submit_result result = r.submit_and_wait(
        wait_options{.min_complete = 4, .deadline = steady_clock::now() + seconds{10}});
    BOOST_TEST(!result.ec);
    BOOST_TEST(r.for_each_completion([](const abi::cqe& entry) {
        BOOST_TEST(entry.user_data == 3);
        BOOST_TEST(entry.res == -ETIME);
    }) == 1);
}

// The kernel ends a wait when a timeout operation expires, also one that posts nothing.
BOOST_AUTO_TEST_CASE(wait_goes_on_when_a_silent_timeout_ends_it)
{
    std::vector<std::uint32_t> kinds = ring_kinds;
    kinds.push_back(abi::setup_sqpoll);
    const auto bounded = [](ring& r) {
        return r.submit_and_wait(
            wait_options{.deadline = steady_clock::now() + seconds{10}});
    };
    const auto plain = [](ring& r) { return r.submit_and_wait(1); };
    const auto check = [](std::uint32_t flags, auto wait) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        const abi::kernel_timespec soon{0, 1'000'000};
        const abi::kernel_timespec later{0, 30'000'000};
        BOOST_REQUIRE(r.try_push(
            op::timeout{.expiry = &soon, .flags = abi::timeout_etime_success},
            1,
            abi::sqe_cqe_skip_success));
        BOOST_REQUIRE(r.try_push(op::timeout{.expiry = &later}, 2));
        // Submitted before, so that no count hides how the wait ended.
        BOOST_TEST(!r.submit().ec);
        BOOST_TEST(!wait(r).ec);
        BOOST_REQUIRE(r.ready() == 1);
        BOOST_TEST(r.peek()->user_data == 2);
    };
    for (const std::uint32_t flags : kinds) {
        check(flags, bounded);
        check(flags, plain);
    }
}

BOOST_AUTO_TEST_CASE(wait_interrupted_by_a_signal_goes_on)
{
    const alarm_counter counter;
    const auto bounded = [](ring& r) {
        return r.submit_and_wait(
            wait_options{.deadline = steady_clock::now() + seconds{10}});
    };
    // The plain form has no deadline; the timeout operation bounds it.
    const auto plain = [](ring& r) { return r.submit_and_wait(); };
    const auto check = [](auto wait) {
        ring r{ring_options{.entries = 4}};
        const abi::kernel_timespec later{0, 100'000'000};
        BOOST_REQUIRE(r.try_push(op::timeout{.expiry = &later}, 3));
        signals_seen = 0;
        const ::itimerval every{{0, 10'000}, {0, 10'000}};
        ::setitimer(ITIMER_REAL, &every, nullptr);
        const submit_result result = wait(r);
        const ::itimerval never{};
        ::setitimer(ITIMER_REAL, &never, nullptr);
        BOOST_TEST(!result.ec);
        BOOST_TEST(result.submitted == 1);
        BOOST_TEST(r.ready() == 1);
        BOOST_TEST(signals_seen > 0);
    };
    check(bounded);
    check(plain);
}

BOOST_AUTO_TEST_CASE(wait_with_a_signal_mask_reports_the_signal)
{
    const alarm_counter counter;
    sigset_t blocked;
    sigset_t before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGALRM);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    ::raise(SIGALRM);

    ring r{ring_options{.entries = 4}};
    sigset_t open;
    ::sigemptyset(&open);
    const submit_result result = r.submit_and_wait(
        wait_options{.deadline = steady_clock::now() + seconds{10}, .signals = &open});
    BOOST_TEST(result.ec.value() == EINTR);
    BOOST_TEST(signals_seen == 1);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(wait_with_a_signal_mask_that_submits_reports_the_signal_too)
{
    for (const std::uint32_t flags : {std::uint32_t{0}, abi::setup_sqpoll}) {
        const alarm_counter counter;
        sigset_t blocked;
        sigset_t before;
        ::sigemptyset(&blocked);
        ::sigaddset(&blocked, SIGALRM);
        ::pthread_sigmask(SIG_BLOCK, &blocked, &before);

        ring r{ring_options{.entries = 4, .flags = flags}};
        const abi::kernel_timespec later{20, 0};
        BOOST_REQUIRE(r.try_push(op::timeout{.expiry = &later}, 1));
        ::pthread_kill(::pthread_self(), SIGALRM);
        sigset_t open;
        ::sigemptyset(&open);
        const submit_result result = r.submit_and_wait(wait_options{
            .deadline = steady_clock::now() + seconds{10}, .signals = &open});
        BOOST_TEST(result.submitted == 1);
        BOOST_TEST(result.ec.value() == EINTR);
        BOOST_TEST(signals_seen == 1);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
}

BOOST_AUTO_TEST_CASE(wait_options_of_newer_kernels_do_no_harm)
{
    ring r{ring_options{.entries = 4}};
    BOOST_REQUIRE(r.try_push(op::nop{}, 1));
    const submit_result result = r.submit_and_wait(wait_options{
        .deadline = steady_clock::now() + seconds{10},
        .min_wait = std::chrono::microseconds{100},
        .no_iowait = true});
    BOOST_TEST(!result.ec);
    BOOST_TEST(r.ready() == 1);
}

BOOST_AUTO_TEST_CASE(wait_of_the_completion_side_leaves_the_submission_side_alone)
{
    for (const std::uint32_t flags : ring_kinds) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        const auto soon = [] { return steady_clock::now() + milliseconds{5}; };
        BOOST_REQUIRE(r.try_push(op::nop{}, 1));
        BOOST_TEST(r.wait(wait_options{.deadline = soon()}).value() == ETIME);
        BOOST_TEST(r.published() == 0);
        r.publish();
        BOOST_TEST(r.wait(wait_options{.deadline = soon()}).value() == ETIME);
        BOOST_TEST(r.unconsumed() == 1);

        BOOST_TEST(r.submit().submitted == 1);
        BOOST_TEST(!r.wait());
        BOOST_TEST(r.ready() == 1);
        BOOST_TEST(!r.wait(0));
    }
}

BOOST_AUTO_TEST_CASE(wait_of_the_completion_side_hears_of_signals_as_told)
{
    const alarm_counter counter;
    ring r{ring_options{.entries = 4}};
    const abi::kernel_timespec later{0, 50'000'000};
    BOOST_REQUIRE(r.try_push(op::timeout{.expiry = &later}, 3));
    BOOST_TEST(r.submit().submitted == 1);
    const ::itimerval every{{0, 10'000}, {0, 10'000}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
    BOOST_TEST(!r.wait()); // goes on after each
    BOOST_TEST(r.ready() == 1);
    r.advance(1);
    sigset_t open;
    ::sigemptyset(&open);
    const auto deadline = steady_clock::now() + seconds{10};
    BOOST_TEST(r.wait({.deadline = deadline, .signals = &open}).value() == EINTR);
    const ::itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    BOOST_TEST(signals_seen > 0);
}

BOOST_AUTO_TEST_CASE(submit_of_nothing_enters_nothing)
{
    ring r{ring_options{.entries = 4}};
    const submit_result result = r.submit();
    BOOST_TEST(!result.ec);
    BOOST_TEST(result.submitted == 0);
}

BOOST_AUTO_TEST_CASE(deferred_task_work_is_announced_and_run_by_getevents)
{
    ring r{ring_options{
        .entries = 4,
        .flags = abi::setup_single_issuer | abi::setup_defer_taskrun |
                 abi::setup_taskrun_flag}};
    int ends[2] = {-1, -1};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const detail::unique_fd left{ends[0]};
    const detail::unique_fd right{ends[1]};
    char byte = 0;
    BOOST_REQUIRE(r.try_push(op::recv{.fd = left.get(), .data = &byte, .size = 1}, 1));
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(!r.task_work_pending());

    BOOST_REQUIRE(::send(right.get(), "x", 1, 0) == 1);
    BOOST_TEST(r.task_work_pending());
    BOOST_TEST(r.ready() == 0);
    BOOST_TEST(r.enter(0, 0, abi::enter_getevents) >= 0);
    BOOST_TEST(!r.task_work_pending());
    BOOST_TEST(r.ready() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
