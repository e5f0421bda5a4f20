// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: the path a context takes, as a value: what status() returns
// and what a log handler is told. Thread: any. Lifetime: values.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>

namespace asio_uring {

/// How a context and io_uring are joined.
enum class ring_mode
{
    none,     ///< nothing has asked for a ring yet
    reactor,  ///< the ring is the context's reactor
    attached, ///< the context's earlier reactor watches the ring
    fallback, ///< no ring is to be had: Asio's own epoll services do the work
    lost, ///< the child of a fork got no ring of its own: the context is to be destroyed
};

/// What a context does where no ring is to be had.
enum class fallback
{
    allowed,   ///< it runs on Asio's own epoll services
    forbidden, ///< making it throws
};

struct context_status
{
    ring_mode mode = ring_mode::none;
    unsigned sq_entries = 0;
    unsigned cq_entries = 0;
    std::uint32_t setup_flags = 0; ///< abi::setup_* in force

    /// What refused the ring; no error where there is one.
    boost::system::error_code reason{};

    /// The path in words; without a ring with the cause and the remedy.
    std::string text{};
};

} // namespace asio_uring
