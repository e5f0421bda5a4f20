// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: joins one kernel request to one completion handler: memory,
// outstanding work, delivery. All such plumbing is here, and only here.
// Thread: the initiating thread creates an operation, a thread of the context completes
// it.
// Lifetime: an operation's memory comes from the handler's allocator and goes back before
// the handler is called. From its creation to its start it is pending_operation's, then
// the loop's, then the scheduler's.
#pragma once

#include <asio_uring/detail/asio/error_location.hpp>
#include <asio_uring/detail/asio/handler_support.hpp>
#include <asio_uring/detail/loop/ring_operation.hpp>
#include <asio_uring/detail/loop/tidied_operation.hpp>

#include <memory>
#include <new>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace asio_uring::detail {

/// Memory of one operation. The handler's allocator is asked for one object of the
/// operation's own type, as Asio asks it: an allocator may have room for nothing else.
template <typename Operation, typename Handler>
class operation_memory
{
    using allocator_type =
        typename std::allocator_traits<decltype(asio_impl::operation_allocator(
            std::declval<const Handler&>()))>::template rebind_alloc<Operation>;

public:
    static Operation* allocate(const Handler& handler)
    {
        allocator_type allocator(asio_impl::operation_allocator(handler));
        return allocator.allocate(1);
    }

    static void deallocate(const Handler& handler, Operation* memory)
    {
        allocator_type allocator(asio_impl::operation_allocator(handler));
        allocator.deallocate(memory, 1);
    }
};

/// A request that is tried by a call, and that a cancellation can reach until its
/// delivery.
template <typename Request>
concept transfer_request = requires(Request& request)
{
    request.attempt();
};

/// A transfer whose first attempt may go with the turn: prepare() makes it a request that
/// never waits.
template <typename Request>
concept batched_request = transfer_request<Request> && requires
{
    Request::goes_with_turn;
};

/// A request that leaves something to do where it ends short: see tidied_operation.
template <typename Request>
concept tidied_request = requires(Request& request, const ring_operation& op)
{
    request.tidy(op);
};

/// Request is a small class with these members:
///
///   void prepare(abi::sqe&) noexcept
///       Fills the SQE. The loop may call it again for the same request. A transfer that
///       always goes by call has none.
///   auto result(const ring_operation&)
///       The handler's arguments, as a tuple. Called once.
///   void discard(const ring_operation&) noexcept
///       Releases what an undelivered result holds.
///
/// A request that may need no kernel also has these:
///
///   bool completes_at_once(bool is_stream) const
///       Whether it ends within the initiating function.
///   static constexpr int result_at_once
///       The result it then ends with, of the kernel's kind.
///
/// A tidied_request also has this:
///
///   void tidy(const ring_operation&) noexcept
///       Called before result(), where the operation was told to tidy_up().
///
/// A transfer also has these, the first and the last three where they say something; see
/// transfer_functions:
///
///   static constexpr bool goes_with_turn
///       See batched_request.
///   void keep_iovecs()
///       Where it is there: called once, within the initiating function, before the
///       transfer waits. From then on attempt() and prepare() do not throw.
///   int attempt()
///   bool is_ready() const noexcept
///       Where it is there: whether the descriptor, asked once more when a poll has told
///       of it, has what the transfer takes.
///   bool goes_by_call() const noexcept
///       Whether it waits for readiness and is then attempted again. Otherwise the
///       kernel's request waits and does it.
///   bool keep(const ring_operation&, kept_input&) noexcept
///   int serve(kept_input&) noexcept
///   bool may_have_more(const ring_operation&) const noexcept
///
/// An operation that has a request. The loop knows it by this part.
template <typename Request>
class request_operation
    : public std::conditional_t<tidied_request<Request>, tidied_operation, ring_operation>
{
    using base_type =
        std::conditional_t<tidied_request<Request>, tidied_operation, ring_operation>;

public:
    Request& request() noexcept { return request_; }

protected:
    template <typename... Args>
    requires(!tidied_request<Request>) explicit request_operation(
        asio_impl::scheduler_operation::func_type deliver, Args&&... args)
        : base_type(deliver, functions()), request_(std::forward<Args>(args)...)
    {}

    template <typename... Args>
    requires tidied_request<Request>
    explicit request_operation(
        asio_impl::scheduler_operation::func_type deliver, Args&&... args)
        : base_type(deliver, functions(), &do_tidy), request_(std::forward<Args>(args)...)
    {}

    ~request_operation() = default;

    Request request_;

private:
    static Request& of(ring_operation& base) noexcept
    {
        return static_cast<request_operation&>(base).request_;
    }

    static void do_prepare(ring_operation& base, abi::sqe& sqe) noexcept
    {
        if constexpr (requires { of(base).prepare(sqe); })
            of(base).prepare(sqe);
    }

    static void do_tidy(ring_operation& base) noexcept
    {
        if constexpr (tidied_request<Request>)
            of(base).tidy(base);
    }

    static constexpr transfer_functions make_transfer_functions() noexcept
    {
        transfer_functions made{&do_prepare, nullptr};
        made.attempt = [](ring_operation& op) noexcept {
            if constexpr (requires { of(op).is_ready(); }) {
                if (!of(op).is_ready())
                    return -EAGAIN;
            }
            return of(op).attempt();
        };
        if constexpr (requires(Request & r, ring_operation & op, kept_input & k) {
                          r.keep(op, k);
                      })
            made.keep = [](ring_operation& op, kept_input& kept) noexcept {
                return of(op).keep(op, kept);
            };
        if constexpr (requires(Request & r, kept_input & k) { r.serve(k); })
            made.serve = [](ring_operation& op, kept_input& kept) noexcept {
                return of(op).serve(kept);
            };
        if constexpr (requires(Request & r, const ring_operation& op) {
                          r.may_have_more(op);
                      })
            made.may_have_more = [](const ring_operation& op) noexcept {
                return of(const_cast<ring_operation&>(op)).may_have_more(op);
            };
        return made;
    }

    static decltype(auto) functions() noexcept
    {
        if constexpr (transfer_request<Request>) {
            static constexpr transfer_functions found = make_transfer_functions();
            return (found);
        }
        else
            return &do_prepare;
    }
};

template <typename Request, typename Handler, typename IoExecutor>
class handler_operation final : public request_operation<Request>
{
    using base_type = request_operation<Request>;
    using memory = operation_memory<handler_operation, Handler>;
    using work_type = asio_impl::completion_work<Handler, IoExecutor>;
    using base_type::request_;
    using scheduler_operation = asio_impl::scheduler_operation;

public:
    using io_executor_type = IoExecutor;

    static constexpr bool has_immediate_executor =
        asio_impl::has_immediate_executor<Handler, IoExecutor>;

    /// Allocates and constructs. The handler is moved from only when nothing can fail any
    /// more.
    template <typename... Args>
    static handler_operation*
    create(Handler& handler, const IoExecutor& io_executor, Args&&... args)
    {
        handler_operation* const storage = memory::allocate(handler);
        try {
            return new (static_cast<void*>(storage))
                handler_operation(handler, io_executor, std::forward<Args>(args)...);
        }
        catch (...) {
            memory::deallocate(handler, storage);
            throw;
        }
    }

    /// For an operation that was never started.
    void discard() noexcept { destroy(*this); }

    /// For an operation that ends within its initiating function, with a handler that
    /// brings an immediate executor.
    void complete_at_once(int result, const IoExecutor& io_executor)
    {
        this->set_result(result);
        release(*this, [&](auto*, auto& bound) {
            asio_impl::deliver_at_once(bound, io_executor);
        });
    }

private:
    template <typename... Args>
    handler_operation(Handler& handler, const IoExecutor& io_executor, Args&&... args)
        : base_type(&do_complete, std::forward<Args>(args)...),
          handler_(std::move(handler))
    {
        if (work_type::is_needed(handler_, io_executor)) {
            new (&work_) work_type(handler_, io_executor);
            this->keep_work();
        }
    }

    ~handler_operation()
    {
        if (has_work())
            work_.~work_type();
    }

    bool has_work() const noexcept
    {
        if constexpr (work_type::is_always_needed || work_type::is_never_needed)
            return work_type::is_always_needed;
        else
            return this->keeps_work();
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
        if constexpr (transfer_request<Request>) {
            if (!self.may_pass())
                return;
        }
        release(self, [](work_type* work, auto& bound) {
            asio_impl::fenced_block fence(asio_impl::fenced_block::half);
            if constexpr (!work_type::is_never_needed) {
                if (work != nullptr)
                    return work->complete(bound, bound.handler_);
            }
            asio_impl::call(bound, bound.handler_);
        });
    }

    // Invariant 7: what the handler is called with leaves the operation, whose memory is
    // free for the handler's next operation before the handler runs.
    template <typename Deliver>
    static void release(handler_operation& self, Deliver deliver)
    {
        ASIO_URING_HANDLER_COMPLETION(self);
        std::optional<work_type> work = take_work(self);
        auto bound = bind(self);
        free(self, bound.handler_);
        ASIO_URING_HANDLER_INVOCATION_BEGIN(bound);
        deliver(work ? &*work : nullptr, bound);
        ASIO_URING_HANDLER_INVOCATION_END();
    }

    // Before the handler, which is then destroyed while its work still counts: the other
    // context may end as soon as that is over.
    static std::optional<work_type> take_work(handler_operation& self)
    {
        std::optional<work_type> work;
        if (self.has_work())
            work.emplace(std::move(self.work_));
        return work;
    }

    static void free(handler_operation& self, const Handler& handler)
    {
        self.~handler_operation();
        memory::deallocate(handler, &self);
    }

    // Where the result cannot be made, nobody hears of it: the handler is destroyed.
    static auto bind(handler_operation& self)
    {
        try {
            // Most transfers have moved something, and are no error.
            if constexpr (transfer_request<Request>) {
                if (self.result() > 0) [[likely]]
                    return bind(self, self.request_.result(self));
            }
            return bind(self, asio_impl::with_location(self.request_.result(self)));
        }
        catch (...) {
            destroy(self);
            throw;
        }
    }

    template <typename... Values>
    static auto bind(handler_operation& self, std::tuple<Values...>&& values)
    {
        return std::apply(
            [&](auto&&... each) {
                return asio_impl::bind_result(
                    std::move(self.handler_), std::forward<decltype(each)>(each)...);
            },
            std::move(values));
    }

    // A part of the handler may own the memory, so the handler outlives its return.
    static void destroy(handler_operation& self)
    {
        [[maybe_unused]] const std::optional<work_type> work = take_work(self);
        Handler handler(std::move(self.handler_));
        free(self, handler);
    }

    Handler handler_;
    // Present where has_work() says so.
    union
    {
        work_type work_;
    };
};

} // namespace asio_uring::detail
