// SPDX-License-Identifier: BSL-1.0
// Benchmarks. The processors of a program with several threads. Thread: the main thread,
// before any other. Lifetime: none.
#pragma once

#include "support/process.hpp"

#include <sched.h>

namespace bench {

// use_all_processors: the driver starts a program on one; threads are there to use
// several.
inline void use_all_processors()
{
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int cpu = 0; cpu != CPU_SETSIZE; ++cpu)
        CPU_SET(cpu, &all);
    check(::sched_setaffinity(0, sizeof all, &all), "sched_setaffinity");
}

} // namespace bench
