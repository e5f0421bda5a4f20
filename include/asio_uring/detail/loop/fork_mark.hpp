// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: tell a process from its forked children for the price of a
// load: a ring's memory is absent in a child, so nothing there may look at it. Thread:
// any. Lifetime: none.
#pragma once

#include <cstdint>

#include <pthread.h>

namespace asio_uring::detail {

/// How many forks lie between the first process and this one. Written only in a child
/// that has a single thread yet.
inline std::uint32_t fork_depth = 0;

/// From here on forks are counted.
inline void watch_forks()
{
    [[maybe_unused]] static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { ++fork_depth; });
}

} // namespace asio_uring::detail
