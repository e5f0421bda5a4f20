// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a context whose reactor is Asio's own, as an object of a
// stock type leaves it. Thread: any. Lifetime: the context's.
#pragma once

#include <asio_uring/detail/asio/reactor_access.hpp>

#include <boost/asio/execution_context.hpp>

namespace asio_uring::test {

/// Behind drop_in.hpp no object makes a reactor before the ring any more.
inline void make_stock_reactor(boost::asio::execution_context& context)
{
    using asio_uring::detail::asio_impl::epoll_reactor;
    boost::asio::use_service<epoll_reactor>(context).init_task();
}

} // namespace asio_uring::test
