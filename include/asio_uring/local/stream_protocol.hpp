// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: local (Unix domain) stream sockets on the ring.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/asio/connect_pair.hpp>
#include <asio_uring/detail/asio/ring_iostream.hpp>
#include <asio_uring/detail/asio/ring_protocol.hpp>
#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace asio_uring::local {

/// boost::asio::local::stream_protocol, with its objects on the ring. See ip::tcp.
struct stream_protocol
    : detail::asio_impl::ring_protocol<boost::asio::local::stream_protocol>
{
    using ring_protocol::ring_protocol;

    template <typename Executor>
    using socket_on = boost::asio::basic_stream_socket<stream_protocol, Executor>;
    template <typename Executor>
    using acceptor_on = boost::asio::basic_socket_acceptor<stream_protocol, Executor>;

    using socket = socket_on<any_io_executor>;
    using acceptor = acceptor_on<any_io_executor>;
    using iostream = detail::asio_impl::ring_iostream<stream_protocol>;
};

} // namespace asio_uring::local
