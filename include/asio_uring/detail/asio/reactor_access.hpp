// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: read the one private member of Asio's reactor that the ring
// needs, its epoll descriptor. Thread: any. Lifetime: the descriptor is the reactor's.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>

namespace asio_uring::detail::asio_impl {

// An explicit instantiation may name a private member, and its argument is checked by the
// compiler: a Boost release that renames or retypes epoll_fd_ fails to build here instead
// of misbehaving.
template <auto Member>
struct epoll_descriptor_reader
{
    friend int read_epoll_descriptor(const epoll_reactor& reactor)
    {
        return reactor.*Member;
    }
};

int read_epoll_descriptor(const epoll_reactor& reactor);

template struct epoll_descriptor_reader<&epoll_reactor::epoll_fd_>;

/// The descriptor of the epoll set that carries every stock object of the context.
inline int epoll_descriptor(const epoll_reactor& reactor)
{
    return read_epoll_descriptor(reactor);
}

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
