// SPDX-License-Identifier: BSL-1.0
// A program of someone else that knows nothing of the ring: asio_uring_drop_in() moves
// it.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

#ifndef ASIO_URING_DROP_IN
#    error "asio_uring_drop_in() did not reach this file"
#endif

int main()
{
    using boost::asio::ip::tcp;
    boost::asio::io_context context;
    tcp::acceptor acceptor{context, {boost::asio::ip::address_v4::loopback(), 0}};
    tcp::socket client{context};
    tcp::socket server{context};
    char received = 0;
    bool passed = false;
    acceptor.async_accept(server, [&](boost::system::error_code ec) {
        if (!ec) {
            boost::asio::write(server, boost::asio::buffer("x", 1), ec);
        }
    });
    client.async_connect(
        acceptor.local_endpoint(), [&](boost::system::error_code failed) {
            if (failed) {
                return;
            }
            client.async_read_some(
                boost::asio::buffer(&received, 1),
                [&](boost::system::error_code ec, std::size_t count) {
                    passed = !ec && count == 1 && received == 'x';
                });
        });
    context.run();
    std::cout << (passed ? "ok" : "failed") << "\n";
    return passed ? 0 : 1;
}
