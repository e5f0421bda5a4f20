// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: tell threads apart for the price of a load. Thread: any.
// Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <atomic>
#include <cstdint>

namespace asio_uring::detail {

/// A number that no other thread of the process has or had. Addresses and thread ids
/// would not do, because the system uses them again.
inline std::uint64_t this_thread_mark() noexcept
{
    static std::atomic<std::uint64_t> last{0};
    static thread_local const std::uint64_t mark =
        last.fetch_add(1, std::memory_order_relaxed) + 1;
    return mark;
}

} // namespace asio_uring::detail
