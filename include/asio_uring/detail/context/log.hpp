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

/// Sets the handler that hears, once per context, which path the context takes and why.
/**
 * The thread that makes the context's first ring object, or calls use_ring(), calls the
 * handler meanwhile. The handler must not throw and must not make I/O objects. Without a
 * handler, ASIO_URING_LOG=1 in the environment prints the text on the standard error
 * output.
 *
 * @param handler  The new handler, or an empty one.
 * @return The earlier handler.
 *
 * @par Thread safety
 * Any thread may call this at any time. Contexts that are made at the same time call the
 * handler at the same time. A handler that was replaced meanwhile may still be running.
 */
ASIO_URING_DECL log_handler set_log_handler(log_handler handler);

namespace detail {

/// Calls the handler in force.
ASIO_URING_DECL void log(const context_status& status) noexcept;

} // namespace detail
} // namespace asio_uring
