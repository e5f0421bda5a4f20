// SPDX-License-Identifier: BSL-1.0
// A WebSocket echo server and client with Beast, written against stock Asio and moved
// onto the ring by CMake.
//
// Shows: Beast's streams with their timeouts, messages in both directions.
//
// Run:    websocket_echo --port N          serves until Ctrl-C
//         websocket_echo --port N --ask    sends messages, and expects each one back
// Prints: listening on 127.0.0.1:N; the client: `K messages came back`

#include "support/endpoint.hpp"
#include "support/exhaustion.hpp"
#include "support/options.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
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

asio::awaitable<void> serve(tcp::acceptor& acceptor)
{
    constexpr auto with_error = asio::as_tuple(asio::use_awaitable);
    asio::steady_timer pause(acceptor.get_executor());
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(with_error);
        if (!error) {
            asio::co_spawn(
                acceptor.get_executor(),
                echo(websocket_stream(std::move(socket))),
                asio::detached); // The exception that ends one connection ends no other.
        }
        else if (example::is_exhausted(error)) {
            pause.expires_after(example::exhaustion_pause);
            co_await pause.async_wait(with_error);
        }
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

} // namespace

int main(int argc, char** argv)
{
    tcp::endpoint server = example::loopback(7000);
    bool asking = false;
    int messages = 10;
    std::size_t bytes = 100;
    example::options options("websocket_echo", "A WebSocket echo server and its client.");
    example::add_endpoint(options, server);
    options.flag("ask", asking, "be the client");
    options.number("messages", messages, 0, 1'000'000, "how many the client sends");
    options.number("bytes", bytes, 0, 16'000'000, "size of each message");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        asio::io_context context(1);
        const auto rethrow = [](std::exception_ptr failure) {
            if (failure) {
                std::rethrow_exception(failure); // out of run()
            }
        };
        if (asking) {
            asio::co_spawn(context, ask(server, messages, bytes), rethrow);
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
