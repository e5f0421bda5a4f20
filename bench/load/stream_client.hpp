// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Bulk in both directions: on each connection bytes are sent as fast as the
// server takes them, and whatever it sends is read. An operation is 64 KiB moved, in
// either direction. Thread: one. Lifetime: ends the program on any error.
#pragma once

#include "load/client.hpp"
#include "support/stream.hpp"
#include "support/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace bench {

class stream_client : public client
{
public:
    stream_client(transport kind, unsigned short port, std::size_t connection_count)
        : buffer_(stream_buffer_size, stream_byte)
    {
        for (std::size_t index = 0; index < connection_count; ++index) {
            connection& owner = connections_.emplace_back();
            owner.fd = connect_to(kind, port);
            bound_buffers(owner.fd);
            watch(owner.fd, EPOLLIN | EPOLLOUT | EPOLLET, &owner);
        }
    }

    void start(std::uint64_t limit) override { left_ = limit; }
    void stop_starting() override { left_ = 0; }

private:
    struct connection
    {
        int fd = -1;
        bool readable = true;
        bool writable = true;
    };

    bool busy() const override { return left_ > 0; }

    // bound_buffers: what stands in them at the end of a slice is small beside what was
    // moved in it.
    static void bound_buffers(int fd)
    {
        const int size = 4 * static_cast<int>(stream_buffer_size);
        for (const int option : {SO_SNDBUF, SO_RCVBUF})
            check(
                ::setsockopt(fd, SOL_SOCKET, option, &size, sizeof size), "buffer size");
    }

    void turn() override
    {
        bool moved = false;
        for (connection& owner : connections_) {
            moved |= owner.readable && receive(owner);
            moved |= owner.writable && send(owner);
        }
        for_each_ready(moved ? 0 : -1, [](void* pointer, unsigned events) {
            connection& owner = *static_cast<connection*>(pointer);
            owner.readable |= (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
            owner.writable |= (events & EPOLLOUT) != 0;
        });
    }

    bool receive(connection& owner)
    {
        const ssize_t size =
            ::recv(owner.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (size == 0)
            fail("the server closed a connection", ECONNRESET);
        owner.readable = went_on(size, "recv");
        if (owner.readable && buffer_[static_cast<std::size_t>(size) - 1] != stream_byte)
            fail("the server sent something else", EBADMSG);
        return owner.readable;
    }

    bool send(connection& owner)
    {
        const ssize_t size =
            ::send(owner.fd, buffer_.data(), buffer_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        owner.writable = went_on(size, "send");
        return owner.writable;
    }

    bool went_on(ssize_t size, const char* what)
    {
        if (size < 0 && errno == EAGAIN)
            return false;
        bytes_ += static_cast<std::size_t>(check(static_cast<int>(size), what));
        const std::uint64_t whole = bytes_ / stream_buffer_size;
        bytes_ %= stream_buffer_size;
        count(whole);
        left_ -= whole < left_ ? whole : left_;
        return true;
    }

    std::deque<connection> connections_;
    std::vector<char> buffer_;
    std::size_t bytes_ = 0; // of an operation that is not whole yet
    std::uint64_t left_ = 0;
};

} // namespace bench
