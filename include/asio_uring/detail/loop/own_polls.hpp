// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: the loop's own polls in the kernel, which end a wait: one for the
// wake-ups of other threads, one for the reactor's epoll set. Thread: notify() any; the
// rest is guarded by the loop's mutex. Lifetime: as the loop.
#pragma once

#include <asio_uring/detail/asio/reactor_access.hpp>
#include <asio_uring/detail/loop/user_data.hpp>
#include <asio_uring/detail/loop/wake_event.hpp>
#include <asio_uring/op/poll.hpp>
#include <asio_uring/ring/abi.hpp>

#include <cstdint>
#include <utility>

#include <poll.h>

namespace asio_uring::detail {

/// Each poll belongs to the thread that armed it. An outdated poll keeps its old
/// generation, and the loop ignores its CQEs.
class own_polls
{
public:
    /// `epoll_descriptor` carries the stock objects; it is -1 where the loop takes no
    /// turns of its own, and then nothing is polled.
    own_polls(int epoll_descriptor, bool wake_by_message)
        : epoll_descriptor_(epoll_descriptor), wake_event_(wake_by_message)
    {}

    /// Ends a wait, now or the next one. Any thread, without a lock.
    void notify() noexcept { wake_event_.notify(); }

    /// notify() sends messages to this ring from here.
    void send_to(int ring_descriptor) noexcept { wake_event_.send_to(ring_descriptor); }

    /// From here nobody waits in the ring.
    void send_to_nobody() noexcept { wake_event_.send_to_nobody(); }

    /// Readable after notify(); -1 where that sends messages.
    int wake_descriptor() const noexcept { return wake_event_.native_handle(); }

    /// For a loop that is watched from outside: what is notified from here on is told
    /// anew.
    void acknowledge() noexcept { wake_event_.acknowledge(); }

    /// REQUIRES: nothing is armed.
    void watch_epoll(asio_impl::epoll_reactor& reactor) noexcept
    {
        epoll_descriptor_ = asio_impl::epoll_descriptor(reactor);
        wake_event_.fall_back_on(reactor);
    }

    /// Whether the loop waits in its ring, rather than being watched from outside.
    bool take_part() const noexcept { return epoll_descriptor_ >= 0; }

    /// Whether a wait can be ended.
    bool armed() const noexcept
    {
        return !take_part() ||
               ((wake_.armed || !wake_event_.has_descriptor()) && epoll_.armed);
    }

    /// Whether the loop has taken a wake-up that no turn has answered yet. The next turn
    /// then does not wait.
    bool woken() const noexcept { return woken_; }

    /// To be called when a turn has reaped. Returns whether the epoll set is ready.
    bool end_turn() noexcept
    {
        woken_ = false;
        return std::exchange(epoll_ready_, false);
    }

    /// Arms the polls that are not armed, as far as there is room. Returns how many SQEs
    /// it claimed.
    template <typename Ring>
    unsigned arm(Ring& ring) noexcept;

    /// Removes the polls when another thread takes over: its predecessor may never enter
    /// the kernel again, and then the polls of that thread report nothing more. Returns
    /// how many SQEs it claimed.
    template <typename Ring>
    unsigned disarm(Ring& ring) noexcept;

    /// Takes the CQE of a wake poll. Returns whether the CQE counts as a wake-up.
    bool take_wake(const abi::cqe& cqe) noexcept;

    /// Takes a message of notify().
    void take_message() noexcept;

    /// Takes the CQE of an epoll poll.
    void take_epoll(const abi::cqe& cqe) noexcept;

    /// Starts anew in the child of a fork, whose ring is another one and whose
    /// notifications must not reach the parent. Throws where no descriptor is left.
    void restart(int epoll_descriptor);

    /// Closes the wake event in a child that gets no ring: notifications reach nobody.
    void close() noexcept;

private:
    struct poll
    {
        std::uint32_t generation = 0;
        bool armed = false;
    };

    template <typename Ring>
    static unsigned
    arm(Ring& ring,
        poll& one,
        internal_request name,
        const op::poll_add& request) noexcept;

    template <typename Ring>
    static unsigned disarm(Ring& ring, poll& one, internal_request name) noexcept;

    int epoll_descriptor_;

    // Any thread
    wake_event wake_event_;

    // Guarded by the loop's mutex
    poll wake_;
    poll epoll_;
    bool epoll_ready_ = false;
    bool woken_ = false;
};

template <typename Ring>
unsigned own_polls::arm(Ring& ring) noexcept
{
    if (!take_part())
        return 0;
    const auto on_wake = op::poll_add{
        .fd = wake_event_.native_handle(),
        .events = POLLIN,
        .flags = abi::poll_add_multi};
    // This poll fires once, and the loop arms it after every look at the set. Arming
    // looks at the state of the set, so nothing that stayed ready is missed.
    const auto on_epoll = op::poll_add{.fd = epoll_descriptor_, .events = POLLIN};
    unsigned claimed = 0;
    if (wake_event_.has_descriptor())
        claimed += arm(ring, wake_, internal_request::wake, on_wake);
    return claimed + arm(ring, epoll_, internal_request::epoll, on_epoll);
}

template <typename Ring>
unsigned own_polls::arm(
    Ring& ring, poll& one, internal_request name, const op::poll_add& request) noexcept
{
    abi::sqe* const sqe = one.armed ? nullptr : ring.try_claim();
    if (sqe == nullptr)
        return 0;
    request.prepare(*sqe);
    sqe->user_data = user_data::of(name, one.generation).bits;
    one.armed = true;
    return 1;
}

template <typename Ring>
unsigned own_polls::disarm(Ring& ring) noexcept
{
    return disarm(ring, wake_, internal_request::wake) +
           disarm(ring, epoll_, internal_request::epoll);
}

// A removal that finds no room is no loss: the outdated poll stays armed, and its CQE is
// ignored.
template <typename Ring>
unsigned own_polls::disarm(Ring& ring, poll& one, internal_request name) noexcept
{
    if (!one.armed)
        return 0;
    one.armed = false;
    const std::uint64_t outdated = user_data::of(name, one.generation++).bits;
    abi::sqe* const sqe = ring.try_claim();
    if (sqe == nullptr)
        return 0;
    op::poll_remove{.user_data = outdated}.prepare(*sqe);
    sqe->user_data = user_data::of(internal_request::disarm).bits;
    return 1;
}

inline bool own_polls::take_wake(const abi::cqe& cqe) noexcept
{
    if (user_data{cqe.user_data}.generation() != wake_.generation)
        return false;
    wake_.armed = (cqe.flags & abi::cqe_f_more) != 0;
    take_message();
    return true;
}

inline void own_polls::take_message() noexcept
{
    wake_event_.acknowledge();
    woken_ = true;
}

inline void own_polls::take_epoll(const abi::cqe& cqe) noexcept
{
    if (user_data{cqe.user_data}.generation() != epoll_.generation)
        return;
    epoll_.armed = false;
    epoll_ready_ = true;
}

inline void own_polls::restart(int epoll_descriptor)
{
    wake_event_.recreate();
    epoll_descriptor_ = epoll_descriptor;
    wake_ = epoll_ = poll();
    epoll_ready_ = woken_ = false;
}

inline void own_polls::close() noexcept
{
    wake_event_.close();
    wake_ = epoll_ = poll();
    epoll_ready_ = woken_ = false;
}

} // namespace asio_uring::detail
