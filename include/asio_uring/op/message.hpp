// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: messages from one ring to another.
// Thread: any. Lifetime: plain values.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// Posts a completion with `user_data` and `result` to another ring. Kernel 5.18.
struct msg_ring
{
    static constexpr abi::opcode code = abi::opcode::msg_ring;
    static constexpr kernel_version first_kernel{5, 18};

    int target = -1; ///< descriptor of the other ring
    std::uint64_t user_data = 0;
    int result = 0;
    /// Flags of the completion. Kernel 6.3.
    std::optional<std::uint32_t> cqe_flags{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, target);
        entry.off = user_data;
        entry.addr = abi::msg_data;
        entry.len = detail::word(result);
        if (cqe_flags) {
            entry.msg_ring_flags = abi::msg_ring_flags_pass;
            entry.file_index = *cqe_flags;
        }
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// Copies a direct descriptor into the table of another ring and, unless told otherwise,
/// posts a completion with `user_data` there. Kernel 6.0.
struct msg_ring_fd
{
    static constexpr abi::opcode code = abi::opcode::msg_ring;
    static constexpr kernel_version first_kernel{6, 0};

    int target = -1;                                   ///< descriptor of the other ring
    std::uint32_t source_slot = 0;                     ///< in the table of this ring
    std::uint32_t target_slot = abi::file_index_alloc; ///< in the table of the other
    std::uint64_t user_data = 0;
    std::uint32_t flags = 0; ///< abi::msg_ring_cqe_skip

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, target);
        entry.off = user_data;
        entry.addr = abi::msg_send_fd;
        entry.msg_ring_flags = flags;
        entry.addr3 = source_slot;
        detail::set_slot(entry, target_slot);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

} // namespace asio_uring::op
