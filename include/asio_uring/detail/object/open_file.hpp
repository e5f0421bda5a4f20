// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what the kernel says of an open descriptor. Thread: any.
// Lifetime: none.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <cerrno>
#include <cstdint>
#include <limits>

#include <sys/epoll.h>
#include <sys/stat.h>

namespace asio_uring::detail {

/// Whether the kernel tells when a descriptor of this kind is ready. A regular file, for
/// one, never says so.
inline bool tells_readiness(int descriptor) noexcept
{
    const unique_fd set(::epoll_create1(EPOLL_CLOEXEC));
    ::epoll_event event{};
    return ::epoll_ctl(set.get(), EPOLL_CTL_ADD, descriptor, &event) == 0 ||
           errno != EPERM;
}

/// A name of the file behind a descriptor, for a descriptor that only one object of a
/// context may have. Asio's reactor takes each of those once, and any number of times
/// what never tells that it is ready: that has the name 0. -1, with errno, where the
/// descriptor is closed.
inline std::int64_t name_of_file(int descriptor) noexcept
{
    struct ::stat info = {};
    if (::fstat(descriptor, &info) == -1)
        return -1;
    if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))
        return 0;
    const bool is_queue = S_ISSOCK(info.st_mode) || S_ISFIFO(info.st_mode);
    if (!is_queue && !tells_readiness(descriptor))
        return 0;
    // Device numbers are small: what is left of two numbers names the file well enough.
    const auto name = (static_cast<std::uint64_t>(info.st_dev) << 40) ^ info.st_ino;
    return static_cast<std::int64_t>(name & std::numeric_limits<std::int64_t>::max());
}

} // namespace asio_uring::detail
