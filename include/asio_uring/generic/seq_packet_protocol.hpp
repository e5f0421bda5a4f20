// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: sockets of any seqpacket protocol on the ring.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_seq_packet_socket.hpp>
#include <boost/asio/generic/seq_packet_protocol.hpp>

namespace asio_uring::generic {

/// boost::asio::generic::seq_packet_protocol, with its objects on asio_uring::executor.
/// See ip::tcp.
struct seq_packet_protocol : boost::asio::generic::seq_packet_protocol
{
    using socket = boost::asio::
        basic_seq_packet_socket<boost::asio::generic::seq_packet_protocol, executor>;
};

} // namespace asio_uring::generic
