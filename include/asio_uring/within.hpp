// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a deadline on a whole chain of operations. Thread: as said at
// the functions. Lifetime: what the operations point to is the caller's.
#pragma once

#include <asio_uring/link.hpp>
#include <asio_uring/timers.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace asio_uring {

/// A chain and the time it has; made by within().
template <typename Chain>
struct timed_chain
{
    Chain chain;
    std::chrono::steady_clock::duration limit;
};

/// Gives a chain a deadline, which counts from its start.
/**
 * op::link_timeout inside a chain is the deadline of the one operation before it.
 */
template <op::operation... Operations>
timed_chain<operation_chain<Operations...>> within(
    std::chrono::steady_clock::duration limit,
    const operation_chain<Operations...>& chain)
{
    return {chain, limit};
}

namespace detail {

/// The steps of a chain with a deadline. Whoever is first, the timer or the program, asks
/// the chain to end; its end is the end of the operation.
template <typename Executor, typename Chain>
class timed_chain_operation
{
    struct shared
    {
        explicit shared(const Executor& executor) : timer(any_io_executor(executor)) {}

        steady_timer timer;
        boost::asio::cancellation_signal end;
        // Any thread that runs the context. Values: false, the time is not over; true, it
        // was over before the chain.
        std::atomic<bool> expired{false};
    };

public:
    timed_chain_operation(const Executor& executor, const timed_chain<Chain>& what)
        : executor_(executor), what_(what)
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        namespace asio = boost::asio;
        shared_ = std::make_shared<shared>(executor_);
        shared_->timer.expires_after(what_.limit);
        shared_->timer.async_wait([state = shared_](boost::system::error_code ec) {
            if (ec)
                return;
            state->expired = true;
            state->end.emit(asio::cancellation_type::terminal);
        });
        if (auto slot = self.get_cancellation_state().slot(); slot.is_connected())
            slot.assign([state = shared_](asio::cancellation_type type) {
                state->end.emit(type);
            });
        const auto slot = shared_->end.slot();
        const Executor executor = executor_;
        const Chain chain = what_.chain;
        async_submit(
            executor, chain, asio::bind_cancellation_slot(slot, std::move(self)));
    }

    template <typename Self>
    void operator()(
        Self& self,
        boost::system::error_code ec,
        std::array<operation_result, Chain::size> results)
    {
        shared_->timer.cancel();
        if (auto slot = self.get_cancellation_state().slot(); slot.is_connected())
            slot.clear();
        if (ec == boost::asio::error::operation_aborted && shared_->expired)
            ec = boost::asio::error::timed_out;
        self.complete(ec, results);
    }

private:
    Executor executor_;
    timed_chain<Chain> what_;
    std::shared_ptr<shared> shared_;
};

} // namespace detail

/// Start a chain of operations that has a deadline.
/**
 * @param io_executor  The I/O executor, as in async_submit() of a chain.
 * @param what         The chain and its time; made by within().
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::array<operation_result, N>) @endcode
 * As in async_submit() of a chain.
 * @par Completion
 * When the last operation has ended. The deadline asks the kernel to end the operation
 * that it works on, and the rest of the chain then does nothing; an operation that cannot
 * be ended completes, and what it did is in the array.
 * @par Executor
 * The handler runs on its associated executor, by default `io_executor`.
 * @par Object lifetimes
 * As in async_submit() of a chain.
 * @par Concurrency
 * Any thread may call this at any time.
 * @par Cancellation
 * terminal, partial and total, as in async_submit() of a chain.
 * @par Errors
 * timed_out where the deadline ended the chain; else as in async_submit() of a chain.
 * @par Kernel
 * As async_submit() of a chain; a timer of the context keeps the time.
 * @par Without a ring
 * errc::no_ring.
 */
template <
    typename Executor,
    typename Chain,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(
        void(boost::system::error_code, std::array<operation_result, Chain::size>)) Token>
auto async_submit(
    const Executor& io_executor, const timed_chain<Chain>& what, Token&& token)
{
    return boost::asio::async_compose<
        Token,
        void(boost::system::error_code, std::array<operation_result, Chain::size>)>(
        detail::timed_chain_operation<Executor, Chain>(io_executor, what),
        token,
        io_executor);
}

} // namespace asio_uring
