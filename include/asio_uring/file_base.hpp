// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: how a file is opened, and from where a position counts.
// Thread: none. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring {

/// The names that all files share, as in Asio's file_base.
class file_base
{
public:
    /// A bitmask of the ways to open a file; the values are those of open(2).
    enum flags
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

protected:
    ~file_base() = default;
};

} // namespace asio_uring
