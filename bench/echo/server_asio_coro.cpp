// SPDX-License-Identifier: BSL-1.0
// Benchmarks. TCP echo server over Asio's objects with coroutines: the work of
// server_asio.cpp, one coroutine per connection. With BENCH_DEFERRED it awaits the
// operations themselves, without an awaitable around each.
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cstddef>
#include <utility>

#include <backend.hpp>

namespace {

using awaitable = boost::asio::awaitable<void, bench::executor>;
#ifdef BENCH_DEFERRED
inline constexpr boost::asio::deferred_t token;
#else
inline constexpr boost::asio::use_awaitable_t<bench::executor> token;
#endif

awaitable serve(bench::stream_socket socket)
{
    try {
        std::array<char, bench::connection_buffer_size> buffer;
        for (;;) {
            const std::size_t size =
                co_await socket.async_read_some(boost::asio::buffer(buffer), token);
            co_await boost::asio::async_write(
                socket, boost::asio::buffer(buffer, size), token);
        }
    }
    catch (const boost::system::system_error&) {
        // The peer has closed the connection.
    }
}

awaitable accept_all(bench::acceptor listener)
{
    const bench::executor executor = listener.get_executor();
    for (;;) {
        bench::stream_socket peer(executor);
        co_await listener.async_accept(peer, token);
        bench::count_connection();
        peer.set_option(boost::asio::ip::tcp::no_delay(true));
        boost::asio::co_spawn(executor, serve(std::move(peer)), boost::asio::detached);
    }
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--lifetime", "--connection-limit"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    bench::io_context context(1);
    bench::acceptor listener(
        context.get_executor(), {boost::asio::ip::address_v4::loopback(), 0});
    bench::announce_port(listener.local_endpoint().port());
    boost::asio::co_spawn(
        context.get_executor(), accept_all(std::move(listener)), boost::asio::detached);
    context.run();
}
