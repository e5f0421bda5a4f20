// SPDX-License-Identifier: BSL-1.0
// An echo server with callbacks, its sockets on the ring.
//
// Shows: `using asio_uring::ip::tcp;` is all that changes in a program written with
// Asio's own classes. One object per connection keeps itself alive through its handlers.
//
// Run:    echo_callbacks --port N        serves until Ctrl-C; try `nc localhost N`
//         echo_callbacks --self-test     serves one client of this process, and ends
// Prints: listening on 127.0.0.1:N, and `self-test: passed`

#include "support/endpoint.hpp"
#include "support/exhaustion.hpp"
#include "support/options.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio_uring::ip::tcp;
using boost::system::error_code;

class session : public std::enable_shared_from_this<session>
{
public:
    explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

    void read()
    {
        socket_.async_read_some(
            asio::buffer(data_),
            [self = shared_from_this()](error_code error, std::size_t size) {
                if (!error) {
                    self->write(size);
                } // Else the last reference goes, and the socket with it.
            });
    }

private:
    void write(std::size_t size)
    {
        asio::async_write(
            socket_,
            asio::buffer(data_, size),
            [self = shared_from_this()](error_code error, std::size_t) {
                if (!error) {
                    self->read();
                }
            });
    }

    tcp::socket socket_;
    std::array<char, 4096> data_;
};

void accept(tcp::acceptor& acceptor, asio_uring::steady_timer& pause)
{
    acceptor.async_accept([&](error_code error, tcp::socket socket) {
        if (!acceptor.is_open()) {
            return;
        }
        if (example::is_exhausted(error)) {
            pause.expires_after(example::exhaustion_pause);
            return pause.async_wait([&](error_code) { accept(acceptor, pause); });
        }
        if (!error) {
            std::make_shared<session>(std::move(socket))->read();
        } // Else this client has left already.
        accept(acceptor, pause);
    });
}

// Sends a text, expects it back, closes the acceptor: the context runs out of work.
bool self_test(asio_uring::io_context& context, tcp::acceptor& acceptor)
{
    const std::string sent(100'000, 'e');
    std::string received(sent.size(), ' ');
    tcp::socket client(context);
    client.connect(acceptor.local_endpoint());
    // A write that fails shows in the read.
    asio::async_write(client, asio::buffer(sent), [](error_code, std::size_t) {});
    asio::async_read(client, asio::buffer(received), [&](error_code, std::size_t) {
        client.close();
        acceptor.close();
    });
    context.run();
    std::cout << "self-test: " << (received == sent ? "passed" : "failed") << '\n';
    return received == sent;
}

} // namespace

int main(int argc, char** argv)
{
    tcp::endpoint endpoint = example::loopback(7000);
    bool testing = false;
    example::options options("echo_callbacks", "An echo server with callbacks.");
    example::add_endpoint(options, endpoint);
    options.flag("self-test", testing, "serve one client of this process, and end");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        asio_uring::io_context context(1);
        tcp::acceptor acceptor(context, testing ? example::loopback(0) : endpoint);
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        asio_uring::steady_timer pause(context);
        accept(acceptor, pause);
        if (testing) {
            return self_test(context, acceptor) ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        context.run();
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "echo_callbacks: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
