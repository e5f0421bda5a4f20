// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: keep a part of the program that was compiled without drop_in.hpp
// from linking where objects cross its border. Thread: none. Lifetime: none.
//
// Inside, an object on the ring differs from Asio's own object of the same type. The tag
// stands in the mangled name of every function that takes or returns such an object. So
// one part of the program calls a function with the tag, and the other part defines one
// without it. drop_in_check.hpp notices, at run time, a part that makes objects of its
// own.
#pragma once

#if defined(BOOST_ASIO_BASIC_SOCKET_HPP) ||         \
    defined(BOOST_ASIO_BASIC_WAITABLE_TIMER_HPP) || \
    defined(BOOST_ASIO_POSIX_BASIC_DESCRIPTOR_HPP)
#    error "asio_uring/drop_in.hpp comes before every header of Asio."
#endif

// This header declares no class of Asio's. It names the inline namespace that newer Boost
// may have.
#include <asio_uring/ring/config.hpp>

#include <boost/asio/detail/config.hpp>

#if !defined(BOOST_ASIO_INLINE_NAMESPACE_BEGIN)
#    define BOOST_ASIO_INLINE_NAMESPACE_BEGIN
#    define BOOST_ASIO_INLINE_NAMESPACE_END
#endif

// The first declaration of a class is the one that may carry a tag.
#define ASIO_URING_MOVED class [[gnu::abi_tag("asio_uring")]]

namespace boost::asio {
BOOST_ASIO_INLINE_NAMESPACE_BEGIN

template <typename Protocol, typename Executor>
ASIO_URING_MOVED basic_socket;
template <typename Protocol, typename Executor>
ASIO_URING_MOVED basic_stream_socket;
template <typename Protocol, typename Executor>
ASIO_URING_MOVED basic_datagram_socket;
template <typename Protocol, typename Executor>
ASIO_URING_MOVED basic_raw_socket;
template <typename Protocol, typename Executor>
ASIO_URING_MOVED basic_seq_packet_socket;
template <typename Protocol, typename Executor>
ASIO_URING_MOVED basic_socket_acceptor;
template <typename Clock, typename WaitTraits, typename Executor>
ASIO_URING_MOVED basic_waitable_timer;
template <typename Time, typename TimeTraits, typename Executor>
ASIO_URING_MOVED basic_deadline_timer;
template <typename Protocol, typename Clock, typename WaitTraits>
ASIO_URING_MOVED basic_socket_streambuf;
template <typename Protocol, typename Clock, typename WaitTraits>
ASIO_URING_MOVED basic_socket_iostream;
template <typename Executor>
ASIO_URING_MOVED basic_readable_pipe;
template <typename Executor>
ASIO_URING_MOVED basic_writable_pipe;

namespace posix {

template <typename Executor>
ASIO_URING_MOVED basic_descriptor;
template <typename Executor>
ASIO_URING_MOVED basic_stream_descriptor;

} // namespace posix

BOOST_ASIO_INLINE_NAMESPACE_END
} // namespace boost::asio

namespace boost::beast {

// This class holds a socket and two timers.
template <typename Protocol, typename Executor, typename RatePolicy>
ASIO_URING_MOVED basic_stream;

} // namespace boost::beast

#undef ASIO_URING_MOVED
