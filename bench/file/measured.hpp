// SPDX-License-Identifier: BSL-1.0
// Benchmarks, files. What a piece of work took: time, and CPU time of the whole process,
// the threads that the kernel makes for its ring included.
// Thread: the one that measures. Lifetime: a value.
#pragma once

#include "support/process.hpp"

#include <cstdint>
#include <cstdio>
#include <ctime>

namespace bench {

class stopwatch
{
public:
    // print: the one line of JSON of a program, for so many operations since the
    // stopwatch was made; `syncs` tells how often the disk was asked, where it was.
    void print(std::uint64_t operations, std::int64_t syncs = -1) const
    {
        const auto count = static_cast<double>(operations);
        const double wall = static_cast<double>(now(CLOCK_MONOTONIC) - wall_) / count;
        const double cpu =
            static_cast<double>(now(CLOCK_PROCESS_CPUTIME_ID) - cpu_) / count;
        std::printf("{\"cpu_ns_per_op\": %.3f, \"wall_ns_per_op\": %.3f", cpu, wall);
        if (syncs >= 0)
            std::printf(", \"syncs_per_op\": %.6f", static_cast<double>(syncs) / count);
        std::printf("}\n");
    }

private:
    static std::uint64_t now(clockid_t which)
    {
        timespec value{};
        check(::clock_gettime(which, &value), "clock_gettime");
        return static_cast<std::uint64_t>(value.tv_sec) * 1'000'000'000u +
               static_cast<std::uint64_t>(value.tv_nsec);
    }

    std::uint64_t wall_ = now(CLOCK_MONOTONIC);
    std::uint64_t cpu_ = now(CLOCK_PROCESS_CPUTIME_ID);
};

// measure: warms up, and prints what the operations after that have taken.
template <typename Run>
void measure(Run run, std::uint64_t operations)
{
    run(std::uint64_t{1000});
    const stopwatch taken;
    run(operations);
    taken.print(operations);
}

} // namespace bench
