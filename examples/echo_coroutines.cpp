// SPDX-License-Identifier: BSL-1.0
// An echo server with C++20 coroutines, its sockets and timers on the ring.
//
// Shows: co_await over ring sockets, and a deadline: a connection that stays silent for
// 30 seconds is closed by a timer of the same ring.
//
// Run:    echo_coroutines --port N       serves until Ctrl-C; try `nc localhost N`
//         echo_coroutines --self-test    serves one client of this process, and ends
// Prints: listening on 127.0.0.1:N, and `self-test: passed`

#include "support/endpoint.hpp"
#include "support/exhaustion.hpp"
#include "support/options.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

namespace {

namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;
using asio_uring::ip::tcp;

// Errors are values here: after an exception `||` waits for the other side, but the end
// of a stream has to end the waiting.
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
            co_return; // The client was silent for too long.
        }
        const auto [error, size] = std::get<0>(first);
        if (error) {
            co_return; // The client has left.
        }
        const auto [failed, sent] =
            co_await asio::async_write(socket, asio::buffer(data, size), with_error);
        if (failed) {
            co_return;
        }
    }
}

asio::awaitable<void> serve(tcp::acceptor& acceptor)
{
    asio_uring::steady_timer pause(acceptor.get_executor());
    while (acceptor.is_open()) {
        auto [error, socket] = co_await acceptor.async_accept(with_error);
        if (!error) {
            asio::co_spawn(
                acceptor.get_executor(), echo(std::move(socket)), asio::detached);
        }
        else if (example::is_exhausted(error)) {
            pause.expires_after(example::exhaustion_pause);
            co_await pause.async_wait(with_error);
        }
    }
}

// Sends a text and expects it back; both directions are under way at once.
asio::awaitable<void> talk(tcp::acceptor& acceptor)
{
    const std::string sent(100'000, 'e');
    std::string received(sent.size(), ' ');
    tcp::socket client(acceptor.get_executor());
    co_await client.async_connect(acceptor.local_endpoint(), asio::use_awaitable);
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
    tcp::endpoint endpoint = example::loopback(7000);
    bool testing = false;
    example::options options("echo_coroutines", "An echo server with coroutines.");
    example::add_endpoint(options, endpoint);
    options.flag("self-test", testing, "serve one client of this process, and end");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        asio_uring::io_context context(1);
        tcp::acceptor acceptor(context, testing ? example::loopback(0) : endpoint);
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
