// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: local (Unix domain) stream sockets on the ring.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace asio_uring::local {

/// boost::asio::local::stream_protocol, with its objects on asio_uring::executor. See
/// ip::tcp.
struct stream_protocol : boost::asio::local::stream_protocol
{
    using socket =
        boost::asio::basic_stream_socket<boost::asio::local::stream_protocol, executor>;
    using acceptor =
        boost::asio::basic_socket_acceptor<boost::asio::local::stream_protocol, executor>;
};

} // namespace asio_uring::local
