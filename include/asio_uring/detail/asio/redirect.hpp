// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: put services of ours behind Asio's own front ends: partial
// specialisations of the class that joins an I/O object to its service, while the type of
// the object stays Asio's. Thread: as the objects. Lifetime: as the objects.
#pragma once

#include <asio_uring/detail/asio/executor.hpp>

#include <boost/asio/detail/deadline_timer_service.hpp>
#include <boost/asio/detail/io_object_impl.hpp>
#include <boost/asio/detail/reactive_descriptor_service.hpp>
#include <boost/asio/detail/reactive_socket_service.hpp>

#include <utility>

namespace asio_uring::detail::asio_impl {

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

} // namespace asio_uring::detail::asio_impl

namespace boost::asio::detail {

template <typename Protocol, typename Inner>
class io_object_impl<reactive_socket_service<Protocol>, asio_uring::ring_executor<Inner>>
    : public asio_uring::detail::asio_impl::redirected_object<
          reactive_socket_service<Protocol>,
          asio_uring::ring_executor<Inner>>
{
public:
    using asio_uring::detail::asio_impl::redirected_object<
        reactive_socket_service<Protocol>,
        asio_uring::ring_executor<Inner>>::redirected_object;
};

template <typename Inner>
class io_object_impl<reactive_descriptor_service, asio_uring::ring_executor<Inner>>
    : public asio_uring::detail::asio_impl::
          redirected_object<reactive_descriptor_service, asio_uring::ring_executor<Inner>>
{
public:
    using asio_uring::detail::asio_impl::redirected_object<
        reactive_descriptor_service,
        asio_uring::ring_executor<Inner>>::redirected_object;
};

template <typename Traits, typename Inner>
class io_object_impl<deadline_timer_service<Traits>, asio_uring::ring_executor<Inner>>
    : public asio_uring::detail::asio_impl::redirected_object<
          deadline_timer_service<Traits>,
          asio_uring::ring_executor<Inner>>
{
public:
    using asio_uring::detail::asio_impl::redirected_object<
        deadline_timer_service<Traits>,
        asio_uring::ring_executor<Inner>>::redirected_object;
};

} // namespace boost::asio::detail
