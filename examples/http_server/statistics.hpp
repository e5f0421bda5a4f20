// SPDX-License-Identifier: BSL-1.0
// Purpose: what the server counts and, with it, what the ring counts.
#pragma once

#ifdef ASIO_URING_DROP_IN
#    include <asio_uring/status.hpp>
#endif

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <ostream>

namespace http_server {

struct statistics
{
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;
};

/// What the server did and, where asio_uring_drop_in() moved it to the ring, what the
/// ring did for it. This is the only place of the server that knows of the ring.
inline void print_statistics(
    std::ostream& out,
    [[maybe_unused]] boost::asio::io_context& context,
    const statistics& done)
{
    out << "requests=" << done.requests << " connections=" << done.connections << '\n';
#ifdef ASIO_URING_DROP_IN
    const auto ring = asio_uring::counters(context);
    out << "ring operations=" << ring.operations << " sqes=" << ring.sqes
        << " cqes=" << ring.cqes << " enters=" << ring.enters << '\n';
#endif
    out.flush();
}

} // namespace http_server
