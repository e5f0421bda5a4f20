// SPDX-License-Identifier: BSL-1.0
// The part that was forgotten. It makes no object, so nothing of it is seen at run time.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <utility>

void borrow(boost::asio::ip::tcp::socket& socket) { socket.non_blocking(true); }

void keep(boost::asio::ip::tcp::socket socket)
{
    const boost::asio::ip::tcp::socket kept(std::move(socket));
}

void stop(boost::asio::steady_timer& timer) { timer.cancel(); }
