// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: pipes, and moving data through them without copying.
// Thread: any. Lifetime: plain values; the array of the pipe's two descriptors stays
// valid until completed.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// splice(2): moves data between a pipe and another descriptor. At least one of the two
/// is a pipe, and the offset of a pipe is abi::offset_current. It runs in a kernel
/// worker. Kernel 5.7.
struct splice
{
    static constexpr abi::opcode code = abi::opcode::splice;
    static constexpr kernel_version first_kernel{5, 7};

    int fd_in = -1;
    std::uint64_t offset_in = abi::offset_current;
    int fd_out = -1;
    std::uint64_t offset_out = abi::offset_current;
    std::uint32_t size = 0;
    std::uint32_t flags = 0; ///< SPLICE_F_*, abi::splice_f_fd_in_fixed

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd_out);
        entry.off = offset_out;
        entry.splice_off_in = offset_in;
        entry.len = size;
        entry.splice_flags = flags;
        entry.splice_fd_in = fd_in;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// tee(2): copies the content of a pipe into another one and leaves it where it is. It
/// runs in a kernel worker. Kernel 5.8.
struct tee
{
    static constexpr abi::opcode code = abi::opcode::tee;
    static constexpr kernel_version first_kernel{5, 8};

    int fd_in = -1;
    int fd_out = -1;
    std::uint32_t size = 0;
    std::uint32_t flags = 0; ///< SPLICE_F_*, abi::splice_f_fd_in_fixed

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd_out);
        entry.len = size;
        entry.splice_flags = flags;
        entry.splice_fd_in = fd_in;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// pipe2(2). With a slot the two ends become direct descriptors at the slot and the next
/// one. Kernel 6.16.
struct pipe
{
    static constexpr abi::opcode code = abi::opcode::pipe;
    static constexpr kernel_version first_kernel{6, 16};

    int* descriptors = nullptr; ///< two, read end first
    std::uint32_t flags = 0;    ///< O_CLOEXEC, O_NONBLOCK, O_DIRECT...
    direct_slot slot{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, 0);
        entry.addr = detail::address(descriptors);
        entry.pipe_flags = flags;
        detail::set_slot(entry, slot);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    constexpr op::descriptors makes_descriptors() const noexcept
    {
        return slot ? op::descriptors::none : op::descriptors::pair;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
