// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column asio_native_uring: stock Asio on its own io_uring backend, which the
// build selects with BOOST_ASIO_HAS_IO_URING and BOOST_ASIO_DISABLE_EPOLL; its ring has
// Asio's default setup. The executor type is io_context's own.
// Thread: that of the types. Lifetime: that of the types.
#pragma once

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_random_access_file.hpp>
#include <boost/asio/basic_readable_pipe.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/basic_writable_pipe.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <chrono>

#if !defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
#    error "this column must run on Asio's io_uring backend"
#endif

namespace bench {

using io_context = boost::asio::io_context;
using executor = io_context::executor_type;
using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, executor>;
using stream_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, executor>;
using datagram_socket =
    boost::asio::basic_datagram_socket<boost::asio::ip::udp, executor>;
using local_acceptor =
    boost::asio::basic_socket_acceptor<boost::asio::local::stream_protocol, executor>;
using local_socket =
    boost::asio::basic_stream_socket<boost::asio::local::stream_protocol, executor>;
using readable_pipe = boost::asio::basic_readable_pipe<executor>;
using writable_pipe = boost::asio::basic_writable_pipe<executor>;
using stream_descriptor = boost::asio::posix::basic_stream_descriptor<executor>;
using steady_timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock,
    boost::asio::wait_traits<std::chrono::steady_clock>,
    executor>;
using random_access_file = boost::asio::basic_random_access_file<executor>;

} // namespace bench
