// SPDX-License-Identifier: BSL-1.0
// A UDP echo server on stock types, moved onto the ring by CMake. Two receives are always
// under way, and every answer is a send of its own.
//
// Run:    udp_echo            serves until SIGTERM
// Prints: listening on 127.0.0.1:PORT, and at its end the number of datagrams

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/signal_set.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

struct lane
{
    udp::socket& socket;
    std::uint64_t& answered;
    std::array<char, 2048> data{};
    udp::endpoint sender{};

    void receive()
    {
        socket.async_receive_from(
            asio::buffer(data), sender, [this](error_code ec, std::size_t size) {
                if (ec)
                    return;
                socket.async_send_to(
                    asio::buffer(data, size),
                    sender,
                    [this](error_code failed, std::size_t) {
                        answered += !failed;
                        receive();
                    });
            });
    }
};

} // namespace

int main()
{
    asio::io_context context(1);
    udp::socket socket(context, {asio::ip::address_v4::loopback(), 0});
    socket.set_option(asio::socket_base::receive_buffer_size(1 << 20));
    std::uint64_t answered = 0;
    lane first{socket, answered};
    lane second{socket, answered};
    first.receive();
    second.receive();
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](error_code, int) { socket.close(); });
    std::cout << "listening on " << socket.local_endpoint() << std::endl;
    context.run();
    std::cout << "datagrams=" << answered << '\n';
    return EXIT_SUCCESS;
}
