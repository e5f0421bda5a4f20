// SPDX-License-Identifier: BSL-1.0
// A library of someone else that was moved onto the ring.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#ifndef ASIO_URING_DROP_IN
#    error "asio_uring_drop_in() did not reach this file"
#endif

bool opens_a_socket()
{
    boost::asio::io_context context;
    boost::asio::ip::tcp::socket socket{context, boost::asio::ip::tcp::v4()};
    return socket.is_open();
}
