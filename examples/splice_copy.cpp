// SPDX-License-Identifier: BSL-1.0
// Sends a file to a TCP client without copying it through the program.
//
// Shows: asio_uring::async_splice, from the file to a pipe, from the pipe to the socket.
//
// Run:    splice_copy PORT FILE    sends FILE to one client; try `nc localhost PORT`
//         splice_copy --self-test  sends this program to a client in this process
// Prints: listening on 127.0.0.1:PORT, then sent N bytes

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using asio_uring::ip::tcp;

struct descriptor
{
    ~descriptor() { ::close(fd); }
    const int fd;
};

void check(int result)
{
    if (result < 0) {
        throw boost::system::system_error(errno, boost::system::system_category());
    }
}

asio::awaitable<std::int64_t> send_file(tcp::socket& socket, int file)
{
    int ends[] = {-1, -1};
    check(::pipe2(ends, O_CLOEXEC));
    const descriptor out{ends[0]};
    const descriptor in{ends[1]};
    const asio_uring::executor ring = socket.get_executor();
    for (std::int64_t offset = 0;;) {
        std::size_t held = co_await asio_uring::async_splice(
            ring, file, offset, in.fd, -1, 65'536, asio::use_awaitable);
        if (held == 0) {
            co_return offset; // the end of the file
        }
        offset += static_cast<std::int64_t>(held);
        while (held > 0) { // The socket may take less than the pipe holds.
            held -= co_await asio_uring::async_splice(
                ring, out.fd, -1, socket.native_handle(), -1, held, asio::use_awaitable);
        }
    }
}

asio::awaitable<void> serve_one(tcp::acceptor acceptor, std::string path)
{
    const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    check(file.fd);
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    std::cout << "sent " << co_await send_file(socket, file.fd) << " bytes\n";
}

// Receives until the end and compares with what the file holds.
asio::awaitable<void> receive(tcp::socket client, tcp::endpoint server, std::string path)
{
    co_await client.async_connect(server, asio::use_awaitable);
    std::string received;
    const auto [error, size] = co_await asio::async_read(
        client, asio::dynamic_buffer(received), asio::as_tuple(asio::use_awaitable));
    std::ifstream file(path, std::ios::binary);
    const std::string expected{std::istreambuf_iterator<char>(file), {}};
    if (error != asio::error::eof || received != expected) {
        throw std::runtime_error("what the client received is not the file");
    }
    std::cout << "self-test: passed\n";
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const bool testing = argc == 2 && argv[1] == std::string("--self-test");
        if (argc != 3 && !testing) {
            throw std::invalid_argument("give PORT and FILE, or --self-test");
        }
        const int port = testing ? 0 : std::stoi(argv[1]);
        const std::string path = testing ? "/proc/self/exe" : argv[2];
        asio_uring::io_context context(1);
        const auto loopback = asio::ip::address_v4::loopback();
        tcp::acceptor acceptor(context, {loopback, static_cast<std::uint16_t>(port)});
        const tcp::endpoint server = acceptor.local_endpoint();
        std::cout << "listening on " << server << std::endl;
        const auto ended = [](std::exception_ptr failure) {
            if (failure) {
                std::rethrow_exception(failure); // out of run()
            }
        };
        asio::co_spawn(context, serve_one(std::move(acceptor), path), ended);
        if (testing) {
            asio::co_spawn(context, receive(tcp::socket(context), server, path), ended);
        }
        context.run();
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "splice_copy: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
