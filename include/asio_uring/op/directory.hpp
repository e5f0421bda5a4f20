// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: names in the file system.
// Thread: any. Lifetime: plain values; paths stay valid until submitted, with
// async_submit() until the handler is called. All run in a kernel worker.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// renameat2(2). Kernel 5.11.
struct renameat
{
    static constexpr abi::opcode code = abi::opcode::renameat;
    static constexpr kernel_version first_kernel{5, 11};

    int old_directory = -100; ///< AT_FDCWD
    const char* old_path = nullptr;
    int new_directory = -100;
    const char* new_path = nullptr;
    std::uint32_t flags = 0; ///< RENAME_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, old_directory);
        entry.addr2 = detail::address(new_path);
        entry.addr = detail::address(old_path);
        entry.len = detail::word(new_directory);
        entry.rename_flags = flags;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// unlinkat(2). Kernel 5.11.
struct unlinkat
{
    static constexpr abi::opcode code = abi::opcode::unlinkat;
    static constexpr kernel_version first_kernel{5, 11};

    int directory = -100; ///< AT_FDCWD
    const char* path = nullptr;
    int flags = 0; ///< AT_REMOVEDIR

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, directory);
        entry.addr = detail::address(path);
        entry.unlink_flags = detail::word(flags);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// mkdirat(2). Kernel 5.15.
struct mkdirat
{
    static constexpr abi::opcode code = abi::opcode::mkdirat;
    static constexpr kernel_version first_kernel{5, 15};

    int directory = -100; ///< AT_FDCWD
    const char* path = nullptr;
    std::uint32_t mode = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, directory);
        entry.addr = detail::address(path);
        entry.len = mode;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// symlinkat(2). Kernel 5.15.
struct symlinkat
{
    static constexpr abi::opcode code = abi::opcode::symlinkat;
    static constexpr kernel_version first_kernel{5, 15};

    const char* target = nullptr;
    int directory = -100; ///< AT_FDCWD
    const char* path = nullptr;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, directory);
        entry.addr2 = detail::address(path);
        entry.addr = detail::address(target);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// linkat(2). Kernel 5.15.
struct linkat
{
    static constexpr abi::opcode code = abi::opcode::linkat;
    static constexpr kernel_version first_kernel{5, 15};

    int old_directory = -100; ///< AT_FDCWD
    const char* old_path = nullptr;
    int new_directory = -100;
    const char* new_path = nullptr;
    int flags = 0; ///< AT_SYMLINK_FOLLOW, AT_EMPTY_PATH

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, old_directory);
        entry.addr2 = detail::address(new_path);
        entry.addr = detail::address(old_path);
        entry.len = detail::word(new_directory);
        entry.hardlink_flags = detail::word(flags);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

} // namespace asio_uring::op
