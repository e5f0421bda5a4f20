// SPDX-License-Identifier: BSL-1.0
// A WebSocket echo server and client with Beast, written against stock Asio and moved
// onto the ring by CMake.
//
// Shows: Beast's streams with their timeouts, messages in both directions.
//
// Run:    websocket_echo --serve PORT                serves until Ctrl-C
//         websocket_echo --ask PORT MESSAGES BYTES   sends, and expects each one back
// Prints: listening on 127.0.0.1:PORT; the client: `N messages came back`

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using websocket_stream = websocket::stream<beast::tcp_stream>;

asio::awaitable<void> echo(websocket_stream stream)
{
    stream.set_option(
        websocket::stream_base::timeout::suggested(beast::role_type::server));
    co_await stream.async_accept(asio::use_awaitable);
    for (;;) {
        beast::flat_buffer message;
        co_await stream.async_read(message, asio::use_awaitable);
        stream.text(stream.got_text());
        co_await stream.async_write(message.data(), asio::use_awaitable);
    }
}

// Whatever ends a connection, a close among it, ends nothing else.
void ended(std::exception_ptr) {}

asio::awaitable<void> serve(tcp::acceptor& acceptor)
{
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(
            acceptor.get_executor(), echo(websocket_stream(std::move(socket))), &ended);
    }
}

asio::awaitable<void> ask(tcp::endpoint server, int messages, std::size_t bytes)
{
    websocket_stream stream(co_await asio::this_coro::executor);
    beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(10));
    co_await beast::get_lowest_layer(stream).async_connect(server, asio::use_awaitable);
    beast::get_lowest_layer(stream).expires_never();
    stream.set_option(
        websocket::stream_base::timeout::suggested(beast::role_type::client));
    co_await stream.async_handshake("localhost", "/", asio::use_awaitable);
    stream.binary(true);
    for (int i = 0; i < messages; ++i) {
        const std::string sent(bytes, static_cast<char>(i));
        co_await stream.async_write(asio::buffer(sent), asio::use_awaitable);
        beast::flat_buffer received;
        co_await stream.async_read(received, asio::use_awaitable);
        if (beast::buffers_to_string(received.data()) != sent) {
            throw std::runtime_error("the echo differs");
        }
    }
    co_await stream.async_close(websocket::close_code::normal, asio::use_awaitable);
    std::cout << messages << " messages came back\n";
}

std::uint16_t port(const char* text)
{
    return static_cast<std::uint16_t>(std::stoi(text));
}

} // namespace

int main(int argc, char** argv)
{
    const std::string role = argc > 1 ? argv[1] : "";
    if (!(role == "--serve" && argc == 3) && !(role == "--ask" && argc == 5)) {
        std::cerr << "usage: websocket_echo --serve PORT | --ask PORT MESSAGES BYTES\n";
        return EXIT_FAILURE;
    }
    try {
        asio::io_context context(1);
        const tcp::endpoint server(asio::ip::address_v4::loopback(), port(argv[2]));
        const auto rethrow = [](std::exception_ptr failure) {
            if (failure) {
                std::rethrow_exception(failure); // out of run()
            }
        };
        if (role == "--ask") {
            asio::co_spawn(
                context, ask(server, std::stoi(argv[3]), std::stoul(argv[4])), rethrow);
            context.run();
            return EXIT_SUCCESS;
        }
        tcp::acceptor acceptor(context, server);
        asio::co_spawn(context, serve(acceptor), rethrow);
        asio::signal_set signals(context, SIGINT, SIGTERM);
        signals.async_wait([&](boost::system::error_code, int) { context.stop(); });
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        context.run();
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "websocket_echo: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
