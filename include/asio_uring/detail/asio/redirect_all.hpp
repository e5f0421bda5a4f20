// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: the redirect of every socket, descriptor, pipe and timer,
// whatever its executor. Thread: as the objects. Lifetime: as the objects.
#pragma once

// These two come before every header of Asio.
#include <asio_uring/detail/asio/drop_in_check.hpp>
#include <asio_uring/detail/asio/drop_in_tag.hpp>
#include <asio_uring/detail/asio/redirect.hpp>

namespace boost::asio::detail {

template <typename Protocol, typename Executor>
class io_object_impl<reactive_socket_service<Protocol>, Executor>
    : public asio_uring::detail::asio_impl::
          redirected_object<reactive_socket_service<Protocol>, Executor>
{
public:
    using asio_uring::detail::asio_impl::
        redirected_object<reactive_socket_service<Protocol>, Executor>::redirected_object;
};

template <typename Executor>
class io_object_impl<reactive_descriptor_service, Executor>
    : public asio_uring::detail::asio_impl::
          redirected_object<reactive_descriptor_service, Executor>
{
public:
    using asio_uring::detail::asio_impl::
        redirected_object<reactive_descriptor_service, Executor>::redirected_object;
};

template <typename Executor>
class io_object_impl<signal_set_service, Executor>
    : public asio_uring::detail::asio_impl::
          redirected_object<signal_set_service, Executor>
{
public:
    using asio_uring::detail::asio_impl::redirected_object<signal_set_service, Executor>::
        redirected_object;
};

template <typename Executor>
class io_object_impl<posix_serial_port_service, Executor>
    : public asio_uring::detail::asio_impl::
          redirected_object<posix_serial_port_service, Executor>
{
public:
    using asio_uring::detail::asio_impl::
        redirected_object<posix_serial_port_service, Executor>::redirected_object;
};

template <typename Traits, typename Executor>
class io_object_impl<deadline_timer_service<Traits>, Executor>
    : public asio_uring::detail::asio_impl::
          redirected_object<deadline_timer_service<Traits>, Executor>
{
public:
    using asio_uring::detail::asio_impl::
        redirected_object<deadline_timer_service<Traits>, Executor>::redirected_object;
};

} // namespace boost::asio::detail
