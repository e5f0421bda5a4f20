// SPDX-License-Identifier: BSL-1.0
// The part of a program that its owner moved onto the ring.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#ifndef ASIO_URING_DROP_IN
#    error "asio_uring_drop_in() did not reach this file"
#endif

bool use_moved()
{
    boost::asio::io_context context;
    boost::asio::ip::tcp::socket socket{context, boost::asio::ip::tcp::v4()};
    boost::asio::steady_timer timer{context, std::chrono::milliseconds(1)};
    bool expired = false;
    timer.async_wait([&](boost::system::error_code ec) { expired = !ec; });
    context.run();
    return expired && socket.is_open();
}
