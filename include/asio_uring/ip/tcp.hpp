// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: TCP on the ring, one line from TCP on Asio: `using
// asio_uring::ip::tcp;`. Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/asio/ring_iostream.hpp>
#include <asio_uring/detail/asio/ring_protocol.hpp>
#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace asio_uring::ip {

/// boost::asio::ip::tcp, with its objects on the ring.
/**
 * The objects are Asio's own class templates, so all that Asio's documentation says of
 * them holds here; endpoints, options and results of a resolver are Asio's types, and
 * values of this protocol and of Asio's convert to each other.
 *
 * An object is on the ring by its protocol, whatever its executor is: a socket that is
 * accepted for a strand is, and so is one whose executor was bound to a completion token.
 * Its executor is asio_uring::any_io_executor unless the program says otherwise, so it
 * can be made from every context and executor that Asio's own is made from.
 *
 * socket_on<asio_uring::executor> and acceptor_on<asio_uring::executor> spare the calls
 * that a polymorphic executor makes through pointers, as Asio's own concrete forms do.
 */
struct tcp : detail::asio_impl::ring_protocol<boost::asio::ip::tcp>
{
    using ring_protocol::ring_protocol;

    template <typename Executor>
    using socket_on = boost::asio::basic_stream_socket<tcp, Executor>;
    template <typename Executor>
    using acceptor_on = boost::asio::basic_socket_acceptor<tcp, Executor>;

    using socket = socket_on<any_io_executor>;
    using acceptor = acceptor_on<any_io_executor>;
    using resolver =
        boost::asio::ip::basic_resolver<boost::asio::ip::tcp, any_io_executor>;
    using iostream = detail::asio_impl::ring_iostream<tcp>;
};

} // namespace asio_uring::ip
