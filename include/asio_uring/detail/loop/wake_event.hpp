// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: end a wait in the kernel from any thread, without a lock and
// without loss. Thread: notify() any; acknowledge() the thread that reaps. Lifetime: as
// the loop, which polls the descriptor.
#pragma once

#include <asio_uring/detail/asio/reactor_access.hpp>
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
/// Where the kernel takes messages there is no event. Should it refuse one all the same,
/// notifications interrupt the reactor's set, which the ring watches: each of them, since
/// nobody tells when the set has shown one.
class wake_event
{
public:
    explicit wake_event(bool by_message = false) : by_message_(by_message) { recreate(); }

    /// Makes a new event in the child of a fork, whose notifications must not reach the
    /// parent.
    void recreate()
    {
        acknowledge();
        if (by_message_)
            return;
        descriptor_ = unique_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (descriptor_.get() < 0)
            throw boost::system::system_error(
                errno, boost::system::system_category(), "asio_uring: eventfd");
    }

    /// Closes the event in a child that waits for nothing: notifications reach nobody.
    void close() noexcept { descriptor_.reset(); }

    /// Whose set takes what no message and no event can tell. REQUIRES: called before
    /// anybody waits in the ring.
    void fall_back_on(asio_impl::epoll_reactor& reactor) noexcept { reactor_ = &reactor; }

    bool has_descriptor() const noexcept { return descriptor_.get() >= 0; }

    int native_handle() const noexcept { return descriptor_.get(); }

    /// From here notifications are messages to this ring, until the kernel refuses one.
    /// KERNEL 6.13: messages that no ring sends; a context asks for 6.15.
    void send_to(int ring_descriptor) noexcept
    {
        ring_.store(ring_descriptor, std::memory_order_relaxed);
    }

    /// From here nobody waits in the ring: it is closed, given away, or a parent's.
    void send_to_nobody() noexcept { send_to(nobody); }

    /// Returns whether this call told. One call per acknowledgement does, and each that
    /// tells by the reactor's set.
    bool notify() noexcept
    {
        const int ring = ring_.load(std::memory_order_relaxed);
        if (by_message_ && ring < 0) [[unlikely]]
            return ring == refused && interrupt_reactor();
        // Values: false, nothing to tell; true, a write or message was made whose CQE was
        // not yet taken. Pairs with the store in acknowledge(): what the notifier wrote
        // before is visible to the reaper.
        if (pending_.exchange(true, std::memory_order_acq_rel))
            return false;
        if (by_message_) {
            if (sent_message(ring)) [[likely]]
                return true;
            send_to(refused);
            return interrupt_reactor();
        }
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
    // In the place of a ring's descriptor
    static constexpr int refused = -1;
    static constexpr int nobody = -2;

    static bool sent_message(int ring) noexcept
    {
        const sync_message message{
            .target = ring, .user_data = user_data::of(internal_request::message).bits};
        return !message.send();
    }

    bool interrupt_reactor() const noexcept
    {
        asio_impl::interrupt_set(*reactor_);
        return true;
    }

    const bool by_message_;
    unique_fd descriptor_;
    asio_impl::epoll_reactor* reactor_ = nullptr;

    // Any thread
    std::atomic<bool> pending_{false};
    std::atomic<int> ring_{nobody};
};

} // namespace asio_uring::detail
