// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: how often the turns of a loop change hands.
// Thread: the reaper counts, under the loop's mutex; any thread asks.
// Lifetime: as the loop.
#pragma once

#include <asio_uring/detail/loop/thread_mark.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace asio_uring::detail {

/// A request of the ring ends in the thread that submitted it, and wakes or interrupts
/// that thread. Where the same thread takes one turn after another this costs nothing,
/// because it is the one that waits, or about to be. Where turns change hands it costs
/// what a ring saves and more, and the epoll set, which belongs to no thread, is the
/// better place to wait for input.
class thread_census
{
public:
    /// The calling thread takes a turn.
    void count() noexcept
    {
        const std::uint64_t thread = this_thread_mark();
        changes_ += std::exchange(last_, thread) != thread;
        if (++turns_ == turns_of_a_census) {
            crowded_.store(changes_ >= many, std::memory_order_relaxed);
            turns_ = changes_ = 0;
        }
    }

    /// Whether the turns of the last census changed hands often.
    bool crowded() const noexcept { return crowded_.load(std::memory_order_relaxed); }

private:
    static constexpr unsigned turns_of_a_census = 256;
    static constexpr unsigned many = 16;

    std::uint64_t last_ = 0;
    unsigned turns_ = 0;
    unsigned changes_ = 0;
    std::atomic<bool> crowded_ = false;
};

} // namespace asio_uring::detail
