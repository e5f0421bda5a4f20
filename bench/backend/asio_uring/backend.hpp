// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column asio_uring: Asio's objects on this library's ring.
// Thread: that of the types. Lifetime: that of the types.
#pragma once

#include <asio_uring/asio_uring.hpp>

namespace bench {

using io_context = asio_uring::io_context;
using executor = io_context::executor_type;
using acceptor = asio_uring::ip::tcp::acceptor;
using stream_socket = asio_uring::ip::tcp::socket;
using datagram_socket = asio_uring::ip::udp::socket;
using local_acceptor = asio_uring::local::stream_protocol::acceptor;
using local_socket = asio_uring::local::stream_protocol::socket;
using readable_pipe = asio_uring::readable_pipe;
using writable_pipe = asio_uring::writable_pipe;
using stream_descriptor = asio_uring::posix::stream_descriptor;
using steady_timer = asio_uring::steady_timer;

} // namespace bench
