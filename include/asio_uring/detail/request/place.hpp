// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: a location as the system calls take it: a descriptor and a
// name. Thread: that of the request it is part of. Lifetime: owns its path, and the
// directory that it has opened.
//
// Only openat2(2) knows of ways that the kernel may not go. Any other call on a
// restricted location is a worker's: it opens by openat2 what the call can start from.
#pragma once

#include <asio_uring/detail/request/file_location.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/abi.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include <sys/syscall.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::detail {

class place
{
public:
    explicit place(file_location&& at) noexcept : at_(std::move(at)) {}

    /// Where it is. REQUIRES: not narrowed.
    const file_location& location() const noexcept { return at_; }

    int directory() const noexcept { return open_ ? open_.get() : at_.directory(); }
    const char* name() const noexcept { return path().c_str(); }

    /// How openat2 opens it.
    abi::open_how how(int flags, std::uint32_t mode) const noexcept
    {
        return {
            static_cast<std::uint64_t>(static_cast<unsigned>(flags)),
            mode,
            static_cast<std::uint64_t>(at_.ways())};
    }

    /// Opens the file itself, as far as the ways permit, so that calls on the empty name
    /// mean it. Returns 0 or a negated errno.
    int narrow_to_file(bool follow) noexcept
    {
        const int end = follow ? 0 : O_NOFOLLOW;
        if (const int error = open(path().c_str(), O_PATH | O_CLOEXEC | end); error < 0)
            return error;
        at_path_empty_ = true;
        return 0;
    }

    /// Opens the directory that holds the name, so that calls on the last name alone mean
    /// it. Returns 0 or a negated errno.
    int narrow_to_directory()
    {
        const std::string& whole = at_.path();
        const std::size_t last = whole.find_last_not_of('/');
        if (last == std::string::npos)
            return whole.empty() ? -ENOENT : -EBUSY; // the root has no name
        const std::size_t slash = whole.rfind('/', last);
        const bool bare = slash == std::string::npos;
        const std::size_t first = bare ? 0 : slash + 1;
        std::string name = whole.substr(first, last + 1 - first);
        if (name == "." || name == "..")
            return -EINVAL; // the name of a directory elsewhere
        const std::string parent = bare ? "." : whole.substr(0, first);
        constexpr int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
        if (const int error = open(parent.c_str(), flags); error < 0)
            return error;
        at_ = file_location(std::move(name));
        return 0;
    }

    /// The path by which calls without a directory reach it.
    std::string path_by_proc() const
    {
        const bool plain = !open_ && at_.directory() == AT_FDCWD;
        if (plain || path().starts_with('/'))
            return path();
        std::string made = "/proc/self/fd/" + std::to_string(directory());
        if (!path().empty())
            made += '/' + path();
        return made;
    }

private:
    const std::string& path() const noexcept
    {
        static const std::string empty;
        return at_path_empty_ ? empty : at_.path();
    }

    int open(const char* name, int flags) noexcept
    {
        abi::open_how wanted = how(flags, 0);
        for (;;) {
            const long made =
                ::syscall(SYS_openat2, at_.directory(), name, &wanted, sizeof wanted);
            if (made >= 0)
                return open_.reset(static_cast<int>(made)), 0;
            // The kernel asks to try again where somebody renames beside it.
            if (errno != EINTR && errno != EAGAIN)
                return -errno;
        }
    }

    file_location at_;
    unique_fd open_;
    bool at_path_empty_ = false;
};

} // namespace asio_uring::detail
