// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: sends on sockets.
// Thread: any. Lifetime: plain values; message headers, iovec arrays and addresses stay
// valid until submitted, data until completed, data of a zero-copy send until notified,
// with async_submit() all until the handler is called.
#pragma once

#include <asio_uring/op/common.hpp>

#include <sys/socket.h>

namespace asio_uring::op {

/// send(2), or sendto(2) with an address (6.1). It never raises SIGPIPE. With a group the
/// data comes from provided buffers (6.10). With abi::recvsend_bundle as well it sends
/// one buffer after the other; each run of buffers posts a completion, and the one
/// without abi::cqe_f_more is the last. Kernel 5.6.
struct send
{
    static constexpr abi::opcode code = abi::opcode::send;
    static constexpr kernel_version first_kernel{5, 6};

    int fd = -1;
    const void* data = nullptr;
    std::uint32_t size = 0;
    int flags = 0; ///< MSG_*
    /// abi::recvsend_poll_first, recvsend_bundle, send_vectorized.
    std::uint16_t ioprio = 0;
    const ::sockaddr* address = nullptr;
    std::uint16_t address_size = 0;
    op::buffer_group group{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.ioprio = ioprio;
        entry.addr2 = detail::address(address);
        entry.addr = detail::address(data);
        entry.len = size;
        entry.msg_flags = detail::word(flags);
        entry.addr_len = address_size;
        detail::set_group(entry, group);
    }

    constexpr op::results results() const noexcept
    {
        return detail::many_if((ioprio & abi::recvsend_bundle) != 0);
    }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// sendmsg(2). It never raises SIGPIPE. Kernel 5.3.
struct sendmsg
{
    static constexpr abi::opcode code = abi::opcode::sendmsg;
    static constexpr kernel_version first_kernel{5, 3};

    int fd = -1;
    const ::msghdr* message = nullptr;
    int flags = 0;            ///< MSG_*
    std::uint16_t ioprio = 0; ///< abi::recvsend_poll_first

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.ioprio = ioprio;
        entry.addr = detail::address(message);
        entry.len = 1;
        entry.msg_flags = detail::word(flags);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// send(2) without copying where the network device can. It has two completions: the
/// result with abi::cqe_f_more, then the release of the data with abi::cqe_f_notif. A
/// failed send has both as well. Kernel 6.0.
struct send_zc
{
    static constexpr abi::opcode code = abi::opcode::send_zc;
    static constexpr kernel_version first_kernel{6, 0};

    int fd = -1;
    const void* data = nullptr;
    std::uint32_t size = 0;
    int flags = 0;            ///< MSG_*
    std::uint16_t ioprio = 0; ///< abi::recvsend_poll_first, send_zc_report_usage...
    const ::sockaddr* address = nullptr;
    std::uint16_t address_size = 0;
    /// Registered buffer the data lies in; adds abi::recvsend_fixed_buf.
    std::optional<std::uint16_t> buffer_index{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.ioprio = ioprio;
        entry.addr2 = detail::address(address);
        entry.addr = detail::address(data);
        entry.len = size;
        entry.msg_flags = detail::word(flags);
        entry.addr_len = address_size;
        if (buffer_index) {
            entry.ioprio = static_cast<std::uint16_t>(ioprio | abi::recvsend_fixed_buf);
            entry.buf_index = *buffer_index;
        }
    }

    static constexpr op::results results() noexcept { return op::results::two_stage; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// sendmsg(2) without copying, with the two completions of send_zc. Kernel 6.1; from a
/// registered buffer 6.15.
struct sendmsg_zc
{
    static constexpr abi::opcode code = abi::opcode::sendmsg_zc;
    static constexpr kernel_version first_kernel{6, 1};

    int fd = -1;
    const ::msghdr* message = nullptr;
    int flags = 0;            ///< MSG_*
    std::uint16_t ioprio = 0; ///< abi::recvsend_poll_first, send_zc_report_usage
    /// Registered buffer the data lies in; adds abi::recvsend_fixed_buf.
    std::optional<std::uint16_t> buffer_index{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.ioprio = ioprio;
        entry.addr = detail::address(message);
        entry.len = 1;
        entry.msg_flags = detail::word(flags);
        if (buffer_index) {
            entry.ioprio = static_cast<std::uint16_t>(ioprio | abi::recvsend_fixed_buf);
            entry.buf_index = *buffer_index;
        }
    }

    static constexpr op::results results() noexcept { return op::results::two_stage; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
