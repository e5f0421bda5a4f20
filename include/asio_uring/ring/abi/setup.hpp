// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: structs of io_uring_setup and io_uring_enter, and the map
// offsets. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/abi/entries.hpp>

#include <cstddef>
#include <cstdint>

namespace asio_uring::abi {

/// Where the words of the submission ring lie in its map. Always taken from the kernel.
struct sq_offsets
{
    std::uint32_t head;
    std::uint32_t tail;
    std::uint32_t ring_mask;
    std::uint32_t ring_entries;
    std::uint32_t flags;
    std::uint32_t dropped;
    std::uint32_t array; ///< 0 with setup_no_sqarray: there is no index array
    std::uint32_t resv1;
    std::uint64_t user_addr;
};

/// Where the words of the completion ring lie in its map.
struct cq_offsets
{
    std::uint32_t head;
    std::uint32_t tail;
    std::uint32_t ring_mask;
    std::uint32_t ring_entries;
    std::uint32_t overflow;
    std::uint32_t cqes;
    std::uint32_t flags;
    std::uint32_t resv1;
    std::uint64_t user_addr;
};

/// Argument of io_uring_setup, in and out.
struct setup_params
{
    std::uint32_t sq_entries;
    std::uint32_t cq_entries;
    std::uint32_t flags;
    std::uint32_t sq_thread_cpu;
    std::uint32_t sq_thread_idle;
    std::uint32_t features;
    std::uint32_t wq_fd;
    std::uint32_t resv[3];
    sq_offsets sq_off;
    cq_offsets cq_off;
};

static_assert(sizeof(sq_offsets) == 40 && offsetof(sq_offsets, user_addr) == 32);
static_assert(sizeof(cq_offsets) == 40 && offsetof(cq_offsets, user_addr) == 32);
static_assert(offsetof(sq_offsets, array) == 24 && offsetof(cq_offsets, cqes) == 20);
static_assert(sizeof(setup_params) == 120 && offsetof(setup_params, sq_off) == 40);
static_assert(offsetof(setup_params, cq_off) == 80);

/// Extended argument of io_uring_enter (enter_ext_arg).
struct getevents_arg
{
    std::uint64_t sigmask;    ///< address of the kernel's signal set, or 0
    std::uint32_t sigmask_sz; ///< 8, the kernel's signal set size, not sizeof(sigset_t)
    std::uint32_t min_wait_usec; ///< 6.12: wait this long for the whole batch
    std::uint64_t ts;            ///< address of a kernel_timespec, or 0
};

static_assert(sizeof(getevents_arg) == 24 && offsetof(getevents_arg, ts) == 16);

/// The kernel's signal set size, for getevents_arg::sigmask_sz.
inline constexpr std::uint32_t kernel_sigset_size = 8;

/// One slot of a registered wait region (enter_ext_arg_reg).
struct reg_wait
{
    kernel_timespec ts;
    std::uint32_t min_wait_usec;
    std::uint32_t flags;
    std::uint64_t sigmask;
    std::uint32_t sigmask_sz;
    std::uint32_t pad[3];
    std::uint64_t pad2[2];
};

static_assert(sizeof(reg_wait) == 64 && offsetof(reg_wait, sigmask) == 24);
inline constexpr std::uint32_t reg_wait_ts = 1U << 0;

// Offsets for mmap(2) on the ring descriptor.
inline constexpr std::uint64_t off_sq_ring = 0;
inline constexpr std::uint64_t off_cq_ring = 0x8000000;
inline constexpr std::uint64_t off_sqes = 0x10000000;
inline constexpr std::uint64_t off_pbuf_ring = 0x80000000;
inline constexpr unsigned off_pbuf_shift = 16;

} // namespace asio_uring::abi
