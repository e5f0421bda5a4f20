// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: Asio's timer service and wait operations, and the heap that a
// kind of timer uses: ours for the clocks of <chrono>, Asio's for deadline_timer, whose
// times may be infinite. Thread: the owner locks. Lifetime: a queue outlives its
// registration in a set.
#pragma once

#include <asio_uring/detail/asio/handler_support.hpp>
#include <asio_uring/detail/asio/scheduler.hpp>
#include <asio_uring/detail/asio/timer_heap.hpp>

#include <boost/asio/detail/chrono_time_traits.hpp>
#include <boost/asio/detail/deadline_timer_service.hpp>
#include <boost/asio/detail/socket_ops.hpp>
#include <boost/asio/detail/timer_queue.hpp>
#include <boost/asio/detail/timer_queue_set.hpp>
#include <boost/asio/detail/wait_handler.hpp>
#include <boost/asio/detail/wait_op.hpp>

#include <ctime>
#include <memory>
#include <new>

#include <sys/time.h>

namespace asio_uring::detail::asio_impl {

using boost::asio::detail::chrono_time_traits;
using boost::asio::detail::deadline_timer_service;
using boost::asio::detail::timer_queue_base;
using boost::asio::detail::timer_queue_set;
using boost::asio::detail::wait_handler;
using boost::asio::detail::wait_op;

/// Blocks for a while. A signal ends the wait with an error, as in Asio's own wait.
template <typename Duration>
void wait_in_thread(const Duration& duration, boost::system::error_code& ec)
{
    ::timeval time{};
    time.tv_sec = static_cast<std::time_t>(duration.total_seconds());
    time.tv_usec = static_cast<::suseconds_t>(duration.total_microseconds() % 1'000'000);
    boost::asio::detail::socket_ops::select(0, nullptr, nullptr, nullptr, &time, ec);
}

template <typename Traits>
struct queue_traits
{
    using type = Traits;
};

template <typename Clock, typename WaitTraits>
struct queue_traits<chrono_time_traits<Clock, WaitTraits>>
{
    using type = heap_traits<chrono_time_traits<Clock, WaitTraits>>;
};

template <typename Traits>
using queue_traits_t = typename queue_traits<Traits>::type;

// Boost 1.89 gave the heap the allocator of its context and a size to begin with.
#if BOOST_VERSION < 108900
template <typename Traits>
using timer_queue = boost::asio::detail::timer_queue<queue_traits_t<Traits>>;

template <typename Traits>
timer_queue<Traits> make_timer_queue(boost::asio::execution_context&)
{
    return {};
}
#else
template <typename Traits>
using timer_queue = boost::asio::detail::
    timer_queue<queue_traits_t<Traits>, boost::asio::execution_context::allocator<void>>;

template <typename Traits>
timer_queue<Traits> make_timer_queue(boost::asio::execution_context& context)
{
    return timer_queue<Traits>(
        boost::asio::execution_context::allocator<void>(context),
        boost::asio::config(context).get("timer", "heap_reserve", 0U));
}
#endif

/// Asio's wait operation between its allocation and its start.
template <typename Handler, typename IoExecutor>
class pending_wait
{
    using operation = wait_handler<Handler, plain_executor_t<IoExecutor>>;

public:
    pending_wait(Handler& handler, const IoExecutor& io_executor)
        : memory_{std::addressof(handler), operation::ptr::allocate(handler), nullptr}
    {
        const plain_executor_t<IoExecutor>& plain = io_executor;
        memory_.p = new (static_cast<void*>(memory_.v)) operation(handler, plain);
    }

    operation* get() noexcept { return memory_.p; }
    void set_cancellation_key(void* key) noexcept { memory_.p->cancellation_key_ = key; }
    void release() noexcept { memory_.v = memory_.p = nullptr; }

private:
    typename operation::ptr memory_;
};

template <typename Handler, typename IoExecutor>
pending_wait<Handler, IoExecutor>
make_wait(Handler& handler, const IoExecutor& io_executor)
{
    return pending_wait<Handler, IoExecutor>(handler, io_executor);
}

} // namespace asio_uring::detail::asio_impl
