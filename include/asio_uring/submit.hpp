// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: await any operation of the op layer with any completion token.
// Thread: as said at the function. Lifetime: what an operation points to is the caller's.
#pragma once

#include <asio_uring/detail/context/fallback.hpp>
#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/detail/request/initiate.hpp>
#include <asio_uring/detail/request/one_shot.hpp>
#include <asio_uring/op/common.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/query.hpp>

#include <utility>

namespace asio_uring {

namespace detail {

/// One operation of the op layer, and how it starts without a ring.
template <typename Operation>
class submit_request : public one_shot<Operation>
{
public:
    using one_shot<Operation>::one_shot;

    template <typename Executor, typename Handler>
    static void
    without_ring(const Executor& executor, Handler&& handler, const Operation& operation)
    {
        start_without_ring<one_shot<Operation>>(
            executor, std::forward<Handler>(handler), operation);
    }
};

/// Makes a Request of one operation and starts it on the ring of an executor's context.
template <typename Request, typename Executor>
class initiate_request
{
public:
    using executor_type = Executor;

    explicit initiate_request(const Executor& io_executor) : executor_(io_executor) {}

    executor_type get_executor() const noexcept { return executor_; }

    template <typename Handler, typename Operation>
    void operator()(Handler&& handler, const Operation& operation) const
    {
        auto& context = boost::asio::query(executor_, boost::asio::execution::context);
        event_loop* const found = ring_of(context).find_loop();
        if (found == nullptr)
            return Request::without_ring(
                executor_, std::forward<Handler>(handler), operation);
        event_loop& loop = *found;
        std::decay_t<Handler> stored(std::forward<Handler>(handler));
        auto slot = boost::asio::get_associated_cancellation_slot(stored);
        auto op = make_operation<Request>(loop, stored, executor_, operation);
        op.connect(slot);
        Request::adapt(loop, *op);
        if (op->request().one_result())
            op.start();
        else
            op.complete(-EINVAL, false);
    }

private:
    Executor executor_;
};

} // namespace detail

/// Start one operation of namespace op, which is one request to the kernel.
/**
 * @param io_executor   The I/O executor: an executor of an io_context or thread pool. Its
 * context's ring takes the request; where there is none yet, one with default options is
 * made.
 * @param operation  One aggregate of namespace op. The aggregate is copied.
 * @param token      Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, int) @endcode
 * The second argument is the kernel's result where it is not negative (bytes, a
 * descriptor, 0), else 0. The caller's array gets the two descriptors of op::pipe right
 * before the handler is called.
 * @par Completion
 * When the request has ended, a zero-copy send when its data is free. Never from within
 * this function, unless the request ends here (invalid_argument, errc::no_ring) and the
 * handler brings an immediate executor that calls it at once
 * (boost::asio::bind_immediate_executor). Independent requests complete in any order.
 * @par Executor
 * The handler runs on its associated executor, by default `io_executor`.
 * @par Object lifetimes
 * All that the aggregate points to (buffers, paths, addresses) belongs to the caller and
 * stays valid until the handler is called. A descriptor that it works on stays open until
 * then. Where the context is destroyed before that, the library closes the descriptor
 * that the operation made, and both descriptors of op::pipe.
 * @par Concurrency
 * Any thread may call this at any time.
 * @par Cancellation
 * terminal, partial and total all ask the kernel to end the request. A request that
 * finished first reports what it did.
 * @par Errors
 * The kernel's own; operation_aborted when the request was cancelled; invalid_argument
 * for a multishot request, whose many results need a result_stream; errc::no_ring for an
 * operation without an equal in plain system calls, in a context that has fallen back
 * (asio_uring::status tells).
 * @par Kernel
 * What the operation needs; the ring of a context needs 6.1 in any case.
 * @par Without a ring
 * A context that has fallen back makes the plain system call, with the same answer. An
 * operation that waits for another party (a receive, an accept, a read of a pipe) waits
 * in the context's reactor, which leaves the descriptor in non-blocking mode. At most
 * four threads that belong to the context make all other calls. Cancellation ends a call
 * that none of them has begun; a call that has begun reports what it did, and the
 * destruction of the context and notify_fork(fork_prepare) wait for it. docs/fallback.md
 * says for each operation which of the two it is, or errc::no_ring.
 */
template <
    typename Executor,
    op::operation Operation,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, int)) Token>
auto async_submit(const Executor& io_executor, const Operation& operation, Token&& token)
{
    return boost::asio::async_initiate<Token, void(boost::system::error_code, int)>(
        detail::initiate_request<detail::submit_request<Operation>, Executor>(
            io_executor),
        token,
        operation);
}

} // namespace asio_uring
