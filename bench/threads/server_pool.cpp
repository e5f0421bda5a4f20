// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column asio_uring_pool: the TCP echo of server_asio.cpp on context_pool: a
// context with a thread each, one acceptor that hands the connections over in turn.
//
//     --threads N   contexts, and threads (default 2)
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/processors.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include <unistd.h>

namespace {

using boost::system::error_code;
using tcp = asio_uring::ip::tcp;
using executor = asio_uring::context_pool::executor_type;

struct session
{
    using pointer = std::unique_ptr<session>;

    explicit session(tcp::socket_on<executor>&& peer) : socket(std::move(peer)) {}

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

    tcp::socket_on<executor> socket;
    std::array<char, bench::connection_buffer_size> buffer;
};

class server
{
public:
    explicit server(asio_uring::context_pool& pool)
        : pool_(pool),
          acceptor_(pool.next(), {boost::asio::ip::address_v4::loopback(), 0})
    {
        bench::announce_port(acceptor_.local_endpoint().port());
        accept_next();
    }

private:
    void accept_next()
    {
        acceptor_.async_accept(
            pool_.next(), [this](error_code ec, tcp::socket_on<executor> peer) {
                if (ec)
                    bench::fail("accept", ec.value());
                bench::count_connection();
                peer.set_option(boost::asio::ip::tcp::no_delay(true));
                session::read_next(std::make_unique<session>(std::move(peer)));
                accept_next();
            });
    }

    asio_uring::context_pool& pool_;
    tcp::acceptor_on<executor> acceptor_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--threads"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    bench::use_all_processors();
    const auto size = static_cast<std::size_t>(options.integer("--threads", 2));
    asio_uring::context_pool pool({.size = size});
    server echo(pool);
    for (;;)
        ::pause();
}
