// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: waits for child processes.
// Thread: any. Lifetime: plain values; the place of the result stays valid until
// completed.
#pragma once

#include <asio_uring/op/common.hpp>

#include <signal.h>

namespace asio_uring::op {

/// waitid(2). Kernel 6.7.
struct waitid
{
    static constexpr abi::opcode code = abi::opcode::waitid;
    static constexpr kernel_version first_kernel{6, 7};

    int id_type = 0; ///< P_PID, P_PIDFD, P_PGID, P_ALL
    int id = 0;
    ::siginfo_t* result = nullptr;
    int options = 0; ///< WEXITED...

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, id);
        entry.addr2 = detail::address(result);
        entry.len = detail::word(id_type);
        entry.file_index = detail::word(options);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
