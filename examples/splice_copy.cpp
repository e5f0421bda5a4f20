// SPDX-License-Identifier: BSL-1.0
// Sends a file to a TCP client without copying it through the program.
//
// Shows: asio_uring::async_splice, from the file to a pipe, from the pipe to the socket.
//
// Run:    splice_copy --port N --file FILE    sends FILE to one client, and ends; try
//                                             `nc localhost N | wc -c`
//         splice_copy --self-test             sends it to a client of this process
// Prints: listening on 127.0.0.1:N, then sent K bytes

#include "support/descriptor.hpp"
#include "support/endpoint.hpp"
#include "support/options.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using asio_uring::ip::tcp;

void check(int result, const std::string& what)
{
    if (result < 0) {
        throw boost::system::system_error(errno, boost::system::system_category(), what);
    }
}

asio::awaitable<std::int64_t> send_file(tcp::socket& socket, int file)
{
    std::array<int, 2> ends;
    check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
    const example::descriptor out(ends[0]);
    const example::descriptor in(ends[1]);
    const asio_uring::any_io_executor ring = socket.get_executor();
    for (std::int64_t offset = 0;;) {
        std::size_t held = co_await asio_uring::async_splice(
            ring, file, offset, in.get(), -1, 65'536, asio::use_awaitable);
        if (held == 0) {
            co_return offset; // the end of the file
        }
        offset += static_cast<std::int64_t>(held);
        while (held > 0) { // The socket may take less than the pipe holds.
            held -= co_await asio_uring::async_splice(
                ring,
                out.get(),
                -1,
                socket.native_handle(),
                -1,
                held,
                asio::use_awaitable);
        }
    }
}

asio::awaitable<void> serve_one(tcp::acceptor acceptor, std::string path)
{
    const example::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    check(file.get(), path);
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    const std::int64_t size = co_await send_file(socket, file.get());
    std::cout << "sent " << size << " bytes\n";
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
    tcp::endpoint endpoint = example::loopback(7000);
    std::string path = "/proc/self/exe"; // this program
    bool testing = false;
    example::options options("splice_copy", "Sends a file to one TCP client, and ends.");
    example::add_endpoint(options, endpoint);
    options.text("file", "FILE", path, "file to send");
    options.flag("self-test", testing, "send it to a client of this process");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        asio_uring::io_context context(1);
        tcp::acceptor acceptor(context, testing ? example::loopback(0) : endpoint);
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
