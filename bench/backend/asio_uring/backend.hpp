// Benchmarks, column asio_uring: Asio's objects on this library's ring.
// Thread: that of the types. Lifetime: that of the types.
#ifndef ASIO_URING_BENCH_BACKEND_ASIO_URING_HPP
#define ASIO_URING_BENCH_BACKEND_ASIO_URING_HPP

#include <asio_uring/asio_uring.hpp>

namespace bench {

using io_context = asio_uring::io_context;
using executor = io_context::executor_type;
using acceptor = asio_uring::ip::tcp::acceptor;
using stream_socket = asio_uring::ip::tcp::socket;
using steady_timer = asio_uring::steady_timer;

} // namespace bench

#endif
