// SPDX-License-Identifier: BSL-1.0
// A TCP echo server: every connection is one request at a time, a receive or a send.
//
// Shows: accept, recv and send; asio_uring::operation_table, which finds what a
// completion is about.
//
// Run:    ring_tcp_echo PORT [CLIENTS]    serves so many clients, 1 by default, and ends
//         ring_tcp_echo                   serves three clients of its own
// Prints: listening on 127.0.0.1:PORT, then echoed N bytes to K clients

#include <asio_uring/op.hpp>
#include <asio_uring/ring/operation_table.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;
using asio_uring::detail::unique_fd;

int check(int result)
{
    if (result < 0) {
        throw boost::system::system_error(errno, boost::system::system_category());
    }
    return result;
}

class echo_server
{
public:
    echo_server(int listener, int clients) : listener_(listener), expected_(clients)
    {
        accept();
        while (ended_ != expected_) {
            if (const auto ec = ring_.submit_and_wait(1).ec) {
                throw boost::system::system_error(ec, "submit");
            }
            ring_.for_each_completion([this](const abi::cqe& entry) {
                requests_.dispatch(entry, [this](request& done, const abi::cqe& result) {
                    go_on(std::move(done), result.res);
                });
            });
        }
    }

    std::uint64_t bytes() const { return bytes_; }

private:
    static constexpr std::uint32_t data_size = 16 * 1024;

    struct connection
    {
        unique_fd socket;
        std::array<char, data_size> data;
    };

    // The connection lives as long as a request of it; the kernel writes into its data.
    struct request
    {
        enum
        {
            accepting,
            receiving,
            sending
        } kind;
        std::unique_ptr<connection> peer;
    };

    template <class Op>
    void start(const Op& operation, request about)
    {
        if (!ring_.try_push(operation, requests_.emplace(std::move(about)))) {
            throw std::runtime_error("more connections than the queue has room for");
        }
    }

    void accept()
    {
        start(
            op::accept{.fd = listener_, .flags = SOCK_CLOEXEC},
            {request::accepting, nullptr});
    }

    void receive(std::unique_ptr<connection> peer)
    {
        auto& [socket, data] = *peer;
        const op::recv receive{
            .fd = socket.get(), .data = data.data(), .size = data_size};
        start(receive, {request::receiving, std::move(peer)});
    }

    void go_on(request done, int result)
    {
        if (done.kind == request::accepting && ++accepted_ != expected_) {
            accept();
        }
        if (done.kind == request::accepting && result >= 0) {
            auto peer = std::make_unique<connection>();
            peer->socket.reset(result);
            receive(std::move(peer));
        }
        else if (done.kind == request::receiving && result > 0) {
            auto& [socket, data] = *done.peer;
            // The kernel goes on until all is sent.
            const op::send send{
                .fd = socket.get(),
                .data = data.data(),
                .size = static_cast<std::uint32_t>(result),
                .flags = MSG_WAITALL};
            start(send, {request::sending, std::move(done.peer)});
        }
        else if (done.kind == request::sending && result > 0) {
            bytes_ += asio_uring::result_value(result);
            receive(std::move(done.peer));
        }
        else { // The end of the stream, or an error: either way the client is served.
            ++ended_;
        }
    }

    int listener_;
    int expected_;
    int accepted_ = 0;
    int ended_ = 0;
    std::uint64_t bytes_ = 0;
    asio_uring::operation_table<request> requests_;
    asio_uring::ring ring_{{.entries = 64}};
};

// Sends a text, one piece after the other, and gets each back.
void be_client(sockaddr_in server)
{
    const unique_fd socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    asio_uring::ring ring({.entries = 2});
    const auto run = [&ring](const auto& operation) {
        if (!ring.try_push(operation, 0) || ring.submit_and_wait(1).ec) {
            throw std::runtime_error("the client's ring does not work");
        }
        const std::int32_t result = ring.peek()->res;
        ring.advance(1);
        return result;
    };
    const auto* address = reinterpret_cast<const sockaddr*>(&server);
    const op::connect connect{
        .fd = socket.get(), .address = address, .address_size = sizeof server};
    bool same = run(connect) == 0;
    for (std::uint32_t size = 1; size < 200'000 && same; size *= 7) {
        const std::string sent(size, static_cast<char>('a' + size % 26));
        std::string received(size, '\0');
        // Both at once: the server sends back while we still send.
        const op::send send{
            .fd = socket.get(), .data = sent.data(), .size = size, .flags = MSG_WAITALL};
        if (!ring.try_push(send, 1, abi::sqe_cqe_skip_success)) {
            throw std::runtime_error("the queue is full");
        }
        same = run(op::recv{
                   .fd = socket.get(),
                   .data = received.data(),
                   .size = size,
                   .flags = MSG_WAITALL}) == static_cast<int>(size) &&
               received == sent;
    }
    if (!same) {
        throw std::runtime_error("what came back is not what was sent");
    }
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const int clients = argc == 1 ? 3 : argc > 2 ? std::stoi(argv[2]) : 1;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port =
            htons(static_cast<std::uint16_t>(argc > 1 ? std::stoi(argv[1]) : 0));
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof address;
        const unique_fd listener(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
        check(::bind(listener.get(), generic, size));
        check(::listen(listener.get(), SOMAXCONN));
        check(::getsockname(listener.get(), generic, &size));
        std::cout << "listening on 127.0.0.1:" << ntohs(address.sin_port) << std::endl;

        std::vector<std::future<void>> own;
        for (int count = 0; argc == 1 && count != clients; ++count) {
            own.push_back(std::async(std::launch::async, be_client, address));
        }
        const echo_server done(listener.get(), clients);
        for (std::future<void>& client : own) {
            client.get();
        }
        std::cout << "echoed " << done.bytes() << " bytes to " << clients << " clients\n";
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "ring_tcp_echo: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
