// SPDX-License-Identifier: BSL-1.0
// An echo server over TLS, written against stock Asio and moved onto the ring by CMake.
//
// Shows: asio::ssl::stream works as ever; the socket below it is on the ring.
//
// Needs a certificate and its key:
//     openssl req -x509 -nodes -subj /CN=localhost -out certificate.pem -keyout key.pem
//
// Run:    tls_echo --port N    serves until Ctrl-C; try
//                              `openssl s_client -quiet -connect localhost:N`
// Prints: listening on 127.0.0.1:N, and at its end the number of connections

#include "support/endpoint.hpp"
#include "support/exhaustion.hpp"
#include "support/options.hpp"

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
using boost::system::error_code;

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
    asio::steady_timer pause(acceptor.get_executor());
    while (acceptor.is_open()) {
        auto [error, socket] = co_await acceptor.async_accept(with_error);
        if (!error) {
            ++connections;
            asio::co_spawn(
                acceptor.get_executor(), echo(std::move(socket), tls), asio::detached);
        }
        else if (example::is_exhausted(error)) {
            pause.expires_after(example::exhaustion_pause);
            co_await pause.async_wait(with_error);
        }
    }
}

// The errors of OpenSSL do not name the file.
void check(error_code error, const std::string& path)
{
    if (error) {
        throw boost::system::system_error(error, path);
    }
}

asio::ssl::context
make_tls_context(const std::string& certificate, const std::string& key)
{
    asio::ssl::context tls(asio::ssl::context::tls_server);
    error_code error;
    tls.use_certificate_chain_file(certificate, error);
    check(error, certificate);
    tls.use_private_key_file(key, asio::ssl::context::pem, error);
    check(error, key);
    return tls;
}

} // namespace

int main(int argc, char** argv)
{
    tcp::endpoint endpoint = example::loopback(7000);
    std::string certificate = "certificate.pem";
    std::string key = "key.pem";
    example::options options("tls_echo", "An echo server over TLS.");
    example::add_endpoint(options, endpoint);
    options.text("certificate", "FILE", certificate, "certificate chain, in PEM");
    options.text("key", "FILE", key, "private key of the certificate, in PEM");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        asio::ssl::context tls = make_tls_context(certificate, key);
        asio::io_context context(1);
        tcp::acceptor acceptor(context, endpoint);
        std::uint64_t connections = 0;
        asio::co_spawn(context, serve(acceptor, tls, connections), asio::detached);
        asio::signal_set signals(context, SIGINT, SIGTERM);
        signals.async_wait([&](error_code, int) { context.stop(); });

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
