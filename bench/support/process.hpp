// SPDX-License-Identifier: BSL-1.0
// Benchmarks. What each server and load program does at its start: it ends with the
// driver that started it, and by itself after a bounded time. Thread: the main thread,
// before any other. Lifetime: the process.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <unistd.h>

namespace bench {

// The connection buffer of every server: the largest message of the scenarios leaves
// room, so that a loop which reads on after a full buffer does not have to.
#ifdef BENCH_CONNECTION_BUFFER
inline constexpr std::size_t connection_buffer_size = BENCH_CONNECTION_BUFFER;
#else
inline constexpr std::size_t connection_buffer_size = 8192;
#endif

[[noreturn]] inline void fail(const char* what, int error)
{
    std::fprintf(
        stderr,
        "%s: %s: %s\n",
        ::program_invocation_short_name,
        what,
        std::strerror(error));
    std::exit(1);
}

// check: a negative result of a system call ends the program with the call's name.
inline int check(int result, const char* what)
{
    if (result < 0)
        fail(what, errno);
    return result;
}

// check_result: the same of what a request ended with, which leaves errno alone.
inline int check_result(int result, const char* what)
{
    if (result < 0)
        fail(what, -result);
    return result;
}

// raise_descriptor_limit: a load has a connection per server and client at once.
inline void raise_descriptor_limit()
{
    rlimit limit{};
    check(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    check(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

inline void bound_lifetime(long long seconds)
{
    raise_descriptor_limit();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_IGN);
    ::alarm(static_cast<unsigned>(seconds));
}

// Connections that a server still accepts; negative for no limit.
inline long long connections_left = -1;

// begin_server: what every server does with its options `--lifetime` and
// `--connection-limit`.
inline void begin_server(long long lifetime_s, long long connection_limit)
{
    bound_lifetime(lifetime_s);
    connections_left = connection_limit;
}

// count_connection: called for each connection. The last one ends the server, which is
// how an instruction counter gets its normal exit: under it a signal would wait for as
// long as the server sits in the kernel.
inline void count_connection()
{
    if (--connections_left == 0)
        std::exit(0);
}

// announce_port: the one line that tells the driver the server is ready.
inline void announce_port(unsigned short port)
{
    std::printf("port %u\n", static_cast<unsigned>(port));
    std::fflush(stdout);
}

inline void set_no_delay(int fd)
{
    const int on = 1;
    check(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
}

} // namespace bench
