// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: Asio's function for a pair of connected local sockets, for the
// library's protocols. Asio's own insists on endpoints that are named after the protocol,
// and ours have Asio's. Thread: as Asio's. Lifetime: none.
#pragma once

#include <asio_uring/detail/asio/ring_protocol.hpp>

#include <boost/asio/basic_socket.hpp>
#include <boost/asio/detail/socket_holder.hpp>
#include <boost/asio/detail/socket_ops.hpp>
#include <boost/asio/detail/throw_error.hpp>
#include <boost/asio/local/connect_pair.hpp>

namespace boost::asio::local {

template <typename Protocol, typename Executor1, typename Executor2>
requires asio_uring::detail::asio_impl::is_ring_protocol<Protocol>
    boost::system::error_code connect_pair(
        basic_socket<Protocol, Executor1>& socket1,
        basic_socket<Protocol, Executor2>& socket2,
        boost::system::error_code& ec)
{
    namespace socket_ops = boost::asio::detail::socket_ops;
    const Protocol protocol;
    boost::asio::detail::socket_type pair[2];
    if (socket_ops::socketpair(
            protocol.family(), protocol.type(), protocol.protocol(), pair, ec) ==
        boost::asio::detail::socket_error_retval)
        return ec;
    boost::asio::detail::socket_holder first(pair[0]);
    boost::asio::detail::socket_holder second(pair[1]);
    if (socket1.assign(protocol, first.get(), ec); ec)
        return ec;
    first.release();
    if (socket2.assign(protocol, second.get(), ec); ec) {
        boost::system::error_code ignored;
        socket1.close(ignored);
        return ec;
    }
    second.release();
    return ec;
}

template <typename Protocol, typename Executor1, typename Executor2>
requires asio_uring::detail::asio_impl::is_ring_protocol<Protocol>
void connect_pair(
    basic_socket<Protocol, Executor1>& socket1,
    basic_socket<Protocol, Executor2>& socket2)
{
    boost::system::error_code ec;
    local::connect_pair(socket1, socket2, ec);
    boost::asio::detail::throw_error(ec, "connect_pair");
}

} // namespace boost::asio::local
