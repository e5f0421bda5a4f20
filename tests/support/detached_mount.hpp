// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a file system that no name of the system leads to, so
// that it goes with its descriptor, however the process ends. Thread: any. Lifetime: the
// descriptor is the caller's.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <initializer_list>
#include <utility>

#include <sys/syscall.h>

#include <unistd.h>

namespace asio_uring::test {

using asio_uring::detail::unique_fd;

/// Mounts a file system and returns its root, or nothing where the user may not.
inline unique_fd make_mount(
    const char* type, std::initializer_list<std::pair<const char*, const char*>> options)
{
    // Of linux/mount.h, which contradicts sys/mount.h
    constexpr unsigned set_string = 1;
    constexpr unsigned create = 6;
    const unique_fd made{static_cast<int>(::syscall(SYS_fsopen, type, 0U))};
    const auto configure = [&](unsigned what, const char* key, const char* value) {
        return ::syscall(SYS_fsconfig, made.get(), what, key, value, 0) == 0;
    };
    for (const auto& [key, value] : options)
        if (!configure(set_string, key, value))
            return {};
    if (!configure(create, nullptr, nullptr))
        return {};
    return unique_fd{static_cast<int>(::syscall(SYS_fsmount, made.get(), 0U, 0U))};
}

} // namespace asio_uring::test
