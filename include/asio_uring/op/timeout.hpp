// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: timers of the ring, and deadlines of linked operations.
// Thread: any. Lifetime: plain values; the timespec stays valid until submitted, with
// async_submit() until the handler is called. to_timespec() makes one of a time of
// <chrono>.
#pragma once

#include <asio_uring/op/common.hpp>
#include <asio_uring/ring/timespec.hpp>

namespace asio_uring::op {

/// Completes with ETIME at expiry, or with 0 after `count` other completions if these
/// come first. With abi::timeout_multishot (6.4) each expiry posts a completion, and
/// `count` is their number, 0 for no end. Kernel 5.4.
struct timeout
{
    static constexpr abi::opcode code = abi::opcode::timeout;
    static constexpr kernel_version first_kernel{5, 4};

    const abi::kernel_timespec* expiry = nullptr;
    std::uint32_t count = 0;
    std::uint32_t flags = 0; ///< abi::timeout_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.off = count;
        entry.addr = detail::address(expiry);
        entry.len = 1;
        entry.timeout_flags = flags;
    }

    constexpr op::results results() const noexcept
    {
        return detail::many_if((flags & abi::timeout_multishot) != 0);
    }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Ends the timeout with the given user data, which completes with ECANCELED. Kernel 5.5.
struct timeout_remove
{
    static constexpr abi::opcode code = abi::opcode::timeout_remove;
    static constexpr kernel_version first_kernel{5, 5};

    std::uint64_t user_data = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.addr = user_data;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Gives the timeout with the given user data a new expiry. Kernel 5.11.
struct timeout_update
{
    static constexpr abi::opcode code = abi::opcode::timeout_remove;
    static constexpr kernel_version first_kernel{5, 11};

    std::uint64_t user_data = 0;
    const abi::kernel_timespec* expiry = nullptr;
    /// abi::timeout_abs and the clock; abi::link_timeout_update for a link_timeout
    /// (5.15).
    std::uint32_t flags = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.off = detail::address(expiry);
        entry.addr = user_data;
        entry.timeout_flags = flags | abi::timeout_update;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Deadline of the operation in the entry before, which carries abi::sqe_io_link.
/// Kernel 5.5.
struct link_timeout
{
    static constexpr abi::opcode code = abi::opcode::link_timeout;
    static constexpr kernel_version first_kernel{5, 5};

    const abi::kernel_timespec* expiry = nullptr;
    std::uint32_t flags = 0; ///< abi::timeout_abs and the clock

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.addr = detail::address(expiry);
        entry.len = 1;
        entry.timeout_flags = flags;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
