// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: the subjects of the typed suite, Asio's own objects and
// the same objects on the ring. Thread: none. Lifetime: types only.
#pragma once

#include "forbidden_ring.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/wait_traits.hpp>

#include <chrono>
#include <tuple>
#include <utility>

namespace asio_uring::test {

namespace asio = boost::asio;

/// Asio as it is.
struct stock
{
    static constexpr bool on_ring = false;
    using io_context = asio::io_context;
    using executor = io_context::executor_type;
    using any_executor = asio::any_io_executor;
    using tcp = asio::ip::tcp;
    using socket = asio::basic_stream_socket<tcp, executor>;
    using acceptor = asio::basic_socket_acceptor<tcp, executor>;
    template <typename Clock>
    using timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, executor>;

    static executor get_executor(io_context& context) { return context.get_executor(); }

    /// The object, on its way into one of another type, or off the ring where it is on.
    template <typename Object>
    static Object&& leave(Object& object)
    {
        return std::move(object);
    }
};

/// Asio's types as they are in a program that has drop_in.hpp in front of every unit.
struct drop_in : stock
{
    static constexpr bool on_ring = true;
};

/// The same front ends, redirected by their executor.
struct ring
{
    static constexpr bool on_ring = true;
    using io_context = asio_uring::io_context;
    using executor = asio_uring::executor;
    using any_executor = asio_uring::any_io_executor;
    using tcp = asio::ip::tcp;
    using socket = asio::basic_stream_socket<tcp, executor>;
    using acceptor = asio::basic_socket_acceptor<tcp, executor>;
    template <typename Clock>
    using timer = asio_uring::basic_timer<Clock, executor>;

    static executor get_executor(io_context& context) { return context.get_executor(); }

    template <typename Object>
    static auto leave(Object& object)
    {
        return asio_uring::leave_ring(std::move(object));
    }
};

// Newer Boost marks it deprecated, and as long as there is one it works on the ring.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
using null_buffers = asio::null_buffers;
#pragma GCC diagnostic pop

#ifdef ASIO_URING_DROP_IN
using backends = std::tuple<drop_in>;
#elif defined(ASIO_URING_TEST_RING_ALONE)
using backends = std::tuple<ring>;
#else
using backends = std::tuple<stock, ring>;
#endif

/// Whether the objects of this backend run on a ring in this run of the program, rather
/// than on what stands in for it.
template <typename Backend>
bool uses_ring()
{
    return Backend::on_ring && !ring_is_forbidden();
}

/// Whether the context got a ring; the suite also runs where none is to be had.
template <typename Context>
bool has_ring(Context& context)
{
    return asio_uring::status(context).mode != ring_mode::fallback;
}

template <typename Backend>
using steady_timer = typename Backend::template timer<std::chrono::steady_clock>;

} // namespace asio_uring::test
