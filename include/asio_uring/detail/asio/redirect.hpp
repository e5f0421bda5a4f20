// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: put services of ours behind Asio's own front ends: partial
// specialisations of the class that joins an I/O object to its service, while the type of
// the object stays Asio's. An object is ours by its executor or by its protocol. Thread:
// as the objects. Lifetime: as the objects.
#pragma once

#include <asio_uring/detail/asio/departure.hpp>
#include <asio_uring/detail/asio/executor.hpp>
#include <asio_uring/detail/asio/ring_protocol.hpp>

#include <boost/asio/detail/deadline_timer_service.hpp>
#include <boost/asio/detail/io_object_impl.hpp>
#include <boost/asio/detail/reactive_descriptor_service.hpp>
#include <boost/asio/detail/reactive_socket_service.hpp>

#include <type_traits>
#include <utility>

namespace boost::asio::detail {

// Only a program that has such an object includes their headers.
class signal_set_service;
class posix_serial_port_service;

} // namespace boost::asio::detail

namespace asio_uring::detail::asio_impl {

using boost::asio::detail::posix_serial_port_service;
using boost::asio::detail::signal_set_service;

/// Names the service of ours that stands in for one of Asio's; object/redirect.hpp has
/// the list.
template <typename StockService>
struct stand_in;

/// An I/O object on the stand-in of StockService. It converts from objects on
/// StockService, redirected or not.
template <typename StockService, typename Executor>
class redirected_object
    : public boost::asio::detail::
          io_object_impl<typename stand_in<StockService>::type, Executor>
{
    using base = boost::asio::detail::
        io_object_impl<typename stand_in<StockService>::type, Executor>;

public:
    using base::base;

    redirected_object(redirected_object&&) = default;
    redirected_object& operator=(redirected_object&&) = default;

    template <typename Service1, typename Executor1>
    redirected_object(boost::asio::detail::io_object_impl<Service1, Executor1>&& other)
        : base(std::move(other))
    {}
};

/// The same for the moment in which an object leaves the ring: a class of Asio's own
/// reaches for its implementation and gets one of its own kind.
template <typename StockService, typename Executor>
class departing_object : public redirected_object<StockService, Executor>
{
    using base = redirected_object<StockService, Executor>;

public:
    using base::base;

    auto get_implementation() { return departure(base::get_implementation()); }
};

template <typename StockService, typename Executor>
using redirected = std::conditional_t<
    is_departing_executor<Executor>,
    departing_object<StockService, Executor>,
    redirected_object<StockService, Executor>>;

} // namespace asio_uring::detail::asio_impl

// Behind drop_in.hpp there is a specialisation for each executor beside these, which are
// the more specialised ones.
namespace boost::asio::detail {

template <typename Protocol, typename Executor>
requires(
    asio_uring::detail::asio_impl::is_ring_executor<Executor> ||
    asio_uring::detail::asio_impl::is_ring_protocol<Protocol>) //
    class io_object_impl<reactive_socket_service<Protocol>, Executor>
    : public asio_uring::detail::asio_impl::
          redirected<reactive_socket_service<Protocol>, Executor>
{
    using base = asio_uring::detail::asio_impl::
        redirected<reactive_socket_service<Protocol>, Executor>;

public:
    using base::base;
};

template <typename Executor>
requires asio_uring::detail::asio_impl::is_ring_executor<Executor>
class io_object_impl<reactive_descriptor_service, Executor>
    : public asio_uring::detail::asio_impl::
          redirected<reactive_descriptor_service, Executor>
{
    using base =
        asio_uring::detail::asio_impl::redirected<reactive_descriptor_service, Executor>;

public:
    using base::base;
};

template <typename Executor>
requires asio_uring::detail::asio_impl::is_ring_executor<Executor>
class io_object_impl<signal_set_service, Executor>
    : public asio_uring::detail::asio_impl::redirected<signal_set_service, Executor>
{
    using base = asio_uring::detail::asio_impl::redirected<signal_set_service, Executor>;

public:
    using base::base;
};

template <typename Executor>
requires asio_uring::detail::asio_impl::is_ring_executor<Executor>
class io_object_impl<posix_serial_port_service, Executor>
    : public asio_uring::detail::asio_impl::
          redirected<posix_serial_port_service, Executor>
{
    using base =
        asio_uring::detail::asio_impl::redirected<posix_serial_port_service, Executor>;

public:
    using base::base;
};

template <typename Traits, typename Executor>
requires asio_uring::detail::asio_impl::is_ring_executor<Executor>
class io_object_impl<deadline_timer_service<Traits>, Executor>
    : public asio_uring::detail::asio_impl::
          redirected<deadline_timer_service<Traits>, Executor>
{
    using base = asio_uring::detail::asio_impl::
        redirected<deadline_timer_service<Traits>, Executor>;

public:
    using base::base;
};

} // namespace boost::asio::detail
