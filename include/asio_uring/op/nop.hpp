// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: operations that do nothing.
// Thread: any. Lifetime: plain values.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// Does nothing and completes at once. Kernel 5.1; flags 6.10.
struct nop
{
    static constexpr abi::opcode code = abi::opcode::nop;
    static constexpr kernel_version first_kernel{5, 1};

    std::uint32_t flags = 0;        ///< abi::nop_*
    int result = 0;                 ///< reported with abi::nop_inject_result
    int fd = -1;                    ///< looked up with abi::nop_file
    std::uint16_t buffer_index = 0; ///< looked up with abi::nop_fixed_buffer

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.len = detail::word(result);
        entry.nop_flags = flags;
        entry.buf_index = buffer_index;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// A nop that takes the room of two entries, on rings that mix entry sizes. Kernel 6.19.
struct nop128
{
    static constexpr abi::opcode code = abi::opcode::nop128;
    static constexpr kernel_version first_kernel{6, 19};

    std::uint32_t flags = 0; ///< abi::nop_*
    int result = 0;          ///< reported with abi::nop_inject_result

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.len = detail::word(result);
        entry.nop_flags = flags;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
