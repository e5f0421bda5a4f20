// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: sockets of any stream protocol on the ring.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

namespace asio_uring::generic {

/// boost::asio::generic::stream_protocol, with its objects on asio_uring::executor. See
/// ip::tcp.
struct stream_protocol : boost::asio::generic::stream_protocol
{
    using socket =
        boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, executor>;
};

} // namespace asio_uring::generic
