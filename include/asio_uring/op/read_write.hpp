// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: reads and writes of files, pipes and other descriptors.
// Thread: any. Lifetime: plain values; data stays valid until completed, an iovec array
// until submitted, with async_submit() both until the handler is called.
#pragma once

#include <asio_uring/op/common.hpp>

#include <sys/uio.h>

namespace asio_uring::op {

namespace detail {

inline void start_transfer(
    abi::sqe& entry,
    abi::opcode code,
    int fd,
    const void* data,
    std::uint32_t size,
    std::uint64_t offset,
    std::uint32_t flags) noexcept
{
    start(entry, code, fd);
    entry.off = offset;
    entry.addr = address(data);
    entry.len = size;
    entry.rw_flags = flags;
}

} // namespace detail

/// read(2) or pread(2). Kernel 5.6.
struct read
{
    static constexpr abi::opcode code = abi::opcode::read;
    static constexpr kernel_version first_kernel{5, 6};

    int fd = -1;
    void* data = nullptr;
    std::uint32_t size = 0;
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0; ///< RWF_*
    op::buffer_group group{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, data, size, offset, flags);
        detail::set_group(entry, group);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// write(2) or pwrite(2). A write to a socket whose peer is gone raises SIGPIPE.
/// Kernel 5.6.
struct write
{
    static constexpr abi::opcode code = abi::opcode::write;
    static constexpr kernel_version first_kernel{5, 6};

    int fd = -1;
    const void* data = nullptr;
    std::uint32_t size = 0;
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0; ///< RWF_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, data, size, offset, flags);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// readv(2) or preadv2(2). Kernel 5.1.
struct readv
{
    static constexpr abi::opcode code = abi::opcode::readv;
    static constexpr kernel_version first_kernel{5, 1};

    int fd = -1;
    const ::iovec* buffers = nullptr;
    std::uint32_t count = 0;
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0; ///< RWF_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, buffers, count, offset, flags);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// writev(2) or pwritev2(2); it raises SIGPIPE where write does. Kernel 5.1.
struct writev
{
    static constexpr abi::opcode code = abi::opcode::writev;
    static constexpr kernel_version first_kernel{5, 1};

    int fd = -1;
    const ::iovec* buffers = nullptr;
    std::uint32_t count = 0;
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0; ///< RWF_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, buffers, count, offset, flags);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// Reads into a registered buffer, whose pages the kernel need not pin for each read.
/// Kernel 5.1.
struct read_fixed
{
    static constexpr abi::opcode code = abi::opcode::read_fixed;
    static constexpr kernel_version first_kernel{5, 1};

    int fd = -1;
    void* data = nullptr; ///< inside the registered buffer
    std::uint32_t size = 0;
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0; ///< RWF_*
    std::uint16_t buffer_index = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, data, size, offset, flags);
        entry.buf_index = buffer_index;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// Writes from a registered buffer. Kernel 5.1.
struct write_fixed
{
    static constexpr abi::opcode code = abi::opcode::write_fixed;
    static constexpr kernel_version first_kernel{5, 1};

    int fd = -1;
    const void* data = nullptr; ///< inside the registered buffer
    std::uint32_t size = 0;
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0; ///< RWF_*
    std::uint16_t buffer_index = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, data, size, offset, flags);
        entry.buf_index = buffer_index;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// Reads into several parts of one registered buffer. Kernel 6.15.
struct readv_fixed
{
    static constexpr abi::opcode code = abi::opcode::readv_fixed;
    static constexpr kernel_version first_kernel{6, 15};

    int fd = -1;
    const ::iovec* buffers = nullptr;
    std::uint32_t count = 0;
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0;        ///< RWF_*
    std::uint16_t buffer_index = 0; ///< registered buffer that holds the iovecs

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, buffers, count, offset, flags);
        entry.buf_index = buffer_index;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// Writes from several parts of one registered buffer. Kernel 6.15.
struct writev_fixed
{
    static constexpr abi::opcode code = abi::opcode::writev_fixed;
    static constexpr kernel_version first_kernel{6, 15};

    int fd = -1;
    const ::iovec* buffers = nullptr;
    std::uint32_t count = 0;
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0;        ///< RWF_*
    std::uint16_t buffer_index = 0; ///< registered buffer that holds the iovecs

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, buffers, count, offset, flags);
        entry.buf_index = buffer_index;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// Reads again and again from a pipe, terminal or other file that can be polled, into
/// provided buffers. Each read posts a completion, and the one without abi::cqe_f_more is
/// the last. A regular file fails with EBADFD. Kernel 6.7.
struct read_multishot
{
    static constexpr abi::opcode code = abi::opcode::read_multishot;
    static constexpr kernel_version first_kernel{6, 7};

    int fd = -1;
    std::uint16_t group = 0;
    std::uint32_t size = 0; ///< most per completion, 0 for the buffer's own size
    std::uint64_t offset = abi::offset_current;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_transfer(entry, code, fd, nullptr, size, offset, 0);
        detail::set_group(entry, group);
    }

    static constexpr op::results results() noexcept { return op::results::many; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
