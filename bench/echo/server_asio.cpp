// Benchmarks. TCP echo server over Asio's objects with callbacks: read_some, then
// async_write of what came. The backend's header names the context and the socket types;
// nothing else differs between the columns.
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include <backend.hpp>

namespace {

using boost::system::error_code;

// Owned by the handler of its one pending operation: it ends with the connection, and
// with the context, without a reference count.
struct session
{
    explicit session(bench::stream_socket&& peer) : socket(std::move(peer)) {}

    bench::stream_socket socket;
    std::array<char, bench::connection_buffer_size> buffer;
};

using session_ptr = std::unique_ptr<session>;

void read_next(session_ptr owner);

void write_back(session_ptr owner, std::size_t size)
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

void read_next(session_ptr owner)
{
    session& connection = *owner;
    connection.socket.async_read_some(
        boost::asio::buffer(connection.buffer),
        [owner = std::move(owner)](error_code ec, std::size_t size) mutable {
            if (!ec)
                write_back(std::move(owner), size);
        });
}

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
            peer_.set_option(boost::asio::ip::tcp::no_delay(true));
            read_next(std::make_unique<session>(std::move(peer_)));
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
    server echo(context);
    context.run();
}
