// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: how a file is opened, and from where a position counts.
// Thread: none. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstdint>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring {

/// Flags of one transfer of a file, as pwritev2(2) has them. A file system that does not
/// know one says operation_not_supported.
enum class rw_flags : std::uint32_t
{
    none = 0,
    /// The kernel asks the disk again and again. A ring refuses it with invalid_argument
    /// unless it polls for completions (abi::setup_iopoll), which the ring of a context
    /// does not. Without a ring it needs file_base::direct.
    high_priority = 0x01,
    /// The write ends when its data is on the disk.
    data_sync = 0x02,
    /// The write ends when its data and all that tells of it are on the disk.
    sync = 0x04,
    /// The transfer ends with try_again where it would have to wait.
    no_wait = 0x08,
    /// The write goes to the end of the file.
    append = 0x10,
    /// The write is done whole or not at all, a crash included. Kernel 6.11.
    atomic = 0x40,
    /// The page cache keeps nothing of it. Kernel 6.14.
    do_not_cache = 0x80,
};

constexpr rw_flags operator|(rw_flags x, rw_flags y) noexcept
{
    return static_cast<rw_flags>(
        static_cast<std::uint32_t>(x) | static_cast<std::uint32_t>(y));
}

/// The names that all files share, as in Asio's file_base.
class file_base
{
public:
    /// A bitmask of the ways to open a file; the values are those of open(2). The type
    /// beneath is fixed, so that the complement of a value is a value.
    enum flags : int
    {
        read_only = O_RDONLY,
        write_only = O_WRONLY,
        read_write = O_RDWR,
        /// Every write goes to the end of the file, whatever its offset.
        append = O_APPEND,
        create = O_CREAT,
        /// The file must be a new one. Only together with create.
        exclusive = O_EXCL,
        truncate = O_TRUNC,
        /// A write ends when its data and all that tells of it are on the disk.
        sync_all_on_write = O_SYNC,
        /// The same for the data, and what is needed to find them.
        sync_data_on_write = O_DSYNC,
        /// Past the page cache. Buffers, sizes and offsets keep to an alignment; see
        /// basic_file::direct_io_alignment() and aligned_buffer.
        direct = O_DIRECT,
        /// A program that the process starts does not get the file.
        close_on_exec = O_CLOEXEC,
    };

    friend constexpr flags operator&(flags x, flags y) noexcept
    {
        return static_cast<flags>(static_cast<int>(x) & static_cast<int>(y));
    }
    friend constexpr flags operator|(flags x, flags y) noexcept
    {
        return static_cast<flags>(static_cast<int>(x) | static_cast<int>(y));
    }
    friend constexpr flags operator^(flags x, flags y) noexcept
    {
        return static_cast<flags>(static_cast<int>(x) ^ static_cast<int>(y));
    }
    friend constexpr flags operator~(flags x) noexcept
    {
        return static_cast<flags>(~static_cast<int>(x));
    }
    friend constexpr flags& operator&=(flags& x, flags y) noexcept { return x = x & y; }
    friend constexpr flags& operator|=(flags& x, flags y) noexcept { return x = x | y; }
    friend constexpr flags& operator^=(flags& x, flags y) noexcept { return x = x ^ y; }

    /// What a new position counts from.
    enum seek_basis
    {
        seek_set = SEEK_SET,
        seek_cur = SEEK_CUR,
        seek_end = SEEK_END,
    };

    /// What async_allocate() does with a range of the file.
    enum allocation
    {
        /// Gives it room on the disk, and makes the file as long as needed.
        allocate = 0,
        /// Gives it room on the disk. The size stays.
        keep_size = FALLOC_FL_KEEP_SIZE,
        /// Takes its room away. It reads as zeros, and the size stays.
        punch_hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
        /// Makes zeros of it.
        zero_range = FALLOC_FL_ZERO_RANGE,
    };

    /// What a program says of its further reads; see posix_fadvise(2).
    enum advice
    {
        normal = POSIX_FADV_NORMAL,
        sequential = POSIX_FADV_SEQUENTIAL,
        random = POSIX_FADV_RANDOM,
        will_need = POSIX_FADV_WILLNEED,
        do_not_need = POSIX_FADV_DONTNEED,
        no_reuse = POSIX_FADV_NOREUSE,
    };

protected:
    ~file_base() = default;
};

} // namespace asio_uring
