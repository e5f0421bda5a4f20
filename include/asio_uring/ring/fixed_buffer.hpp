// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: a piece of a registered buffer, as operations name it.
// Thread: any. Lifetime: a view; the memory and the registration are somebody else's.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace asio_uring {

/// A piece of a registered buffer: where it lies, and the place of the whole buffer in
/// the ring's table.
struct fixed_buffer
{
    std::byte* data = nullptr;
    std::uint32_t size = 0;
    std::uint16_t index = 0;

    /// The part from `offset` to the end. REQUIRES: offset <= size.
    fixed_buffer from(std::uint32_t offset) const noexcept
    {
        ASIO_URING_ASSERT(offset <= size);
        return {data + offset, size - offset, index};
    }

    /// The first `count` bytes. REQUIRES: count <= size.
    fixed_buffer first(std::uint32_t count) const noexcept
    {
        ASIO_URING_ASSERT(count <= size);
        return {data, count, index};
    }

    std::span<std::byte> bytes() const noexcept { return {data, size}; }
};

} // namespace asio_uring
