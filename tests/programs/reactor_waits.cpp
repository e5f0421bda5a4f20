// SPDX-License-Identifier: BSL-1.0
// How often a context waits in its reactor while two sockets play ping-pong: one whose
// signal set was made first not at all, because that brings the ring; one whose reactor
// was there before the ring once for each turn at most.
#include "../support/stock_reactor.hpp"

#include <asio_uring/status.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <iostream>

#include <sys/epoll.h>
#include <sys/syscall.h>

#include <unistd.h>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using socket_type = asio::local::stream_protocol::socket;

int waits = 0;

constexpr int round_trips = 1000;

/// Sends back what comes, so many times.
class player
{
public:
    explicit player(socket_type& socket) : socket_(socket) { read(); }

    void serve() { asio::async_write(socket_, asio::buffer("x", 1), ignore); }

    int hits() const { return hits_; }

private:
    static void ignore(error_code, std::size_t) {}

    void read()
    {
        socket_.async_read_some(
            asio::buffer(data_), [this](error_code ec, std::size_t size) {
                if (ec)
                    return;
                if (++hits_ == round_trips)
                    return socket_.close();
                asio::async_write(socket_, asio::buffer(data_, size), ignore);
                read();
            });
    }

    socket_type& socket_;
    std::array<char, 8> data_{};
    int hits_ = 0;
};

/// Returns the waits of all round trips.
int play(asio::io_context& context)
{
    socket_type near(context);
    socket_type far(context);
    asio::local::connect_pair(near, far);
    player first(near);
    player second(far);
    first.serve();
    const int before = waits;
    context.run_for(std::chrono::seconds(10));
    if (first.hits() < round_trips - 1 || second.hits() < round_trips - 1)
        std::cout << "the game did not end\n";
    return waits - before;
}

bool expect(bool holds, const char* what, int found)
{
    std::cout << (holds ? "" : "FAILED: ") << what << ": " << found << " waits\n";
    return holds;
}

} // namespace

extern "C" int epoll_wait(int descriptor, ::epoll_event* events, int count, int timeout)
{
    ++waits;
    return static_cast<int>(::syscall(
        SYS_epoll_pwait, descriptor, events, count, timeout, nullptr, std::size_t{8}));
}

int main()
{
    asio::io_context first(1);
    const asio::signal_set signals(first, SIGUSR1);
    const int in_ring = play(first);
    const auto mode = asio_uring::status(first).mode;
    const bool has_ring = mode != asio_uring::ring_mode::fallback;
    // The set itself may tell once of what it was made with.
    const bool none = expect(!has_ring || in_ring <= 2, "signal set made first", in_ring);

    asio::io_context second(1);
    asio_uring::test::make_stock_reactor(second);
    const int attached = play(second);
    const bool few = expect(
        attached >= round_trips && attached <= 2 * round_trips + 10,
        "reactor made first",
        attached);
    return none && few ? 0 : 1;
}
