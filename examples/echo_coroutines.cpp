// SPDX-License-Identifier: BSL-1.0
// An echo server with C++20 coroutines, its sockets and timers on the ring.
//
// Shows: co_await over ring sockets, and a deadline: a connection that stays silent for
// 30 seconds is closed by a timer of the same ring.
//
// Run:    echo_coroutines PORT           serves until Ctrl-C; try `nc localhost PORT`
//         echo_coroutines --self-test    one client in this process, then ends
// Prints: listening on 0.0.0.0:PORT, and `self-test: passed`

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;
using asio_uring::ip::tcp;

// Errors as values: `||` waits for a success, and so the end of a stream is one.
constexpr auto with_error = asio::as_tuple(asio::use_awaitable);

asio::awaitable<void> echo(tcp::socket socket)
{
    std::array<char, 4096> data;
    asio_uring::steady_timer silence(socket.get_executor());
    for (;;) {
        silence.expires_after(std::chrono::seconds(30));
        // The first of the two to end cancels the other.
        const auto first = co_await (
            socket.async_read_some(asio::buffer(data), with_error) ||
            silence.async_wait(with_error));
        if (first.index() == 1) {
            co_return; // too long silent
        }
        const auto [error, size] = std::get<0>(first);
        if (error) {
            co_return; // The client has left.
        }
        co_await asio::async_write(socket, asio::buffer(data, size), with_error);
    }
}

asio::awaitable<void> serve(tcp::acceptor& acceptor)
{
    while (acceptor.is_open()) {
        auto [error, socket] = co_await acceptor.async_accept(with_error);
        if (!error) {
            asio::co_spawn(
                acceptor.get_executor(), echo(std::move(socket)), asio::detached);
        }
    }
}

// Sends a text and expects it back; both directions are under way at once.
asio::awaitable<void> talk(tcp::acceptor& acceptor)
{
    const std::string sent(100'000, 'e');
    std::string received(sent.size(), ' ');
    tcp::socket client(acceptor.get_executor());
    const tcp::endpoint server(
        asio::ip::address_v4::loopback(), acceptor.local_endpoint().port());
    co_await client.async_connect(server, asio::use_awaitable);
    co_await (
        asio::async_write(client, asio::buffer(sent), asio::use_awaitable) &&
        asio::async_read(client, asio::buffer(received), asio::use_awaitable));
    if (received != sent) {
        throw std::runtime_error("the echo differs");
    }
    std::cout << "self-test: passed\n";
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 2) {
        std::cerr << "usage: echo_coroutines PORT | --self-test\n";
        return EXIT_FAILURE;
    }
    try {
        const bool testing = argv[1] == std::string("--self-test");
        const int port = testing ? 0 : std::stoi(argv[1]);
        asio_uring::io_context context(1);
        tcp::acceptor acceptor(
            context, tcp::endpoint(tcp::v4(), static_cast<std::uint16_t>(port)));
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        asio::co_spawn(context, serve(acceptor), asio::detached);
        if (testing) {
            asio::co_spawn(context, talk(acceptor), [&](std::exception_ptr failure) {
                acceptor.close(); // The context runs out of work.
                if (failure) {
                    std::rethrow_exception(failure); // out of run()
                }
            });
        }
        context.run();
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "echo_coroutines: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
