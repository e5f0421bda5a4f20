// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: say which path a context takes, and why. Thread: any.
// Lifetime: values.
#pragma once

#include <asio_uring/context_status.hpp>
#include <asio_uring/use_ring.hpp>

namespace asio_uring {

/// Says whether the context does its I/O with a ring, and if not, why.
/**
 * The mode is ring_mode::none before the context's first ring object and use_ring(). Once
 * the path is decided it does not change, except to ring_mode::lost in the child of a
 * fork.
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
