// SPDX-License-Identifier: BSL-1.0

#include "microseconds.hpp"

#include <asio_uring/ring/ring.hpp>
#include <asio_uring/ring/timespec.hpp>

#include <algorithm>
#include <cerrno>

namespace asio_uring {

namespace {

using std::chrono::steady_clock;

// The extended argument and the timespec it points to.
struct wait_argument
{
    abi::getevents_arg argument{};
    abi::kernel_timespec limit{};
    std::uint32_t flags = 0;
    bool relative = false;

    // KERNEL 6.12: ENTER_ABS_TIMER and MIN_TIMEOUT came with the same release; only the
    // second has a feature bit. steady_clock is the monotonic clock, and so is the ring's
    // unless told otherwise; on another one only the time left means the same.
    wait_argument(
        const wait_options& options, std::uint32_t features, wait_clock clock) noexcept
    {
        const bool absolute =
            (features & abi::feat_min_timeout) != 0 && clock == wait_clock::monotonic;
        if (options.deadline) {
            argument.ts = reinterpret_cast<std::uintptr_t>(&limit);
            limit = to_timespec(*options.deadline);
            flags |= absolute ? abi::enter_abs_timer : 0;
            relative = !absolute;
        }
        if ((features & abi::feat_min_timeout) != 0)
            argument.min_wait_usec = detail::to_microseconds(options.min_wait);
        if ((features & abi::feat_no_iowait) != 0 && options.no_iowait)
            flags |= abi::enter_no_iowait;
        if (options.signals != nullptr) {
            argument.sigmask = reinterpret_cast<std::uintptr_t>(options.signals);
            argument.sigmask_sz = abi::kernel_sigset_size;
        }
    }
    wait_argument(const wait_argument&) = delete;
    wait_argument& operator=(const wait_argument&) = delete;

    void refresh(const wait_options& options) noexcept
    {
        if (relative)
            limit = to_timespec(*options.deadline - steady_clock::now());
    }
};

bool is_past(const std::optional<steady_clock::time_point>& deadline) noexcept
{
    return deadline && steady_clock::now() >= *deadline;
}

// EEXIST has one meaning here, which its own text does not tell.
boost::system::error_code enter_error(int result) noexcept
{
    return result == -EEXIST ? make_error_code(errc::wrong_thread) : result_error(result);
}

} // namespace

submit_result ring::submit() noexcept
{
    submit_result result;
    const unsigned fresh = submission_.claimed() - submission_.published();
    const unsigned pending = publish();
    if ((setup_flags_ & abi::setup_sqpoll) != 0) {
        result.submitted = fresh;
        if (needs_wakeup())
            result.ec = enter_error(enter(0, 0, abi::enter_sq_wakeup));
        return result;
    }
    if (pending == 0)
        return result;
    int entered = 0;
    do
        entered = enter(pending, 0, 0);
    while (entered == -EINTR);
    result.submitted = result_value(entered);
    result.ec = enter_error(entered);
    return result;
}

// The plain wait has nothing for the extended argument, which the kernel would copy in.
// What one enter does not settle, the general form takes over.
submit_result ring::submit_and_wait(unsigned min_complete) noexcept
{
    constexpr std::uint32_t polling = abi::setup_sqpoll | abi::setup_iopoll;
    unsigned submitted = 0;
    if ((setup_flags_ & polling) == 0) [[likely]] {
        const int entered = enter(publish(), min_complete, abi::enter_getevents);
        submitted = result_value(entered);
        if (entered >= 0 && (min_complete == 0 || ready() != 0)) [[likely]]
            return {submitted, {}};
    }
    submit_result result = submit_and_wait(wait_options{.min_complete = min_complete});
    result.submitted += submitted;
    return result;
}

submit_result ring::submit_and_wait(const wait_options& options) noexcept
{
    submit_result result;
    const bool polled = (setup_flags_ & abi::setup_sqpoll) != 0;
    if (polled)
        result.submitted = submission_.claimed() - submission_.published();
    publish();
    // The kernel tells how many it has submitted or how the wait ended, not both. A
    // caller who wants to hear of a signal gets a call for each.
    if (options.signals != nullptr && !polled) {
        result = submit();
        if (result.ec)
            return result;
    }
    wait_argument argument{options, features_, clock_};
    for (;;) {
        std::uint32_t flags = abi::enter_getevents | argument.flags;
        if (polled && needs_wakeup())
            flags |= abi::enter_sq_wakeup;
        argument.refresh(options);
        const int entered = enter(
            polled ? 0 : unconsumed(), options.min_complete, flags, argument.argument);
        result.submitted += result_value(entered);
        if (end_of_wait(entered, options, result.ec))
            return result;
    }
}

boost::system::error_code ring::wait(const wait_options& options) noexcept
{
    wait_argument argument{options, features_, clock_};
    boost::system::error_code ec;
    int entered = 0;
    do {
        argument.refresh(options);
        entered = enter(
            0,
            options.min_complete,
            abi::enter_getevents | argument.flags,
            argument.argument);
    } while (!end_of_wait(entered, options, ec));
    return ec;
}

// What is ready decides, not what the kernel answers. A count of submissions hides a
// signal or the deadline. Zero may mean a timeout operation that has posted nothing yet,
// or never will, and on a ring that polls disks that the CPU is wanted elsewhere.
bool ring::end_of_wait(
    int entered,
    const wait_options& options,
    boost::system::error_code& ec) const noexcept
{
    // A caller who opens his signal mask for the wait wants to hear of the signal.
    const bool interrupted = entered == -EINTR && options.signals == nullptr;
    if (entered < 0 && !interrupted) {
        ec = enter_error(entered);
        return true;
    }
    // Where the waiting thread polls disks, no timeout operation ends a wait early.
    constexpr std::uint32_t polling = abi::setup_iopoll | abi::setup_sqpoll;
    const bool polls_disks = (setup_flags_ & polling) == abi::setup_iopoll;
    const unsigned wanted =
        std::min(options.min_complete, polls_disks ? cq_entries() : 1);
    if (ready() >= wanted)
        return true;
    // The kernel knows no deadline there.
    if (!polls_disks || !is_past(options.deadline))
        return false;
    if (ready() == 0)
        ec = result_error(-ETIME);
    return true;
}

boost::system::error_code ring::run_task_work() noexcept
{
    const bool told = (setup_flags_ & abi::setup_taskrun_flag) != 0;
    for (;;) {
        const unsigned before = ready();
        // KERNEL 6.13: the note of work outlives its cause after a resize, and the kernel
        // takes it back only when there is work. It adds work before it sets the note,
        // and sets it anew for work it leaves, so nothing is missed by taking it back
        // here.
        submission_.clear_task_work_note();
        const int entered = enter(0, 0, abi::enter_getevents);
        if (entered < 0 && entered != -EINTR)
            return enter_error(entered);
        if (ready() == cq_entries())
            return {};
        const bool more =
            completion_overflow() || (told ? task_work_pending() : ready() != before);
        if (!more)
            return {};
    }
}

boost::system::error_code ring::wait_for_space() noexcept
{
    if ((setup_flags_ & abi::setup_sqpoll) == 0)
        return {};
    while (submission_.space_left() == 0) {
        publish();
        const std::uint32_t wake = needs_wakeup() ? abi::enter_sq_wakeup : 0;
        const int entered = enter(0, 0, abi::enter_sq_wait | wake);
        if (entered < 0 && entered != -EINTR)
            return enter_error(entered);
    }
    return {};
}

int ring::enter_and_rewind(
    unsigned to_submit,
    unsigned min_complete,
    std::uint32_t flags,
    const void* argument,
    std::size_t argument_size) noexcept
{
    // The kernel cannot see how many entries there are.
    const int result = detail::sys_enter(
        enter_fd_,
        std::min(to_submit, submission_.unconsumed()),
        min_complete,
        flags | enter_flags_,
        argument,
        argument_size);
    if (result > 0)
        submission_.rewind(static_cast<unsigned>(result));
    return result;
}

} // namespace asio_uring
