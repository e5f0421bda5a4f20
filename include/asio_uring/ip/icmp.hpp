// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: ICMP on the ring, one line from ICMP on Asio: `using
// asio_uring::ip::icmp;`. Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/asio/ring_protocol.hpp>
#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/icmp.hpp>

namespace asio_uring::ip {

/// boost::asio::ip::icmp, with its objects on the ring. See ip::tcp.
struct icmp : detail::asio_impl::ring_protocol<boost::asio::ip::icmp>
{
    using ring_protocol::ring_protocol;

    template <typename Executor>
    using socket_on = boost::asio::basic_raw_socket<icmp, Executor>;

    using socket = socket_on<any_io_executor>;
    using resolver =
        boost::asio::ip::basic_resolver<boost::asio::ip::icmp, any_io_executor>;
};

} // namespace asio_uring::ip
