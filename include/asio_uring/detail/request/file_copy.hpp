// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the copy of one file, a piece at a time, by system calls.
// Thread: one at a time; step() is a worker's. Lifetime: owns its paths and descriptors,
// and removes what it made of an unfinished copy when the same process destroys it.
#pragma once

#include <asio_uring/detail/request/place.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>

#include <cstdint>
#include <memory>
#include <utility>

#include <sys/types.h>

struct statx;

namespace asio_uring {

/// What async_copy_file() does where the new name exists, as std::filesystem::copy_file.
enum class copy_existing : std::uint8_t
{
    fail,      ///< ends with file_exists
    skip,      ///< leaves it, without an error
    overwrite, ///< writes over its content
    update,    ///< writes over it if it is older
};

/// Whether async_copy_file() shares the blocks of the file instead of copying them, which
/// some file systems can (FICLONE).
enum class copy_reflink : std::uint8_t
{
    automatic, ///< where it is possible
    always,    ///< ends with an error where it is not
    never,
};

namespace detail {

struct copy_settings
{
    copy_existing existing = copy_existing::fail;
    copy_reflink reflink = copy_reflink::automatic;
    bool sync = false;
};

class ASIO_URING_DECL file_copy
{
public:
    file_copy(file_location from, file_location to, const copy_settings& settings)
        : from_(std::move(from)),
          to_(file_location(to)),
          made_(std::move(to)),
          settings_(settings)
    {}

    file_copy(const file_copy&) = delete;
    file_copy& operator=(const file_copy&) = delete;
    ~file_copy() { give_up(); }

    /// Does the next piece. Returns 1 where there is more to do, 0 at the end, or a
    /// negated errno.
    int step() noexcept;

    /// Closes the files, and removes the new one unless the copy is whole or another
    /// process made it.
    void give_up() noexcept;

    /// What is done, and what there is to do as far as is known.
    std::uint64_t done() const noexcept { return offset_; }
    std::uint64_t total() const noexcept { return size_; }

    /// Whether the file was copied rather than left as it was.
    bool copied() const noexcept { return copied_; }

private:
    enum class phase : std::uint8_t
    {
        open,
        clone,
        ranges,    // by copy_file_range
        transfers, // by reads and writes
        end,
    };

    int open_both();
    int open_target(unsigned mode, bool& exists) noexcept;
    int compare_with_target(const struct ::statx& source, bool& leave) noexcept;
    int clone() noexcept;
    int find_data(std::uint64_t& data_end) noexcept;
    int copy_range() noexcept;
    int transfer();
    int finish() noexcept;

    place from_;
    place to_;
    place made_; // what may have to be removed
    copy_settings settings_;
    phase phase_ = phase::open;
    bool is_sparse_ = false;
    // The process that made the new file, or 0. A child of fork(2) has a copy of this
    // object, and must not remove the file.
    ::pid_t maker_ = 0;
    bool copied_ = false;
    unique_fd source_;
    unique_fd target_;
    std::uint64_t offset_ = 0;
    std::uint64_t size_ = 0;
    std::unique_ptr<char[]> memory_;
};

} // namespace detail
} // namespace asio_uring
