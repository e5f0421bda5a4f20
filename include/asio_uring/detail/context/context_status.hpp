// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: the path a context takes, as the value that status() returns
// and a log handler gets. Thread: any. Lifetime: values.
#pragma once

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring_options.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace asio_uring {

/// How a context and io_uring are joined.
enum class ring_mode
{
    none,     ///< nothing has asked for a ring yet
    reactor,  ///< the ring is the context's reactor
    attached, ///< the context's earlier reactor watches the ring
    fallback, ///< no ring is to be had: Asio's own epoll services do the work
    lost,     ///< the child of a fork got no ring: the context's operations end
};

/// The name of a mode, "reactor" for ring_mode::reactor; empty for a value without one.
constexpr std::string_view to_string(ring_mode mode) noexcept
{
    switch (mode) {
    case ring_mode::none:
        return "none";
    case ring_mode::reactor:
        return "reactor";
    case ring_mode::attached:
        return "attached";
    case ring_mode::fallback:
        return "fallback";
    case ring_mode::lost:
        return "lost";
    }
    return {};
}

/// Prints the name of a mode.
inline std::ostream& operator<<(std::ostream& stream, ring_mode mode)
{
    return stream << to_string(mode);
}

/// What a context does where no ring is to be had.
enum class fallback
{
    allowed,   ///< it runs on Asio's own epoll services
    forbidden, ///< making it throws
};

/// The path of a context, and why it takes that path.
struct context_status
{
    ring_mode mode = ring_mode::none;
    unsigned sq_entries = 0;
    unsigned cq_entries = 0;

    /// The abi::setup_* flags in force.
    std::uint32_t setup_flags = 0;

    /// When the context's sockets write.
    write_mode writes = write_mode::at_once;

    /// How the reads of the context's objects wait.
    read_mode reads = read_mode::by_request;

    /// Microseconds for which a thread with nothing to do looks for completions before it
    /// sleeps; 0 where an earlier reactor watches the ring.
    unsigned spin_us = 0;

    /// Why there is no ring; no error where there is one.
    boost::system::error_code reason{};

    /// The path in words. Without a ring, also the cause and the remedy.
    std::string text{};
};

} // namespace asio_uring
