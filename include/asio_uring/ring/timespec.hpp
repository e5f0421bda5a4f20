// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: time as <chrono> has it, in the kernel's form.
// Thread: any. Lifetime: plain values.
#pragma once

#include <asio_uring/ring/abi/entries.hpp>

#include <chrono>

namespace asio_uring {

/// A length of time for relative timeouts, in seconds and nanoseconds; a fraction of a
/// nanosecond is cut off. A negative length becomes zero: the kernel refuses a timeout
/// operation with a negative time, and the caller means that the time is over.
/// REQUIRES: its whole seconds fit into 64 bits.
template <class Rep, class Period>
constexpr abi::kernel_timespec
to_timespec(std::chrono::duration<Rep, Period> duration) noexcept
{
    using std::chrono::nanoseconds;
    if (duration < duration.zero())
        return {0, 0};
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration);
    const auto rest = std::chrono::duration_cast<nanoseconds>(duration - whole);
    return {whole.count(), rest.count()};
}

/// A point in time for abi::timeout_abs: steady_clock is the kernel's monotonic clock,
/// the default one.
constexpr abi::kernel_timespec
to_timespec(std::chrono::steady_clock::time_point time) noexcept
{
    return to_timespec(time.time_since_epoch());
}

/// The same for abi::timeout_abs with abi::timeout_realtime, which follows the clock when
/// it is set.
constexpr abi::kernel_timespec
to_timespec(std::chrono::system_clock::time_point time) noexcept
{
    return to_timespec(time.time_since_epoch());
}

} // namespace asio_uring
