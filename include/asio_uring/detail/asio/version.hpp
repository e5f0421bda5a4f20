// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: refuse, with a message, the builds of Asio that this library
// cannot sit under. Thread: none. Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/asio/detail/config.hpp>
#include <boost/version.hpp>

#if BOOST_VERSION < 108100
#    error "asio_uring needs Boost 1.81 or newer: older Asio has another service layout."
#    define ASIO_URING_REFUSED
#elif defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
#    error "asio_uring replaces Asio's own io_uring backend: \
leave BOOST_ASIO_DISABLE_EPOLL out; BOOST_ASIO_HAS_IO_URING alone is fine."
#    define ASIO_URING_REFUSED
#elif !defined(BOOST_ASIO_HAS_EPOLL)
#    error "asio_uring builds on the epoll reactor: leave BOOST_ASIO_DISABLE_EPOLL out."
#    define ASIO_URING_REFUSED
#endif

#if defined(ASIO_URING_REFUSED)
#    include <asio_uring/ring/the_error_above_ends_the_compilation>
#endif
