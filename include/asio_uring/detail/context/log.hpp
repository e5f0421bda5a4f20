// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: tell the program, once per context, which path it takes and
// why. Thread: any. Lifetime: the handler is kept until it is replaced.
#pragma once

#include <asio_uring/detail/context/context_status.hpp>
#include <asio_uring/ring/config.hpp>

#include <functional>

namespace asio_uring {

/// Receives the status of a context when its path is decided.
using log_handler = std::function<void(const context_status&)>;

/// Sets who is told, once per context, which path the context takes and why.
/**
 * The handler is called by the thread that makes the context's first ring object (or
 * calls use_ring), while it makes it. It must not throw and must not make I/O objects.
 * With none set, ASIO_URING_LOG=1 in the environment prints the text on the standard
 * error output.
 *
 * @param handler  The new handler; an empty one for none.
 * @return The handler before.
 *
 * @par Thread safety
 * Any thread at any time. Several contexts made at the same time call the handler at the
 * same time, and one that was replaced meanwhile may still be running.
 */
ASIO_URING_DECL log_handler set_log_handler(log_handler handler);

namespace detail {

/// Calls the handler in force.
ASIO_URING_DECL void log(const context_status& status) noexcept;

} // namespace detail
} // namespace asio_uring
