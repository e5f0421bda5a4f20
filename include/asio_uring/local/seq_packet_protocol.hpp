// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: local (Unix domain) seqpacket sockets on the ring, where Boost
// has them. Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#if __has_include(<boost/asio/local/seq_packet_protocol.hpp>)
#    include <boost/asio/basic_seq_packet_socket.hpp>
#    include <boost/asio/basic_socket_acceptor.hpp>
#    include <boost/asio/local/seq_packet_protocol.hpp>

namespace asio_uring::local {

/// boost::asio::local::seq_packet_protocol, with its objects on asio_uring::executor.
/**
 * Needs Boost 1.84. With an older Boost, generic::seq_packet_protocol makes the same
 * sockets.
 */
struct seq_packet_protocol : boost::asio::local::seq_packet_protocol
{
    using socket = boost::asio::
        basic_seq_packet_socket<boost::asio::local::seq_packet_protocol, executor>;
    using acceptor = boost::asio::
        basic_socket_acceptor<boost::asio::local::seq_packet_protocol, executor>;
};

} // namespace asio_uring::local

#endif
