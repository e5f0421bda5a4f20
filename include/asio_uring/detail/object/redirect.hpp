// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: which service of ours stands in for which of Asio's. Thread:
// none. Lifetime: none.
#pragma once

#include <asio_uring/detail/asio/redirect.hpp>
#include <asio_uring/detail/object/behind_ring.hpp>
#include <asio_uring/detail/object/descriptor_service.hpp>
#include <asio_uring/detail/object/socket_service.hpp>
#include <asio_uring/detail/object/timer_service.hpp>

namespace asio_uring::detail::asio_impl {

template <typename Protocol>
struct stand_in<reactive_socket_service<Protocol>>
{
    using type = socket_service<Protocol>;
};

template <>
struct stand_in<reactive_descriptor_service>
{
    using type = descriptor_service;
};

template <>
struct stand_in<signal_set_service>
{
    using type = behind_ring_service<signal_set_service>;
};

template <>
struct stand_in<posix_serial_port_service>
{
    using type = behind_ring_service<posix_serial_port_service>;
};

template <typename Traits>
struct stand_in<deadline_timer_service<Traits>>
{
    using type = timer_service<Traits>;
};

} // namespace asio_uring::detail::asio_impl
