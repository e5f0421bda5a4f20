// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: local (Unix domain) seqpacket sockets on the ring, where Boost
// has them. Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/asio/connect_pair.hpp>
#include <asio_uring/detail/asio/ring_protocol.hpp>
#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#if __has_include(<boost/asio/local/seq_packet_protocol.hpp>)
#    include <boost/asio/basic_seq_packet_socket.hpp>
#    include <boost/asio/basic_socket_acceptor.hpp>
#    include <boost/asio/local/seq_packet_protocol.hpp>

namespace asio_uring::local {

/// boost::asio::local::seq_packet_protocol, with its objects on the ring. See ip::tcp.
/**
 * Needs Boost 1.84. With an older Boost, generic::seq_packet_protocol makes the same
 * sockets.
 */
struct seq_packet_protocol
    : detail::asio_impl::ring_protocol<boost::asio::local::seq_packet_protocol>
{
    using ring_protocol::ring_protocol;

    template <typename Executor>
    using socket_on = boost::asio::basic_seq_packet_socket<seq_packet_protocol, Executor>;
    template <typename Executor>
    using acceptor_on = boost::asio::basic_socket_acceptor<seq_packet_protocol, Executor>;

    using socket = socket_on<any_io_executor>;
    using acceptor = acceptor_on<any_io_executor>;
};

} // namespace asio_uring::local

#endif
