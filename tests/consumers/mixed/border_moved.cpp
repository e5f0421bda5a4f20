// SPDX-License-Identifier: BSL-1.0
// Hands its objects to the part that was forgotten and that makes none itself.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#ifndef ASIO_URING_DROP_IN
#    error "asio_uring_drop_in() did not reach this file"
#endif

#include <utility>

void borrow(boost::asio::ip::tcp::socket& socket);
void keep(boost::asio::ip::tcp::socket socket);
void stop(boost::asio::steady_timer& timer);

int main()
{
    boost::asio::io_context context;
    boost::asio::ip::tcp::socket socket{context, boost::asio::ip::tcp::v4()};
    boost::asio::steady_timer timer{context, std::chrono::milliseconds(1)};
    stop(timer);
    borrow(socket);
    keep(std::move(socket));
}
