// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: owner of one file descriptor.
// Thread: distinct objects from any thread. Lifetime: closes the descriptor when
// destroyed.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <utility>

#include <unistd.h>

namespace asio_uring::detail {

class unique_fd
{
public:
    unique_fd() noexcept = default;
    explicit unique_fd(int fd) noexcept : fd_{fd} {}
    unique_fd(unique_fd&& other) noexcept : fd_{other.release()} {}
    unique_fd(const unique_fd&) = delete;
    ~unique_fd() { reset(); }

    unique_fd& operator=(unique_fd&& other) noexcept
    {
        if (this != &other)
            reset(other.release());
        return *this;
    }
    unique_fd& operator=(const unique_fd&) = delete;

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }

    // close(2) gives the number back even when it reports an error, so there is no retry.
    void reset(int fd = -1) noexcept
    {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

} // namespace asio_uring::detail
