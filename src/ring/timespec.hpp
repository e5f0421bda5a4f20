// Layer: ring. Purpose: durations in the kernel's units. Thread: any. Lifetime: none.
// Private to the compiled part of the library.
#ifndef ASIO_URING_SRC_RING_TIMESPEC_HPP
#define ASIO_URING_SRC_RING_TIMESPEC_HPP

#include <asio_uring/ring/abi/entries.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace asio_uring::detail {

/// A negative duration becomes zero.
inline abi::kernel_timespec to_timespec(std::chrono::nanoseconds duration) noexcept
{
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t count = std::max<std::int64_t>(duration.count(), 0);
    return {count / second, count % second};
}

/// What does not fit becomes the nearest value that does.
inline std::uint32_t to_microseconds(std::chrono::microseconds duration) noexcept
{
    constexpr std::int64_t most = ~std::uint32_t{0};
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(duration.count(), 0, most));
}

} // namespace asio_uring::detail

#endif // ASIO_URING_SRC_RING_TIMESPEC_HPP
