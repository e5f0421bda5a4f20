// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: local (Unix domain) datagram sockets on the ring.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/local/datagram_protocol.hpp>

namespace asio_uring::local {

/// boost::asio::local::datagram_protocol, with its objects on asio_uring::executor. See
/// ip::tcp.
struct datagram_protocol : boost::asio::local::datagram_protocol
{
    using socket = boost::asio::
        basic_datagram_socket<boost::asio::local::datagram_protocol, executor>;
};

} // namespace asio_uring::local
