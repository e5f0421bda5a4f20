// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: connected pairs made by plain system calls, on the
// loopback and on ports the kernel picks. Thread: any. Lifetime: each closes what it
// opened.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

using asio_uring::detail::unique_fd;

/// An address of the loopback as the calls want it.
struct loopback_address
{
    ::sockaddr_in value{};

    loopback_address()
    {
        value.sin_family = AF_INET;
        value.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    /// What the socket is bound to.
    static loopback_address of(int socket)
    {
        loopback_address bound;
        ::socklen_t bound_size = sizeof bound.value;
        BOOST_REQUIRE(::getsockname(socket, bound.get(), &bound_size) == 0);
        return bound;
    }

    ::sockaddr* get() { return reinterpret_cast<::sockaddr*>(&value); }
    const ::sockaddr* get() const { return reinterpret_cast<const ::sockaddr*>(&value); }
    static constexpr ::socklen_t size = sizeof(::sockaddr_in);
};

inline unique_fd make_socket(int type)
{
    unique_fd made{::socket(AF_INET, type | SOCK_CLOEXEC, 0)};
    BOOST_REQUIRE(made.get() >= 0);
    return made;
}

/// A socket with an address: it listens, or takes datagrams.
struct bound_socket
{
    unique_fd fd;
    loopback_address address;

    int get() const { return fd.get(); }
};

inline bound_socket make_bound(int type)
{
    bound_socket made{make_socket(type), {}};
    BOOST_REQUIRE(::bind(made.get(), made.address.get(), made.address.size) == 0);
    made.address = loopback_address::of(made.get());
    return made;
}

inline bound_socket make_listener(int backlog = 16)
{
    bound_socket made = make_bound(SOCK_STREAM);
    BOOST_REQUIRE(::listen(made.get(), backlog) == 0);
    return made;
}

inline unique_fd connect_to(const bound_socket& listener)
{
    unique_fd made = make_socket(SOCK_STREAM);
    BOOST_REQUIRE(
        ::connect(made.get(), listener.address.get(), listener.address.size) == 0);
    return made;
}

/// Two ends of one connection.
struct connected_pair
{
    unique_fd left;
    unique_fd right;
};

inline connected_pair make_tcp_pair()
{
    const bound_socket listener = make_listener();
    connected_pair made;
    made.left = connect_to(listener);
    made.right.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    BOOST_REQUIRE(made.right.get() >= 0);
    return made;
}

inline connected_pair make_local_pair(int type = SOCK_STREAM)
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

} // namespace asio_uring::test
