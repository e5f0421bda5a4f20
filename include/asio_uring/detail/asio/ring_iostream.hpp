// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: Asio's stream of the standard library over a socket of the ring.
// Thread: as Asio's. Lifetime: as Asio's.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/asio/basic_socket_iostream.hpp>

#include <utility>

namespace asio_uring::detail::asio_impl {

#ifdef BOOST_ASIO_NO_IOSTREAM
template <typename Protocol>
class ring_iostream;
#else

/// Asio's class takes a socket over with Asio's any_io_executor only, and any other
/// argument for the name of a host.
template <typename Protocol>
class ring_iostream : public boost::asio::basic_socket_iostream<Protocol>
{
    using base = boost::asio::basic_socket_iostream<Protocol>;

public:
    using base::base;

    ring_iostream() = default;

    explicit ring_iostream(typename Protocol::socket socket)
        : base(boost::asio::basic_stream_socket<Protocol>(std::move(socket)))
    {}
};

#endif

} // namespace asio_uring::detail::asio_impl
