// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the calls by which a transfer is tried before, or instead of,
// a request. None of them waits, and none changes the descriptor's mode.
// Thread: the one that initiates or delivers the operation.
// Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cerrno>
#include <cstdint>

#include <sys/socket.h>
#include <sys/uio.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::detail {

/// The result of a system call in the kernel's form: not negative, or a negated errno.
template <typename Call>
int attempt_call(Call call) noexcept
{
    for (;;) {
        const ::ssize_t result = call();
        if (result >= 0)
            return static_cast<int>(result);
        if (errno != EINTR)
            return -errno;
    }
}

/// 0 where the descriptor is ready or has an error, -EAGAIN where it is not.
inline int attempt_wait(int descriptor, short events) noexcept
{
    ::pollfd one{descriptor, events, 0};
    const int result = attempt_call([&] { return ::poll(&one, 1, 0); });
    if (result < 0)
        return result;
    constexpr short always = POLLERR | POLLHUP | POLLNVAL;
    return (one.revents & (events | always)) != 0 ? 0 : -EAGAIN;
}

/// How a descriptor that need not be a socket is read or written without waiting.
enum class attempt_way : std::uint8_t
{
    nowait, ///< by a flag of the call
    plain,  ///< its calls never wait: a file, or a descriptor in non-blocking mode
    none,   ///< nobody can say: the kernel's request does it
};

/// The way for a descriptor that does not know the flag.
inline attempt_way way_without_flag(int descriptor) noexcept
{
    const int mode = ::fcntl(descriptor, F_GETFL);
    return mode >= 0 && (mode & O_NONBLOCK) != 0 ? attempt_way::plain : attempt_way::none;
}

/// Reads or writes at the descriptor's position. `nowait` becomes another way where the
/// descriptor does not know it.
template <typename NowaitCall, typename PlainCall>
int attempt_by(
    attempt_way& way, int descriptor, NowaitCall nowait, PlainCall plain) noexcept
{
    if (way == attempt_way::nowait) {
        const int result = attempt_call(nowait);
        if (result != -EOPNOTSUPP)
            return result;
        way = way_without_flag(descriptor);
    }
    return way == attempt_way::plain ? attempt_call(plain) : -EAGAIN;
}

} // namespace asio_uring::detail
