// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: attach mode: a context that has a reactor before its ring
// keeps that reactor, which watches the ring. Thread: perform() runs on a thread of the
// context. Lifetime: as ring_service.
#pragma once

#include <asio_uring/detail/loop/event_loop.hpp>

#include <boost/system/system_error.hpp>

namespace asio_uring::detail {

class loop_watch
{
public:
    loop_watch(
        asio_impl::epoll_reactor& reactor,
        asio_impl::scheduler& scheduler,
        event_loop& loop)
        : reactor_(reactor), operation_(scheduler, loop)
    {
        reactor_.init_task();
        start(loop.ring().native_handle());
    }

    loop_watch(const loop_watch&) = delete;
    loop_watch& operator=(const loop_watch&) = delete;

    ~loop_watch() { stop(); }

    void start(int descriptor)
    {
        descriptor_ = descriptor;
        const int error = reactor_.register_internal_descriptor(
            asio_impl::epoll_reactor::read_op, descriptor_, data_, &operation_);
        if (error != 0)
            throw boost::system::system_error(
                error, boost::system::system_category(), "asio_uring: watching the ring");
    }

    /// Ends the watch. REQUIRES: the ring is not closed yet.
    void stop()
    {
        if (data_ == nullptr)
            return;
        reactor_.deregister_internal_descriptor(descriptor_, data_);
        reactor_.cleanup_descriptor_data(data_);
    }

    /// For a child whose fork was not announced: its epoll set is also the parent's, and
    /// so the child leaves the set alone.
    void forget() noexcept { data_ = nullptr; }

private:
    // The reactor keeps this operation for good, because perform() never reports itself
    // done.
    class operation : public asio_impl::reactor_op
    {
    public:
        operation(asio_impl::scheduler& scheduler, event_loop& loop)
            : reactor_op(boost::system::error_code(), &do_perform, &do_complete),
              scheduler_(scheduler),
              loop_(loop)
        {}

    private:
        static status do_perform(reactor_op* base)
        {
            operation& self = *static_cast<operation*>(base);
            asio_impl::operation_queue ops;
            self.loop_.pump(ops);
            self.scheduler_.post_deferred_completions(ops);
            return not_done;
        }

        static void do_complete(
            void*, scheduler_operation*, const boost::system::error_code&, std::size_t)
        {}

        using scheduler_operation = asio_impl::scheduler_operation;

        asio_impl::scheduler& scheduler_;
        event_loop& loop_;
    };

    asio_impl::epoll_reactor& reactor_;
    int descriptor_ = -1;
    asio_impl::epoll_reactor::per_descriptor_data data_ = nullptr;
    operation operation_;
};

} // namespace asio_uring::detail
