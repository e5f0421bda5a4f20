// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: cancel requests by a call of its own, past the submission queue.
// Thread: as the ring's. Lifetime: a plain value.
#pragma once

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace asio_uring {

/// A cancellation that takes no way through the submission queue. It works while the
/// queue is full or stands behind a drain, and waits for requests that run in a worker.
///
/// The targets still end with their own last completions. On a ring with deferred task
/// work these are not yet posted when the call returns, and a second call may find the
/// same targets again. The key is the user data, unless `flags` say otherwise:
/// abi::async_cancel_fd the file behind `fd`, abi::async_cancel_op `operation` (6.6),
/// abi::async_cancel_any everything. io_uring_register_sync_cancel(3). Kernel 6.0.
struct ASIO_URING_DECL sync_cancel
{
    std::uint64_t user_data = 0;
    int fd = -1;             ///< a direct descriptor with abi::async_cancel_fd_fixed
    std::uint32_t flags = 0; ///< abi::async_cancel_*
    abi::opcode operation = abi::opcode::nop; ///< with abi::async_cancel_op; 6.6
    /// How long to wait for a target that runs in a worker; none waits for its end.
    std::optional<std::chrono::nanoseconds> timeout{};

    /// Returns how many it found with abi::async_cancel_all or async_cancel_any, else
    /// zero. Errors: ENOENT for nothing found, unless all were meant; ETIME; EINVAL for
    /// keys that contradict each other; EBADF; errc::wrong_thread.
    unsigned call(ring& target, boost::system::error_code& ec) const noexcept;
};

} // namespace asio_uring
