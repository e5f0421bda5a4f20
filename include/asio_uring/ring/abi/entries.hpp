// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: layout of submission and completion queue entries.
// Thread: any. Lifetime: none; the kernel reads and writes these through shared memory.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace asio_uring::abi {

// Poll masks are word-reversed on big-endian machines; the library does not run there.
static_assert(std::endian::native == std::endian::little);

/// Level and name of a socket option command, in the place of sqe::addr.
struct sockopt_key
{
    std::uint32_t level;
    std::uint32_t optname;
};

/// One submission queue entry. An operation fills a zeroed entry; bytes it does not use
/// must stay zero, because newer kernels refuse an operation whose unused bytes are not.
struct sqe
{
    std::uint8_t opcode;
    std::uint8_t flags; ///< sqe_* flags
    std::uint16_t ioprio;
    std::int32_t fd;
    union
    {
        std::uint64_t off;
        std::uint64_t addr2;
        std::uint32_t cmd_op;
    };
    union
    {
        std::uint64_t addr;
        std::uint64_t splice_off_in;
        sockopt_key sockopt;
    };
    std::uint32_t len;
    union
    {
        std::uint32_t op_flags; ///< the same word whatever the operation
        std::uint32_t rw_flags;
        std::uint32_t fsync_flags;
        std::uint32_t poll32_events;
        std::uint32_t sync_range_flags;
        std::uint32_t msg_flags;
        std::uint32_t timeout_flags;
        std::uint32_t accept_flags;
        std::uint32_t cancel_flags;
        std::uint32_t open_flags;
        std::uint32_t statx_flags;
        std::uint32_t fadvise_advice;
        std::uint32_t splice_flags;
        std::uint32_t rename_flags;
        std::uint32_t unlink_flags;
        std::uint32_t hardlink_flags;
        std::uint32_t xattr_flags;
        std::uint32_t msg_ring_flags;
        std::uint32_t uring_cmd_flags;
        std::uint32_t waitid_flags;
        std::uint32_t futex_flags;
        std::uint32_t install_fd_flags;
        std::uint32_t nop_flags;
        std::uint32_t pipe_flags;
    };
    std::uint64_t user_data;
    union
    {
        std::uint16_t buf_index;
        std::uint16_t buf_group;
    };
    std::uint16_t personality;
    union
    {
        std::int32_t splice_fd_in;
        std::uint32_t file_index;
        std::uint32_t zcrx_ifq_idx;
        std::uint32_t optlen;
        std::uint16_t addr_len;
    };
    union
    {
        std::uint64_t addr3;
        std::uint64_t optval;
        std::uint64_t attr_ptr;
        /// Start of the command area: 16 bytes, and 80 in a wide_sqe.
        std::uint8_t cmd[8];
    };
    union
    {
        std::uint64_t pad2;
        std::uint64_t attr_type_mask;
    };
};

static_assert(sizeof(sqe) == 64 && alignof(sqe) == 8);
static_assert(offsetof(sqe, opcode) == 0 && offsetof(sqe, flags) == 1);
static_assert(offsetof(sqe, ioprio) == 2 && offsetof(sqe, fd) == 4);
static_assert(offsetof(sqe, off) == 8 && offsetof(sqe, cmd_op) == 8);
static_assert(offsetof(sqe, addr) == 16 && offsetof(sqe, sockopt) == 16);
static_assert(offsetof(sockopt_key, level) == 0 && offsetof(sockopt_key, optname) == 4);
static_assert(offsetof(sqe, len) == 24 && offsetof(sqe, op_flags) == 28);
static_assert(offsetof(sqe, user_data) == 32);
static_assert(offsetof(sqe, buf_index) == 40 && offsetof(sqe, buf_group) == 40);
static_assert(offsetof(sqe, personality) == 42);
static_assert(offsetof(sqe, splice_fd_in) == 44 && offsetof(sqe, file_index) == 44);
static_assert(offsetof(sqe, zcrx_ifq_idx) == 44 && offsetof(sqe, optlen) == 44);
static_assert(offsetof(sqe, addr_len) == 44);
static_assert(offsetof(sqe, addr3) == 48 && offsetof(sqe, cmd) == 48);
static_assert(offsetof(sqe, optval) == 48 && offsetof(sqe, attr_ptr) == 48);
static_assert(offsetof(sqe, attr_type_mask) == 56 && offsetof(sqe, pad2) == 56);

/// An entry of 128 bytes, on a ring with setup_sqe128 or setup_sqe_mixed. The command
/// area goes on behind the 64 bytes of every entry.
struct wide_sqe : sqe
{
    std::uint8_t cmd_rest[64];
};

static_assert(sizeof(wide_sqe) == 128 && alignof(wide_sqe) == 8);
inline constexpr std::size_t command_offset = offsetof(sqe, cmd);
inline constexpr std::size_t command_room = sizeof(sqe) - command_offset;
inline constexpr std::size_t wide_command_room = sizeof(wide_sqe) - command_offset;
static_assert(command_room == 16 && wide_command_room == 80);

/// One completion queue entry. With setup_cqe32, or with cqe_f_32 on a mixed ring,
/// sixteen further bytes follow it.
struct cqe
{
    std::uint64_t user_data;
    std::int32_t res;    ///< what the system call would return, errors as -errno
    std::uint32_t flags; ///< cqe_f_* flags; the buffer id in the upper 16 bits
};

static_assert(sizeof(cqe) == 16 && alignof(cqe) == 8);
static_assert(offsetof(cqe, user_data) == 0 && offsetof(cqe, res) == 8);
static_assert(offsetof(cqe, flags) == 12);

/// A completion of 32 bytes: on a ring with setup_cqe32, or with cqe_f_32 on a mixed
/// ring. completion_queue::as_wide() finds it.
struct wide_cqe : cqe
{
    std::uint64_t extra[2];
};

static_assert(sizeof(wide_cqe) == 32 && alignof(wide_cqe) == 8);

/// The kernel's 64-bit timespec, the same on every architecture.
struct kernel_timespec
{
    std::int64_t sec;
    std::int64_t nsec;
};

static_assert(sizeof(kernel_timespec) == 16 && offsetof(kernel_timespec, nsec) == 8);

/// The time in wide_cqe::extra of a transmit time stamp (6.17). Not negative, other than
/// kernel_timespec.
struct io_timespec
{
    std::uint64_t tv_sec;
    std::uint64_t tv_nsec;
};

static_assert(sizeof(io_timespec) == sizeof(wide_cqe::extra));

/// Argument of opcode::openat2.
struct open_how
{
    std::uint64_t flags;
    std::uint64_t mode;
    std::uint64_t resolve;
};

static_assert(sizeof(open_how) == 24);

/// One element of opcode::futex_waitv.
struct futex_waitv
{
    std::uint64_t val;
    std::uint64_t uaddr;
    std::uint32_t flags;
    std::uint32_t reserved;
};

static_assert(sizeof(futex_waitv) == 24);

/// Header of a buffer filled by a multishot receive-message; name, control data and
/// payload follow it.
struct recvmsg_out
{
    std::uint32_t namelen;
    std::uint32_t controllen;
    std::uint32_t payloadlen;
    std::uint32_t flags;
};

static_assert(sizeof(recvmsg_out) == 16);

/// Protection information attached to a read or write through sqe::attr_ptr.
struct attr_pi
{
    std::uint16_t flags;
    std::uint16_t app_tag;
    std::uint32_t len;
    std::uint64_t addr;
    std::uint64_t seed;
    std::uint64_t rsvd;
};

static_assert(sizeof(attr_pi) == 32);

} // namespace asio_uring::abi
