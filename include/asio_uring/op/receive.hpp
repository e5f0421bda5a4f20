// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: receives from sockets.
// Thread: any. Lifetime: plain values; data, the message header and all it names stay
// valid until completed.
#pragma once

#include <asio_uring/op/common.hpp>

#include <sys/socket.h>

namespace asio_uring::op {

/// recv(2). Kernel 5.6.
///
/// With abi::recv_multishot (6.0) a group is mandatory, and completions come as long as
/// they carry abi::cqe_f_more. The request ends at the end of the stream, at a datagram
/// of no bytes, with ENOBUFS for an empty group, when it has received `total` bytes, and,
/// data included, when the completion queue is full. `size` limits each completion; it
/// has to be 0 below kernel 6.17.
///
/// With abi::recvsend_bundle (6.10) a completion may span several buffers of the group.
struct recv
{
    static constexpr abi::opcode code = abi::opcode::recv;
    static constexpr kernel_version first_kernel{5, 6};

    int fd = -1;
    void* data = nullptr;
    std::uint32_t size = 0;
    int flags = 0; ///< MSG_*
    /// abi::recvsend_poll_first, recv_multishot, recvsend_bundle.
    std::uint16_t ioprio = 0;
    op::buffer_group group{};
    /// With recv_multishot: bytes after which the request ends, 0 for no limit. The last
    /// completion may go beyond it. Kernel 6.17.
    std::uint32_t total = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.ioprio = ioprio;
        entry.addr = detail::address(data);
        entry.len = size;
        entry.optlen = total;
        entry.msg_flags = detail::word(flags);
        detail::set_group(entry, group);
    }

    constexpr op::results results() const noexcept
    {
        return detail::many_if((ioprio & abi::recv_multishot) != 0);
    }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// recvmsg(2). With abi::recv_multishot (6.0) each buffer starts with an
/// abi::recvmsg_out, and the message header only gives the room for name and control
/// data. Kernel 5.3.
struct recvmsg
{
    static constexpr abi::opcode code = abi::opcode::recvmsg;
    static constexpr kernel_version first_kernel{5, 3};

    int fd = -1;
    ::msghdr* message = nullptr;
    int flags = 0;            ///< MSG_*
    std::uint16_t ioprio = 0; ///< abi::recvsend_poll_first, recv_multishot
    op::buffer_group group{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.ioprio = ioprio;
        entry.addr = detail::address(message);
        entry.len = 1;
        entry.msg_flags = detail::word(flags);
        detail::set_group(entry, group);
    }

    constexpr op::results results() const noexcept
    {
        return detail::many_if((ioprio & abi::recv_multishot) != 0);
    }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Receives without copying, from a hardware queue that is registered with the ring. Each
/// arrival posts a completion of 32 bytes, and the one without abi::cqe_f_more is the
/// last. Kernel 6.15.
struct recv_zc
{
    static constexpr abi::opcode code = abi::opcode::recv_zc;
    static constexpr kernel_version first_kernel{6, 15};

    int fd = -1;
    std::uint32_t queue = 0; ///< id of the registered interface queue
    std::uint32_t size = 0;  ///< bytes after which it ends, 0 for no limit
    std::uint16_t ioprio = abi::recv_multishot;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.ioprio = ioprio;
        entry.len = size;
        entry.zcrx_ifq_idx = queue;
    }

    static constexpr op::results results() noexcept { return op::results::many; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
