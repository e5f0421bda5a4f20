// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: what the operation aggregates share when they fill an entry.
// Thread: any. Lifetime: none.
//
// Every aggregate has `code`, its opcode, and `prepare(sqe)`, which REQUIRES a zeroed
// entry, writes the fields of its own operation only, and leaves user_data alone. Entry
// flags (abi::sqe_fixed_file, abi::sqe_io_link...) are the caller's to add afterwards.
// Pointers must stay valid as long as the comment at the aggregate says: "until
// submitted" ends when the kernel has consumed the entry, "until completed" with the
// operation's last completion.
#pragma once

#include <asio_uring/ring/abi.hpp>

#include <cstdint>
#include <optional>

namespace asio_uring::op {

/// A place in the ring's table of direct descriptors that an operation fills, or
/// abi::file_index_alloc to let the kernel choose a free one; none for a plain
/// descriptor.
using direct_slot = std::optional<std::uint32_t>;

/// A group of provided buffers to pick from; none to use the operation's own buffer.
using buffer_group = std::optional<std::uint16_t>;

namespace detail {

inline std::uint64_t address(const void* pointer) noexcept
{
    return reinterpret_cast<std::uintptr_t>(pointer);
}

/// A signed value in an unsigned field of the same width, as the kernel reads it.
constexpr std::uint32_t word(int value) noexcept
{
    return static_cast<std::uint32_t>(value);
}

inline void start(abi::sqe& entry, abi::opcode code, int fd) noexcept
{
    entry.opcode = static_cast<std::uint8_t>(code);
    entry.fd = fd;
}

inline void set_slot(abi::sqe& entry, direct_slot slot) noexcept
{
    // The field holds the slot plus one, so that zero means a plain descriptor.
    if (slot)
        entry.file_index = *slot == abi::file_index_alloc ? *slot : *slot + 1;
}

inline void set_group(abi::sqe& entry, buffer_group group) noexcept
{
    if (group) {
        entry.flags = static_cast<std::uint8_t>(entry.flags | abi::sqe_buffer_select);
        entry.buf_group = *group;
    }
}

} // namespace detail

} // namespace asio_uring::op
