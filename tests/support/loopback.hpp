// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: connections over loopback. One end is the object under
// test; the other is a plain descriptor driven by bounded blocking calls, so it needs no
// loop of its own. Thread: any, one at a time. Lifetime: owns its descriptors.
#pragma once

#include "backend.hpp"
#include "drive.hpp"
#include "loopback_address.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

/// Waits until the descriptor reports the events; false when the limit passes.
inline bool ready(int fd, short events)
{
    auto limit = std::chrono::milliseconds(wait_limit).count();
    ::pollfd entry{fd, events, 0};
    int result;
    do {
        result = ::poll(&entry, 1, static_cast<int>(limit));
    } while (result < 0 && errno == EINTR);
    return result > 0;
}

/// The far end of a connection.
class peer
{
public:
    peer() = default;
    explicit peer(int fd) : fd_(fd) {}
    peer(peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    peer& operator=(peer&& other) noexcept
    {
        close();
        fd_ = std::exchange(other.fd_, -1);
        return *this;
    }
    ~peer() { close(); }

    int fd() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

    void send(std::string_view data, int flags = 0)
    {
        while (!data.empty()) {
            BOOST_TEST_REQUIRE(ready(fd_, POLLOUT), "the peer cannot send");
            auto sent = ::send(
                fd_, data.data(), data.size(), flags | MSG_NOSIGNAL | MSG_DONTWAIT);
            BOOST_TEST_REQUIRE(sent > 0, "the peer's send failed, errno " << errno);
            data.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    /// Reads exactly `size` bytes, fewer only at the end of the stream.
    std::string receive(std::size_t size)
    {
        std::string data(size, '\0');
        std::size_t got = 0;
        while (got < size) {
            BOOST_TEST_REQUIRE(ready(fd_, POLLIN), "nothing arrived at the peer");
            auto step = ::recv(fd_, data.data() + got, size - got, MSG_DONTWAIT);
            if (step <= 0)
                break;
            got += static_cast<std::size_t>(step);
        }
        data.resize(got);
        return data;
    }

    /// Takes what is queued now and returns its size.
    std::size_t drain()
    {
        static char sink[65536];
        std::size_t total = 0;
        for (;;) {
            auto step = ::recv(fd_, sink, sizeof(sink), MSG_DONTWAIT);
            if (step <= 0)
                return total;
            total += static_cast<std::size_t>(step);
        }
    }

    /// Waits for the other side's FIN, with nothing before it.
    bool at_end()
    {
        char byte;
        return ready(fd_, POLLIN) && ::recv(fd_, &byte, 1, MSG_DONTWAIT) == 0;
    }

    void shutdown_send() { ::shutdown(fd_, SHUT_WR); }

    /// Closes with a reset instead of a FIN.
    void reset()
    {
        ::linger option{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &option, sizeof(option));
        close();
    }

    void close()
    {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }

private:
    int fd_ = -1;
};

/// A plain listening descriptor on a port the kernel picks.
class listener
{
public:
    explicit listener(int backlog = 16) : listener(make_listener(backlog)) {}

    asio::ip::tcp::endpoint endpoint() const
    {
        return {asio::ip::address_v4::loopback(), port_};
    }

    peer accept()
    {
        BOOST_TEST_REQUIRE(ready(socket_.fd(), POLLIN), "no connection arrived");
        return peer(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    }

    int fd() const { return socket_.fd(); }
    void close() { socket_.close(); }

private:
    explicit listener(bound_socket made)
        : socket_(made.fd.release()), port_(ntohs(made.address.value.sin_port))
    {}

    peer socket_;
    std::uint16_t port_;
};

/// Starts a plain connection; it may still be in progress when this returns.
inline peer start_connect(const asio::ip::tcp::endpoint& target)
{
    peer client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    BOOST_TEST_REQUIRE(client.fd() >= 0);
    ::connect(client.fd(), target.data(), static_cast<::socklen_t>(target.size()));
    return client;
}

/// A listener whose queue is full, so that a further connect stays in progress.
class busy_listener
{
public:
    busy_listener() : server_(0)
    {
        constexpr int settle_milliseconds = 50;
        constexpr std::size_t limit = 64;
        // The first connection fills the queue; the next one that is not answered proves
        // it.
        waiting_.push_back(start_connect(server_.endpoint()));
        BOOST_TEST_REQUIRE(ready(waiting_.front().fd(), POLLOUT));
        while (waiting_.size() < limit) {
            waiting_.push_back(start_connect(server_.endpoint()));
            ::pollfd entry{waiting_.back().fd(), POLLOUT, 0};
            if (::poll(&entry, 1, settle_milliseconds) == 0)
                return;
        }
        BOOST_TEST_REQUIRE(false, "the listen queue does not fill");
    }

    asio::ip::tcp::endpoint endpoint() const { return server_.endpoint(); }

private:
    listener server_;
    std::vector<peer> waiting_;
};

/// The error of a connection attempt that the kernel answers at once, 0 if accepted.
inline int connect_result(const asio::ip::tcp::endpoint& target)
{
    peer client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto size = static_cast<::socklen_t>(target.size());
    return ::connect(client.fd(), target.data(), size) == 0 ? 0 : errno;
}

/// Two plain connected descriptors.
inline std::pair<peer, peer> plain_pair()
{
    listener server;
    peer client = start_connect(server.endpoint());
    return {std::move(client), server.accept()};
}

/// A socket under test connected to a plain peer.
template <typename Backend>
struct loopback
{
    explicit loopback(typename Backend::io_context& context) : socket(context)
    {
        listener server;
        socket.connect(server.endpoint());
        remote = server.accept();
    }

    typename Backend::socket socket;
    peer remote;
};

/// Two sockets under test, connected with each other.
template <typename Backend>
struct loopback_pair
{
    explicit loopback_pair(typename Backend::io_context& context)
        : first(context), second(context)
    {
        listener server;
        first.connect(server.endpoint());
        second.assign(asio::ip::tcp::v4(), server.accept().release());
    }

    typename Backend::socket first;
    typename Backend::socket second;
};

/// True once the peer has acknowledged all that was sent, so that what is left waits for
/// window and only the peer can make room.
inline bool settled(int fd)
{
    int queued = 0;
    int unsent = 0;
    ::ioctl(fd, SIOCOUTQ, &queued);
    ::ioctl(fd, SIOCOUTQNSD, &unsent);
    return queued == unsent;
}

/// Writes until the kernel takes no more, so that the next write stays pending.
template <typename Socket>
std::size_t fill(Socket& socket)
{
    static const char zeros[65536] = {};
    int fd = socket.native_handle();
    std::size_t total = 0;
    auto deadline = std::chrono::steady_clock::now() + wait_limit;
    while (std::chrono::steady_clock::now() < deadline) {
        // An acknowledgement that is still on its way makes room, so a refusal counts
        // only if nothing was in flight before it.
        bool quiet = settled(fd);
        auto step = ::send(fd, zeros, sizeof(zeros), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (step > 0)
            total += static_cast<std::size_t>(step);
        else if (quiet)
            return total;
        else
            ::poll(nullptr, 0, 1);
    }
    BOOST_TEST_REQUIRE(false, "the stream does not fill");
    return total;
}

} // namespace asio_uring::test
