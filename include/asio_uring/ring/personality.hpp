// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: stored credentials for single requests. Thread: as the ring's.
// Lifetime: unregisters when destroyed; the ring must be open until then.
#pragma once

#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <utility>

namespace asio_uring {

/// The calling thread's credentials at the time of creation, kept by a ring. A request
/// with the id in sqe::personality runs with them instead of its submitter's; one with an
/// id that does not exist completes with EINVAL.
///
/// Requests that are in flight keep their credentials when this is destroyed. The ring
/// may be moved and must outlive this object. io_uring_register(2). Kernel 5.6.
///
/// @par Errors
/// errc::wrong_thread on a single-issuer ring, ENOMEM.
class ASIO_URING_DECL personality
{
public:
    personality() noexcept = default;

    /// Registers. Throws boost::system::system_error.
    explicit personality(ring& target);

    /// Registers, or returns an empty object and says why in `ec`.
    static personality create(ring& target, boost::system::error_code& ec) noexcept;

    personality(personality&& other) noexcept
        : target_{std::exchange(other.target_, {})}, id_{std::exchange(other.id_, 0)}
    {}
    personality& operator=(personality&& other) noexcept
    {
        personality taken{std::move(other)};
        std::swap(target_, taken.target_);
        std::swap(id_, taken.id_);
        return *this;
    }
    personality(const personality&) = delete;
    personality& operator=(const personality&) = delete;
    ~personality() { reset(); }

    explicit operator bool() const noexcept { return static_cast<bool>(target_); }

    /// For sqe::personality; zero when empty, which is no personality.
    std::uint16_t id() const noexcept { return id_; }

    void reset() noexcept;

    /// Leaves the credentials with the ring until it closes, and returns their id.
    std::uint16_t release() noexcept
    {
        target_ = {};
        return std::exchange(id_, std::uint16_t{0});
    }

private:
    detail::register_target target_;
    std::uint16_t id_ = 0;
};

} // namespace asio_uring
