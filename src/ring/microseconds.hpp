// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: microseconds as the kernel takes them. Thread: any. Lifetime:
// none. Private to the compiled part of the library.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace asio_uring::detail {

/// What does not fit becomes the nearest value that does.
inline std::uint32_t to_microseconds(std::chrono::microseconds duration) noexcept
{
    constexpr std::int64_t most = ~std::uint32_t{0};
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(duration.count(), 0, most));
}

} // namespace asio_uring::detail
