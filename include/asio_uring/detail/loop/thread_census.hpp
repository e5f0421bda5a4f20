// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: how many threads run a context, as far as its turns tell.
// Thread: the reaper counts, under the loop's mutex; any thread asks.
// Lifetime: as the loop.
#pragma once

#include <asio_uring/detail/loop/thread_mark.hpp>

#include <atomic>
#include <bit>
#include <cstdint>
#include <utility>

namespace asio_uring::detail {

/// A request of the ring ends in the thread that submitted it, and wakes or interrupts
/// that thread. With one thread or two this costs nothing, because it is the one that
/// waits, or about to be. With more it costs most of what a ring saves, and the epoll
/// set, which belongs to no thread, is the better place to wait for input.
class thread_census
{
public:
    /// The calling thread takes a turn.
    void count() noexcept
    {
        seen_ |= std::uint64_t{1} << (this_thread_mark() % 64);
        if (++turns_ % turns_of_a_census == 0)
            crowded_.store(
                std::popcount(std::exchange(seen_, 0)) > few, std::memory_order_relaxed);
    }

    /// Whether more than a few threads took the turns of the last census.
    bool crowded() const noexcept { return crowded_.load(std::memory_order_relaxed); }

private:
    static constexpr unsigned turns_of_a_census = 256;
    static constexpr int few = 2;

    std::uint64_t seen_ = 0;
    unsigned turns_ = 0;
    std::atomic<bool> crowded_ = false;
};

} // namespace asio_uring::detail
