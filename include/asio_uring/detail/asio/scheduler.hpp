// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: the names of Asio's scheduler, operations and reactor that the
// loop builds on, gathered so that a new Boost release is one folder to check. Thread: as
// Asio documents. Lifetime: services live as long as their execution context.
#pragma once

#include <asio_uring/detail/asio/version.hpp>

#include <boost/asio/detail/bind_handler.hpp>
#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/fenced_block.hpp>
#include <boost/asio/detail/handler_cont_helpers.hpp>
#include <boost/asio/detail/handler_tracking.hpp>
#include <boost/asio/detail/op_queue.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/detail/scheduler.hpp>
#include <boost/asio/detail/scheduler_operation.hpp>
#include <boost/asio/detail/service_registry.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

namespace asio_uring::detail::asio_impl {

using boost::asio::detail::epoll_reactor;
using boost::asio::detail::execution_context_service_base;
using boost::asio::detail::op_queue;
using boost::asio::detail::reactor_op;
using boost::asio::detail::scheduler;
using boost::asio::detail::scheduler_operation;
using boost::asio::detail::service_id;

using operation_queue = op_queue<scheduler_operation>;

/// Whether the handler says it continues the current asynchronous chain.
template <typename Handler>
bool is_continuation(Handler& handler)
{
#if defined(BOOST_ASIO_VERSIONED_NAME)
    return ::BOOST_ASIO_VERSIONED_NAME(handler_cont_helpers)::is_continuation(handler);
#else
    return boost_asio_handler_cont_helpers::is_continuation(handler);
#endif
}

/// The concurrency hint given to the context, wherever this release of Asio keeps it.
/// Newer Boost keeps the meaning of the special hints in settings of their own. Boost
/// 1.87 to 1.89 report BOOST_ASIO_CONCURRENCY_HINT_SAFE as 1, and Asio's own scheduler
/// believes it.
inline int concurrency_hint(boost::asio::execution_context& context)
{
#if BOOST_VERSION < 108700
    return boost::asio::use_service<scheduler>(context).concurrency_hint();
#else
    const boost::asio::config settings(context);
    if (!settings.get("scheduler", "locking", true))
        return BOOST_ASIO_CONCURRENCY_HINT_UNSAFE;
    if (!settings.get("reactor", "io_locking", true))
        return BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;
    return settings.get("scheduler", "concurrency_hint", 0);
#endif
}

/// Whether the hint keeps the locks of the I/O path.
inline bool hint_is_locking(int hint)
{
    return BOOST_ASIO_CONCURRENCY_HINT_IS_LOCKING(REACTOR_IO, hint) != 0 &&
           BOOST_ASIO_CONCURRENCY_HINT_IS_LOCKING(SCHEDULER, hint) != 0;
}

/// Whether a thread that does not run the context may post to it.
inline bool may_post_from_other_threads(boost::asio::execution_context& context)
{
#if defined(BOOST_ASIO_HAS_THREADS)
    const int hint = concurrency_hint(context);
    return BOOST_ASIO_CONCURRENCY_HINT_IS_LOCKING(SCHEDULER, hint) != 0;
#else
    static_cast<void>(context);
    return false;
#endif
}

} // namespace asio_uring::detail::asio_impl
