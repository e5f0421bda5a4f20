// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: opening files, their size, their caches and their attributes.
// Thread: any. Lifetime: plain values; paths and open_how stay valid until submitted, the
// result of statx until completed, with async_submit() all until the handler is called.
#pragma once

#include <asio_uring/op/common.hpp>

#include <fcntl.h>

struct statx;

namespace asio_uring::op {

/// openat(2). An open that may create or truncate runs in a kernel worker. Kernel 5.6;
/// into a slot 5.15.
struct openat
{
    static constexpr abi::opcode code = abi::opcode::openat;
    static constexpr kernel_version first_kernel{5, 6};

    int directory = -100; ///< AT_FDCWD
    const char* path = nullptr;
    int flags = 0;          ///< O_*
    std::uint32_t mode = 0; ///< permissions of a file it creates
    direct_slot slot{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, directory);
        entry.addr = detail::address(path);
        entry.len = mode;
        entry.open_flags = detail::word(flags);
        detail::set_slot(entry, slot);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    constexpr op::descriptors makes_descriptors() const noexcept
    {
        return slot ? op::descriptors::none : op::descriptors::result;
    }
    constexpr op::worker worker() const noexcept
    {
        // The flags with which an open is not tried without blocking.
        constexpr int blocking = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
        return (flags & blocking) != 0 ? op::worker::always : op::worker::may;
    }
};

/// openat2(2). Kernel 5.6; into a slot 5.15.
struct openat2
{
    static constexpr abi::opcode code = abi::opcode::openat2;
    static constexpr kernel_version first_kernel{5, 6};

    int directory = -100; ///< AT_FDCWD
    const char* path = nullptr;
    const abi::open_how* how = nullptr;
    direct_slot slot{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, directory);
        entry.addr2 = detail::address(how);
        entry.addr = detail::address(path);
        entry.len = sizeof(abi::open_how);
        detail::set_slot(entry, slot);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    constexpr op::descriptors makes_descriptors() const noexcept
    {
        return slot ? op::descriptors::none : op::descriptors::result;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// statx(2). It runs in a kernel worker. Kernel 5.6.
struct statx
{
    static constexpr abi::opcode code = abi::opcode::statx;
    static constexpr kernel_version first_kernel{5, 6};

    int directory = -100; ///< AT_FDCWD
    const char* path = nullptr;
    int flags = 0;          ///< AT_*
    std::uint32_t mask = 0; ///< STATX_*
    struct ::statx* result = nullptr;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, directory);
        entry.addr2 = detail::address(result);
        entry.addr = detail::address(path);
        entry.len = mask;
        entry.statx_flags = detail::word(flags);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// fsync(2), or fdatasync(2) with abi::fsync_datasync. Only of a range if `size` is not
/// 0, else from `offset` to the end. It runs in a kernel worker. Kernel 5.1.
struct fsync
{
    static constexpr abi::opcode code = abi::opcode::fsync;
    static constexpr kernel_version first_kernel{5, 1};

    int fd = -1;
    std::uint32_t flags = 0; ///< abi::fsync_datasync
    std::uint64_t offset = 0;
    std::uint32_t size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.off = offset;
        entry.len = size;
        entry.fsync_flags = flags;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// sync_file_range(2). It runs in a kernel worker. Kernel 5.2.
struct sync_file_range
{
    static constexpr abi::opcode code = abi::opcode::sync_file_range;
    static constexpr kernel_version first_kernel{5, 2};

    int fd = -1;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t flags = 0; ///< SYNC_FILE_RANGE_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.off = offset;
        entry.len = size;
        entry.sync_range_flags = flags;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// fallocate(2). It runs in a kernel worker. Kernel 5.6.
struct fallocate
{
    static constexpr abi::opcode code = abi::opcode::fallocate;
    static constexpr kernel_version first_kernel{5, 6};

    int fd = -1;
    int mode = 0; ///< FALLOC_FL_*
    std::uint64_t offset = 0;
    std::uint64_t size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.off = offset;
        entry.addr = size;
        entry.len = detail::word(mode);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// ftruncate(2). It runs in a kernel worker. Kernel 6.9.
struct ftruncate
{
    static constexpr abi::opcode code = abi::opcode::ftruncate;
    static constexpr kernel_version first_kernel{6, 9};

    int fd = -1;
    std::uint64_t size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.off = size;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// posix_fadvise(2). Advice for which the kernel reads or drops pages runs in a kernel
/// worker. Kernel 5.6; sizes of 4 GiB and more 6.10.
struct fadvise
{
    static constexpr abi::opcode code = abi::opcode::fadvise;
    static constexpr kernel_version first_kernel{5, 6};

    int fd = -1;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    int advice = 0; ///< POSIX_FADV_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.off = offset;
        // The short form is the one every kernel knows.
        if (size <= ~std::uint32_t{0})
            entry.len = static_cast<std::uint32_t>(size);
        else
            entry.addr = size;
        entry.fadvise_advice = detail::word(advice);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    constexpr op::worker worker() const noexcept
    {
        const bool at_once = advice == POSIX_FADV_NORMAL || advice == POSIX_FADV_RANDOM ||
                             advice == POSIX_FADV_SEQUENTIAL;
        return at_once ? op::worker::never : op::worker::always;
    }
};

/// madvise(2). It runs in a kernel worker. Kernel 5.6; sizes of 4 GiB and more 6.10.
struct madvise
{
    static constexpr abi::opcode code = abi::opcode::madvise;
    static constexpr kernel_version first_kernel{5, 6};

    void* address = nullptr;
    std::uint64_t size = 0;
    int advice = 0; ///< MADV_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.addr = detail::address(address);
        if (size <= ~std::uint32_t{0})
            entry.len = static_cast<std::uint32_t>(size);
        else
            entry.off = size;
        entry.fadvise_advice = detail::word(advice);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

} // namespace asio_uring::op
