// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Bulk server over Asio's objects with callbacks: on each connection one loop
// receives and drops, another sends, neither waits for the other. The backend's header
// names the context and the socket types; nothing else differs between the columns.
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/stream.hpp"

#include <boost/asio/buffer.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include <backend.hpp>

namespace {

using boost::system::error_code;

// Shared by the handlers of its two loops; it ends with the second.
class session : public std::enable_shared_from_this<session>
{
public:
    explicit session(bench::stream_socket&& peer) : socket_(std::move(peer))
    {
        output_.fill(bench::stream_byte);
    }

    void receive()
    {
        socket_.async_read_some(
            boost::asio::buffer(input_),
            [self = shared_from_this()](error_code ec, std::size_t) {
                if (!ec)
                    self->receive();
                else
                    self->socket_.close(ec);
            });
    }

    void send()
    {
        socket_.async_write_some(
            boost::asio::buffer(output_),
            [self = shared_from_this()](error_code ec, std::size_t) {
                if (!ec)
                    self->send();
            });
    }

private:
    bench::stream_socket socket_;
    std::array<char, bench::stream_buffer_size> input_;
    std::array<char, bench::stream_buffer_size> output_;
};

class server
{
public:
    explicit server(bench::io_context& context)
        : acceptor_(context.get_executor(), {boost::asio::ip::address_v4::loopback(), 0}),
          peer_(context.get_executor())
    {
        bench::announce_port(acceptor_.local_endpoint().port());
        accept_next();
    }

private:
    void accept_next()
    {
        acceptor_.async_accept(peer_, [this](error_code ec) {
            if (ec)
                bench::fail("accept", ec.value());
            bench::count_connection();
            const auto peer = std::make_shared<session>(std::move(peer_));
            peer->receive();
            peer->send();
            accept_next();
        });
    }

    bench::acceptor acceptor_;
    bench::stream_socket peer_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--lifetime", "--connection-limit"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    bench::io_context context(1);
    server bulk(context);
    context.run();
}
