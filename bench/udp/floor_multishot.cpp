// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column floor_multishot: the UDP echo server as a loop on this library's
// ring layer, without Asio: one multishot RECVMSG into a buffer ring, and one SEND
// request per datagram out of the buffer that it came in.
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/transport.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/recvmsg_result.hpp>
#include <asio_uring/ring/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;

inline constexpr std::uint16_t group = 1;
inline constexpr unsigned buffer_count = 256;
inline constexpr std::size_t buffer_size = 512;
// The completion of a send names its buffer; that of the receive has this.
inline constexpr std::uint64_t receive_tag = buffer_count;

class server
{
public:
    server()
        : ring_(asio_uring::ring_options{
              .entries = buffer_count,
              .flags = abi::setup_single_issuer | abi::setup_defer_taskrun,
              .register_ring_fd = true}),
          buffers_(ring_, {.group = group, .entries = buffer_count}),
          memory_(buffer_count * buffer_size),
          socket_(bench::serve_on(bench::transport::udp, 0))
    {
        room_.msg_namelen = sizeof(sockaddr_in);
        for (unsigned id = 0; id != buffer_count; ++id)
            buffers_.add(
                static_cast<std::uint16_t>(id),
                memory_.data() + id * buffer_size,
                buffer_size);
        buffers_.commit();
    }

    [[noreturn]] void run()
    {
        receive();
        for (;;) {
            enter(1);
            ring_.for_each_completion([this](const abi::cqe& done) { serve(done); });
            buffers_.commit();
            if (ended_)
                receive();
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

    void receive()
    {
        ended_ = false;
        push(
            op::recvmsg{
                .fd = socket_,
                .message = &room_,
                .ioprio = abi::recv_multishot,
                .group = op::buffer_group{group}},
            receive_tag);
    }

    void serve(const abi::cqe& done)
    {
        if (done.user_data != receive_tag) {
            buffers_.give_back(static_cast<std::uint16_t>(done.user_data));
            return;
        }
        ended_ = (done.flags & abi::cqe_f_more) == 0;
        const auto buffer = buffers_.take(done);
        if (!buffer)
            return;
        const auto message = asio_uring::recvmsg_result::parse(buffer->data, room_);
        if (!message || message->payload().empty()) {
            bench::count_connection();
            buffers_.give_back(buffer->id);
            return;
        }
        send(buffer->id, *message);
    }

    void send(std::uint16_t id, const asio_uring::recvmsg_result& message)
    {
        const std::span<std::byte> payload = message.payload();
        const std::span<const std::byte> name = message.name();
        push(
            op::send{
                .fd = socket_,
                .data = payload.data(),
                .size = static_cast<std::uint32_t>(payload.size()),
                .address = reinterpret_cast<const sockaddr*>(name.data()),
                .address_size = static_cast<std::uint16_t>(name.size())},
            id);
    }

    asio_uring::ring ring_;
    asio_uring::buffer_ring buffers_;
    std::vector<char> memory_;
    int socket_;
    ::msghdr room_{}; // how much of a buffer is for the sender's address
    bool ended_ = false;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--lifetime", "--connection-limit"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    server().run();
}
