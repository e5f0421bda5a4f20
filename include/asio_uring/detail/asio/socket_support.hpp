// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: Asio's own socket services and synchronous socket calls, which
// the redirected services use for everything that is not a ring transfer.
// Thread: as Asio's sockets. Lifetime: services live as long as their execution context.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/detail/buffer_sequence_adapter.hpp>
#include <boost/asio/detail/reactive_socket_service.hpp>
#include <boost/asio/detail/socket_holder.hpp>
#include <boost/asio/detail/socket_ops.hpp>

#include <type_traits>

namespace asio_uring::detail::asio_impl {

namespace socket_ops = boost::asio::detail::socket_ops;

using boost::asio::detail::buffer_sequence_adapter;
using boost::asio::detail::invalid_socket;
using boost::asio::detail::reactive_socket_service;
using boost::asio::detail::reactive_socket_service_base;
using boost::asio::detail::socket_holder;
using boost::asio::detail::socket_type;

// The same names as for descriptors; see descriptor_support.hpp.
inline socket_type&
descriptor_of(reactive_socket_service_base::base_implementation_type& impl) noexcept
{
    return impl.socket_;
}

inline epoll_reactor::per_descriptor_data&
reactor_data_of(reactive_socket_service_base::base_implementation_type& impl) noexcept
{
    return impl.reactor_data_;
}

// Newer Boost marks null_buffers deprecated. The compiler warns a program that passes one
// at that place; it must not warn all others here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
template <typename Buffers>
inline constexpr bool is_null_buffers =
    std::is_same_v<Buffers, boost::asio::null_buffers>;
#pragma GCC diagnostic pop

} // namespace asio_uring::detail::asio_impl
