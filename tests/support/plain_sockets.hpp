// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: descriptors to do I/O on, made by plain system calls:
// connected pairs, pipes, files in memory. Thread: any. Lifetime: each closes what it
// opened.
#pragma once

#include "loopback_address.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <utility>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

/// Two ends of one connection.
struct fd_pair
{
    unique_fd first;
    unique_fd second;
};

inline fd_pair tcp_pair()
{
    const bound_socket listener = make_listener();
    fd_pair made;
    made.first = connect_to(listener);
    made.second.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    BOOST_REQUIRE(made.second.get() >= 0);
    return made;
}

inline fd_pair socket_pair(int type = SOCK_STREAM)
{
    int ends[2] = {-1, -1};
    BOOST_REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0);
    return {unique_fd{ends[0]}, unique_fd{ends[1]}};
}

/// A pipe: what is written to `in` comes out of `out`.
struct pipe_pair
{
    unique_fd out;
    unique_fd in;
};

inline pipe_pair make_pipe()
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
