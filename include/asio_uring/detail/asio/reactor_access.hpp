// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: the private members of Asio's reactor that the ring needs: its
// epoll descriptor, and its queues of what is due. Thread: any. Lifetime: as the reactor.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>

#include <boost/asio/detail/timer_queue_base.hpp>

namespace asio_uring::detail::asio_impl {

using boost::asio::detail::timer_queue_base;

// An explicit instantiation may name a private member, and its argument is checked by the
// compiler: a Boost release that renames or retypes one fails to build here instead of
// misbehaving.
template <auto EpollDescriptor, auto TimerMark, auto AddQueue, auto RemoveQueue>
struct epoll_reactor_reader
{
    friend int read_epoll_descriptor(const epoll_reactor& reactor)
    {
        return reactor.*EpollDescriptor;
    }

    friend void* read_timer_mark(epoll_reactor& reactor) { return &(reactor.*TimerMark); }

    friend void add_queue(epoll_reactor& reactor, timer_queue_base& queue)
    {
        (reactor.*AddQueue)(queue);
    }

    friend void remove_queue(epoll_reactor& reactor, timer_queue_base& queue)
    {
        (reactor.*RemoveQueue)(queue);
    }
};

int read_epoll_descriptor(const epoll_reactor& reactor);
void* read_timer_mark(epoll_reactor& reactor);
void add_queue(epoll_reactor& reactor, timer_queue_base& queue);
void remove_queue(epoll_reactor& reactor, timer_queue_base& queue);

template struct epoll_reactor_reader<
    &epoll_reactor::epoll_fd_,
#if defined(BOOST_ASIO_HAS_TIMERFD)
    &epoll_reactor::timer_fd_,
#else
    &epoll_reactor::interrupter_,
#endif
    &epoll_reactor::do_add_timer_queue,
    &epoll_reactor::do_remove_timer_queue>;

/// The descriptor of the epoll set that carries every stock object of the context.
inline int epoll_descriptor(const epoll_reactor& reactor)
{
    return read_epoll_descriptor(reactor);
}

/// Makes that set ready once, as the reactor itself does for its own wait. Any thread.
inline void interrupt_set(epoll_reactor& reactor) { reactor.epoll_reactor::interrupt(); }

/// What marks an event of that set upon which the reactor looks at its timer queues, and
/// at nothing else.
inline void* timer_mark(epoll_reactor& reactor) { return read_timer_mark(reactor); }

/// Whether that set carries the reactor's timers too. A program may configure Asio to
/// wait for them by the timeout of epoll_wait() instead; nobody else can wait for those.
inline bool epoll_set_tells_of_timers(boost::asio::execution_context& context)
{
#if BOOST_VERSION < 109000
    static_cast<void>(context);
    return true;
#else
    return boost::asio::config(context).get("reactor", "use_timerfd", true);
#endif
}

} // namespace asio_uring::detail::asio_impl
