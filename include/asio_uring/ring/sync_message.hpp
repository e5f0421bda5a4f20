// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: post a completion to a ring from any thread, with no ring of
// one's own. Thread: any. Lifetime: a plain value.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <optional>

namespace asio_uring {

/// A completion {user_data, result} for the ring behind a descriptor. It wakes a wait of
/// that ring, and is the cheapest way for another thread to do so. Every call posts a
/// completion: coalesce wakes.
///
/// The kernel sends no descriptors this way, because a call without a ring has no table
/// to take them from: use op::msg_ring_fd. Kernel 6.13.
struct ASIO_URING_DECL sync_message
{
    int target = -1; ///< native_handle() of the ring; one without has no name
    std::uint64_t user_data = 0;
    int result = 0;
    /// Flags of the completion.
    std::optional<std::uint32_t> cqe_flags{};

    /// Errors: EBADF; EBADFD for something else than a ring, or one not enabled;
    /// EOVERFLOW or ENOMEM when the completion found no room.
    boost::system::error_code send() const noexcept;
};

} // namespace asio_uring
