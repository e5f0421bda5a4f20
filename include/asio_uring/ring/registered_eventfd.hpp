// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: an eventfd that tells a foreign event loop of completions.
// Thread: as the ring's; reading from any. Lifetime: owns the eventfd; unregisters when
// destroyed; the ring must be open until then.
#pragma once

#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <utility>

namespace asio_uring {

/// Which completions an eventfd tells of.
enum class eventfd_mode
{
    /// All; on a ring with deferred task work also work that an enter() would run.
    every,
    /// Those posted by a worker of the kernel alone. Kernel 5.6.
    from_worker,
};

/// A non-blocking eventfd(2), registered with a ring. Its count is not the count of
/// completions. completion_queue::mute_eventfd() keeps it silent for a while. The ring
/// may be moved, and must outlive this object. io_uring_register_eventfd(3). Kernel 5.2.
///
/// @par Errors
/// errc::already_registered, errc::wrong_thread, EMFILE.
class ASIO_URING_DECL registered_eventfd
{
public:
    registered_eventfd() noexcept = default;

    /// Registers. Throws boost::system::system_error.
    explicit registered_eventfd(ring& target, eventfd_mode mode = eventfd_mode::every);

    /// Registers, or returns an empty object and says why in `ec`.
    static registered_eventfd
    create(ring& target, eventfd_mode mode, boost::system::error_code& ec) noexcept;

    registered_eventfd(registered_eventfd&& other) noexcept
        : target_{std::exchange(other.target_, {})}, fd_{std::move(other.fd_)}
    {}
    registered_eventfd& operator=(registered_eventfd&& other) noexcept
    {
        registered_eventfd taken{std::move(other)};
        std::swap(target_, taken.target_);
        std::swap(fd_, taken.fd_);
        return *this;
    }
    registered_eventfd(const registered_eventfd&) = delete;
    registered_eventfd& operator=(const registered_eventfd&) = delete;
    ~registered_eventfd() { reset(); }

    explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

    /// To wait for readability; -1 when empty.
    int native_handle() const noexcept { return fd_.get(); }

    /// The count since the last call, which makes the eventfd unreadable; 0 for none.
    std::uint64_t read() noexcept;

    void reset() noexcept;

private:
    detail::register_target target_;
    detail::unique_fd fd_;
};

} // namespace asio_uring
