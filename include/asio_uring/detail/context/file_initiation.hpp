// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: starts a request of the file system on the ring of an
// executor's context, or by one of the context's workers, where there is no ring or the
// kernel has no such request. Thread: the initiating one. Lifetime: the request is the
// operation's.
#pragma once

#include <asio_uring/detail/context/fallback.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/request/initiate.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/query.hpp>

#include <utility>

namespace asio_uring::detail {

template <typename Request, typename Executor>
class initiate_file_request
{
public:
    using executor_type = Executor;

    explicit initiate_file_request(const Executor& io_executor) : executor_(io_executor)
    {}

    executor_type get_executor() const noexcept { return executor_; }

    template <typename Handler, typename... Args>
    void operator()(Handler&& handler, Args&&... args) const
    {
        auto& context = boost::asio::query(executor_, boost::asio::execution::context);
        event_loop* const loop = ring_of(context).find_loop();
        if (loop == nullptr || Request::needs_worker(args...))
            return start_pool_call<Request>(
                executor_, std::forward<Handler>(handler), std::forward<Args>(args)...);
        start_on_ring<Request>(
            *loop,
            executor_,
            std::forward<Handler>(handler),
            std::forward<Args>(args)...);
    }

private:
    Executor executor_;
};

/// Starts a Request of these arguments. Its handler has the signature of its result.
template <typename Request, typename Signature, typename Executor, typename Token>
auto start_file_request(const Executor& executor, Token&& token, auto&&... args)
{
    return boost::asio::async_initiate<Token, Signature>(
        initiate_file_request<Request, Executor>(executor),
        token,
        std::forward<decltype(args)>(args)...);
}

} // namespace asio_uring::detail
