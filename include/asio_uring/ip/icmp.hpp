// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: ICMP on the ring, one line from ICMP on Asio: `using
// asio_uring::ip::icmp;`. Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/icmp.hpp>

namespace asio_uring::ip {

/// boost::asio::ip::icmp, with its objects on asio_uring::executor. See ip::tcp.
struct icmp : boost::asio::ip::icmp
{
    using socket = boost::asio::basic_raw_socket<boost::asio::ip::icmp, executor>;
    using resolver = boost::asio::ip::basic_resolver<boost::asio::ip::icmp, executor>;
};

} // namespace asio_uring::ip
