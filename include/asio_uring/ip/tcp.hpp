// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: TCP on the ring, one line from TCP on Asio: `using
// asio_uring::ip::tcp;`. Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace asio_uring::ip {

/// boost::asio::ip::tcp, with its objects on asio_uring::executor.
/**
 * The objects are Asio's own class templates, so all that Asio's documentation says of
 * them holds here; endpoints, options and protocol values are Asio's types.
 */
struct tcp : boost::asio::ip::tcp
{
    using socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, executor>;
    using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, executor>;
    using resolver = boost::asio::ip::basic_resolver<boost::asio::ip::tcp, executor>;
};

} // namespace asio_uring::ip
