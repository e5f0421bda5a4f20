// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: what the ring does for each object, counted from the moment a
// program asks for it. An owner is one cache line and has no room for what few programs
// ask. Thread: any. Lifetime: as the loop.
#pragma once

#include <asio_uring/detail/loop/request_line.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <unordered_map>

namespace asio_uring {

/// What the ring has done for one object since count_objects() was called for its
/// context, or since the object was opened after that.
struct object_counter_values
{
    /// Whether the ring has the object's descriptor now.
    bool on_ring = false;
    /// Operations that were done by a call within their initiating function.
    std::uint64_t at_once = 0;
    /// Operations that wait, or have waited, in the ring.
    std::uint64_t waited = 0;
};

namespace detail {

class object_counts
{
public:
    /// Whether anybody asked; each operation looks here.
    bool on() const noexcept { return on_.load(std::memory_order_relaxed); }

    void start() noexcept { on_.store(true, std::memory_order_relaxed); }

    /// Where there is no memory, the operation goes on uncounted.
    [[gnu::noinline]] void add_at_once(const request_owner& owner) noexcept
    {
        add(owner, &object_counter_values::at_once);
    }

    [[gnu::noinline]] void add_waited(const request_owner& owner) noexcept
    {
        add(owner, &object_counter_values::waited);
    }

    /// The owner belongs to another object from here on.
    void reset(const request_owner& owner) noexcept
    {
        if (!on())
            return;
        const std::lock_guard lock(mutex_);
        values_.erase(&owner);
    }

    object_counter_values of(const request_owner& owner) const
    {
        const std::lock_guard lock(mutex_);
        const auto found = values_.find(&owner);
        return found != values_.end() ? found->second : object_counter_values();
    }

private:
    void
    add(const request_owner& owner, std::uint64_t object_counter_values::*count) noexcept
    {
        try {
            const std::lock_guard lock(mutex_);
            ++(values_[&owner].*count);
        }
        catch (const std::bad_alloc&) {
        }
    }

    std::atomic<bool> on_ = false;
    mutable std::mutex mutex_;
    std::unordered_map<const request_owner*, object_counter_values> values_;
};

} // namespace detail
} // namespace asio_uring
