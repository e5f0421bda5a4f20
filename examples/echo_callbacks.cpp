// SPDX-License-Identifier: BSL-1.0
// An echo server with callbacks, its sockets on the ring.
//
// Shows: `using asio_uring::ip::tcp;` is all that changes in a program written with
// Asio's own classes. One object per connection keeps itself alive through its handlers.
//
// Run:    echo_callbacks PORT            serves until Ctrl-C; try `nc localhost PORT`
//         echo_callbacks --self-test     one client in this process, then ends
// Prints: listening on 0.0.0.0:PORT, and `self-test: passed`

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

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

void accept(tcp::acceptor& acceptor)
{
    acceptor.async_accept([&acceptor](error_code error, tcp::socket socket) {
        if (!acceptor.is_open()) {
            return;
        }
        if (!error) {
            std::make_shared<session>(std::move(socket))->read();
        } // Else this client has left already.
        accept(acceptor);
    });
}

// Sends a text, expects it back, closes the acceptor: the context runs out of work.
bool self_test(asio_uring::io_context& context, tcp::acceptor& acceptor)
{
    const std::string sent(100'000, 'e');
    std::string received(sent.size(), ' ');
    tcp::socket client(context);
    client.connect({asio::ip::address_v4::loopback(), acceptor.local_endpoint().port()});
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
    if (argc != 2) {
        std::cerr << "usage: echo_callbacks PORT | --self-test\n";
        return EXIT_FAILURE;
    }
    try {
        const bool testing = argv[1] == std::string("--self-test");
        const int port = testing ? 0 : std::stoi(argv[1]);
        asio_uring::io_context context(1);
        tcp::acceptor acceptor(
            context, tcp::endpoint(tcp::v4(), static_cast<std::uint16_t>(port)));
        std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
        accept(acceptor);
        if (testing) {
            return self_test(context, acceptor) ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        context.run();
    }
    catch (const std::exception& e) {
        std::cerr << "echo_callbacks: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
