// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: Asio's reactor with its wait replaced: the scheduler's task
// enters the ring, and the ring watches the stock objects' epoll set as well.
// Thread: run() the reaper; interrupt() any, called with the scheduler's mutex held.
// Lifetime: a service of the context under the reactor's own key; the loop it drives
// outlives its runs.
#pragma once

#include <asio_uring/detail/asio/reactor_access.hpp>
#include <asio_uring/detail/loop/event_loop.hpp>

namespace asio_uring::detail {

class ring_reactor final : public asio_impl::epoll_reactor
{
public:
    ring_reactor(boost::asio::execution_context& context, event_loop& loop)
        : epoll_reactor(context), loop_(loop)
    {
        // Before another thread finds the reactor, and takes a turn by way of it.
        loop.watch_epoll(*this);
    }

    /// Invariant 10: the process blocks in one place, the ring's wait inside turn().
    void run(long usec, asio_impl::operation_queue& ops) override
    {
        if (loop_.turn(usec, ops))
            epoll_reactor::run(0, ops);
    }

    void interrupt() override { loop_.interrupt(); }

private:
    event_loop& loop_;
};

} // namespace asio_uring::detail
