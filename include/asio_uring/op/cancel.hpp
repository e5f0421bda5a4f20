// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: asks the kernel to end other operations.
// Thread: any. Lifetime: plain values.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// Asks the kernel to end operations. Each of these still ends with a last completion of
/// its own, which may be a success. The kernel finds them by their user data, unless
/// `flags` say otherwise: with abi::async_cancel_fd (5.19) by the file behind `fd`, with
/// abi::async_cancel_op (6.6) by `operation`, with abi::async_cancel_any (5.19) it takes
/// all. The result is 0 or a count for success, ENOENT for nothing found, EALREADY for an
/// operation that runs in a worker. Kernel 5.5.
struct async_cancel
{
    static constexpr abi::opcode code = abi::opcode::async_cancel;
    static constexpr kernel_version first_kernel{5, 5};

    std::uint64_t user_data = 0;
    int fd = -1;
    std::uint32_t flags = 0;                  ///< abi::async_cancel_*
    abi::opcode operation = abi::opcode::nop; ///< with abi::async_cancel_op

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.addr = user_data;
        entry.len = static_cast<std::uint32_t>(operation);
        entry.cancel_flags = flags;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
