// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a deadline on a whole chain of operations. Thread: as said at
// the functions. Lifetime: what the operations point to is the caller's.
#pragma once

#include <asio_uring/link.hpp>
#include <asio_uring/timers.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
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

/// What the timer, the program and the chain of one operation share.
template <typename Executor>
class chain_deadline
{
public:
    explicit chain_deadline(const Executor& executor) : timer_(any_io_executor(executor))
    {}

    boost::asio::cancellation_slot slot() noexcept { return end_.slot(); }

    /// Asks the chain to end.
    void end(boost::asio::cancellation_type type) { end_.emit(type); }

    /// The chain has begun, and may be over already.
    static void start(
        const std::shared_ptr<chain_deadline>& self,
        std::chrono::steady_clock::duration limit)
    {
        const std::lock_guard lock(self->mutex_);
        if (self->over_)
            return;
        self->timer_.expires_after(limit);
        self->timer_.async_wait([self](boost::system::error_code ec) {
            if (ec)
                return;
            self->expired_ = true;
            self->end(boost::asio::cancellation_type::terminal);
        });
    }

    /// The chain is over. Returns whether its time was over before.
    bool stop()
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
        timer_.cancel();
        return expired_;
    }

private:
    // Guards the timer: the chain may end in another thread than the one that starts it.
    std::mutex mutex_;
    steady_timer timer_;
    bool over_ = false;
    boost::asio::cancellation_signal end_;
    // Any thread. Values: false, the time is not over; true, it is.
    std::atomic<bool> expired_{false};
};

/// The steps of a chain with a deadline. Whoever is first, the timer or the program, asks
/// the chain to end; its end is the end of the operation.
template <typename Executor, typename Chain>
class timed_chain_operation
{
public:
    timed_chain_operation(const Executor& executor, const timed_chain<Chain>& what)
        : executor_(executor), what_(what)
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        namespace asio = boost::asio;
        self.reset_cancellation_state(asio::enable_total_cancellation());
        // The operation moves away with the chain.
        const auto deadline = std::make_shared<chain_deadline<Executor>>(executor_);
        const Executor executor = executor_;
        const timed_chain<Chain> what = what_;
        if (auto slot = self.get_cancellation_state().slot(); slot.is_connected())
            slot.assign(
                [deadline](asio::cancellation_type type) { deadline->end(type); });
        deadline_ = deadline;
        async_submit(
            executor,
            what.chain,
            asio::bind_cancellation_slot(deadline->slot(), std::move(self)));
        // Only now there is something that the deadline can end.
        chain_deadline<Executor>::start(deadline, what.limit);
    }

    template <typename Self>
    void operator()(
        Self& self,
        boost::system::error_code ec,
        std::array<operation_result, Chain::size> results)
    {
        const bool expired = deadline_->stop();
        if (auto slot = self.get_cancellation_state().slot(); slot.is_connected())
            slot.clear();
        if (expired && ec == boost::asio::error::operation_aborted)
            ec = boost::asio::error::timed_out;
        self.complete(ec, results);
    }

private:
    Executor executor_;
    timed_chain<Chain> what_;
    std::shared_ptr<chain_deadline<Executor>> deadline_;
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
