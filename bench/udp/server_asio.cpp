// SPDX-License-Identifier: BSL-1.0
// Benchmarks. UDP echo server over Asio's objects with callbacks: receive_from, then
// send_to of what came. The backend's header names the context and the socket type;
// nothing else differs between the columns. An empty datagram counts as a connection.
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>

#include <array>
#include <cstddef>

#include <backend.hpp>

namespace {

using boost::asio::ip::udp;
using boost::system::error_code;

class server
{
public:
    explicit server(bench::io_context& context)
        : socket_(
              context.get_executor(),
              udp::endpoint(boost::asio::ip::address_v4::loopback(), 0))
    {
        bench::announce_port(socket_.local_endpoint().port());
        receive();
    }

private:
    // The load may go while an answer is on its way to it, which the next receive
    // reports.
    void receive()
    {
        socket_.async_receive_from(
            boost::asio::buffer(buffer_),
            sender_,
            [this](error_code ec, std::size_t size) {
                if (!ec && size == 0)
                    bench::count_connection();
                if (ec || size == 0)
                    receive();
                else
                    send(size);
            });
    }

    void send(std::size_t size)
    {
        socket_.async_send_to(
            boost::asio::buffer(buffer_, size), sender_, [this](error_code, std::size_t) {
                receive();
            });
    }

    bench::datagram_socket socket_;
    udp::endpoint sender_;
    std::array<char, bench::connection_buffer_size> buffer_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--lifetime", "--connection-limit"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    bench::io_context context(1);
    server echo(context);
    context.run();
}
