// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column floor: the stream echo server as the tightest loop on this library's
// ring layer, without Asio: one receive and one send request per message, one kernel
// entry per turn.
//
//     --ring single|cooperative   single (default): SINGLE_ISSUER and DEFER_TASKRUN;
//                                 cooperative: COOP_TASKRUN and TASKRUN_FLAG, as the
//                                 library's default ring has
//     --send ring|at_once         a request on the ring (default), or a system call that
//                                 does not wait for the next turn
//     --entries N                 size of the submission queue
//     --transport tcp|local       TCP over loopback (default), or a local stream
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/transport.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <cstddef>
#include <cstdint>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;

struct connection
{
    explicit connection(int descriptor) : fd(descriptor) {}

    int fd;
    std::uint32_t begin = 0; // of the bytes received and not yet sent
    std::uint32_t end = 0;
    char buffer[bench::connection_buffer_size];
};

// The low bit of user_data tells a send from a receive; the listener's accept is zero.
inline constexpr std::uint64_t accept_tag = 0;
inline constexpr std::uint64_t send_bit = 1;

asio_uring::ring_options options_of(const bench::arguments& options)
{
    asio_uring::ring_options result;
    result.entries = static_cast<unsigned>(options.integer("--entries", 1024));
    result.flags = options.text("--ring", "single") == "single"
                       ? abi::setup_single_issuer | abi::setup_defer_taskrun
                       : abi::setup_coop_taskrun | abi::setup_taskrun_flag;
    result.register_ring_fd = true;
    return result;
}

class server
{
public:
    server(
        bench::transport kind, const asio_uring::ring_options& options, bool send_at_once)
        : ring_(options),
          listener_(bench::serve_on(kind, 0)),
          kind_(kind),
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
        push(
            op::recv{.fd = owner.fd, .data = owner.buffer, .size = sizeof owner.buffer},
            reinterpret_cast<std::uintptr_t>(&owner));
    }

    void send(connection& owner)
    {
        push(
            op::send{
                .fd = owner.fd,
                .data = owner.buffer + owner.begin,
                .size = owner.end - owner.begin,
                .flags = MSG_NOSIGNAL},
            reinterpret_cast<std::uintptr_t>(&owner) | send_bit);
    }

    void serve(const abi::cqe& done)
    {
        if (done.user_data == accept_tag) {
            accepted(bench::check_result(done.res, "accept"));
            return;
        }
        const auto pointer = static_cast<std::uintptr_t>(done.user_data & ~send_bit);
        connection& owner = *reinterpret_cast<connection*>(pointer);
        if (done.res <= 0) {
            ::close(owner.fd);
            delete &owner;
        }
        else if ((done.user_data & send_bit) == 0) {
            owner.begin = 0;
            owner.end = static_cast<std::uint32_t>(done.res);
            if (send_at_once_)
                owner.begin += sent_at_once(owner);
            go_on(owner);
        }
        else {
            owner.begin += static_cast<std::uint32_t>(done.res);
            go_on(owner);
        }
    }

    void go_on(connection& owner)
    {
        owner.begin == owner.end ? receive(owner) : send(owner);
    }

    // sent_at_once: what goes without waiting; the ring sends the rest or sees the error.
    static std::uint32_t sent_at_once(const connection& owner)
    {
        const ssize_t sent =
            ::send(owner.fd, owner.buffer, owner.end, MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent < 0 ? 0 : static_cast<std::uint32_t>(sent);
    }

    void accepted(int fd)
    {
        bench::count_connection();
        if (kind_ == bench::transport::tcp)
            bench::set_no_delay(fd);
        receive(*new connection(fd));
        push(op::accept{.fd = listener_, .flags = SOCK_CLOEXEC}, accept_tag);
    }

    asio_uring::ring ring_;
    int listener_;
    bench::transport kind_;
    bool send_at_once_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc,
        argv,
        {"--lifetime",
         "--connection-limit",
         "--ring",
         "--send",
         "--entries",
         "--transport"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    server echo(
        bench::transport_of(options),
        options_of(options),
        options.text("--send", "ring") == "at_once");
    echo.run();
}
