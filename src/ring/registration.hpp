// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: what the objects that own a table of resources share.
// Thread: as the ring's. Lifetime: none.
#pragma once

#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/update_result.hpp>

#include <boost/system/system_error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace asio_uring::detail {

/// The kernel's own limits.
inline constexpr std::uint32_t registered_buffers_max = 1U << 14;

inline std::uint64_t address_of(const void* pointer) noexcept
{
    return reinterpret_cast<std::uintptr_t>(pointer);
}

inline void throw_if(const boost::system::error_code& ec, const char* what)
{
    if (ec)
        throw boost::system::system_error(ec, what);
}

/// Whether the places [offset, offset + count) lie inside a table of `size`.
inline bool inside(std::uint32_t offset, std::uint64_t count, std::uint32_t size) noexcept
{
    return offset <= size && count <= size - offset;
}

/// Replaces places of a table, element by element of `element_size` bytes. The kernel
/// reports a partial success by its count alone; asking for the rest gives the reason.
update_result update_table(
    const register_target& target,
    abi::register_op opcode,
    std::uint32_t offset,
    const void* elements,
    std::size_t element_size,
    std::uint32_t count,
    std::span<const std::uint64_t> tags) noexcept;

} // namespace asio_uring::detail
