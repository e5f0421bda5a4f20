// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: make the threads of this process that compute pass through the
// kernel, where they work off what waits for them. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>

#include <unistd.h>

namespace asio_uring::detail {

/// KERNEL 4.14: the barrier interrupts every processor that runs a thread of the process,
/// and a thread that returns from an interrupt works off what the kernel has for it.
/// Without the barrier that happens with the next tick of its processor's clock.
inline void interrupt_threads() noexcept
{
    static const bool registered =
        ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0U, 0) == 0;
    if (registered)
        ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0U, 0);
}

} // namespace asio_uring::detail
