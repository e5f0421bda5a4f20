// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: what a thread does between two looks at memory that another will
// write. Thread: any. Lifetime: none.
#pragma once

namespace asio_uring::detail {

/// Leaves the processor's shared parts to others for some cycles.
inline void relax_processor() noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

} // namespace asio_uring::detail
