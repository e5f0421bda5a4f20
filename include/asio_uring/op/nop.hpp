// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: operations that do nothing.
// Thread: any. Lifetime: plain values.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// Completes at once. Kernel 5.1; flags 6.10.
struct nop
{
    static constexpr abi::opcode code = abi::opcode::nop;

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
};

/// The same in two entries' room, on rings that mix entry sizes. Kernel 6.19.
struct nop128
{
    static constexpr abi::opcode code = abi::opcode::nop128;

    std::uint32_t flags = 0; ///< abi::nop_*
    int result = 0;          ///< reported with abi::nop_inject_result

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.len = detail::word(result);
        entry.nop_flags = flags;
    }
};

} // namespace asio_uring::op
