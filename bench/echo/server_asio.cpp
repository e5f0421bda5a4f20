// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Stream echo server over Asio's objects with callbacks: read_some, then
// async_write of what came. The backend's header names the context and the socket types;
// nothing else differs between the columns.
//
//     --transport tcp|local   TCP over loopback (default), or a local stream
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/transport.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include <backend.hpp>

namespace {

using boost::system::error_code;

struct tcp
{
    using acceptor = bench::acceptor;
    using socket = bench::stream_socket;
    using endpoint = boost::asio::ip::tcp::endpoint;

    static void listen(acceptor& listener)
    {
        listener = acceptor(
            listener.get_executor(),
            endpoint(boost::asio::ip::address_v4::loopback(), 0));
        bench::announce_port(listener.local_endpoint().port());
    }

    static void prepare(socket& peer)
    {
        peer.set_option(boost::asio::ip::tcp::no_delay(true));
    }
};

struct local
{
    using acceptor = bench::local_acceptor;
    using socket = bench::local_socket;
    using endpoint = boost::asio::local::stream_protocol::endpoint;

    static void listen(acceptor& listener)
    {
        const auto number = static_cast<unsigned short>(::getpid());
        listener = acceptor(listener.get_executor(), endpoint(bench::local_name(number)));
        bench::announce_port(number);
    }

    static void prepare(socket&) {}
};

// Owned by the handler of its one pending operation: it ends with the connection, and
// with the context, without a reference count.
template <typename Transport>
struct session
{
    using pointer = std::unique_ptr<session>;

    explicit session(typename Transport::socket&& peer) : socket(std::move(peer)) {}

    static void read_next(pointer owner)
    {
        session& connection = *owner;
        connection.socket.async_read_some(
            boost::asio::buffer(connection.buffer),
            [owner = std::move(owner)](error_code ec, std::size_t size) mutable {
                if (!ec)
                    write_back(std::move(owner), size);
            });
    }

    static void write_back(pointer owner, std::size_t size)
    {
        session& connection = *owner;
        boost::asio::async_write(
            connection.socket,
            boost::asio::buffer(connection.buffer, size),
            [owner = std::move(owner)](error_code ec, std::size_t) mutable {
                if (!ec)
                    read_next(std::move(owner));
            });
    }

    typename Transport::socket socket;
    std::array<char, bench::connection_buffer_size> buffer;
};

template <typename Transport>
class server
{
public:
    explicit server(bench::io_context& context)
        : acceptor_(context.get_executor()), peer_(context.get_executor())
    {
        Transport::listen(acceptor_);
        accept_next();
    }

private:
    void accept_next()
    {
        acceptor_.async_accept(peer_, [this](error_code ec) {
            if (ec)
                bench::fail("accept", ec.value());
            bench::count_connection();
            Transport::prepare(peer_);
            session<Transport>::read_next(
                std::make_unique<session<Transport>>(std::move(peer_)));
            accept_next();
        });
    }

    typename Transport::acceptor acceptor_;
    typename Transport::socket peer_;
};

template <typename Transport>
void run()
{
    bench::io_context context(1);
    server<Transport> echo(context);
    context.run();
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--transport"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    if (bench::transport_of(options) == bench::transport::local)
        run<local>();
    else
        run<tcp>();
}
