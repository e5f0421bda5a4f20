// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: extended attributes of files.
// Thread: any. Lifetime: plain values; names, paths and values to set stay valid until
// submitted, values to get until completed, with async_submit() all until the handler is
// called. All run in a kernel worker.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

namespace detail {

inline void start_xattr(
    abi::sqe& entry,
    abi::opcode code,
    int fd,
    const char* name,
    const void* value,
    std::uint32_t size,
    int flags) noexcept
{
    start(entry, code, fd);
    entry.addr2 = address(value);
    entry.addr = address(name);
    entry.len = size;
    entry.xattr_flags = word(flags);
}

} // namespace detail

/// setxattr(2). Kernel 5.19.
struct setxattr
{
    static constexpr abi::opcode code = abi::opcode::setxattr;
    static constexpr kernel_version first_kernel{5, 19};

    const char* path = nullptr;
    const char* name = nullptr;
    const void* value = nullptr;
    std::uint32_t size = 0;
    int flags = 0; ///< XATTR_CREATE, XATTR_REPLACE

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_xattr(entry, code, 0, name, value, size, flags);
        entry.addr3 = detail::address(path);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// fsetxattr(2). Kernel 5.19.
struct fsetxattr
{
    static constexpr abi::opcode code = abi::opcode::fsetxattr;
    static constexpr kernel_version first_kernel{5, 19};

    int fd = -1;
    const char* name = nullptr;
    const void* value = nullptr;
    std::uint32_t size = 0;
    int flags = 0; ///< XATTR_CREATE, XATTR_REPLACE

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_xattr(entry, code, fd, name, value, size, flags);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// getxattr(2). Kernel 5.19.
struct getxattr
{
    static constexpr abi::opcode code = abi::opcode::getxattr;
    static constexpr kernel_version first_kernel{5, 19};

    const char* path = nullptr;
    const char* name = nullptr;
    void* value = nullptr;
    std::uint32_t size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_xattr(entry, code, 0, name, value, size, 0);
        entry.addr3 = detail::address(path);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// fgetxattr(2). Kernel 5.19.
struct fgetxattr
{
    static constexpr abi::opcode code = abi::opcode::fgetxattr;
    static constexpr kernel_version first_kernel{5, 19};

    int fd = -1;
    const char* name = nullptr;
    void* value = nullptr;
    std::uint32_t size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_xattr(entry, code, fd, name, value, size, 0);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

} // namespace asio_uring::op
