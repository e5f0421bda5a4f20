// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the results of a multishot operation, asked for one at a time.
// Thread: distinct objects any; a shared object one thread at a time. Lifetime: what the
// operation points to is the caller's.
#pragma once

#include <asio_uring/detail/asio/handler_support.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/request/stream.hpp>
#include <asio_uring/op/common.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace asio_uring {

/// The results of one multishot operation, in their order.
/**
 * A multishot operation (an accept, receive, read, poll or timer that stands until it is
 * ended) is submitted once and brings many results. The stream keeps the results that
 * nobody has asked for yet. The kernel cannot be told to slow down, so a stream that
 * holds `capacity` results cancels the operation, and submits it again when half of them
 * are taken. Nothing is lost meanwhile: what comes waits in the kernel, as far as the
 * kernel has room, and the stream also keeps the few results that come before the kernel
 * hears of the cancellation. A timer stands still while it is paused, and goes on with
 * the expiries that are left. A receive with a limit (op::recv::total) is never paused:
 * the stream keeps all of its results.
 *
 * A stream_result has the kernel's result as its `value`, and the flags of the completion
 * (abi::cqe_f_*) as its `flags`. A descriptor among the results is the program's to close
 * once a handler has got it.
 *
 * The operation alone is no work of the context: run() returns where no async_next() is
 * pending.
 *
 * @code
 * asio_uring::result_stream connections(context);
 * async_submit(connections, asio_uring::op::accept{
 *     .fd = listener, .ioprio = asio_uring::abi::accept_multishot});
 * for (;;) {
 *     auto next = co_await connections.async_next(asio::use_awaitable);
 *     serve(next.value);
 * }
 * @endcode
 *
 * @par Object lifetimes
 * The stream does not outlive its context.
 * @par Thread safety
 * Distinct objects: safe. Shared object: unsafe.
 */
template <typename Executor = boost::asio::any_io_executor>
class basic_result_stream
{
    class initiate_next;

public:
    using executor_type = Executor;

    /// How many results a stream keeps by default.
    static constexpr std::size_t default_capacity = 64;

    /// A stream with no operation.
    /**
     * @param io_executor  The I/O executor. Its context's ring takes the operation; where
     * there is none yet, one with default options is made.
     * @param capacity  How many results to keep before the operation is paused; at least
     * one.
     * @throws boost::system::system_error  Where no ring is to be had, and
     * ASIO_URING=require in the environment forbids to do without.
     */
    explicit basic_result_stream(
        const Executor& io_executor, std::size_t capacity = default_capacity)
        : executor_(io_executor), capacity_(std::max<std::size_t>(capacity, 1))
    {
        auto& context = boost::asio::query(executor_, boost::asio::execution::context);
        loop_ = detail::ring_of(context).find_loop();
    }

    /// The same on the executor of an execution context.
    template <typename ExecutionContext>
    requires std::is_convertible_v<ExecutionContext&, boost::asio::execution_context&>
    explicit basic_result_stream(
        ExecutionContext& context, std::size_t capacity = default_capacity)
        : basic_result_stream(Executor(context.get_executor()), capacity)
    {}

    /// Takes over the operation of another stream, which then has none.
    basic_result_stream(basic_result_stream&&) noexcept = default;

    /// Ends the operation of this stream, and takes over the other stream's.
    basic_result_stream& operator=(basic_result_stream&&) noexcept = default;

    /// Ends the operation, as close() does.
    ~basic_result_stream() = default;

    executor_type get_executor() const noexcept { return executor_; }

    /// Whether async_submit() has put an operation into the stream and close() has not
    /// ended it.
    bool is_open() const noexcept { return source_ != nullptr; }

    /// Ask for the next result.
    /**
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code, stream_result) @endcode
     * @par Completion
     * With a result that the stream holds, or with the next one that the kernel brings.
     * Several waits get their results in the order in which they were started; where
     * several threads run the context, their handlers may begin in another. Never from
     * within this function, unless the wait ends here (errc::no_ring, bad_descriptor) and
     * the handler brings an immediate executor that calls it at once.
     * @par Executor
     * The handler runs on its associated executor, by default that of the stream.
     * @par Object lifetimes
     * The stream may be moved or destroyed once the wait has begun; its destruction ends
     * the wait.
     * @par Concurrency
     * As all members: one thread at a time. Several waits may be pending.
     * @par Cancellation
     * terminal, partial and total end this wait with operation_aborted. The operation
     * goes on, and its next result goes to the next wait.
     * @par Errors
     * eof behind the last result of an operation that came to its end (a peer that
     * closed, a timer that expired as often as asked; an empty datagram is a result, but
     * not that of a socket in a file_slot); the kernel's error, behind the results before
     * it, where an error ended the operation, for example no_buffer_space when a group of
     * provided buffers is used up; operation_aborted where cancel() or close() ended the
     * wait; invalid_argument where the operation has one result; bad_descriptor where the
     * stream has no operation; errc::no_ring in a context that has fallen back.
     * @par Kernel
     * What the operation needs. Without a ring: errc::no_ring.
     */
    template <BOOST_ASIO_COMPLETION_TOKEN_FOR(
        void(boost::system::error_code, stream_result)) Token>
    auto async_next(Token&& token)
    {
        return boost::asio::
            async_initiate<Token, void(boost::system::error_code, stream_result)>(
                initiate_next(*this), token);
    }

    /// Ends every async_next() with operation_aborted. The operation goes on.
    void cancel()
    {
        if (source_)
            loop_->cancel(*source_);
    }

    /// Ends the operation and every async_next(). The stream drops the results that
    /// nobody took, and closes the descriptors among them.
    void close() { source_.reset(); }

    /// Put an operation of several results into a stream.
    /**
     * A multishot operation, or one of two stages: of a zero-copy send the first result
     * is what was sent, and eof says that its data is free.
     *
     * It first ends the operation that the stream had before, as close() does. An
     * operation that has ended may be submitted again, for example once provided buffers
     * are back.
     *
     * @param stream  Where the results go.
     * @param operation  One aggregate of namespace op, filled so that
     * `operation.results()` is not op::results::one. The aggregate is copied.
     *
     * @par Object lifetimes
     * The descriptor of the operation and all that the aggregate points to belong to the
     * caller and stay valid until async_next() brings the end of the operation or the
     * kernel's error. After close() nothing reports when the kernel has let go of them:
     * they then stay valid until the context is destroyed.
     * @par Concurrency
     * As all members of the stream: one thread at a time.
     * @par Cancellation
     * close(), a new operation and the stream's destructor end the operation.
     * @par Errors
     * Throws std::bad_alloc, and leaves the stream without an operation. All other errors
     * arrive at async_next().
     * @par Kernel
     * What the operation needs. Without a ring the function does nothing, and
     * async_next() ends with errc::no_ring.
     */
    template <op::operation Operation>
    friend void async_submit(basic_result_stream& stream, const Operation& operation)
    {
        stream.submit(operation);
    }

private:
    struct closer
    {
        detail::event_loop* loop;

        void operator()(detail::result_source* source) const { loop->close(*source); }
    };

    template <typename Operation>
    void submit(const Operation& operation)
    {
        close();
        if (loop_ == nullptr)
            return;
        auto source =
            std::make_unique<detail::source_of<Operation>>(operation, capacity_);
        if (operation.results() != op::results::one)
            loop_->start(*source);
        else
            source->refuse(-EINVAL);
        source_ = source_pointer(source.release(), closer{loop_});
    }

    using source_pointer = std::unique_ptr<detail::result_source, closer>;

    Executor executor_;
    std::size_t capacity_;
    detail::event_loop* loop_ = nullptr; // null without a ring
    source_pointer source_{nullptr, closer{nullptr}};
};

template <typename Executor>
class basic_result_stream<Executor>::initiate_next
{
public:
    using executor_type = Executor;

    explicit initiate_next(basic_result_stream& stream) noexcept : stream_(&stream) {}

    executor_type get_executor() const noexcept { return stream_->executor_; }

    template <typename Handler>
    void operator()(Handler&& handler) const
    {
        const basic_result_stream& stream = *stream_;
        if (stream.source_)
            return detail::start_next(
                *stream.loop_,
                *stream.source_,
                stream.executor_,
                std::forward<Handler>(handler));
        boost::system::error_code ec = make_error_code(errc::no_ring);
        if (stream.loop_ != nullptr)
            ec = boost::asio::error::bad_descriptor;
        detail::asio_impl::complete_at_once(
            stream.executor_, std::forward<Handler>(handler), ec, stream_result());
    }

private:
    basic_result_stream* stream_;
};

/// A stream on any executor.
using result_stream = basic_result_stream<>;

} // namespace asio_uring
