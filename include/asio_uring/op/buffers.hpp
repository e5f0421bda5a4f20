// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: provided buffers handed over one request at a time.
// Thread: any. Lifetime: plain values; the buffers stay valid as long as the group holds
// them, and until the operation that took one has completed.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// Adds `count` buffers of `size` bytes, one behind the other in memory, to a group.
/// Kernel 5.7.
struct provide_buffers
{
    static constexpr abi::opcode code = abi::opcode::provide_buffers;
    static constexpr kernel_version first_kernel{5, 7};

    void* data = nullptr;
    std::uint32_t size = 0;
    int count = 0;
    std::uint16_t group = 0;
    std::uint16_t first_id = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, count);
        entry.off = first_id;
        entry.addr = detail::address(data);
        entry.len = size;
        entry.buf_group = group;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Takes up to `count` buffers out of a group; the result is their number. Kernel 5.7.
struct remove_buffers
{
    static constexpr abi::opcode code = abi::opcode::remove_buffers;
    static constexpr kernel_version first_kernel{5, 7};

    int count = 0;
    std::uint16_t group = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, count);
        entry.buf_group = group;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
