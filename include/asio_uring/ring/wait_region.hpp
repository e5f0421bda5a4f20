// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: registered memory that holds the arguments of waits, so that the
// kernel need not copy them at each one. Thread: as the ring's. Lifetime: registered
// until the ring closes; owns the memory, unless it is the caller's.
#pragma once

#include <asio_uring/detail/ring/mapping.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>

namespace asio_uring {

/// Memory of a ring for the arguments of waits, in slots.
///
/// Fill a slot once, then give what set() returned to ring::enter() as often as you like.
/// The ring has to be set up with abi::setup_r_disabled and not enabled yet, and takes
/// one region for good: the kernel has no call to take it back. The kernel keeps its own
/// hold on the memory, so the region and the ring may end in any order. Its pages count
/// against RLIMIT_MEMLOCK. Kernel 6.13.
///
/// @par Errors
/// errc::ring_not_disabled, errc::already_registered, EINVAL for no slot, ENOMEM.
class ASIO_URING_DECL wait_region
{
public:
    wait_region() noexcept = default;

    /// Registers room for at least `slots` arguments. Throws boost::system::system_error.
    wait_region(ring& target, unsigned slots);

    /// Registers, or returns an empty region and says why in `ec`.
    static wait_region
    create(ring& target, unsigned slots, boost::system::error_code& ec) noexcept;

    /// The same over memory of the caller: whole pages, which hold as many arguments as
    /// fit. It belongs to the region as long as the region lives, and to the kernel as
    /// long as the ring does. errc::ring_memory_unusable for memory that is no whole
    /// pages. A program that forks marks it with MADV_DONTFORK.
    wait_region(ring& target, std::span<std::byte> memory);
    static wait_region create(
        ring& target,
        std::span<std::byte> memory,
        boost::system::error_code& ec) noexcept;

    wait_region(wait_region&& other) noexcept
        : memory_{std::move(other.memory_)},
          arguments_{std::exchange(other.arguments_, nullptr)},
          slots_{std::exchange(other.slots_, 0)}
    {}
    wait_region& operator=(wait_region&& other) noexcept
    {
        memory_ = std::move(other.memory_);
        arguments_ = std::exchange(other.arguments_, nullptr);
        slots_ = std::exchange(other.slots_, 0);
        return *this;
    }
    wait_region(const wait_region&) = delete;
    wait_region& operator=(const wait_region&) = delete;
    ~wait_region() = default;

    /// How many arguments fit: what was asked for, rounded up to whole pages.
    unsigned slots() const noexcept { return slots_; }

    /// Puts a wait into a slot that no wait is using: deadline, min_wait and signals, the
    /// mask until the last wait with it; min_complete is an argument of the wait itself.
    /// The deadline is a time of the ring's clock. REQUIRES: slot < slots().
    registered_wait set(unsigned slot, const wait_options& options) noexcept;

    /// A time that begins anew with each wait. REQUIRES: slot < slots().
    registered_wait
    set(unsigned slot,
        std::chrono::nanoseconds timeout,
        std::chrono::microseconds min_wait = std::chrono::microseconds{0}) noexcept;

    /// What the kernel reads. REQUIRES: slot < slots().
    abi::reg_wait& at(unsigned slot) noexcept;

private:
    detail::mapping memory_; ///< none where it is the caller's
    abi::reg_wait* arguments_ = nullptr;
    unsigned slots_ = 0;
};

} // namespace asio_uring
