// SPDX-License-Identifier: BSL-1.0
// Benchmarks. A known loss per operation for the self-check: the harness must show it.
// One system call, one allocation and a few thousand instructions when
// BENCH_DELIBERATE_LOSS is defined, nothing otherwise. Thread: any. Lifetime: none.
#pragma once

#include <cstdlib>

#include <sys/syscall.h>

#include <unistd.h>

namespace bench {

inline void deliberate_loss() noexcept
{
#ifdef BENCH_DELIBERATE_LOSS
    ::syscall(SYS_getppid);
    void* volatile memory = std::malloc(64);
    std::free(memory);
    for (volatile int turn = 0; turn < 1000;)
        turn = turn + 1;
#endif
}

} // namespace bench
