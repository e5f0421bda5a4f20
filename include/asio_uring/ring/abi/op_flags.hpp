// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the flag spaces of single operations.
// Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstdint>

namespace asio_uring::abi {

// Timeout family, in sqe::timeout_flags. The default clock is the monotonic one.
inline constexpr std::uint32_t timeout_abs = 1U << 0;           // 5.5
inline constexpr std::uint32_t timeout_update = 1U << 1;        // 5.11
inline constexpr std::uint32_t timeout_boottime = 1U << 2;      // 5.15
inline constexpr std::uint32_t timeout_realtime = 1U << 3;      // 5.15
inline constexpr std::uint32_t link_timeout_update = 1U << 4;   // 5.15
inline constexpr std::uint32_t timeout_etime_success = 1U << 5; // 5.16
inline constexpr std::uint32_t timeout_multishot = 1U << 6;     // 6.4
inline constexpr std::uint32_t timeout_immediate_arg = 1U << 7; // 7.1

// Cancel keys, in sqe::cancel_flags. Without one the key is the user data in sqe::addr.
inline constexpr std::uint32_t async_cancel_all = 1U << 0;      // 5.19
inline constexpr std::uint32_t async_cancel_fd = 1U << 1;       // 5.19
inline constexpr std::uint32_t async_cancel_any = 1U << 2;      // 5.19
inline constexpr std::uint32_t async_cancel_fd_fixed = 1U << 3; // 6.0
inline constexpr std::uint32_t async_cancel_userdata = 1U << 4; // 6.6
inline constexpr std::uint32_t async_cancel_op = 1U << 5;       // 6.6

// Poll, in sqe::len.
inline constexpr std::uint32_t poll_add_multi = 1U << 0;        // 5.13
inline constexpr std::uint32_t poll_update_events = 1U << 1;    // 5.13
inline constexpr std::uint32_t poll_update_user_data = 1U << 2; // 5.13
inline constexpr std::uint32_t poll_add_level = 1U << 3; // taken by no kernel to 6.18

// Send and receive, in sqe::ioprio.
inline constexpr std::uint16_t recvsend_poll_first = 1U << 0; // 5.19
inline constexpr std::uint16_t recv_multishot = 1U << 1;      // 6.0
inline constexpr std::uint16_t recvsend_fixed_buf = 1U << 2;  // 6.0, zero-copy sends only
inline constexpr std::uint16_t send_zc_report_usage = 1U << 3; // 6.2
inline constexpr std::uint16_t recvsend_bundle = 1U << 4;      // 6.10
inline constexpr std::uint16_t send_vectorized = 1U << 5;      // 6.17
inline constexpr std::uint32_t notif_usage_zc_copied = 1U
                                                       << 31; // in a notification's res

// Accept, in sqe::ioprio.
inline constexpr std::uint16_t accept_multishot = 1U << 0;  // 5.19
inline constexpr std::uint16_t accept_dontwait = 1U << 1;   // 6.10
inline constexpr std::uint16_t accept_poll_first = 1U << 2; // 6.10

// Ring messages: the command goes into sqe::addr, the flags into sqe::msg_ring_flags.
inline constexpr std::uint64_t msg_data = 0;                  // 5.18
inline constexpr std::uint64_t msg_send_fd = 1;               // 6.0
inline constexpr std::uint32_t msg_ring_cqe_skip = 1U << 0;   // 6.0
inline constexpr std::uint32_t msg_ring_flags_pass = 1U << 1; // 6.3

// No-operation, in sqe::nop_flags.
inline constexpr std::uint32_t nop_inject_result = 1U << 0; // 6.10
inline constexpr std::uint32_t nop_file = 1U << 1;          // 6.13
inline constexpr std::uint32_t nop_fixed_file = 1U << 2;    // 6.13
inline constexpr std::uint32_t nop_fixed_buffer = 1U << 3;  // 6.13
inline constexpr std::uint32_t nop_tw = 1U << 4;            // 6.17
inline constexpr std::uint32_t nop_cqe32 = 1U << 5;         // 6.18

// Others.
inline constexpr std::uint32_t fsync_datasync = 1U << 0;
inline constexpr std::uint32_t splice_f_fd_in_fixed = 1U << 31;
inline constexpr std::uint32_t fixed_fd_no_cloexec = 1U << 0; // 6.8
inline constexpr std::uint32_t uring_cmd_fixed = 1U << 0;     // 5.19
inline constexpr std::uint64_t rw_attr_flag_pi = 1U << 0;     // 6.14

/// As sqe::file_index: the kernel chooses the direct descriptor slot and reports it
/// (5.19).
inline constexpr std::uint32_t file_index_alloc = ~0U;

/// As an offset: the file's own position, and the only legal offset of a pipe.
inline constexpr std::uint64_t offset_current = ~0ULL;

/// Commands of opcode::uring_cmd on a socket, in sqe::cmd_op.
enum class socket_op : std::uint32_t
{
    siocinq = 0,      // 6.6
    siocoutq = 1,     // 6.6
    getsockopt = 2,   // 6.7, level SOL_SOCKET only
    setsockopt = 3,   // 6.7
    tx_timestamp = 4, // 6.17
    getsockname = 5,  // 6.19
};

/// Commands of opcode::uring_cmd on a block device, in sqe::cmd_op.
enum class block_op : std::uint32_t
{
    discard = 0x1200, // 6.12
};

} // namespace asio_uring::abi
