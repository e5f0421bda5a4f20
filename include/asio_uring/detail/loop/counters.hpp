// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: what a context's ring has done so far, in numbers. Thread: a
// copy, any. Lifetime: a value.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstdint>

namespace asio_uring {

/// Totals since the ring of a context was made. They only grow.
struct counter_values
{
    /// Operations that the program started and the loop took. One that is done within its
    /// initiating function is not among them.
    std::uint64_t operations = 0;
    /// Submission entries claimed, the loop's own included.
    std::uint64_t sqes = 0;
    /// Completion entries reaped, the loop's own included.
    std::uint64_t cqes = 0;
    /// Calls of io_uring_enter.
    std::uint64_t enters = 0;
    /// Notifications from other threads that were reaped. Those that the reactor's set
    /// told are not among them.
    std::uint64_t wakes = 0;
    /// Turns that found the completion queue overflown.
    std::uint64_t overflows = 0;
    /// Requests that ended for no reason of the program's and were issued again.
    std::uint64_t reissues = 0;
};

} // namespace asio_uring
