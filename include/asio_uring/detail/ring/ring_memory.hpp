// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the memory of one ring's queues and entries: mapped from the
// kernel, allocated for it, or lent by the caller. Thread: distinct objects from any
// thread. Lifetime: unmaps all but the caller's memory.
#pragma once

#include <asio_uring/detail/ring/mapping.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring_options.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace asio_uring::detail {

class ASIO_URING_DECL ring_memory
{
public:
    ring_memory() noexcept = default;
    ring_memory(ring_memory&& other) noexcept
        : rings_map_{std::move(other.rings_map_)},
          entries_map_{std::move(other.entries_map_)},
          rings_{std::exchange(other.rings_, nullptr)},
          entries_{std::exchange(other.entries_, nullptr)}
    {}
    ring_memory(const ring_memory&) = delete;
    ring_memory& operator=(ring_memory&& other) noexcept
    {
        ring_memory taken{std::move(other)};
        swap(taken);
        return *this;
    }
    ring_memory& operator=(const ring_memory&) = delete;

    /// Maps the memory that the kernel allocated for the ring `fd`.
    static ring_memory
    map(int fd, const ring_memory_size& size, boost::system::error_code& ec) noexcept;

    /// Allocates memory for a ring with abi::setup_no_mmap that is not set up yet.
    static ring_memory
    allocate(const ring_memory_size& size, boost::system::error_code& ec) noexcept;

    /// Takes the memory for such a ring from the caller's options.
    static ring_memory lent(const ring_options& options) noexcept;

    std::byte* rings() const noexcept { return rings_; }
    std::byte* entries() const noexcept { return entries_; }

    /// Forgets everything without unmapping it; for the child of a fork(2).
    void forget() noexcept
    {
        rings_map_.forget();
        entries_map_.forget();
        rings_ = entries_ = nullptr;
    }

    void swap(ring_memory& other) noexcept
    {
        using std::swap;
        swap(rings_map_, other.rings_map_);
        swap(entries_map_, other.entries_map_);
        swap(rings_, other.rings_);
        swap(entries_, other.entries_);
    }

private:
    ring_memory(mapping rings, mapping entries) noexcept
        : rings_map_{std::move(rings)},
          entries_map_{std::move(entries)},
          rings_{rings_map_.data()},
          entries_{entries_map_.data()}
    {}

    mapping rings_map_;
    mapping entries_map_;
    std::byte* rings_ = nullptr;
    std::byte* entries_ = nullptr;
};

} // namespace asio_uring::detail
