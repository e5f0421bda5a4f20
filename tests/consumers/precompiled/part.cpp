// SPDX-License-Identifier: BSL-1.0
// A part of a program that makes a socket of its own.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

bool use_part()
{
    boost::asio::io_context context;
    boost::asio::ip::tcp::socket socket{context, boost::asio::ip::tcp::v4()};
    return socket.is_open();
}
