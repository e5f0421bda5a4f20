// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: an address on the loopback, and plain sockets that have
// one, on ports the kernel picks. Thread: any. Lifetime: each closes what it opened.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

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

/// A client of the listener; its connection waits in the backlog.
inline unique_fd connect_to(const bound_socket& listener)
{
    unique_fd made = make_socket(SOCK_STREAM);
    BOOST_REQUIRE(
        ::connect(made.get(), listener.address.get(), listener.address.size) == 0);
    return made;
}

} // namespace asio_uring::test
