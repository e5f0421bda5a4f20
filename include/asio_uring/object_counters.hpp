// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: say whether an object is on the ring, and what the ring has
// done for it. Thread: see the functions. Lifetime: values.
#pragma once

#include <asio_uring/detail/asio/redirected_type.hpp>
#include <asio_uring/detail/loop/object_counts.hpp>
#include <asio_uring/detail/object/open_file.hpp>
#include <asio_uring/detail/object/redirect.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <cstdint>

namespace asio_uring {

/// Whether objects of this type are the ring's, in every context that has one.
/**
 * True for sockets, acceptors, descriptors, pipes and waitable timers whose protocol or
 * executor is the library's, and behind drop_in.hpp for all of them. False for every
 * other type, resolvers and signal sets among them.
 */
template <typename Object>
concept ring_object = detail::asio_impl::redirected_type<Object>;

/// From here on the context counts what its ring does for each object.
/**
 * Each counted operation then looks its object up in a table, which is for looking into a
 * program and not for measuring its speed. A context without a ring counts nothing.
 *
 * @par Thread safety
 * Safe while other threads run the context.
 */
inline void count_objects(boost::asio::execution_context& context)
{
    if (auto* loop = detail::ring_of(context).look_at_loop())
        loop->objects().start();
}

/// Says whether the ring has an object's descriptor now, and what it did for it.
/**
 * @param object  A socket, acceptor, descriptor or pipe of any type. Accepts are done by
 * Asio's own service, which waits in the ring by its epoll set, and are not counted; nor
 * are the waits of a timer, which has no descriptor.
 *
 * @return The counts are zero where count_objects() was not called for the object's
 * context. on_ring is false for an object that is not open, for an object of a stock
 * type, for every object of a context without a ring, and for a regular file.
 *
 * @par Thread safety
 * Safe while other threads run the context; the object itself as for any other call.
 */
template <typename Object>
requires requires(Object& object)
{
    object.native_handle();
    object.get_executor();
}
object_counter_values counters(Object& object)
{
    boost::asio::execution_context& context =
        boost::asio::query(object.get_executor(), boost::asio::execution::context);
    if (!object.is_open() || !boost::asio::has_service<detail::ring_service>(context))
        return {};
    auto* loop = boost::asio::use_service<detail::ring_service>(context).look_at_loop();
    const auto file = detail::name_of_file(object.native_handle());
    if (loop == nullptr || file <= 0)
        return {};
    const detail::request_owner* owner =
        loop->find_owner(object.native_handle(), static_cast<std::uint64_t>(file));
    if (owner == nullptr)
        return {};
    object_counter_values values = loop->objects().of(*owner);
    values.on_ring = true;
    return values;
}

} // namespace asio_uring
