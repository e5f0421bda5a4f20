// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: Beast's TCP streams on the ring, one line from Beast's own:
// `namespace beast = asio_uring::beast;`. A program that uses Beast includes it;
// asio_uring.hpp does not. Thread: as Beast's streams. Lifetime: as Beast's streams.
#pragma once

#include <asio_uring/ip/tcp.hpp>

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/rate_policy.hpp>

/// All names of boost::beast, with the streams on the ring.
namespace asio_uring::beast {

using namespace boost::beast;

/// boost::beast::tcp_stream on the ring.
/**
 * Its socket and the timers of its time limits are the ring's. A stream of another
 * executor is tcp_stream_on<Executor>; its timers are the ring's where the executor is.
 * The timer of boost::beast::websocket::stream is a stock one and shares the context's
 * one wait.
 */
template <typename Executor, typename RatePolicy = boost::beast::unlimited_rate_policy>
using tcp_stream_on = boost::beast::basic_stream<ip::tcp, Executor, RatePolicy>;

using tcp_stream = tcp_stream_on<any_io_executor>;

} // namespace asio_uring::beast
