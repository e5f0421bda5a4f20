// SPDX-License-Identifier: BSL-1.0
// A TCP echo server: every connection is one request at a time, a receive or a send.
//
// Shows: accept, recv and send; asio_uring::operation_table, which finds what a
// completion is about.
//
// Run:    ring_tcp_echo [PORT [CLIENTS]]    (--help says more)
// Prints: listening on 127.0.0.1:PORT, then echoed N bytes to K clients

#include "command_line.hpp"
#include "descriptor.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/operation_table.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
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
        descriptor socket;
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
            peer->socket = descriptor(result);
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

// Submits what was pushed, waits for the end of all of it, and returns the sum of the
// results; a request that failed makes the sum negative.
int finish(asio_uring::ring& ring, unsigned count)
{
    int total = 0;
    int failure = 0;
    for (unsigned done = 0; done != count;) {
        if (const auto ec = ring.submit_and_wait(count - done).ec) {
            throw boost::system::system_error(ec, "submit");
        }
        done += ring.for_each_completion([&](const abi::cqe& entry) {
            entry.res < 0 ? failure = entry.res : total += entry.res;
        });
    }
    return failure < 0 ? failure : total;
}

// Sends a text, one piece after the other, and gets each back.
void be_client(sockaddr_in server)
{
    const descriptor socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    asio_uring::ring ring({.entries = 2});
    const auto* address = reinterpret_cast<const sockaddr*>(&server);
    const op::connect connect{
        .fd = socket.get(), .address = address, .address_size = sizeof server};
    bool same = ring.try_push(connect, 0) && finish(ring, 1) == 0;
    for (std::uint32_t size = 1; size < 200'000 && same; size *= 7) {
        const std::string sent(size, static_cast<char>('a' + size % 26));
        std::string received(size, '\0');
        const op::send send{
            .fd = socket.get(), .data = sent.data(), .size = size, .flags = MSG_WAITALL};
        const op::recv receive{
            .fd = socket.get(),
            .data = received.data(),
            .size = size,
            .flags = MSG_WAITALL};
        // Both at once: the server sends back while we still send. Both have ended before
        // the text goes.
        if (!ring.try_push(send, 0) || !ring.try_push(receive, 1)) {
            throw std::runtime_error("the queue is full");
        }
        same = finish(ring, 2) == static_cast<int>(2 * size) && received == sent;
    }
    if (!same) {
        throw std::runtime_error("what came back is not what was sent");
    }
}

// Serves so many clients at that port; clients of its own are among them.
void serve(std::uint16_t port, int clients, int own_clients)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    const descriptor listener(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    check(::bind(listener.get(), generic, size));
    check(::listen(listener.get(), SOMAXCONN));
    check(::getsockname(listener.get(), generic, &size));
    std::cout << "listening on 127.0.0.1:" << ntohs(address.sin_port) << std::endl;

    std::vector<std::future<void>> own;
    for (int count = 0; count != own_clients; ++count) {
        own.push_back(std::async(std::launch::async, be_client, address));
    }
    const echo_server done(listener.get(), clients);
    for (std::future<void>& client : own) {
        client.get();
    }
    std::cout << "echoed " << done.bytes() << " bytes to " << clients << " clients\n";
}

const program self{
    "ring_tcp_echo",
    "ring_tcp_echo [PORT [CLIENTS]]\n"
    "Echoes what clients send to the loopback address, and ends when all have gone.\n"
    "  PORT     0 to 65535, where 0 is any free port;\n"
    "           default: any free port and three clients of its own\n"
    "  CLIENTS  1 to 50, default 1\n",
    {},
    2};

} // namespace

int main(int argc, char** argv)
{
    return run_program(self, argc, argv, [](const command_line& arguments) {
        if (arguments.size() == 0) {
            serve(0, 3, 3);
            return;
        }
        const int port = arguments.number(0, "PORT", 0, 65535);
        const int clients =
            arguments.size() == 2 ? arguments.number(1, "CLIENTS", 1, 50) : 1;
        serve(static_cast<std::uint16_t>(port), clients, 0);
    });
}
