// SPDX-License-Identifier: BSL-1.0
// A part that its owner compiles without the precompiled header.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

bool use_unprecompiled()
{
    boost::asio::io_context context;
    boost::asio::ip::udp::socket socket{context, boost::asio::ip::udp::v4()};
    return socket.is_open();
}
