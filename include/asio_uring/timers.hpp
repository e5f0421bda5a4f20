// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: Asio's waitable timers on the ring. Thread: as Asio's timers.
// Lifetime: as Asio's timers.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>

#include <chrono>

namespace asio_uring {

/// Asio's timer over any clock, on the ring by its executor.
template <typename Clock, typename Executor = any_io_executor>
using basic_timer =
    boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;

using steady_timer = basic_timer<std::chrono::steady_clock>;
using system_timer = basic_timer<std::chrono::system_clock>;
using high_resolution_timer = basic_timer<std::chrono::high_resolution_clock>;

} // namespace asio_uring
