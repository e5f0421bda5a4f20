// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: the class that joins an I/O object to its service, for objects
// whose front ends are ours. Thread: as the objects. Lifetime: as the objects.
#pragma once

#include <asio_uring/detail/asio/executor.hpp>

#include <boost/asio/detail/io_object_impl.hpp>

namespace asio_uring::detail::asio_impl {

template <typename Service, typename Executor>
using io_object = boost::asio::detail::io_object_impl<Service, Executor>;

} // namespace asio_uring::detail::asio_impl
