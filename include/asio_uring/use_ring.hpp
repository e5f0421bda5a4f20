// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: give an execution context its ring, and ask what it has done.
// Thread: as said at each function. Lifetime: the ring lives as long as its context.
#pragma once

#include <asio_uring/context_status.hpp>
#include <asio_uring/counters.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/ring_options.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

namespace asio_uring {

/// Put a context on a ring of its own.
/**
 * Before any I/O object of the context exists, the ring becomes the context's reactor:
 * the context waits in io_uring_enter and nowhere else, and stock timers, signal sets,
 * resolvers and sockets share that wait. On a context that already has a reactor, that
 * reactor watches the ring: everything works, and each completion costs one more turn of
 * the reactor. Without this call, the first object of a ring type, with drop_in.hpp the
 * first of any kind, installs a ring with default options.
 *
 * @param context  Any context that Asio's sockets accept. It owns the ring. Its
 * concurrency hint, or what newer Boost has in its place (the settings
 * scheduler.concurrency_hint, scheduler.locking and reactor.io_locking), decides about
 * locks and about how completions reach the thread that runs the context. A
 * service_maker cannot make this call, because it runs before the context has its
 * scheduler.
 * @param options  Size and flags. With abi::setup_single_issuer only the first thread
 * that runs the context may ever run it. In an io_context, run() on another thread throws
 * errc::wrong_thread. Any other context has threads of its own, where such an exception
 * would end the program. So that context has to promise one thread, as a thread_pool of
 * one thread does. A whole program makes this choice for all of its contexts by
 * ASIO_URING_SINGLE_ISSUER=1 in the environment, or by its build.
 * @param policy   What happens where no ring is to be had (no io_uring, forbidden, out of
 * locked memory or descriptors, kernel below 6.1, ASIO_URING=off): fallback::forbidden
 * throws and leaves the context as it was; fallback::allowed lets the context run on
 * Asio's own epoll services, and status() says why. Without this call the first object
 * behaves as with fallback::allowed. ASIO_URING=require in the environment makes every
 * context behave as with fallback::forbidden.
 *
 * @par Errors
 * Throws boost::system::system_error if the kernel refuses the ring and the policy
 * forbids the fallback; the text says why and what helps. Throws it with either policy
 * for options that no kernel takes, and with errc::several_threads for a single-issuer
 * ring in a context that does not promise one thread. Throws
 * boost::asio::service_already_exists if the context has a ring, or has fallen back.
 * @par Thread safety
 * Unsafe while another thread uses the context.
 * @par Kernel
 * 6.1.
 */
inline void use_ring(
    boost::asio::execution_context& context,
    const ring_options& options = ring_options(),
    fallback policy = fallback::forbidden)
{
    boost::asio::make_service<detail::ring_service>(context, options, policy);
}

/// The same for an io_context, where the program decides which threads run it.
inline void use_ring(
    boost::asio::io_context& context,
    const ring_options& options = ring_options(),
    fallback policy = fallback::forbidden)
{
    boost::asio::make_service<detail::ring_service>(
        context, options, policy, detail::run_by::program);
}

/// Counts what the ring of a context has done so far. All counts are zero in a context
/// without a ring.
/**
 * @par Thread safety
 * Safe while other threads run the context.
 */
inline counter_values counters(boost::asio::execution_context& context)
{
    if (!boost::asio::has_service<detail::ring_service>(context))
        return {};
    auto* loop = boost::asio::use_service<detail::ring_service>(context).look_at_loop();
    return loop != nullptr ? loop->counters() : counter_values();
}

} // namespace asio_uring
