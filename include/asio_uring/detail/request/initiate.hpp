// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the one path by which an asynchronous operation begins:
// allocate, connect the cancellation slot, start. No handler is called from here, unless
// its immediate executor asks for it.
// Thread: the initiating one.
// Lifetime: pending_operation owns an operation until it starts, and destroys it where
// something throws before. From the start on the loop owns it.
#pragma once

#include <asio_uring/detail/loop/event_loop.hpp>
#include <asio_uring/detail/request/handler_operation.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <utility>

namespace asio_uring::detail {

/// What a cancellation slot holds: the name of an operation, not its address, so that a
/// signal that comes late finds nothing instead of something else.
class slot_cancellation
{
public:
    slot_cancellation(event_loop& loop, cancellation_ticket ticket) noexcept
        : loop_(&loop), ticket_(ticket)
    {}

    void operator()(boost::asio::cancellation_type_t type) const
    {
        using boost::asio::cancellation_type;
        constexpr auto any = cancellation_type::terminal | cancellation_type::partial |
                             cancellation_type::total;
        if ((type & any) != cancellation_type::none)
            loop_->cancel(ticket_);
    }

private:
    event_loop* loop_;
    cancellation_ticket ticket_;
};

/// An operation between its creation and its start.
template <typename Operation>
class pending_operation
{
    using io_executor_type = typename Operation::io_executor_type;

public:
    pending_operation(
        event_loop& loop, const io_executor_type& io_executor, Operation* op) noexcept
        : loop_(loop), io_executor_(io_executor), operation_(op), named_(op)
    {}

    pending_operation(const pending_operation&) = delete;
    pending_operation& operator=(const pending_operation&) = delete;

    ~pending_operation()
    {
        if (operation_ != nullptr) [[unlikely]]
            discard();
    }

    Operation& operator*() noexcept { return *operation_; }
    Operation* operator->() noexcept { return operation_; }

    template <typename Slot>
    void connect(Slot& slot)
    {
        if (slot.is_connected())
            slot.template emplace<slot_cancellation>(
                loop_, loop_.register_cancellation(*named_));
    }

    /// Likewise where the loop knows the operation by a part of it.
    template <typename Slot>
    void connect(Slot& slot, ring_operation& part)
    {
        named_ = &part;
        connect(slot);
    }

    /// Whoever takes the operation starts it.
    Operation& take() noexcept { return *std::exchange(operation_, nullptr); }

    void start(request_owner& owner, direction way)
    {
        loop_.start(*std::exchange(operation_, nullptr), owner, way);
    }

    void start() { loop_.start(*std::exchange(operation_, nullptr)); }

    /// End without a request, with a result of the kernel's kind. The handler is
    /// delivered by the scheduler, or by the immediate executor it brings; the latter may
    /// call it before this returns, and whatever it calls may end the I/O object.
    void complete(int result, [[maybe_unused]] bool is_continuation)
    {
        loop_.unregister_cancellation(*named_);
        Operation& op = *std::exchange(operation_, nullptr);
        if constexpr (Operation::has_immediate_executor)
            op.complete_at_once(result, io_executor_);
        else
            loop_.complete_at_once(op, result, is_continuation);
    }

private:
    // Apart from its caller, whose way it hardly ever is.
    [[gnu::noinline]] void discard() noexcept
    {
        loop_.unregister_cancellation(*named_);
        operation_->discard();
    }

    event_loop& loop_;
    const io_executor_type& io_executor_; // the initiating function's
    Operation* operation_;
    ring_operation* named_; // what a cancellation names
};

template <typename Request, typename Handler, typename IoExecutor, typename... Args>
auto make_operation(
    event_loop& loop, Handler& handler, const IoExecutor& io_executor, Args&&... args)
{
    using operation = handler_operation<Request, Handler, IoExecutor>;
    return pending_operation<operation>(
        loop,
        io_executor,
        operation::create(handler, io_executor, std::forward<Args>(args)...));
}

/// Starts a Request of these arguments that belongs to no descriptor.
template <typename Request, typename Executor, typename Handler, typename... Args>
void start_on_ring(
    event_loop& loop, const Executor& executor, Handler&& handler, Args&&... args)
{
    std::decay_t<Handler> stored(std::forward<Handler>(handler));
    auto slot = boost::asio::get_associated_cancellation_slot(stored);
    auto op =
        make_operation<Request>(loop, stored, executor, std::forward<Args>(args)...);
    op.connect(slot);
    op.start();
}

} // namespace asio_uring::detail
