// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: how many worker threads the kernel uses for a ring, and where
// they run. Thread: as the ring's; the settings belong to the calling thread's workers.
// Lifetime: until changed, or the thread ends.
#pragma once

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <sched.h>

namespace asio_uring {

/// How many worker threads there may be at a time. Requests that would block without an
/// end in sight, on pipes and sockets, use the unbounded ones; requests on files the
/// bounded ones.
///
/// Workers belong to the thread that submits, and are shared by all of its rings; on a
/// ring with abi::setup_sqpoll they belong to its polling thread. A limit set on a ring
/// reaches every thread that submits to that ring.
struct worker_limits
{
    unsigned bounded = 0;   ///< 0 leaves it as it is
    unsigned unbounded = 0; ///< 0 leaves it as it is
};

/// Sets the limits and returns those before. io_uring_register(2). Kernel 5.15.
ASIO_URING_DECL worker_limits set_worker_limits(
    ring& target, worker_limits limits, boost::system::error_code& ec) noexcept;

/// The limits in force. Kernel 5.15.
inline worker_limits
get_worker_limits(ring& target, boost::system::error_code& ec) noexcept
{
    return set_worker_limits(target, {}, ec);
}

/// Lets workers that start from now on run on these CPUs only. EINVAL for an empty set,
/// and for a CPU the process may not use. Kernel 5.14.
ASIO_URING_DECL boost::system::error_code
set_worker_affinity(ring& target, const cpu_set_t& cpus) noexcept;

/// Lets workers that start from now on run where the thread may run. Kernel 5.14.
ASIO_URING_DECL boost::system::error_code reset_worker_affinity(ring& target) noexcept;

} // namespace asio_uring
