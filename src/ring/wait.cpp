#include <asio_uring/ring.hpp>

#include <algorithm>
#include <cerrno>

namespace asio_uring {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

abi::kernel_timespec to_timespec(nanoseconds duration) noexcept
{
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t count = std::max<std::int64_t>(duration.count(), 0);
    return {count / second, count % second};
}

// The extended argument and the timespec it points to.
struct wait_argument
{
    abi::getevents_arg argument{};
    abi::kernel_timespec limit{};
    std::uint32_t flags = 0;
    bool relative = false;

    // KERNEL 6.12: ENTER_ABS_TIMER and MIN_TIMEOUT came with the same release; only the
    // second has a feature bit. The ring's clock is the monotonic one, and so is
    // steady_clock.
    wait_argument(const wait_options& options, std::uint32_t features) noexcept
    {
        const bool absolute = (features & abi::feat_min_timeout) != 0;
        if (options.deadline) {
            argument.ts = reinterpret_cast<std::uintptr_t>(&limit);
            limit = to_timespec(options.deadline->time_since_epoch());
            flags |= absolute ? abi::enter_abs_timer : 0;
            relative = !absolute;
        }
        if ((features & abi::feat_min_timeout) != 0 && options.min_wait.count() > 0) {
            constexpr std::int64_t limit_us = ~std::uint32_t{0};
            argument.min_wait_usec = static_cast<std::uint32_t>(
                std::min<std::int64_t>(options.min_wait.count(), limit_us));
        }
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

} // namespace

submit_result ring::submit() noexcept
{
    submit_result result;
    const unsigned pending = publish();
    if ((setup_flags_ & abi::setup_sqpoll) != 0) {
        result.submitted = pending;
        if (needs_wakeup())
            result.ec = result_error(enter(0, 0, abi::enter_sq_wakeup));
        return result;
    }
    if (pending == 0)
        return result;
    int entered = 0;
    do
        entered = enter(pending, 0, 0);
    while (entered == -EINTR);
    result.submitted = result_value(entered);
    result.ec = result_error(entered);
    return result;
}

// The plain wait has nothing for the extended argument, which the kernel would copy in.
// What one enter does not settle, the general form takes over.
submit_result ring::submit_and_wait(unsigned min_complete) noexcept
{
    unsigned submitted = 0;
    if ((setup_flags_ & abi::setup_sqpoll) == 0) [[likely]] {
        const int entered = enter(publish(), min_complete, abi::enter_getevents);
        submitted = result_value(entered);
        if (entered >= 0 && (entered == 0 || min_complete == 0 || ready() != 0))
            [[likely]]
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
    unsigned to_submit = publish();
    if (polled)
        result.submitted = to_submit;
    wait_argument wait{options, features_};
    for (;;) {
        std::uint32_t flags = abi::enter_getevents | wait.flags;
        if (polled && needs_wakeup())
            flags |= abi::enter_sq_wakeup;
        wait.refresh(options);
        const int entered = enter(to_submit, options.min_complete, flags, wait.argument);
        if (entered > 0 && !polled)
            result.submitted += static_cast<unsigned>(entered);
        // A caller who opens his signal mask for the wait wants to hear of the signal.
        const bool retry = entered == -EINTR && options.signals == nullptr;
        if (entered < 0 && !retry) {
            result.ec = result_error(entered);
            return result;
        }
        // A count hides what ended the wait: a signal, the deadline, or nothing yet.
        // Without a count the kernel says so itself, so go round once more unless
        // something is ready.
        if (entered == 0 || options.min_complete == 0 || (entered > 0 && ready() != 0))
            return result;
        to_submit = polled ? 0 : unconsumed();
    }
}

} // namespace asio_uring
