// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: what the file system says about a file, as a value. Thread:
// values. Lifetime: values.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace asio_uring {

/// What async_stat() tells of a file.
struct file_status
{
    using time_point =
        std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

    std::filesystem::file_type type = std::filesystem::file_type::none;
    std::filesystem::perms permissions = std::filesystem::perms::unknown;
    std::uint64_t size = 0;
    /// Bytes on the disk, without the holes of a sparse file.
    std::uint64_t allocated = 0;
    /// The size with which transfers do best.
    std::uint32_t block_size = 0;
    std::uint32_t links = 0;
    std::uint64_t inode = 0;
    /// The file system that the file is on: the two together with the inode name a file.
    std::uint64_t device = 0;
    /// The device that the file is, if it is one.
    std::uint64_t represents = 0;
    std::uint32_t owner = 0;
    std::uint32_t group = 0;
    time_point accessed;
    time_point modified;
    /// When anything about the file changed last.
    time_point changed;
    /// Where the file system keeps it.
    std::optional<time_point> created;
};

namespace detail {

inline std::filesystem::file_type file_type_of(unsigned mode) noexcept
{
    using std::filesystem::file_type;
    switch (mode & S_IFMT) {
    case S_IFREG:
        return file_type::regular;
    case S_IFDIR:
        return file_type::directory;
    case S_IFLNK:
        return file_type::symlink;
    case S_IFBLK:
        return file_type::block;
    case S_IFCHR:
        return file_type::character;
    case S_IFIFO:
        return file_type::fifo;
    case S_IFSOCK:
        return file_type::socket;
    default:
        return file_type::unknown;
    }
}

inline file_status::time_point time_of(const ::statx_timestamp& stamp) noexcept
{
    return file_status::time_point(
        std::chrono::seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec));
}

inline file_status to_file_status(const struct ::statx& found) noexcept
{
    constexpr unsigned permission_bits = 07777;
    constexpr std::uint64_t allocation_unit = 512; // of st_blocks, on every file system
    file_status status{
        .type = file_type_of(found.stx_mode),
        .permissions = std::filesystem::perms(found.stx_mode & permission_bits),
        .size = found.stx_size,
        .allocated = found.stx_blocks * allocation_unit,
        .block_size = found.stx_blksize,
        .links = found.stx_nlink,
        .inode = found.stx_ino,
        .device = gnu_dev_makedev(found.stx_dev_major, found.stx_dev_minor),
        .represents = gnu_dev_makedev(found.stx_rdev_major, found.stx_rdev_minor),
        .owner = found.stx_uid,
        .group = found.stx_gid,
        .accessed = time_of(found.stx_atime),
        .modified = time_of(found.stx_mtime),
        .changed = time_of(found.stx_ctime),
        .created = std::nullopt};
    if ((found.stx_mask & STATX_BTIME) != 0)
        status.created = time_of(found.stx_btime);
    return status;
}

} // namespace detail
} // namespace asio_uring
