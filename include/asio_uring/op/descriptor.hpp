// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: closing descriptors, and the ring's table of direct descriptors.
// Thread: any. Lifetime: plain values; the array of files_update stays valid until
// completed.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// close(2), or with a slot the release of a direct descriptor (5.15). Operations of the
/// descriptor go on: closing neither ends nor fails them. Kernel 5.6.
struct close
{
    static constexpr abi::opcode code = abi::opcode::close;
    static constexpr kernel_version first_kernel{5, 6};

    int fd = -1;
    direct_slot slot{};

    void prepare(abi::sqe& entry) const noexcept
    {
        // The kernel refuses an entry that names both a descriptor and a slot.
        detail::start(entry, code, slot ? 0 : fd);
        detail::set_slot(entry, slot);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    constexpr op::worker worker() const noexcept
    {
        return slot ? op::worker::never : op::worker::may;
    }
};

/// Replaces entries of the table of direct descriptors: -1 clears an entry,
/// abi::register_files_skip leaves it as it is. The result is the number of entries done.
/// Kernel 5.6.
struct files_update
{
    static constexpr abi::opcode code = abi::opcode::files_update;
    static constexpr kernel_version first_kernel{5, 6};

    int* files = nullptr;
    std::uint32_t count = 0;
    std::uint32_t offset = 0; ///< first slot, or abi::file_index_alloc

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.off = offset;
        entry.addr = detail::address(files);
        entry.len = count;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Makes a plain descriptor of the file in a slot; the result is its number. The slot
/// keeps the file. Kernel 6.8.
struct fixed_fd_install
{
    static constexpr abi::opcode code = abi::opcode::fixed_fd_install;
    static constexpr kernel_version first_kernel{6, 8};

    std::uint32_t slot = 0;
    std::uint32_t flags = 0; ///< abi::fixed_fd_no_cloexec

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, static_cast<int>(slot));
        entry.flags = static_cast<std::uint8_t>(entry.flags | abi::sqe_fixed_file);
        entry.install_fd_flags = flags;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::result;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
