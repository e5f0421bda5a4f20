// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column floor: the bulk server as the tightest loop on this library's ring
// layer, without Asio: on each connection a receive and a send request, started again
// when they end.
//
//     --send ring|at_once   a request on the ring (default), or system calls until the
//                           socket takes no more, and a request that waits for room then
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/stream.hpp"
#include "support/transport.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;

struct connection
{
    explicit connection(int descriptor) : fd(descriptor), input(bench::stream_buffer_size)
    {}

    int fd;
    int pending = 0; // requests in the kernel
    std::vector<char> input;
};

// The low bit of user_data tells a send from a receive; the listener's accept is zero.
inline constexpr std::uint64_t accept_tag = 0;
inline constexpr std::uint64_t send_bit = 1;

class server
{
public:
    explicit server(bool send_at_once)
        : ring_(asio_uring::ring_options{
              .entries = 256,
              .flags = abi::setup_single_issuer | abi::setup_defer_taskrun,
              .register_ring_fd = true}),
          listener_(bench::serve_on(bench::transport::tcp, 0)),
          output_(bench::stream_buffer_size, bench::stream_byte),
          send_at_once_(send_at_once)
    {
        push(op::accept{.fd = listener_, .flags = SOCK_CLOEXEC}, accept_tag);
    }

    [[noreturn]] void run()
    {
        for (;;) {
            enter(1);
            ring_.for_each_completion([this](const abi::cqe& done) { serve(done); });
        }
    }

private:
    void enter(unsigned min_complete)
    {
        const unsigned count = ring_.publish();
        const int result =
            ring_.enter(count, min_complete, min_complete > 0 ? abi::enter_getevents : 0);
        if (result < 0 && result != -EINTR)
            bench::fail("io_uring_enter", -result);
    }

    template <class Op>
    void push(const Op& request, std::uint64_t user_data)
    {
        while (!ring_.try_push(request, user_data))
            enter(0);
    }

    void receive(connection& owner)
    {
        ++owner.pending;
        push(
            op::recv{
                .fd = owner.fd,
                .data = owner.input.data(),
                .size = static_cast<std::uint32_t>(owner.input.size())},
            reinterpret_cast<std::uintptr_t>(&owner));
    }

    void send(connection& owner)
    {
        if (send_at_once_)
            send_what_goes(owner);
        ++owner.pending;
        push(
            op::send{
                .fd = owner.fd,
                .data = output_.data(),
                .size = static_cast<std::uint32_t>(output_.size()),
                .flags = MSG_NOSIGNAL},
            reinterpret_cast<std::uintptr_t>(&owner) | send_bit);
    }

    // send_what_goes: not for ever, because the others wait. The request after it sees
    // an error.
    void send_what_goes(const connection& owner)
    {
        for (int turn = 0; turn < 16; ++turn)
            if (::send(
                    owner.fd,
                    output_.data(),
                    output_.size(),
                    MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                return;
    }

    void serve(const abi::cqe& done)
    {
        if (done.user_data == accept_tag) {
            accepted(bench::check_result(done.res, "accept"));
            return;
        }
        const auto pointer = static_cast<std::uintptr_t>(done.user_data & ~send_bit);
        connection& owner = *reinterpret_cast<connection*>(pointer);
        --owner.pending;
        if (done.res <= 0)
            end(owner);
        else if ((done.user_data & send_bit) != 0)
            send(owner);
        else
            receive(owner);
    }

    static void end(connection& owner)
    {
        ::shutdown(owner.fd, SHUT_RDWR);
        if (owner.pending != 0)
            return;
        ::close(owner.fd);
        delete &owner;
    }

    void accepted(int fd)
    {
        bench::count_connection();
        connection& owner = *new connection(fd);
        receive(owner);
        send(owner);
        push(op::accept{.fd = listener_, .flags = SOCK_CLOEXEC}, accept_tag);
    }

    asio_uring::ring ring_;
    int listener_;
    std::vector<char> output_;
    bool send_at_once_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--send"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    server(options.text("--send", "ring") == "at_once").run();
}
