// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: what the 64 bits of user_data mean: the address of an
// operation, or the name of one of the loop's own requests. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/detail/loop/cancellation_table.hpp>

#include <cstdint>

namespace asio_uring::detail {

class ring_operation;

/// The loop's own requests. Operations are aligned, so no address collides with these
/// small numbers; the upper bits carry a generation where a request is armed again.
enum class internal_request : std::uint64_t
{
    cancel = 1,  // an ASYNC_CANCEL; its target has a CQE of its own
    wake = 2,    // the poll on the wake descriptor
    epoll = 3,   // the poll on the reactor's epoll descriptor
    disarm = 4,  // removal of an outdated wake or epoll poll
    message = 5, // no request: a wake-up that another thread posts into the ring
};

inline constexpr std::uint64_t internal_request_mask = 7;

struct user_data
{
    std::uint64_t bits;

    static user_data of(const ring_operation* op) noexcept
    {
        return {reinterpret_cast<std::uintptr_t>(op)};
    }

    static user_data of(internal_request request, std::uint32_t generation = 0) noexcept
    {
        return {static_cast<std::uint64_t>(request) | (std::uint64_t{generation} << 3)};
    }

    /// A cancellation names its target by ticket, because the target may be gone when its
    /// CQE comes.
    static user_data of(cancellation_ticket target) noexcept
    {
        return {
            static_cast<std::uint64_t>(internal_request::cancel) |
            (std::uint64_t{target.index} << 3) |
            (std::uint64_t{target.generation} << 32)};
    }

    cancellation_ticket target() const noexcept
    {
        return {
            static_cast<std::uint32_t>(bits) >> 3,
            static_cast<std::uint32_t>(bits >> 32)};
    }

    bool is_internal() const noexcept { return (bits & internal_request_mask) != 0; }

    internal_request request() const noexcept
    {
        return static_cast<internal_request>(bits & internal_request_mask);
    }

    std::uint32_t generation() const noexcept
    {
        return static_cast<std::uint32_t>(bits >> 3);
    }

    ring_operation* operation() const noexcept
    {
        return reinterpret_cast<ring_operation*>(static_cast<std::uintptr_t>(bits));
    }
};

} // namespace asio_uring::detail
