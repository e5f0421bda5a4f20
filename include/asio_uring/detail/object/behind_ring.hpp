// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: let a service of Asio's that stays as it is come after the
// ring. Thread: as the service. Lifetime: as the service.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>
#include <asio_uring/detail/context/ring_service.hpp>

namespace asio_uring::detail {

/// Stock, whose constructor asks its context for a reactor. Made first in its context, it
/// would get Asio's own, which then has to watch the ring. So the ring comes before it,
/// and its reactor is the ring's.
template <typename Stock>
class behind_ring_service : public Stock
{
public:
    explicit behind_ring_service(boost::asio::execution_context& context)
        : Stock(behind_ring(context))
    {}

    // The key of this service, beside that of the service underneath.
    static inline asio_impl::service_id<behind_ring_service> id;

    void shutdown() override { Stock::shutdown(); }
};

} // namespace asio_uring::detail
