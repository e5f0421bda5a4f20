// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Latencies in buckets of at most 1/64 relative width: percentiles without
// keeping each sample and without an allocation in the measured window.
// Thread: one. Lifetime: its owner's.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

class latency_histogram
{
public:
    void add(std::uint64_t ns) noexcept
    {
        ++counts_[bucket_of(ns)];
        ++total_;
    }

    void clear() noexcept { *this = latency_histogram{}; }

    // percentile_us: the upper edge of the bucket that holds the given share of samples.
    double percentile_us(double share) const noexcept
    {
        const auto wanted =
            static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            seen += counts_[bucket];
            if (seen > wanted)
                return static_cast<double>(upper_edge_of(bucket)) / 1000.0;
        }
        return 0.0;
    }

private:
    static constexpr unsigned precision_bits = 6;
    static constexpr unsigned value_bits = 40; // 18 minutes in nanoseconds
    static constexpr std::size_t per_octave = std::size_t{1} << precision_bits;

    // Values below 2 * per_octave have a bucket each; above, each octave has per_octave.
    static std::size_t bucket_of(std::uint64_t ns) noexcept
    {
        ns = std::min(ns, (std::uint64_t{1} << value_bits) - 1);
        if (ns < per_octave)
            return static_cast<std::size_t>(ns);
        const auto shift = static_cast<unsigned>(std::bit_width(ns)) - precision_bits - 1;
        return shift * per_octave + static_cast<std::size_t>(ns >> shift);
    }

    static std::uint64_t upper_edge_of(std::size_t bucket) noexcept
    {
        if (bucket < 2 * per_octave)
            return bucket;
        const std::size_t shift = bucket / per_octave - 1;
        return ((std::uint64_t{bucket % per_octave} + per_octave + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (value_bits - precision_bits + 1) * per_octave> counts_{};
    std::uint64_t total_ = 0;
};

} // namespace bench
