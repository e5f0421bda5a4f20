// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: joins one kernel request to one completion handler: memory,
// outstanding work, delivery. All such plumbing is here, and only here.
// Thread: the initiating thread creates an operation, a thread of the context completes
// it.
// Lifetime: an operation's memory comes from the handler's allocator and goes back before
// the handler is called. From its creation to its start it is pending_operation's, then
// the loop's, then the scheduler's.
#pragma once

#include <asio_uring/detail/asio/handler_support.hpp>
#include <asio_uring/detail/loop/ring_operation.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <tuple>
#include <utility>

namespace asio_uring::detail {

/// Unit of operation memory, so that a tail of request data can follow the operation.
template <std::size_t Alignment>
struct alignas(Alignment) operation_block
{
    unsigned char bytes[Alignment];
};

/// Memory of one operation, by way of its handler's allocator.
template <typename Handler, std::size_t Alignment>
class operation_memory
{
    using block = operation_block<Alignment>;
    using allocator_type =
        typename std::allocator_traits<decltype(asio_impl::operation_allocator(
            std::declval<const Handler&>()))>::template rebind_alloc<block>;

public:
    static void* allocate(const Handler& handler, std::size_t size)
    {
        allocator_type allocator(asio_impl::operation_allocator(handler));
        return allocator.allocate(blocks(size));
    }

    static void deallocate(const Handler& handler, void* memory, std::size_t size)
    {
        allocator_type allocator(asio_impl::operation_allocator(handler));
        allocator.deallocate(static_cast<block*>(memory), blocks(size));
    }

private:
    static std::size_t blocks(std::size_t size) noexcept
    {
        return (size + sizeof(block) - 1) / sizeof(block);
    }
};

/// A request with data of variable size, which stands behind its operation.
template <typename Request>
concept has_tail = requires(Request& request, void* tail)
{
    request.fill_tail(tail);
};

/// Bytes that a request made of these arguments wants behind its operation.
template <typename Request, typename... Args>
std::size_t required_tail([[maybe_unused]] const Args&... args)
{
    if constexpr (has_tail<Request>)
        return Request::required_tail(args...);
    else
        return 0;
}

/// Request is a small class with these members:
///
///   void prepare(abi::sqe&) noexcept
///       Fills the SQE. The loop may call it again for the same request.
///   auto result(const ring_operation&)
///       The handler's arguments, as a tuple. Called once.
///   void discard(const ring_operation&) noexcept
///       Releases what an undelivered result holds.
///
/// A request that may need no kernel also has these:
///
///   bool completes_at_once(bool is_stream) const noexcept
///       Whether it ends within the initiating function.
///   static constexpr int result_at_once
///       The result it then ends with, of the kernel's kind.
///
/// A request with a tail also has these:
///
///   static std::size_t required_tail(const Args&...)
///       The size of the tail, before there is a request.
///   std::size_t tail_size() const noexcept
///       The same of the request.
///   void fill_tail(void*)
///       Called once, before the handler is moved. The tail stays where it is.
template <typename Request, typename Handler, typename IoExecutor>
class handler_operation final : public ring_operation
{
    using work_type = asio_impl::completion_work<Handler, IoExecutor>;

public:
    using io_executor_type = IoExecutor;

    static constexpr bool has_immediate_executor =
        asio_impl::has_immediate_executor<Handler, IoExecutor>;

    /// Allocates and constructs, with a tail of tail_size bytes. The handler is moved
    /// from only when nothing can fail any more.
    template <typename... Args>
    static handler_operation* create(
        Handler& handler,
        const IoExecutor& io_executor,
        std::size_t tail_size,
        Args&&... args)
    {
        const std::size_t size = sizeof(handler_operation) + tail_size;
        void* const storage =
            operation_memory<Handler, alignment()>::allocate(handler, size);
        try {
            return new (storage)
                handler_operation(handler, io_executor, std::forward<Args>(args)...);
        }
        catch (...) {
            operation_memory<Handler, alignment()>::deallocate(handler, storage, size);
            throw;
        }
    }

    /// For an operation that was never started.
    void discard() noexcept { destroy(*this); }

    /// For an operation that ends within its initiating function, with a handler that
    /// brings an immediate executor.
    void complete_at_once(int result, const IoExecutor& io_executor)
    {
        set_result(result);
        release(*this, [&](work_type&, auto& bound) {
            asio_impl::deliver_at_once(bound, io_executor);
        });
    }

    Request& request() noexcept { return request_; }

private:
    static constexpr auto alignment() noexcept
    {
        return std::max(alignof(handler_operation), alignof(std::max_align_t));
    }

    template <typename... Args>
    handler_operation(Handler& handler, const IoExecutor& io_executor, Args&&... args)
        : ring_operation(&do_complete, &do_prepare),
          request_(std::forward<Args>(args)...),
          handler_(behind_tail(handler)),
          work_(handler_, io_executor)
    {}

    ~handler_operation() = default;

    // A sequence's iterators may throw; then the handler is still the caller's.
    Handler&& behind_tail(Handler& handler)
    {
        if constexpr (has_tail<Request>)
            request_.fill_tail(this + 1);
        return std::move(handler);
    }

    std::size_t size() const noexcept
    {
        if constexpr (has_tail<Request>)
            return sizeof(handler_operation) + request_.tail_size();
        else
            return sizeof(handler_operation);
    }

    static void do_prepare(ring_operation& base, abi::sqe& sqe) noexcept
    {
        static_cast<handler_operation&>(base).request_.prepare(sqe);
    }

    static void do_complete(
        void* owner,
        scheduler_operation* base,
        const boost::system::error_code&,
        std::size_t)
    {
        handler_operation& self = *static_cast<handler_operation*>(base);
        if (owner == nullptr) {
            ASIO_URING_HANDLER_COMPLETION(self);
            self.request_.discard(self);
            destroy(self);
            return;
        }
        // Invariant 4: only the scheduler delivers.
        ASIO_URING_ASSERT(static_cast<asio_impl::scheduler*>(owner)->can_dispatch());
        release(self, [](work_type& work, auto& bound) {
            asio_impl::fenced_block fence(asio_impl::fenced_block::half);
            work.complete(bound, bound.handler_);
        });
    }

    // Invariant 7: what the handler is called with leaves the operation, whose memory is
    // free for the handler's next operation before the handler runs.
    template <typename Deliver>
    static void release(handler_operation& self, Deliver deliver)
    {
        ASIO_URING_HANDLER_COMPLETION(self);
        const std::size_t size = self.size();
        work_type work(std::move(self.work_));
        auto bound = std::apply(
            [&](auto&&... values) {
                return asio_impl::bind_result(
                    std::move(self.handler_), std::forward<decltype(values)>(values)...);
            },
            self.request_.result(self));
        self.~handler_operation();
        operation_memory<Handler, alignment()>::deallocate(bound.handler_, &self, size);
        ASIO_URING_HANDLER_INVOCATION_BEGIN(bound);
        deliver(work, bound);
        ASIO_URING_HANDLER_INVOCATION_END();
    }

    // A part of the handler may own the memory, so the handler outlives its return.
    static void destroy(handler_operation& self)
    {
        const std::size_t size = self.size();
        Handler handler(std::move(self.handler_));
        self.~handler_operation();
        operation_memory<Handler, alignment()>::deallocate(handler, &self, size);
    }

    using scheduler_operation = asio_impl::scheduler_operation;

    Request request_;
    Handler handler_;
    work_type work_;
};

} // namespace asio_uring::detail
