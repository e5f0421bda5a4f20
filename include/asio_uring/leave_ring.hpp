// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the one way by which an object of a ring type leaves the ring
// for Asio's own services. Thread: as Asio's objects. Lifetime: the object that comes
// back owns the descriptor.
#pragma once

#include <asio_uring/detail/asio/departure.hpp>

#include <type_traits>
#include <utility>

namespace asio_uring {

/// Moves an object off the ring.
/**
 * Any other move of a ring object into an object of a stock type does not compile, so
 * that no program leaves the ring without knowing it. A timer moves by itself, because
 * Asio's cancel_after() and cancel_at() move it.
 *
 * @param object  A socket, acceptor, descriptor, pipe or waitable timer of a ring type,
 * moved from afterwards.
 *
 * @return The same object with Asio's own type: Asio's protocol, and the executor beneath
 * the ring's. From asio_uring::ip::tcp::socket comes a boost::asio::ip::tcp::socket.
 * Behind drop_in.hpp that type is on the ring as well.
 *
 * @par Completion
 * The pending transfers and waits of the object end with operation_aborted; in a context
 * without a ring those of a timer do. Operations that were pending at Asio's reactor
 * (accepts, waits for errors and for out-of-band data) go on. Bytes that a cancelled read
 * had already brought do not come along; with nothing pending there are none. A timer
 * keeps its expiry.
 * @par Concurrency
 * As a move of the object.
 * @par Errors
 * None. A descriptor that the reactor refuses, such as a regular file, has its operations
 * end with the error that Asio reports for it.
 */
template <typename Object>
requires(!std::is_lvalue_reference_v<Object>) [[nodiscard]]
typename detail::asio_impl::off_ring<Object>::type leave_ring(Object&& object)
{
    using types = detail::asio_impl::off_ring<Object>;
    typename types::departing on_its_way(std::move(object));
    return typename types::type(std::move(on_its_way));
}

} // namespace asio_uring
