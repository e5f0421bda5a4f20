// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: tell a process from its forked children for the price of a
// load: a ring's memory is absent in a child, so nothing there may look at it. Thread:
// any. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstdint>

#include <pthread.h>

namespace asio_uring::detail {

/// How many forks lie between the first process and this one. A child writes it before it
/// has a second thread, and nobody else does.
inline std::uint32_t fork_depth = 0;

/// Counts forks from here on.
inline void watch_forks()
{
    [[maybe_unused]] static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { ++fork_depth; });
}

} // namespace asio_uring::detail
