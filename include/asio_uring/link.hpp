// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: await several operations that the kernel carries out one after
// the other, submitted as one. Thread: as said at the functions. Lifetime: what the
// operations point to is the caller's.
#pragma once

#include <asio_uring/detail/asio/handler_support.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/request/chain.hpp>
#include <asio_uring/op/common.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/query.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

namespace asio_uring {

/// Operations in the order in which the kernel carries them out; made by link() and
/// hard_link().
template <op::operation... Operations>
struct operation_chain
{
    static constexpr std::size_t size = sizeof...(Operations);

    std::tuple<Operations...> operations;
    std::uint8_t link_flag = abi::sqe_io_link;
};

/// A chain in which each operation begins when the one before has succeeded.
/**
 * An operation that fails, or that reads or writes fewer bytes than it was asked for,
 * ends the chain: the operations behind it do nothing and end with operation_aborted. A
 * receive or a send has to be complete only with MSG_WAITALL. A member that needs a file
 * which an earlier member opens names a place in the context's file table instead of a
 * descriptor; see file_slot. op::link_timeout is the deadline of the member before it.
 */
template <op::operation... Operations>
operation_chain<Operations...> link(const Operations&... operations)
{
    static_assert(sizeof...(Operations) > 1, "a chain links two operations at least");
    return {{operations...}, abi::sqe_io_link};
}

/// A chain in which each operation begins when the one before has ended, whether that one
/// succeeded or failed.
template <op::operation... Operations>
operation_chain<Operations...> hard_link(const Operations&... operations)
{
    static_assert(sizeof...(Operations) > 1, "a chain links two operations at least");
    return {{operations...}, abi::sqe_io_hardlink};
}

namespace detail {

template <typename Executor>
class initiate_chain
{
public:
    using executor_type = Executor;

    explicit initiate_chain(const Executor& io_executor) : executor_(io_executor) {}

    executor_type get_executor() const noexcept { return executor_; }

    template <typename Handler, typename... Operations>
    void operator()(Handler&& handler, const operation_chain<Operations...>& chain) const
    {
        auto& context = boost::asio::query(executor_, boost::asio::execution::context);
        if (event_loop* const loop = ring_of(context).find_loop())
            start_chain(
                *loop,
                executor_,
                std::forward<Handler>(handler),
                chain.link_flag,
                chain.operations);
        else
            asio_impl::complete_at_once(
                executor_,
                std::forward<Handler>(handler),
                boost::system::error_code(make_error_code(errc::no_ring)),
                std::array<operation_result, sizeof...(Operations)>());
    }

private:
    Executor executor_;
};

} // namespace detail

/// Start a chain of operations.
/**
 * @param io_executor  The I/O executor: an executor of an io_context or thread pool. Its
 * context's ring takes the chain; where there is none yet, one with default options is
 * made.
 * @param chain  The chain that link() or hard_link() made of aggregates of namespace op.
 * The chain is copied.
 * @param token  Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::array<operation_result, N>) @endcode
 * The array has one result for each operation, in the order of the chain: its `error`,
 * and its `value`, which is the kernel's result where it is not negative (bytes, a
 * descriptor, 0), else 0. The error of the chain is the first one in the array that does
 * not follow from another; it is operation_aborted where a member before the last read or
 * wrote too few bytes, or the chain was cancelled. A link timeout that did not expire
 * counts as no error.
 * @par Completion
 * When the last operation has ended. Never from within this function, unless the chain
 * ends here (invalid_argument, errc::no_ring) and the handler brings an immediate
 * executor that calls it at once.
 * @par Executor
 * The handler runs on its associated executor, by default `io_executor`.
 * @par Object lifetimes
 * All that the aggregates point to (buffers, paths, addresses) belongs to the caller and
 * stays valid until the handler is called. The descriptors and each file_slot that they
 * name stay as well. Where the context is destroyed before that, the library closes the
 * descriptors that the operations made.
 * @par Concurrency
 * Any thread may call this at any time. Chains run beside each other and beside all other
 * operations.
 * @par Cancellation
 * terminal, partial and total all ask the kernel to end the operation that it works on;
 * the rest of the chain then does nothing. The array says what the chain did before.
 * @par Errors
 * The kernel's own; operation_aborted as said above, and where the thread that submitted
 * the chain ends; invalid_argument for a chain with a multishot operation, or with more
 * operations than the ring has entries; errc::no_ring in a context that has fallen back.
 * @par Kernel
 * 5.3, for hard_link() 5.5, and what the operations need. The ring of a context needs 6.1
 * in any case.
 * @par Without a ring
 * errc::no_ring. A program may start the operations one after the other instead, with the
 * async_submit() of one operation, which has plain system calls for most of them.
 */
template <
    typename Executor,
    typename... Operations,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(
        boost::system::error_code, std::array<operation_result, sizeof...(Operations)>))
        Token>
auto async_submit(
    const Executor& io_executor,
    const operation_chain<Operations...>& chain,
    Token&& token)
{
    return boost::asio::async_initiate<
        Token,
        void(
            boost::system::error_code,
            std::array<operation_result, sizeof...(Operations)>)>(
        detail::initiate_chain<Executor>(io_executor), token, chain);
}

} // namespace asio_uring
