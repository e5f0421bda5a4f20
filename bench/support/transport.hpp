// SPDX-License-Identifier: BSL-1.0
// Benchmarks. The transports of the echo scenarios, for the programs written without
// Asio: TCP and UDP over loopback, and local streams. Each is named by a number: a port,
// or the number in the name of a local socket. Thread: any. Lifetime: functions only.
#pragma once

#include "support/arguments.hpp"
#include "support/process.hpp"

#include <cstddef>
#include <cstdio>
#include <string>

#include <sys/un.h>

#include <unistd.h>

namespace bench {

enum class transport
{
    tcp,
    udp,
    local,
};

inline transport transport_of(const arguments& options)
{
    const std::string name = options.text("--transport", "tcp");
    if (name == "udp")
        return transport::udp;
    if (name == "local")
        return transport::local;
    if (name != "tcp")
        fail("--transport", EINVAL);
    return transport::tcp;
}

// local_name: in the abstract namespace, so that nothing stays behind.
inline std::string local_name(unsigned short number)
{
    return std::string("\0asio_uring_bench_", 18) + std::to_string(number);
}

struct socket_address
{
    union
    {
        sockaddr generic;
        sockaddr_in internet;
        sockaddr_un local;
    };
    socklen_t size;
};

inline socket_address address_of(transport kind, unsigned short number)
{
    socket_address result{};
    if (kind == transport::local) {
        const std::string name = local_name(number);
        result.local.sun_family = AF_UNIX;
        std::memcpy(result.local.sun_path, name.data(), name.size());
        result.size =
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    }
    else {
        result.internet.sin_family = AF_INET;
        result.internet.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        result.internet.sin_port = ::htons(number);
        result.size = sizeof result.internet;
    }
    return result;
}

inline int open_socket(transport kind, int extra_type_flags)
{
    const int family = kind == transport::local ? AF_UNIX : AF_INET;
    const int type = kind == transport::udp ? SOCK_DGRAM : SOCK_STREAM;
    return check(::socket(family, type | SOCK_CLOEXEC | extra_type_flags, 0), "socket");
}

// connect_to: a socket connected to the server of that number.
inline int connect_to(transport kind, unsigned short number)
{
    const int fd = open_socket(kind, 0);
    const socket_address address = address_of(kind, number);
    check(::connect(fd, &address.generic, address.size), "connect");
    if (kind == transport::tcp)
        set_no_delay(fd);
    return fd;
}

// serve_on: the socket of a server, on a number that is free; announces it.
inline int serve_on(transport kind, int extra_type_flags)
{
    const int fd = open_socket(kind, extra_type_flags);
    auto number = static_cast<unsigned short>(kind == transport::local ? ::getpid() : 0);
    socket_address address = address_of(kind, number);
    while (::bind(fd, &address.generic, address.size) != 0) {
        if (kind != transport::local || errno != EADDRINUSE)
            fail("bind", errno);
        address = address_of(kind, ++number);
    }
    if (kind != transport::udp)
        check(::listen(fd, SOMAXCONN), "listen");
    if (kind != transport::local) {
        check(::getsockname(fd, &address.generic, &address.size), "getsockname");
        number = ::ntohs(address.internet.sin_port);
    }
    announce_port(number);
    return fd;
}

} // namespace bench
