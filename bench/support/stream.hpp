// SPDX-License-Identifier: BSL-1.0
// Benchmarks. What both ends of stream-4x65536 know. Thread: any. Lifetime: static.
#pragma once

#include <cstddef>

namespace bench {

inline constexpr std::size_t stream_buffer_size = 65536;
inline constexpr char stream_byte = 'x';

} // namespace bench
