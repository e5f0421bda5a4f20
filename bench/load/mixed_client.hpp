// SPDX-License-Identifier: BSL-1.0
// Benchmarks. The echo's closed loop beside connections that send without end and read
// slowly, so that the server's writes to them have to wait. They read a piece for every
// few messages of the others: the work of an operation is the same for a fast server as
// for a slow one. Only the messages of the others count.
// Thread: one. Lifetime: ends the program on any error.
#pragma once

#include "load/exchange_client.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class slow_reader
{
public:
    explicit slow_reader(int fd) : fd_(fd)
    {
        for (std::size_t at = 0; at < sizeof data_; ++at)
            data_[at] = byte_at(at);
        // Full within the first milliseconds, which are not measured.
        const int size = 65536;
        for (const int option : {SO_SNDBUF, SO_RCVBUF})
            check(
                ::setsockopt(fd_, SOL_SOCKET, option, &size, sizeof size), "buffer size");
    }

    // push: sends until the server takes no more.
    void push()
    {
        for (;;) {
            const std::size_t begin = sent_ % period;
            const ssize_t sent =
                ::send(fd_, data_ + begin, piece, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno == EAGAIN)
                return;
            sent_ += static_cast<std::size_t>(check(static_cast<int>(sent), "send"));
        }
    }

    void read_piece()
    {
        char reply[4096];
        const ssize_t received = ::recv(fd_, reply, sizeof reply, MSG_DONTWAIT);
        if (received < 0 && errno == EAGAIN)
            return;
        const auto size = static_cast<std::size_t>(
            check(static_cast<int>(received), "recv of a slow reader"));
        for (std::size_t at = 0; at < size; ++at)
            if (reply[at] != byte_at(received_ + at))
                fail("the echo of a slow reader differs", EBADMSG);
        received_ += size;
    }

private:
    static constexpr std::size_t period = 251;
    static constexpr std::size_t piece = 16384; // of what is sent

    static char byte_at(std::size_t offset) noexcept
    {
        return static_cast<char>(offset % period);
    }

    int fd_;
    std::size_t sent_ = 0;
    std::size_t received_ = 0;
    char data_[period + piece]; // from each offset within the period on, a piece
};

class mixed_client : public exchange_client
{
public:
    mixed_client(
        transport kind,
        unsigned short port,
        std::size_t connection_count,
        std::size_t slow_count,
        std::size_t message_size)
        : exchange_client(
              kind, port, exchange::echo, connection_count - slow_count, message_size)
    {
        for (std::size_t index = 0; index < slow_count; ++index)
            slow_.emplace_back(connect_to(kind, port));
    }

    void start(std::uint64_t limit) override
    {
        for (slow_reader& each : slow_)
            each.push();
        exchange_client::start(limit);
    }

private:
    // One of them reads a piece after so many messages.
    static constexpr std::uint64_t messages_per_piece = 8;

    void finished_one() override
    {
        if (++since_piece_ < messages_per_piece)
            return;
        since_piece_ = 0;
        slow_reader& next = slow_[turn_++ % slow_.size()];
        next.read_piece();
        next.push();
    }

    std::vector<slow_reader> slow_;
    std::uint64_t since_piece_ = 0;
    std::size_t turn_ = 0;
};

} // namespace bench
