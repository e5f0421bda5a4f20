// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: flags of setup, enter, entries, shared ring words, and features.
// Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstdint>

namespace asio_uring::abi {

// Setup flags, in ascending order of bit; the kernel version is the first mainline one.
inline constexpr std::uint32_t setup_iopoll = 1U << 0;              // 5.1
inline constexpr std::uint32_t setup_sqpoll = 1U << 1;              // 5.1
inline constexpr std::uint32_t setup_sq_aff = 1U << 2;              // 5.1
inline constexpr std::uint32_t setup_cqsize = 1U << 3;              // 5.5
inline constexpr std::uint32_t setup_clamp = 1U << 4;               // 5.6
inline constexpr std::uint32_t setup_attach_wq = 1U << 5;           // 5.6
inline constexpr std::uint32_t setup_r_disabled = 1U << 6;          // 5.10
inline constexpr std::uint32_t setup_submit_all = 1U << 7;          // 5.18
inline constexpr std::uint32_t setup_coop_taskrun = 1U << 8;        // 5.19
inline constexpr std::uint32_t setup_taskrun_flag = 1U << 9;        // 5.19
inline constexpr std::uint32_t setup_sqe128 = 1U << 10;             // 5.19
inline constexpr std::uint32_t setup_cqe32 = 1U << 11;              // 5.19
inline constexpr std::uint32_t setup_single_issuer = 1U << 12;      // 6.0
inline constexpr std::uint32_t setup_defer_taskrun = 1U << 13;      // 6.1
inline constexpr std::uint32_t setup_no_mmap = 1U << 14;            // 6.5
inline constexpr std::uint32_t setup_registered_fd_only = 1U << 15; // 6.5
inline constexpr std::uint32_t setup_no_sqarray = 1U << 16;         // 6.6
inline constexpr std::uint32_t setup_hybrid_iopoll = 1U << 17;      // 6.13
inline constexpr std::uint32_t setup_cqe_mixed = 1U << 18;          // 6.18
inline constexpr std::uint32_t setup_sqe_mixed = 1U << 19;          // 6.19
inline constexpr std::uint32_t setup_sq_rewind = 1U << 20;          // 7.0

// Enter flags.
inline constexpr std::uint32_t enter_getevents = 1U << 0;       // 5.1
inline constexpr std::uint32_t enter_sq_wakeup = 1U << 1;       // 5.1
inline constexpr std::uint32_t enter_sq_wait = 1U << 2;         // 5.10
inline constexpr std::uint32_t enter_ext_arg = 1U << 3;         // 5.11
inline constexpr std::uint32_t enter_registered_ring = 1U << 4; // 5.18
inline constexpr std::uint32_t enter_abs_timer = 1U << 5;       // 6.12
inline constexpr std::uint32_t enter_ext_arg_reg = 1U << 6;     // 6.13
inline constexpr std::uint32_t enter_no_iowait = 1U << 7;       // 6.15

// Flags of one submission queue entry.
inline constexpr std::uint8_t sqe_fixed_file = 1U << 0;       // 5.1
inline constexpr std::uint8_t sqe_io_drain = 1U << 1;         // 5.2
inline constexpr std::uint8_t sqe_io_link = 1U << 2;          // 5.3
inline constexpr std::uint8_t sqe_io_hardlink = 1U << 3;      // 5.5
inline constexpr std::uint8_t sqe_async = 1U << 4;            // 5.6
inline constexpr std::uint8_t sqe_buffer_select = 1U << 5;    // 5.7
inline constexpr std::uint8_t sqe_cqe_skip_success = 1U << 6; // 5.17

// Flags of one completion queue entry.
inline constexpr std::uint32_t cqe_f_buffer = 1U << 0;        // 5.7
inline constexpr std::uint32_t cqe_f_more = 1U << 1;          // 5.13
inline constexpr std::uint32_t cqe_f_sock_nonempty = 1U << 2; // 5.19
inline constexpr std::uint32_t cqe_f_notif = 1U << 3;         // 6.0
inline constexpr std::uint32_t cqe_f_buf_more = 1U << 4;      // 6.12
inline constexpr std::uint32_t cqe_f_skip = 1U << 5;          // 6.18
inline constexpr std::uint32_t cqe_f_32 = 1U << 15;           // 6.18
inline constexpr std::uint32_t cqe_f_tstamp_hw = 1U << 16;    // 6.17, on timestamps only
inline constexpr unsigned cqe_buffer_shift = 16;
inline constexpr unsigned timestamp_type_shift = 17;

// Words the kernel writes into the shared submission ring, and we into the completion
// ring.
inline constexpr std::uint32_t sq_need_wakeup = 1U << 0;      // 5.1
inline constexpr std::uint32_t sq_cq_overflow = 1U << 1;      // 5.8
inline constexpr std::uint32_t sq_taskrun = 1U << 2;          // 5.19
inline constexpr std::uint32_t cq_eventfd_disabled = 1U << 0; // 5.8

// Feature bits of setup_params::features.
inline constexpr std::uint32_t feat_single_mmap = 1U << 0;      // 5.4
inline constexpr std::uint32_t feat_nodrop = 1U << 1;           // 5.5
inline constexpr std::uint32_t feat_submit_stable = 1U << 2;    // 5.5
inline constexpr std::uint32_t feat_rw_cur_pos = 1U << 3;       // 5.6
inline constexpr std::uint32_t feat_cur_personality = 1U << 4;  // 5.6
inline constexpr std::uint32_t feat_fast_poll = 1U << 5;        // 5.7
inline constexpr std::uint32_t feat_poll_32bits = 1U << 6;      // 5.9
inline constexpr std::uint32_t feat_sqpoll_nonfixed = 1U << 7;  // 5.11
inline constexpr std::uint32_t feat_ext_arg = 1U << 8;          // 5.11
inline constexpr std::uint32_t feat_native_workers = 1U << 9;   // 5.12
inline constexpr std::uint32_t feat_rsrc_tags = 1U << 10;       // 5.13
inline constexpr std::uint32_t feat_cqe_skip = 1U << 11;        // 5.17
inline constexpr std::uint32_t feat_linked_file = 1U << 12;     // 5.18
inline constexpr std::uint32_t feat_reg_reg_ring = 1U << 13;    // 6.3
inline constexpr std::uint32_t feat_recvsend_bundle = 1U << 14; // 6.10
inline constexpr std::uint32_t feat_min_timeout = 1U << 15;     // 6.12
inline constexpr std::uint32_t feat_rw_attr = 1U << 16;         // 6.14
inline constexpr std::uint32_t feat_no_iowait = 1U << 17;       // 6.15

// Sizes the kernel accepts.
inline constexpr unsigned sq_entries_max = 32768;
inline constexpr unsigned cq_entries_max = 65536;

} // namespace asio_uring::abi
