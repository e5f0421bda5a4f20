// Benchmarks, column asio_native_uring: stock Asio on its own io_uring backend, which the
// build selects with BOOST_ASIO_HAS_IO_URING and BOOST_ASIO_DISABLE_EPOLL; its ring has
// Asio's default setup. The executor type is io_context's own.
// Thread: that of the types. Lifetime: that of the types.
#ifndef ASIO_URING_BENCH_BACKEND_ASIO_NATIVE_URING_HPP
#define ASIO_URING_BENCH_BACKEND_ASIO_NATIVE_URING_HPP

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>

#if !defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
#    error "this column must run on Asio's io_uring backend"
#endif

namespace bench {

using io_context = boost::asio::io_context;
using executor = io_context::executor_type;
using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, executor>;
using stream_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, executor>;
using steady_timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock,
    boost::asio::wait_traits<std::chrono::steady_clock>,
    executor>;

} // namespace bench

#endif
