// SPDX-License-Identifier: BSL-1.0
// Benchmarks. What every load has in common: work that is started, goes on in turns over
// one epoll set, and is counted where it ends. Thread: one. Lifetime: ends the program on
// any error.
#pragma once

#include "support/latency_histogram.hpp"
#include "support/process.hpp"

#include <cstdint>
#include <ctime>
#include <vector>

#include <sys/epoll.h>

#include <unistd.h>

namespace bench {

inline std::uint64_t read_clock(clockid_t clock)
{
    timespec now{};
    check(::clock_gettime(clock, &now), "clock_gettime");
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

class client
{
public:
    client() : poller_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    virtual ~client() { ::close(poller_); }

    // start: work on each connection, `limit` operations in total until the next call.
    virtual void start(std::uint64_t limit) = 0;
    virtual void stop_starting() = 0;

    void run_until(std::uint64_t deadline_ns)
    {
        while (read_clock(CLOCK_MONOTONIC) < deadline_ns)
            turn();
    }

    // drain: runs until nothing that was started is left.
    void drain()
    {
        while (busy())
            turn();
    }

    std::uint64_t finished() const noexcept { return finished_; }
    const latency_histogram& latencies() const noexcept { return latencies_; }

protected:
    virtual void turn() = 0;
    virtual bool busy() const = 0;

    void watch(int fd, unsigned events, void* owner)
    {
        epoll_event event{};
        event.events = events;
        event.data.ptr = owner;
        check(::epoll_ctl(poller_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    }

    // for_each_ready: waits for the next events, and calls with the owner of each.
    template <typename Function>
    void for_each_ready(int timeout_ms, Function function)
    {
        epoll_event events[256];
        const int count = ::epoll_wait(poller_, events, 256, timeout_ms);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait", errno);
        for (int index = 0; index < count; ++index)
            function(events[index].data.ptr, events[index].events);
    }

    void count(std::uint64_t operations) noexcept { finished_ += operations; }

    void count_since(std::uint64_t started_ns) noexcept
    {
        latencies_.add(read_clock(CLOCK_MONOTONIC) - started_ns);
        ++finished_;
    }

private:
    int poller_;
    latency_histogram latencies_;
    std::uint64_t finished_ = 0;
};

} // namespace bench
