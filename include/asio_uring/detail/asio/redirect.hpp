// Layer: service (coupling). Purpose: put our services behind Asio's own front ends: a
// partial specialisation of the class that joins an I/O object to its service, while the
// object's type stays Asio's. Thread: as the objects. Lifetime: as the objects.
#pragma once

#include <asio_uring/detail/service/descriptor_service.hpp>
#include <asio_uring/detail/service/socket_service.hpp>
#include <asio_uring/detail/service/timer_service.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/detail/io_object_impl.hpp>

#include <utility>

namespace asio_uring::detail::asio_impl {

/// An I/O object on RingService that converts from objects on StockService, redirected or
/// not.
template <typename RingService, typename Executor>
class redirected_object
    : public boost::asio::detail::io_object_impl<RingService, Executor>
{
    using base = boost::asio::detail::io_object_impl<RingService, Executor>;

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
          asio_uring::detail::socket_service<Protocol>,
          asio_uring::ring_executor<Inner>>
{
public:
    using asio_uring::detail::asio_impl::redirected_object<
        asio_uring::detail::socket_service<Protocol>,
        asio_uring::ring_executor<Inner>>::redirected_object;
};

template <typename Inner>
class io_object_impl<reactive_descriptor_service, asio_uring::ring_executor<Inner>>
    : public asio_uring::detail::asio_impl::redirected_object<
          asio_uring::detail::descriptor_service,
          asio_uring::ring_executor<Inner>>
{
public:
    using asio_uring::detail::asio_impl::redirected_object<
        asio_uring::detail::descriptor_service,
        asio_uring::ring_executor<Inner>>::redirected_object;
};

template <typename Traits, typename Inner>
class io_object_impl<deadline_timer_service<Traits>, asio_uring::ring_executor<Inner>>
    : public asio_uring::detail::asio_impl::redirected_object<
          asio_uring::detail::timer_service<Traits>,
          asio_uring::ring_executor<Inner>>
{
public:
    using asio_uring::detail::asio_impl::redirected_object<
        asio_uring::detail::timer_service<Traits>,
        asio_uring::ring_executor<Inner>>::redirected_object;
};

} // namespace boost::asio::detail
