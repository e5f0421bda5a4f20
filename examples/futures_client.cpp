// SPDX-License-Identifier: BSL-1.0
// A client that talks to an echo server through std::future.
//
// Shows: use_future on ring sockets. One thread runs the context; the main thread starts
// operations from outside and waits for each result with a deadline.
//
// Run:    futures_client --port N        talks to an echo server on 127.0.0.1:N
//         futures_client --self-test     starts the server in a thread of this process
// Prints: connected to 127.0.0.1:N
//         echoed: one, and so on for three messages

#include "support/endpoint.hpp"
#include "support/options.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio_uring::ip::tcp;
using boost::system::error_code;

// A context that one thread of its own runs until the object ends.
class context_thread
{
public:
    ~context_thread() { context_.stop(); }
    asio_uring::io_context& context() { return context_; }

private:
    asio_uring::io_context context_;
    asio::executor_work_guard<asio_uring::executor> work_{context_.get_executor()};
    std::jthread thread_{[this] { context_.run(); }};
};

// Returns the value of a future, or throws what its operation ended with. An operation
// that takes too long is cancelled, and its end awaited: until then it uses the caller's
// data.
template <class Value>
Value get(tcp::socket& socket, std::future<Value> result)
{
    if (result.wait_for(std::chrono::seconds(5)) != std::future_status::ready) {
        asio::post(socket.get_executor(), [&socket] {
            error_code ignored;
            socket.cancel(ignored);
        });
    }
    return result.get();
}

void talk(asio_uring::io_context& context, const tcp::endpoint& server)
{
    tcp::socket socket(context);
    get(socket, socket.async_connect(server, asio::use_future));
    std::cout << "connected to " << server << '\n';

    for (const std::string message : {"one", "two", "three"}) {
        std::string answer(message.size(), ' ');
        get(socket, asio::async_write(socket, asio::buffer(message), asio::use_future));
        get(socket, asio::async_read(socket, asio::buffer(answer), asio::use_future));
        if (answer != message) {
            throw std::runtime_error("the echo of '" + message + "' is '" + answer + "'");
        }
        std::cout << "echoed: " << answer << '\n';
    }
}

asio::awaitable<void> echo_one_client(tcp::acceptor acceptor)
{
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    std::array<char, 512> data;
    for (;;) { // When the client leaves, an exception ends the coroutine.
        const auto size =
            co_await socket.async_read_some(asio::buffer(data), asio::use_awaitable);
        co_await asio::async_write(socket, asio::buffer(data, size), asio::use_awaitable);
    }
}

void self_test()
{
    context_thread server;
    tcp::acceptor acceptor(server.context(), example::loopback(0));
    const tcp::endpoint endpoint = acceptor.local_endpoint();
    asio::co_spawn(
        server.context(), echo_one_client(std::move(acceptor)), asio::detached);
    context_thread client;
    talk(client.context(), endpoint);
}

} // namespace

int main(int argc, char** argv)
{
    tcp::endpoint server = example::loopback(7000);
    bool testing = false;
    example::options options("futures_client", "Talks to an echo server with futures.");
    example::add_endpoint(options, server);
    options.flag("self-test", testing, "talk to a server of this process");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        if (testing) {
            self_test();
        }
        else {
            context_thread client;
            talk(client.context(), server);
        }
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "futures_client: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
