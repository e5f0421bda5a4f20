// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: end a wait in the kernel from any thread, without a lock and
// without loss. Thread: notify() any; acknowledge() the thread that reaps. Lifetime: as
// the loop, which polls the descriptor.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <boost/system/system_error.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>

#include <unistd.h>

namespace asio_uring::detail {

/// An eventfd under a multishot poll. It is written and never read: every write wakes the
/// poll anew, and a poll armed after a write fires at once, so a notification is latched
/// until a CQE tells of it.
class wake_event
{
public:
    wake_event() { recreate(); }

    /// Makes a new event in the child of a fork, whose notifications must not reach the
    /// parent.
    void recreate()
    {
        descriptor_ = unique_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (descriptor_.get() < 0)
            throw boost::system::system_error(
                errno, boost::system::system_category(), "asio_uring: eventfd");
        acknowledge();
    }

    /// Closes the event in a child that waits for nothing: notifications reach nobody.
    void close() noexcept { descriptor_.reset(); }

    int native_handle() const noexcept { return descriptor_.get(); }

    /// Returns whether this call wrote. At most one call per acknowledgement does.
    bool notify() noexcept
    {
        // Values: false, nothing to tell; true, a write was made whose CQE was not yet
        // taken. Pairs with the store in acknowledge(): what the notifier wrote before is
        // visible to the reaper.
        if (pending_.exchange(true, std::memory_order_acq_rel))
            return false;
        const std::uint64_t one = 1;
        // The write fails only where the counter stands at its limit, and then the poll
        // is ready anyway.
        [[maybe_unused]] const auto written =
            ::write(descriptor_.get(), &one, sizeof one);
        return true;
    }

    /// The reaper took the CQE of a notification.
    void acknowledge() noexcept { pending_.exchange(false, std::memory_order_acq_rel); }

private:
    unique_fd descriptor_;

    // Any thread
    std::atomic<bool> pending_{false};
};

} // namespace asio_uring::detail
