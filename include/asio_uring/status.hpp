// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: say which path a context takes, and why. Thread: any.
// Lifetime: values.
#pragma once

#include <asio_uring/context_status.hpp>
#include <asio_uring/use_ring.hpp>

namespace asio_uring {

/// How the context does its I/O: with a ring, or without one and why.
/**
 * ring_mode::none before the context's first ring object and use_ring(). The path does
 * not change once it is decided.
 *
 * @par Thread safety
 * Safe while other threads run the context.
 */
inline context_status status(boost::asio::execution_context& context)
{
    if (!boost::asio::has_service<detail::ring_service>(context))
        return {.text = "nothing has asked this context for a ring yet"};
    return boost::asio::use_service<detail::ring_service>(context).status();
}

} // namespace asio_uring
