// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: the one answer to "this context has no ring" for an operation
// without an equal in Asio: a worker, the reactor, or errc::no_ring. Thread: the
// initiating one. Lifetime: an operation that is not started when something throws is
// destroyed.
//
// stand_in_for<Operation> says which of the three it is; docs/fallback.md has the table.
// An operation whose fields name what only a ring keeps ends with errc::no_ring whatever
// the table says.
#pragma once

#include <asio_uring/detail/asio/handler_support.hpp>
#include <asio_uring/detail/context/readiness_call.hpp>
#include <asio_uring/detail/context/worker_pool.hpp>
#include <asio_uring/detail/request/handler_operation.hpp>
#include <asio_uring/detail/request/plain_call.hpp>
#include <asio_uring/detail/request/stand_in.hpp>
#include <asio_uring/ring/error.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace asio_uring::detail {

/// What a cancellation slot holds for an operation of the pool.
class pool_cancellation
{
public:
    pool_cancellation(worker_pool& pool, cancellation_ticket ticket) noexcept
        : pool_(&pool), ticket_(ticket)
    {}

    void operator()(boost::asio::cancellation_type_t type) const
    {
        using boost::asio::cancellation_type;
        constexpr auto any = cancellation_type::terminal | cancellation_type::partial |
                             cancellation_type::total;
        if ((type & any) != cancellation_type::none)
            pool_->cancel(ticket_);
    }

private:
    worker_pool* pool_;
    cancellation_ticket ticket_;
};

/// An operation between its creation and its start.
template <typename Operation>
class unstarted_pool_operation
{
public:
    unstarted_pool_operation(worker_pool& pool, Operation* op) noexcept
        : pool_(pool), operation_(op)
    {}
    unstarted_pool_operation(const unstarted_pool_operation&) = delete;
    unstarted_pool_operation& operator=(const unstarted_pool_operation&) = delete;
    ~unstarted_pool_operation()
    {
        if (operation_ == nullptr)
            return;
        pool_.forget(*operation_);
        operation_->discard();
    }

    Operation& operator*() noexcept { return *operation_; }
    Operation* operator->() noexcept { return operation_; }

    template <typename Slot>
    void connect(Slot& slot)
    {
        if (slot.is_connected())
            slot.template emplace<pool_cancellation>(
                pool_, pool_.register_cancellation(*operation_));
    }

    void start() noexcept { pool_.start(*std::exchange(operation_, nullptr)); }

    /// For an operation of an object.
    void start(pool_owner& owner, direction way) noexcept
    {
        pool_.start(*std::exchange(operation_, nullptr), owner, way);
    }

    /// Ends it without a call, with a result of the kernel's kind; see
    /// pending_operation::complete(). REQUIRES: it is not connected.
    template <typename IoExecutor>
    void complete(
        int result,
        [[maybe_unused]] const IoExecutor& io_executor,
        [[maybe_unused]] bool is_continuation)
    {
        Operation& op = *std::exchange(operation_, nullptr);
        if constexpr (Operation::has_immediate_executor)
            op.complete_at_once(result, io_executor);
        else
            pool_.complete_at_once(op, result, is_continuation);
    }

private:
    worker_pool& pool_;
    Operation* operation_;
};

/// Gives the operation to the context's workers.
template <typename Request, typename Executor, typename Handler, typename... Args>
void start_pool_call(const Executor& executor, Handler&& handler, Args&&... args)
{
    using handler_type = std::decay_t<Handler>;
    using operation_type = handler_operation<Request, handler_type, Executor>;
    auto& context = boost::asio::query(executor, boost::asio::execution::context);
    worker_pool& pool = boost::asio::use_service<worker_pool>(context);
    handler_type stored(std::forward<Handler>(handler));
    auto slot = boost::asio::get_associated_cancellation_slot(stored);
    unstarted_pool_operation<operation_type> op(
        pool, operation_type::create(stored, executor, std::forward<Args>(args)...));
    op.connect(slot);
    op.start();
}

/// Ends an operation that needs a ring with errc::no_ring.
template <typename Executor, typename Handler>
void end_without_ring(const Executor& executor, Handler&& handler)
{
    asio_impl::complete_at_once(
        executor,
        std::forward<Handler>(handler),
        boost::system::error_code(make_error_code(errc::no_ring)),
        0);
}

/// Starts an operation in a context that does without a ring. Request is the request that
/// a ring would get; it makes the handler's arguments from the call's answer.
template <typename Request, typename Executor, typename Handler, typename Operation>
void start_without_ring(
    const Executor& executor, Handler&& handler, const Operation& operation)
{
    constexpr stand_in by = stand_in_for<Operation>;
    if constexpr (by == stand_in::none) {
        end_without_ring(executor, std::forward<Handler>(handler));
    }
    else {
        abi::sqe sqe{};
        operation.prepare(sqe);
        if (needs_ring(sqe))
            return end_without_ring(executor, std::forward<Handler>(handler));
        if constexpr (by == stand_in::readiness) {
            start_readiness_call<int>(executor, std::forward<Handler>(handler), sqe);
        }
        else {
            if (by == stand_in::by_file && can_wait(sqe))
                return start_readiness_call<int>(
                    executor, std::forward<Handler>(handler), sqe);
            start_pool_call<Request>(executor, std::forward<Handler>(handler), operation);
        }
    }
}

} // namespace asio_uring::detail
