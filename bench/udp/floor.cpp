// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column floor: the UDP echo server as the tightest loop on this library's
// ring layer, without Asio: one RECVMSG and one SEND request per datagram, in turn,
// one kernel entry each.
//
//     --ring single|cooperative   as in echo/floor.cpp
//     --send ring|at_once         a request (default), or a system call without a wait
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/transport.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;

asio_uring::ring_options options_of(const bench::arguments& options)
{
    asio_uring::ring_options result;
    result.entries = 8;
    result.flags = options.text("--ring", "single") == "single"
                       ? abi::setup_single_issuer | abi::setup_defer_taskrun
                       : abi::setup_coop_taskrun | abi::setup_taskrun_flag;
    result.register_ring_fd = true;
    return result;
}

class server
{
public:
    server(const asio_uring::ring_options& options, bool send_at_once)
        : ring_(options),
          socket_(bench::serve_on(bench::transport::udp, 0)),
          send_at_once_(send_at_once)
    {
        message_.msg_name = &sender_;
        message_.msg_iov = &data_;
        message_.msg_iovlen = 1;
    }

    [[noreturn]] void run()
    {
        for (;;) {
            message_.msg_namelen = sizeof sender_;
            data_ = {buffer_, sizeof buffer_};
            const int received =
                perform(op::recvmsg{.fd = socket_, .message = &message_});
            if (received == 0)
                bench::count_connection();
            if (received <= 0)
                continue;
            send(static_cast<std::uint32_t>(received));
        }
    }

private:
    void send(std::uint32_t size)
    {
        auto* const address = static_cast<sockaddr*>(message_.msg_name);
        if (send_at_once_ &&
            ::sendto(
                socket_, buffer_, size, MSG_DONTWAIT, address, message_.msg_namelen) >= 0)
            return;
        perform(op::send{
            .fd = socket_,
            .data = buffer_,
            .size = size,
            .address = address,
            .address_size = static_cast<std::uint16_t>(message_.msg_namelen)});
    }

    template <class Op>
    int perform(const Op& request)
    {
        int result = -EAGAIN;
        if (!ring_.try_push(request, 0))
            bench::fail("the submission queue", EBUSY);
        unsigned done = 0;
        while (done == 0) {
            const int entered = ring_.enter(ring_.publish(), 1, abi::enter_getevents);
            if (entered < 0 && entered != -EINTR)
                bench::fail("io_uring_enter", -entered);
            done = static_cast<unsigned>(ring_.for_each_completion(
                [&](const abi::cqe& cqe) { result = cqe.res; }));
        }
        return result;
    }

    asio_uring::ring ring_;
    int socket_;
    bool send_at_once_;
    ::msghdr message_{};
    ::iovec data_{};
    sockaddr_in sender_{};
    char buffer_[bench::connection_buffer_size];
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--ring", "--send"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    server(options_of(options), options.text("--send", "ring") == "at_once").run();
}
