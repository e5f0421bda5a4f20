// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column asio_uring: Asio's objects on this library's ring. With BENCH_ERASED
// their executor is the type-erased one, which the library's names have by default.
// Thread: that of the types. Lifetime: that of the types.
#pragma once

#include <asio_uring/asio_uring.hpp>

namespace bench {

using io_context = asio_uring::io_context;
#ifdef BENCH_ERASED
using executor = asio_uring::any_io_executor;
#else
using executor = io_context::executor_type;
#endif
using acceptor = asio_uring::ip::tcp::acceptor_on<executor>;
using stream_socket = asio_uring::ip::tcp::socket_on<executor>;
using datagram_socket = asio_uring::ip::udp::socket_on<executor>;
using local_acceptor = asio_uring::local::stream_protocol::acceptor_on<executor>;
using local_socket = asio_uring::local::stream_protocol::socket_on<executor>;
using readable_pipe = boost::asio::basic_readable_pipe<executor>;
using writable_pipe = boost::asio::basic_writable_pipe<executor>;
using stream_descriptor = boost::asio::posix::basic_stream_descriptor<executor>;
using steady_timer =
    asio_uring::basic_timer<asio_uring::steady_timer::clock_type, executor>;
using random_access_file = asio_uring::basic_random_access_file<executor>;

} // namespace bench
