// SPDX-License-Identifier: BSL-1.0
// Benchmarks. A closed loop of N connections to one echo server, one message each in
// flight, on one thread over epoll. Every echoed byte is compared.
// Thread: one. Lifetime: ends the program on any error.
#pragma once

#include "support/latency_histogram.hpp"
#include "support/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

#include <sys/epoll.h>

namespace bench {

inline std::uint64_t read_clock(clockid_t clock)
{
    timespec now{};
    check(::clock_gettime(clock, &now), "clock_gettime");
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

class echo_client
{
public:
    echo_client(
        transport kind,
        unsigned short port,
        std::size_t connection_count,
        std::size_t message_size)
        : poller_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
          connections_(connection_count),
          events_(connection_count)
    {
        for (std::size_t index = 0; index < connection_count; ++index)
            open(connections_[index], index, connect_to(kind, port), message_size);
    }

    std::uint64_t finished() const noexcept { return finished_; }
    latency_histogram& latencies() noexcept { return latencies_; }

    // start_all: one message on each connection, with at most `limit` messages in total
    // until the next call.
    void start_all(std::uint64_t limit)
    {
        to_start_ = limit;
        for (connection& owner : connections_)
            start(owner);
    }

    void run_until(std::uint64_t deadline_ns)
    {
        while (read_clock(CLOCK_MONOTONIC) < deadline_ns)
            turn();
    }

    void stop_starting() noexcept { to_start_ = 0; }

    // drain: runs until no message is in flight.
    void drain()
    {
        while (in_flight_ > 0)
            turn();
    }

private:
    struct connection
    {
        int fd = -1;
        std::size_t sent = 0;
        std::size_t received = 0;
        std::uint64_t started_ns = 0;
        std::vector<char> message;
        std::vector<char> reply;
    };

    void open(connection& owner, std::size_t index, int fd, std::size_t size)
    {
        owner.fd = fd;
        owner.message.resize(size);
        owner.reply.resize(size);
        for (std::size_t at = 0; at < size; ++at)
            owner.message[at] = static_cast<char>('!' + (at + index) % 90);
        epoll_event event{};
        // Edge-triggered is enough, because a reply's size is known, and keeps the load
        // cheaper than the servers it measures.
        event.events = EPOLLIN | EPOLLET;
        event.data.ptr = &owner;
        check(::epoll_ctl(poller_, EPOLL_CTL_ADD, owner.fd, &event), "epoll_ctl");
    }

    // start: the next message, distinct from the one before so that a stale echo shows.
    void start(connection& owner)
    {
        if (to_start_ == 0)
            return;
        --to_start_;
        ++in_flight_;
        owner.message[0] = static_cast<char>(owner.message[0] + 1);
        owner.sent = 0;
        owner.received = 0;
        owner.started_ns = read_clock(CLOCK_MONOTONIC);
        while (owner.sent < owner.message.size()) {
            const ssize_t sent = ::send(
                owner.fd,
                owner.message.data() + owner.sent,
                owner.message.size() - owner.sent,
                MSG_NOSIGNAL);
            owner.sent += static_cast<std::size_t>(check(static_cast<int>(sent), "send"));
        }
    }

    void receive(connection& owner)
    {
        const ssize_t received = ::recv(
            owner.fd,
            owner.reply.data() + owner.received,
            owner.reply.size() - owner.received,
            MSG_DONTWAIT);
        if (received < 0 && errno == EAGAIN)
            return;
        if (received == 0)
            fail("the server closed a connection", ECONNRESET);
        owner.received +=
            static_cast<std::size_t>(check(static_cast<int>(received), "recv"));
        if (owner.received < owner.reply.size())
            return;
        latencies_.add(read_clock(CLOCK_MONOTONIC) - owner.started_ns);
        if (owner.reply != owner.message)
            fail("the echo differs from the message", EBADMSG);
        ++finished_;
        --in_flight_;
        start(owner);
    }

    void turn()
    {
        const int count =
            ::epoll_wait(poller_, events_.data(), static_cast<int>(events_.size()), -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait", errno);
        for (int index = 0; index < count; ++index) {
            const epoll_event& event = events_[static_cast<std::size_t>(index)];
            receive(*static_cast<connection*>(event.data.ptr));
        }
    }

    int poller_;
    std::vector<connection> connections_;
    std::vector<epoll_event> events_;
    latency_histogram latencies_;
    std::uint64_t finished_ = 0;
    std::uint64_t in_flight_ = 0;
    std::uint64_t to_start_ = 0; // messages that may still be started
};

} // namespace bench
