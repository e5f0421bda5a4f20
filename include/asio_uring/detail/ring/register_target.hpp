// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: where register calls go: a ring's descriptor as the objects that
// own a registration keep it. Thread: as the ring's. Lifetime: a plain value, which is
// good while the ring is open, also after the ring was moved.
#pragma once

#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/ring/abi.hpp>

#include <cerrno>
#include <cstdint>

#include <sys/types.h>

#include <unistd.h>

namespace asio_uring::detail {

/// Names one ring to io_uring_register. Objects that own a registration hold one of these
/// instead of a pointer, because a ring may be moved. The ring must outlive them.
class register_target
{
public:
    register_target() noexcept = default;

    /// Names the ring by its descriptor.
    explicit register_target(int fd) noexcept : fd_{fd}, process_{::getpid()} {}

    /// Names the ring by its registered index, which means something to the calling
    /// thread only.
    static register_target registered(int index) noexcept
    {
        register_target result{index};
        result.thread_ = ::gettid();
        return result;
    }

    explicit operator bool() const noexcept { return fd_ >= 0; }

    /// The descriptor, or the index.
    int fd() const noexcept { return fd_; }

    /// Whether fd() is a registered index, not a descriptor.
    bool is_index() const noexcept { return thread_ != 0; }

    /// The kernel's answer: zero or more, or -errno; -EBADF without a ring, -EEXIST in a
    /// thread that the ring's index does not belong to.
    int call(unsigned opcode, const void* argument, unsigned count) const noexcept
    {
        // Descriptor -1 is not an error to the kernel: some calls need no ring.
        if (fd_ < 0)
            return -EBADF;
        if (!is_index())
            return sys_register(fd_, opcode, argument, count);
        // The same number may be another ring to another thread.
        if (thread_ != ::gettid())
            return -EEXIST;
        return sys_register(
            fd_, opcode | abi::register_use_registered_ring, argument, count);
    }
    int call(abi::register_op opcode, const void* argument, unsigned count) const noexcept
    {
        return call(static_cast<unsigned>(opcode), argument, count);
    }

    /// Whether this process made the registration. A child of fork() shares the kernel's
    /// ring with its parent and must not take the parent's registrations back.
    bool is_ours() const noexcept { return fd_ >= 0 && process_ == ::getpid(); }

private:
    int fd_ = -1;
    pid_t process_ = 0;
    // Owner of the index, or 0 for a descriptor
    pid_t thread_ = 0;
};

} // namespace asio_uring::detail
