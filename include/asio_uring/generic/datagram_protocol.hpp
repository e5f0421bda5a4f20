// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: sockets of any datagram protocol on the ring.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/asio/ring_protocol.hpp>
#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>

namespace asio_uring::generic {

/// boost::asio::generic::datagram_protocol, with its objects on the ring. See ip::tcp.
struct datagram_protocol
    : detail::asio_impl::ring_protocol<boost::asio::generic::datagram_protocol>
{
    using ring_protocol::ring_protocol;

    template <typename Executor>
    using socket_on = boost::asio::basic_datagram_socket<datagram_protocol, Executor>;

    using socket = socket_on<any_io_executor>;
};

} // namespace asio_uring::generic
