// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: attach mode: a context that has a reactor before its ring
// keeps that reactor, which watches the ring. Thread: get_ready_timers() runs on a thread
// of the context, inside the reactor's run. Lifetime: as ring_service.
#pragma once

#include <asio_uring/detail/asio/reactor_access.hpp>
#include <asio_uring/detail/loop/event_loop.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstdint>
#include <utility>

#include <sys/epoll.h>

namespace asio_uring::detail {

/// The reactor takes the loop for a queue of timers, and the ring and the loop's wake
/// event for the descriptor that says that one is due. So the reactor works the loop off
/// inside its own run, and hands over what is finished as it hands over timers. A run of
/// the context then counts the handlers, and nothing else: an operation of the reactor's,
/// or one posted to the scheduler, would count as a handler.
template <typename Loop>
class basic_loop_watch final : private asio_impl::timer_queue_base
{
public:
    basic_loop_watch(asio_impl::epoll_reactor& reactor, Loop& loop)
        : reactor_(reactor), loop_(loop)
    {
        reactor_.init_task();
        start();
    }

    basic_loop_watch(const basic_loop_watch&) = delete;
    basic_loop_watch& operator=(const basic_loop_watch&) = delete;

    ~basic_loop_watch() override { stop(); }

    void start()
    {
        // A child may say late that it is one: the watch was not stopped before the fork.
        if (!std::exchange(started_, true))
            asio_impl::add_queue(reactor_, *this);
        // The ring is readable until it is reaped. The wake event is never read: each of
        // its writes is an event of its own.
        watch(loop_.ring().native_handle(), EPOLLIN);
        watch(loop_.wake_descriptor(), EPOLLIN | EPOLLET);
    }

    /// Ends the watch. REQUIRES: the ring is not closed yet.
    void stop() noexcept
    {
        if (!started_)
            return;
        const int set = asio_impl::epoll_descriptor(reactor_);
        ::epoll_ctl(set, EPOLL_CTL_DEL, loop_.ring().native_handle(), nullptr);
        ::epoll_ctl(set, EPOLL_CTL_DEL, loop_.wake_descriptor(), nullptr);
        forget();
    }

    /// For a child whose fork was not announced: its epoll set is also the parent's, and
    /// so the child leaves the set alone.
    void forget() noexcept
    {
        started_ = false;
        asio_impl::remove_queue(reactor_, *this);
    }

private:
    void watch(int descriptor, std::uint32_t events)
    {
        ::epoll_event event{};
        event.events = events;
        event.data.ptr = asio_impl::timer_mark(reactor_);
        const int set = asio_impl::epoll_descriptor(reactor_);
        if (::epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) == 0)
            return;
        const int error = errno;
        stop();
        throw boost::system::system_error(
            error, boost::system::system_category(), "asio_uring: watching the ring");
    }

    // Nothing of the loop is due at a time of its own.
    bool empty() const override { return true; }
    long wait_duration_msec(long longest) const override { return longest; }
    long wait_duration_usec(long longest) const override { return longest; }

    // Called with the reactor's mutex held. The loop calls nothing of the reactor's.
    void get_ready_timers(asio_impl::operation_queue& ops) override { loop_.pump(ops); }

    // shutdown() ends the operations.
    void get_all_timers(asio_impl::operation_queue&) override {}

    asio_impl::epoll_reactor& reactor_;
    Loop& loop_;
    bool started_ = false;
};

using loop_watch = basic_loop_watch<event_loop>;

} // namespace asio_uring::detail
