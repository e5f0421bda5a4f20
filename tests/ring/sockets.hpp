// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: descriptors to do I/O on, without Asio: socket pairs,
// loopback TCP and UDP, pipes, files in memory. Thread: any. Lifetime: each owns what it
// opened.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

using detail::unique_fd;

/// Two ends; what they are depends on the maker.
struct fd_pair
{
    unique_fd first;
    unique_fd second;
};

inline fd_pair socket_pair(int type = SOCK_STREAM)
{
    int ends[2] = {-1, -1};
    BOOST_REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0);
    return {unique_fd{ends[0]}, unique_fd{ends[1]}};
}

/// First the reading end, then the writing one.
inline fd_pair pipe_pair()
{
    int ends[2] = {-1, -1};
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    return {unique_fd{ends[0]}, unique_fd{ends[1]}};
}

/// An unnamed file with the given content.
inline unique_fd memory_file(std::string_view content = {})
{
    unique_fd file{::memfd_create("test", MFD_CLOEXEC)};
    BOOST_REQUIRE(static_cast<bool>(file));
    BOOST_REQUIRE(
        ::pwrite(file.get(), content.data(), content.size(), 0) ==
        static_cast<ssize_t>(content.size()));
    return file;
}

inline std::string content_of(const unique_fd& file, std::size_t size)
{
    std::string text(size, '\0');
    const ssize_t n = ::pread(file.get(), text.data(), size, 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

inline sockaddr_in loopback_address()
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// A socket bound to loopback at a port of the system's choice, and its address.
struct bound_socket
{
    unique_fd fd;
    sockaddr_in address = loopback_address();

    explicit bound_socket(int type) : fd{::socket(AF_INET, type | SOCK_CLOEXEC, 0)}
    {
        auto* name = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof address;
        BOOST_REQUIRE(static_cast<bool>(fd));
        BOOST_REQUIRE(::bind(fd.get(), name, size) == 0);
        BOOST_REQUIRE(::getsockname(fd.get(), name, &size) == 0);
    }

    const sockaddr* name() const { return reinterpret_cast<const sockaddr*>(&address); }
};

/// A listening TCP socket.
struct listener : bound_socket
{
    listener() : bound_socket{SOCK_STREAM} { BOOST_REQUIRE(::listen(fd.get(), 16) == 0); }

    /// A client whose connection waits in the backlog.
    unique_fd connect() const
    {
        unique_fd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        BOOST_REQUIRE(::connect(client.get(), name(), sizeof address) == 0);
        return client;
    }
};

/// Two ends of one TCP connection.
inline fd_pair tcp_pair()
{
    const listener server;
    unique_fd client = server.connect();
    unique_fd peer{::accept4(server.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    BOOST_REQUIRE(static_cast<bool>(peer));
    return {std::move(client), std::move(peer)};
}

inline void send_text(const unique_fd& socket, std::string_view text)
{
    BOOST_REQUIRE(
        ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
        static_cast<ssize_t>(text.size()));
}

inline void write_text(const unique_fd& fd, std::string_view text)
{
    BOOST_REQUIRE(
        ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

/// Reads what is there, at most `size` bytes, once something is; nothing comes too late.
inline std::string read_text(int fd, std::size_t size)
{
    ::pollfd ready{fd, POLLIN, 0};
    BOOST_REQUIRE(::poll(&ready, 1, 10'000) == 1);
    std::string text(size, '\0');
    const ssize_t n = ::recv(fd, text.data(), size, MSG_DONTWAIT);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

} // namespace asio_uring::test
