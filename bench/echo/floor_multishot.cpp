// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column floor_multishot: the stream echo server as a loop on this library's
// ring layer, without Asio: one multishot receive per connection into a buffer ring, and
// one send request per message out of the buffer that it came in.
//
//     --connections N, --bytes B  of the load, for the number and size of the buffers
//     --transport tcp|local       TCP over loopback (default), or a local stream
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/transport.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;

inline constexpr std::uint16_t group = 1;

struct connection
{
    explicit connection(int descriptor) : fd(descriptor) {}

    int fd;
    bool receiving = true;
    std::size_t sent = 0;                          // of the first of these
    std::vector<asio_uring::taken_buffer> waiting; // mostly one
};

// The low bit of user_data tells a send from a receive; the listener's accept is zero.
inline constexpr std::uint64_t accept_tag = 0;
inline constexpr std::uint64_t send_bit = 1;

class server
{
public:
    server(bench::transport kind, unsigned buffers, std::size_t size)
        : ring_(asio_uring::ring_options{
              .entries = 1024,
              .flags = abi::setup_single_issuer | abi::setup_defer_taskrun,
              .register_ring_fd = true}),
          buffers_(ring_, {.group = group, .entries = buffers}),
          memory_(buffers * size),
          listener_(bench::serve_on(kind, 0)),
          kind_(kind)
    {
        for (unsigned id = 0; id != buffers; ++id)
            buffers_.add(
                static_cast<std::uint16_t>(id),
                memory_.data() + id * size,
                static_cast<std::uint32_t>(size));
        buffers_.commit();
        push(op::accept{.fd = listener_, .flags = SOCK_CLOEXEC}, accept_tag);
    }

    [[noreturn]] void run()
    {
        for (;;) {
            enter(1);
            ring_.for_each_completion([this](const abi::cqe& done) { serve(done); });
            buffers_.commit();
            for (; !starved_.empty(); starved_.pop_back())
                receive(*starved_.back());
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
            op::recv{
                .fd = owner.fd,
                .ioprio = abi::recv_multishot,
                .group = op::buffer_group{group}},
            reinterpret_cast<std::uintptr_t>(&owner));
    }

    void send(connection& owner)
    {
        const std::span<std::byte> left = owner.waiting.front().data.subspan(owner.sent);
        push(
            op::send{
                .fd = owner.fd,
                .data = left.data(),
                .size = static_cast<std::uint32_t>(left.size()),
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
        if ((done.user_data & send_bit) != 0)
            sent(owner, done.res);
        else
            received(owner, done);
    }

    void received(connection& owner, const abi::cqe& done)
    {
        if (const auto buffer = buffers_.take(done)) {
            if (buffer->data.empty()) {
                buffers_.give_back(buffer->id);
            }
            else {
                owner.waiting.push_back(*buffer);
                if (owner.waiting.size() == 1)
                    send(owner);
            }
        }
        if ((done.flags & abi::cqe_f_more) != 0)
            return;
        if (done.res > 0 || done.res == -ENOBUFS)
            starved_.push_back(&owner);
        else
            owner.receiving = false;
        end_if_idle(owner);
    }

    void sent(connection& owner, int result)
    {
        if (result < 0) {
            ::shutdown(owner.fd, SHUT_RDWR);
            result = static_cast<int>(owner.waiting.front().data.size() - owner.sent);
        }
        owner.sent += static_cast<std::size_t>(result);
        if (owner.sent == owner.waiting.front().data.size()) {
            buffers_.give_back(owner.waiting.front().id);
            owner.waiting.erase(owner.waiting.begin());
            owner.sent = 0;
        }
        if (!owner.waiting.empty())
            send(owner);
        end_if_idle(owner);
    }

    void end_if_idle(connection& owner)
    {
        if (owner.receiving || !owner.waiting.empty())
            return;
        ::close(owner.fd);
        delete &owner;
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
    asio_uring::buffer_ring buffers_;
    std::vector<char> memory_;
    int listener_;
    bench::transport kind_;
    std::vector<connection*> starved_; // whose receive found no buffer
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc,
        argv,
        {"--lifetime", "--connection-limit", "--connections", "--bytes", "--transport"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    // Twice: while a message is sent, the next of its connection arrives.
    const auto buffers =
        std::bit_ceil(2 * static_cast<unsigned>(options.integer("--connections", 512)));
    const auto size = static_cast<std::size_t>(options.integer("--bytes", 4096));
    server echo(
        bench::transport_of(options), std::min(buffers, 32768u), (size + 63) / 64 * 64);
    echo.run();
}
