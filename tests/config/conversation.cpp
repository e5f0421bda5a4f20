// SPDX-License-Identifier: BSL-1.0
// A program of someone else, compiled with one of the macros that configure Asio: stock
// objects and objects of the ring in one context, and the ring under a stock one.

#include <asio_uring/asio_uring.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#ifdef BOOST_ASIO_HAS_IO_URING
#    include <boost/asio/random_access_file.hpp>
#endif

#include <chrono>
#include <iostream>
#include <string>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

struct tally
{
    void count(error_code ec)
    {
        ++handlers;
        errors += bool(ec);
    }

    int handlers = 0;
    int errors = 0;
};

// One accepted connection, a message in each direction, and a read that is cancelled.
template <typename Tcp, typename Timer>
bool converse(asio::io_context& context)
{
    tally seen;
    std::string received(4, '.');
    bool aborted = false;
    typename Tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    typename Tcp::socket server(context);
    typename Tcp::socket client(context);
    Timer timer(context, std::chrono::milliseconds(1));
    timer.async_wait([&](error_code ec) { seen.count(ec); });
    acceptor.async_accept(server, [&](error_code ec) {
        seen.count(ec);
        asio::async_write(
            server, asio::buffer("ping", 4), [&](error_code e, std::size_t) {
                seen.count(e);
            });
    });
    client.async_connect(acceptor.local_endpoint(), [&](error_code ec) {
        seen.count(ec);
        asio::async_read(client, asio::buffer(received), [&](error_code e, std::size_t) {
            seen.count(e);
            client.async_read_some(
                asio::buffer(received), [&](error_code end, std::size_t) {
                    aborted = end == asio::error::operation_aborted;
                });
            asio::post(context, [&] { client.cancel(); });
        });
    });
    context.restart();
    context.run_for(std::chrono::seconds(10));
    return context.stopped() && aborted && seen.handlers == 5 && seen.errors == 0 &&
           received == "ping";
}

#ifdef BOOST_ASIO_HAS_IO_URING
// Asio's own files run on a ring of Asio's, which its reactor watches.
bool read_file(asio::io_context& context)
{
    asio::random_access_file file(
        context, "/proc/self/exe", asio::random_access_file::read_only);
    std::string magic(4, '.');
    std::size_t size = 0;
    file.async_read_some_at(
        0, asio::buffer(magic), [&](error_code, std::size_t got) { size = got; });
    context.restart();
    context.run_for(std::chrono::seconds(10));
    return size == 4 && magic == "\x7f"
                                 "ELF";
}
#endif

struct ring_tcp
{
    using acceptor = asio_uring::ip::tcp::acceptor;
    using socket = asio_uring::ip::tcp::socket;
};

} // namespace

int main()
{
    bool passed = true;
    asio_uring::io_context ours(1);
    passed = converse<ring_tcp, asio_uring::steady_timer>(ours) && passed;
    passed = converse<asio::ip::tcp, asio::steady_timer>(ours) && passed;
    asio::io_context stock;
    passed = converse<asio::ip::tcp, asio::steady_timer>(stock) && passed;
    passed = converse<ring_tcp, asio_uring::steady_timer>(stock) && passed;
    passed = asio_uring::counters(ours).operations > 0 && passed;
#ifdef BOOST_ASIO_HAS_IO_URING
    passed = read_file(ours) && passed;
#endif
    std::cerr << (passed ? "passed" : "failed") << std::endl;
    return passed ? 0 : 1;
}
