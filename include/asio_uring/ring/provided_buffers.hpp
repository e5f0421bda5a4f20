// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: equal buffers in a buffer ring, memory included.
// Thread: one at a time, by the caller's lock or contract. Lifetime: owns the
// registration and, unless it is the caller's, the memory; the ring must outlive it, and
// operations that have picked a buffer must not.
#pragma once

#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/config.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace asio_uring {

/// How a set of provided buffers is set up.
struct provided_buffers_options
{
    std::uint16_t group = 0;    ///< number that operations name the buffers by
    std::uint32_t count = 0;    ///< 1 to 32768
    std::uint32_t size = 0;     ///< bytes of each buffer, at least 1
    bool incremental = false;   ///< see buffer_ring_options
    bool kernel_memory = false; ///< see buffer_ring_options

    /// Memory of the caller for the buffers, one behind the other, at least count * size
    /// bytes; empty to let the object allocate. The caller frees it after unregister(),
    /// and after the last completion of the group.
    std::span<std::byte> memory{};
};

/// `count` buffers of `size` bytes each, all of them with the kernel from the start.
///
/// take() or for_each() a completion, use the bytes, give_back(): that is all. The bytes
/// of a view are good until its buffer is given back.
///
/// @par Object lifetimes
/// Cancel and reap the operations of the group before this object goes: one in flight
/// may have picked a buffer and still write into it.
///
/// @par Thread safety
/// Distinct objects: safe. Shared object: unsafe.
///
/// @par Errors
/// As buffer_ring; errc::buffer_ring_out_of_range also for a size of 0 and for memory of
/// the caller that is too small.
///
/// Kernel 5.19.
class ASIO_URING_DECL provided_buffers
{
public:
    provided_buffers() noexcept = default;

    /// Throws boost::system::system_error.
    provided_buffers(ring& owner, const provided_buffers_options& options);

    /// The same, or an empty object and the reason in `ec`.
    static provided_buffers create(
        ring& owner,
        const provided_buffers_options& options,
        boost::system::error_code& ec);

    provided_buffers(provided_buffers&& other) noexcept
        : memory_{std::move(other.memory_)},
          buffers_{std::move(other.buffers_)},
          count_{std::exchange(other.count_, 0)},
          size_{std::exchange(other.size_, 0)}
    {}

    provided_buffers& operator=(provided_buffers&& other) noexcept
    {
        // The kernel lets go of our memory before it is freed.
        buffers_ = std::move(other.buffers_);
        memory_ = std::move(other.memory_);
        count_ = std::exchange(other.count_, 0);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    provided_buffers(const provided_buffers&) = delete;
    provided_buffers& operator=(const provided_buffers&) = delete;

    explicit operator bool() const noexcept { return static_cast<bool>(buffers_); }
    std::uint16_t group() const noexcept { return buffers_.group(); }
    std::uint32_t count() const noexcept { return count_; }
    std::uint32_t size() const noexcept { return size_; }

    /// Buffers with the kernel, but for those in completions not looked at. At zero the
    /// next operation of the group ends with ENOBUFS.
    std::uint32_t available() const noexcept { return buffers_.available(); }

    /// See buffer_ring::take().
    [[nodiscard]] std::optional<taken_buffer> take(const abi::cqe& entry) noexcept
    {
        return buffers_.take(entry);
    }

    /// See buffer_ring::for_each_in_bundle().
    template <class F>
    unsigned for_each(const abi::cqe& entry, F&& f)
    {
        return buffers_.for_each_in_bundle(entry, std::forward<F>(f));
    }

    /// Hands a buffer to the kernel again. REQUIRES: it was taken, with `more` false.
    void give_back(std::uint16_t id) noexcept
    {
        buffers_.give_back(id);
        buffers_.commit();
    }

    /// The same for a view; nothing while the kernel keeps the buffer.
    void give_back(const taken_buffer& taken) noexcept
    {
        if (!taken.more)
            give_back(taken.id);
    }

    /// The whole memory of a buffer.
    std::span<std::byte> memory(std::uint16_t id) const noexcept
    {
        return buffers_.memory(id);
    }

    /// The ring below, for its counters.
    const buffer_ring& entries() const noexcept { return buffers_; }

    /// Takes the group from the ring; the memory stays.
    boost::system::error_code unregister() noexcept { return buffers_.unregister(); }

private:
    boost::system::error_code
    register_in(ring& owner, const provided_buffers_options& options);

    // In this order: the destructor unregisters before it frees.
    std::unique_ptr<std::byte[]> memory_; ///< null where it is the caller's
    buffer_ring buffers_;
    std::uint32_t count_ = 0;
    std::uint32_t size_ = 0;
};

} // namespace asio_uring
