// SPDX-License-Identifier: BSL-1.0
// An echo server over TLS, written against stock Asio and moved onto the ring by CMake.
//
// Shows: asio::ssl::stream needs nothing of its own; the socket below it is on the ring.
//
// Run:    tls_echo PORT CERTIFICATE.pem KEY.pem      serves until Ctrl-C
//         openssl s_client -quiet -connect localhost:PORT
// Prints: listening on 127.0.0.1:PORT, and at its end the number of connections

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto with_error = asio::as_tuple(asio::use_awaitable);

asio::awaitable<void> echo(tcp::socket socket, asio::ssl::context& tls)
{
    asio::ssl::stream<tcp::socket&> stream(socket, tls);
    auto [failed] =
        co_await stream.async_handshake(asio::ssl::stream_base::server, with_error);
    std::array<char, 16384> data;
    while (!failed) {
        auto [error, size] =
            co_await stream.async_read_some(asio::buffer(data), with_error);
        if (error) {
            break;
        }
        auto [unsent, sent] =
            co_await asio::async_write(stream, asio::buffer(data, size), with_error);
        failed = unsent;
    }
    co_await stream.async_shutdown(with_error);
}

asio::awaitable<void>
serve(tcp::acceptor& acceptor, asio::ssl::context& tls, std::uint64_t& connections)
{
    while (acceptor.is_open()) {
        auto [error, socket] = co_await acceptor.async_accept(with_error);
        if (!error) {
            ++connections;
            asio::co_spawn(
                acceptor.get_executor(), echo(std::move(socket), tls), asio::detached);
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 4) {
        std::cerr << "usage: tls_echo PORT CERTIFICATE.pem KEY.pem\n";
        return EXIT_FAILURE;
    }
    try {
        asio::ssl::context tls(asio::ssl::context::tls_server);
        tls.use_certificate_chain_file(argv[2]);
        tls.use_private_key_file(argv[3], asio::ssl::context::pem);

        asio::io_context context(1);
        tcp::acceptor acceptor(
            context,
            {asio::ip::address_v4::loopback(),
             static_cast<std::uint16_t>(std::stoi(argv[1]))});
        std::uint64_t connections = 0;
        asio::co_spawn(context, serve(acceptor, tls, connections), asio::detached);
        asio::signal_set signals(context, SIGINT, SIGTERM);
        signals.async_wait([&](boost::system::error_code, int) { context.stop(); });

        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        context.run();
        std::cout << "connections=" << connections << '\n';
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "tls_echo: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
