// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: end a wait in the kernel from any thread, without a lock and
// without loss. Thread: notify() any; acknowledge() the thread that reaps. Lifetime: as
// the loop, which polls the descriptor.
#pragma once

#include <asio_uring/detail/loop/user_data.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/sync_message.hpp>

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
///
/// A message to the ring is such a CQE at once, and costs less than a write and a poll.
/// The event stays for kernels that take no messages.
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

    /// From here notifications are messages to this ring, until the kernel refuses one;
    /// -1 for none. KERNEL 6.13: messages that no ring sends; a context asks for 6.15.
    void send_to(int ring_descriptor) noexcept
    {
        ring_.store(ring_descriptor, std::memory_order_relaxed);
    }

    /// Returns whether this call told. At most one call per acknowledgement does.
    bool notify() noexcept
    {
        // Values: false, nothing to tell; true, a write or message was made whose CQE was
        // not yet taken. Pairs with the store in acknowledge(): what the notifier wrote
        // before is visible to the reaper.
        if (pending_.exchange(true, std::memory_order_acq_rel))
            return false;
        if (sent_message())
            return true;
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
    bool sent_message() noexcept
    {
        const int ring = ring_.load(std::memory_order_relaxed);
        if (ring < 0)
            return false;
        const sync_message message{
            .target = ring, .user_data = user_data::of(internal_request::message).bits};
        const bool sent = !message.send();
        if (!sent)
            send_to(-1);
        return sent;
    }

    unique_fd descriptor_;

    // Any thread
    std::atomic<bool> pending_{false};
    std::atomic<int> ring_{-1};
};

} // namespace asio_uring::detail
