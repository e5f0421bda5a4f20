// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: move bytes between a pipe and another descriptor without
// copying them through the program. Thread: as said at the function. Lifetime:
// descriptors are the caller's.
#pragma once

#include <asio_uring/detail/context/readiness_call.hpp>
#include <asio_uring/op/pipe.hpp>
#include <asio_uring/submit.hpp>

#include <boost/asio/async_result.hpp>

#include <cstddef>
#include <cstdint>

namespace asio_uring {

namespace detail {

/// A splice, whose result is a count of bytes.
class splice_request
{
public:
    explicit splice_request(const op::splice& operation) noexcept : operation_(operation)
    {}

    static void adapt(event_loop&, ring_operation&) noexcept {}
    static constexpr bool one_result() noexcept { return true; }
    void prepare(abi::sqe& sqe) noexcept { operation_.prepare(sqe); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), operation_bytes(op));
    }

    /// Starts the splice in a context that does without a ring.
    template <typename Executor, typename Handler>
    static void
    without_ring(const Executor& executor, Handler&& handler, const op::splice& operation)
    {
        abi::sqe sqe{};
        operation.prepare(sqe);
        start_readiness_call<std::size_t>(executor, std::forward<Handler>(handler), sqe);
    }

    void discard(const ring_operation&) noexcept {}

private:
    op::splice operation_;
};

} // namespace detail

/// Move bytes from one descriptor to another. At least one of the two is a pipe.
/**
 * One splice(2): from a file to a pipe, from a pipe to a socket, from a socket to a pipe,
 * between pipes. It moves at least one byte, or ends with an error or at the end of the
 * input. It may move fewer bytes than asked for.
 *
 * @param io_executor  The I/O executor. Its context's ring takes the request.
 * @param fd_in        The descriptor that bytes come from.
 * @param offset_in    The offset in fd_in at which the bytes start; -1 for the
 * descriptor's own position, and for pipes and sockets.
 * @param fd_out       The descriptor that bytes go to.
 * @param offset_out   The offset in fd_out, given as offset_in is.
 * @param size         How many bytes to move at most.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::size_t) @endcode
 * At the end of the input there is no error, and the count is 0.
 * @par Completion
 * Never from within this function.
 * @par Executor
 * The handler runs on its associated executor, by default `io_executor`.
 * @par Object lifetimes
 * Both descriptors stay open until the handler is called.
 * @par Concurrency
 * Any thread may call this at any time. The kernel does not order two splices on one
 * pipe: start the second when the first is done.
 * @par Cancellation
 * terminal, partial and total end a splice that waits. A splice that has moved bytes
 * reports them.
 * @par Errors
 * The system call's own; operation_aborted when cancelled.
 * @par Kernel
 * 5.7.
 * @par Without a ring
 * A context that has fallen back waits for both ends with its reactor, and one of its
 * threads makes the call. The context leaves an end that it waits for, and an end that is
 * neither a pipe nor a file, in non-blocking mode, as Asio leaves the descriptors of its
 * own objects.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t)) Token>
auto async_splice(
    const Executor& io_executor,
    int fd_in,
    std::int64_t offset_in,
    int fd_out,
    std::int64_t offset_out,
    std::size_t size,
    Token&& token)
{
    const op::splice operation{
        .fd_in = fd_in,
        .offset_in = static_cast<std::uint64_t>(offset_in),
        .fd_out = fd_out,
        .offset_out = static_cast<std::uint64_t>(offset_out),
        .size = static_cast<std::uint32_t>(std::min(size, detail::transfer_size_max))};
    return boost::asio::
        async_initiate<Token, void(boost::system::error_code, std::size_t)>(
            detail::initiate_request<detail::splice_request, Executor>(io_executor),
            token,
            operation);
}

} // namespace asio_uring
