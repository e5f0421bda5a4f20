// Layer: public. Purpose: say which path a context takes. Thread: any. Lifetime: values.
#pragma once

#include <asio_uring/use_ring.hpp>

namespace asio_uring {

/// How a context and io_uring are joined.
enum class ring_mode
{
    none,     ///< the context has no ring
    reactor,  ///< the ring is the context's reactor
    attached, ///< the context's earlier reactor watches the ring
};

struct context_status
{
    ring_mode mode = ring_mode::none;
    unsigned sq_entries = 0;
    unsigned cq_entries = 0;
    std::uint32_t setup_flags = 0; ///< abi::setup_* in force
};

/// How the context does its I/O.
inline context_status status(boost::asio::execution_context& context)
{
    if (!boost::asio::has_service<detail::ring_service>(context))
        return {};
    auto& service = boost::asio::use_service<detail::ring_service>(context);
    const ring& kernel_ring = service.loop().ring();
    return {
        .mode = service.is_reactor() ? ring_mode::reactor : ring_mode::attached,
        .sq_entries = kernel_ring.sq_entries(),
        .cq_entries = kernel_ring.cq_entries(),
        .setup_flags = kernel_ring.setup_flags()};
}

} // namespace asio_uring
