// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: what a context's ring has done so far, in numbers. Thread: a
// copy, any. Lifetime: a value.
#pragma once

#include <cstdint>

namespace asio_uring {

/// Totals since the ring of a context was made. Only ever growing.
struct counter_values
{
    std::uint64_t operations = 0; ///< operations started by the program
    std::uint64_t sqes = 0;       ///< submission entries claimed, the loop's own included
    std::uint64_t cqes = 0;       ///< completion entries reaped, the loop's own included
    std::uint64_t enters = 0;     ///< calls of io_uring_enter
    std::uint64_t wakes = 0;      ///< notifications from other threads reaped
    std::uint64_t overflows = 0;  ///< turns that found the completion queue overflown
    std::uint64_t reissues =
        0; ///< requests that ended for no reason of the program's and went again
};

} // namespace asio_uring
