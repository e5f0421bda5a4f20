// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: request opcodes and register opcodes of the kernel interface.
// Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstdint>

namespace asio_uring::abi {

// The three system calls have the same numbers on x86-64, arm64 and riscv.
inline constexpr long syscall_setup = 425;
inline constexpr long syscall_enter = 426;
inline constexpr long syscall_register = 427;

/// What a submission queue entry asks for. The kernel version is the first mainline one.
enum class opcode : std::uint8_t
{
    nop = 0,               // 5.1
    readv = 1,             // 5.1
    writev = 2,            // 5.1
    fsync = 3,             // 5.1
    read_fixed = 4,        // 5.1
    write_fixed = 5,       // 5.1
    poll_add = 6,          // 5.1
    poll_remove = 7,       // 5.1
    sync_file_range = 8,   // 5.2
    sendmsg = 9,           // 5.3
    recvmsg = 10,          // 5.3
    timeout = 11,          // 5.4
    timeout_remove = 12,   // 5.5
    accept = 13,           // 5.5
    async_cancel = 14,     // 5.5
    link_timeout = 15,     // 5.5
    connect = 16,          // 5.5
    fallocate = 17,        // 5.6
    openat = 18,           // 5.6
    close = 19,            // 5.6
    files_update = 20,     // 5.6
    statx = 21,            // 5.6
    read = 22,             // 5.6
    write = 23,            // 5.6
    fadvise = 24,          // 5.6
    madvise = 25,          // 5.6
    send = 26,             // 5.6
    recv = 27,             // 5.6
    openat2 = 28,          // 5.6
    epoll_ctl = 29,        // 5.6
    splice = 30,           // 5.7
    provide_buffers = 31,  // 5.7
    remove_buffers = 32,   // 5.7
    tee = 33,              // 5.8
    shutdown = 34,         // 5.11
    renameat = 35,         // 5.11
    unlinkat = 36,         // 5.11
    mkdirat = 37,          // 5.15
    symlinkat = 38,        // 5.15
    linkat = 39,           // 5.15
    msg_ring = 40,         // 5.18
    fsetxattr = 41,        // 5.19
    setxattr = 42,         // 5.19
    fgetxattr = 43,        // 5.19
    getxattr = 44,         // 5.19
    socket = 45,           // 5.19
    uring_cmd = 46,        // 5.19
    send_zc = 47,          // 6.0
    sendmsg_zc = 48,       // 6.1
    read_multishot = 49,   // 6.7
    waitid = 50,           // 6.7
    futex_wait = 51,       // 6.7
    futex_wake = 52,       // 6.7
    futex_waitv = 53,      // 6.7
    fixed_fd_install = 54, // 6.8
    ftruncate = 55,        // 6.9
    bind = 56,             // 6.11
    listen = 57,           // 6.11
    recv_zc = 58,          // 6.15
    epoll_wait = 59,       // 6.15
    readv_fixed = 60,      // 6.15
    writev_fixed = 61,     // 6.15
    pipe = 62,             // 6.16
    nop128 = 63,           // 6.19
    uring_cmd128 = 64,     // 6.19
};

/// The number of opcodes this library has a name for.
inline constexpr unsigned opcode_count = 65;

/// Whether an operation takes 128 bytes, on every ring that has it.
constexpr bool is_wide(opcode code) noexcept
{
    return code == opcode::nop128 || code == opcode::uring_cmd128;
}

/// The first argument after the descriptor of io_uring_register.
enum class register_op : unsigned
{
    buffers = 0,                 // 5.1
    unregister_buffers = 1,      // 5.1
    files = 2,                   // 5.1
    unregister_files = 3,        // 5.1
    eventfd = 4,                 // 5.2
    unregister_eventfd = 5,      // 5.2
    files_update = 6,            // 5.5
    eventfd_async = 7,           // 5.6
    probe = 8,                   // 5.6
    personality = 9,             // 5.6
    unregister_personality = 10, // 5.6
    restrictions = 11,           // 5.10
    enable_rings = 12,           // 5.10
    files2 = 13,                 // 5.13
    files_update2 = 14,          // 5.13
    buffers2 = 15,               // 5.13
    buffers_update = 16,         // 5.13
    iowq_aff = 17,               // 5.14
    unregister_iowq_aff = 18,    // 5.14
    iowq_max_workers = 19,       // 5.15
    ring_fds = 20,               // 5.18
    unregister_ring_fds = 21,    // 5.18
    pbuf_ring = 22,              // 5.19
    unregister_pbuf_ring = 23,   // 5.19
    sync_cancel = 24,            // 6.0
    file_alloc_range = 25,       // 6.0
    pbuf_status = 26,            // 6.8
    napi = 27,                   // 6.9
    unregister_napi = 28,        // 6.9
    clock = 29,                  // 6.12
    clone_buffers = 30,          // 6.12
    send_msg_ring = 31,          // 6.13
    zcrx_ifq = 32,               // 6.15
    resize_rings = 33,           // 6.13
    mem_region = 34,             // 6.13
    query = 35,                  // 6.18
    zcrx_ctrl = 36,              // 6.19
    bpf_filter = 37,             // 7.0
};

/// Or-ed into a register opcode: the descriptor is a registered ring index (6.3).
inline constexpr unsigned register_use_registered_ring = 1U << 31;

} // namespace asio_uring::abi
