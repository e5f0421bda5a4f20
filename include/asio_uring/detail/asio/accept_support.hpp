// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: spares Asio's accept the attempt that finds no connection.
// Thread: any, as the reactor itself. Lifetime: none.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>

#include <boost/asio/detail/conditionally_enabled_mutex.hpp>

#include <type_traits>

#include <poll.h>

namespace asio_uring::detail::asio_impl {

using boost::asio::detail::conditionally_enabled_mutex;

using reactor_data = epoll_reactor::per_descriptor_data;
using descriptor_state = std::remove_pointer_t<reactor_data>;

/// Whether no connection waits. What accept() would refuse tells of an end or of room.
inline bool is_quiet_listener(int listener) noexcept
{
    ::pollfd wanted{.fd = listener, .events = POLLIN | POLLOUT, .revents = 0};
    return ::poll(&wanted, 1, 0) == 0;
}

// As in reactor_access.hpp: an explicit instantiation may name private members, and a
// Boost release that renames or retypes one fails to build here.
template <auto Mutex, auto Queues, auto TriesAtOnce>
struct descriptor_state_reader
{
    friend conditionally_enabled_mutex& mutex_of(descriptor_state& state)
    {
        return state.*Mutex;
    }

    friend bool has_read(const descriptor_state& state)
    {
        return !(state.*Queues)[epoll_reactor::read_op].empty();
    }

    friend bool& tries_reads_at_once(descriptor_state& state)
    {
        return (state.*TriesAtOnce)[epoll_reactor::read_op];
    }
};

conditionally_enabled_mutex& mutex_of(descriptor_state& state);
bool has_read(const descriptor_state& state);
bool& tries_reads_at_once(descriptor_state& state);

template struct descriptor_state_reader<
    &descriptor_state::mutex_,
    &descriptor_state::op_queue_,
    &descriptor_state::try_speculative_>;

/// To be called in front of an accept of a socket that listens. Asio tries each accept as
/// it starts, and the kernel makes a socket and a file before it sees that there is no
/// connection: ten times what a look costs. The reactor is told what it knows of a read
/// that has come to the end: to try again after the next event. The look and the telling
/// are one step under the reactor's lock of the descriptor, so no event comes between
/// them. Each accept looks anew, because a connection may be there without an event: the
/// accept before it may have been cancelled.
inline void wait_for_connection(const reactor_data& listener, int descriptor)
{
    if (listener == nullptr)
        return;
    const conditionally_enabled_mutex::scoped_lock lock(mutex_of(*listener));
    if (!has_read(*listener))
        tries_reads_at_once(*listener) = !is_quiet_listener(descriptor);
}

} // namespace asio_uring::detail::asio_impl
