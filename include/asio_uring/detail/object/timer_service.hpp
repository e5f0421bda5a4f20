// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what Asio's waitable timers call, on the ring: Asio's wait
// operations on a heap, with the ring's wait as the clock, or the reactor's where the
// ring does not wait. Thread: as Asio's timers. Lifetime: one per context and clock.
#pragma once

#include <asio_uring/detail/asio/departure.hpp>
#include <asio_uring/detail/asio/timer_support.hpp>
#include <asio_uring/detail/context/ring_service.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>

#include <limits>
#include <utility>

namespace asio_uring::detail {

/// It derives from Asio's own service, because a timer that leaves the ring keeps a
/// pointer to that service; see implementation_type.
template <typename Traits>
class timer_service : public asio_impl::deadline_timer_service<Traits>
{
    using stock_service = asio_impl::deadline_timer_service<Traits>;
    using queue_type = asio_impl::timer_queue<Traits>;
    using error_code = boost::system::error_code;

public:
    using time_type = typename Traits::time_type;
    using duration_type = typename Traits::duration_type;

    // The key of this service. The service that this one derives from has a key of its
    // own, and is never registered with the context.
    static inline asio_impl::service_id<timer_service> id;

    struct implementation_type
    {
        using stock_implementation = typename stock_service::implementation_type;

        time_type expiry{};
        timer_service* service = nullptr;
        typename queue_type::per_timer_data timer_data;
        bool might_have_pending_waits = false;
        bool might_be_in_heap = false;

        /// Asio's own service moves a timer out of here. It gets a timer of its own kind,
        /// with the same expiry and no waits: the waits of this timer end with
        /// operation_aborted.
        stock_implementation& leave_ring()
        {
            // Asio moves from the result at once, so one per thread is enough and no
            // timer carries one.
            static thread_local stock_implementation departing;
            departing.expiry = service->leave_ring(*this);
            return departing;
        }

        /// The same by a conversion. Asio's own cancel_after() and cancel_at() move the
        /// timer of a ring's executor into one of any_io_executor, so it is not refused.
        operator stock_implementation&() { return leave_ring(); }
    };

    explicit timer_service(boost::asio::execution_context& context)
        : stock_service(behind_ring(context)),
          loop_(waiting_loop(ring_of(context))),
          reactor_(boost::asio::use_service<asio_impl::epoll_reactor>(context)),
          queue_(asio_impl::make_timer_queue<Traits>(context))
    {
        with_scheduler([&](auto& scheduler) { scheduler.add_timer_queue(queue_); });
    }

    ~timer_service()
    {
        with_scheduler([&](auto& scheduler) { scheduler.remove_timer_queue(queue_); });
    }

    void construct(implementation_type& impl)
    {
        impl.expiry = time_type();
        impl.service = this;
        impl.might_have_pending_waits = false;
        impl.might_be_in_heap = false;
    }

    void destroy(implementation_type& impl)
    {
        if (impl.might_have_pending_waits) {
            ASIO_URING_HANDLER_OPERATION(
                (this->context(), "deadline_timer", &impl, 0, "cancel"));
        }
        leave_heap(impl);
    }

    void move_construct(implementation_type& impl, implementation_type& other)
    {
        with_scheduler([&](auto& scheduler) {
            scheduler.move_timer(queue_, impl.timer_data, other.timer_data);
        });
        take_values(impl, other);
    }

    void move_assign(
        implementation_type& impl,
        timer_service& other_service,
        implementation_type& other)
    {
        if (this != &other_service)
            leave_heap(impl);
        other_service.with_scheduler([&](auto& scheduler) {
            scheduler.move_timer(other_service.queue_, impl.timer_data, other.timer_data);
        });
        take_values(impl, other);
    }

    void converting_move_construct(
        implementation_type& impl, timer_service&, implementation_type& other)
    {
        move_construct(impl, other);
    }

    /// Take over a timer of Asio's own service. Its pending waits end with
    /// operation_aborted.
    void converting_move_construct(
        implementation_type& impl,
        stock_service& other_service,
        typename stock_service::implementation_type& other)
    {
        construct(impl);
        impl.expiry = other.expiry;
        error_code ignored;
        other_service.expires_at(other, time_type(), ignored);
    }

    void converting_move_assign(
        implementation_type& impl,
        timer_service& other_service,
        implementation_type& other)
    {
        move_assign(impl, other_service, other);
    }

    std::size_t cancel(implementation_type& impl, error_code& ec)
    {
        ec = error_code();
        if (!impl.might_have_pending_waits)
            return 0;
        ASIO_URING_HANDLER_OPERATION(
            (this->context(), "deadline_timer", &impl, 0, "cancel"));
        impl.might_have_pending_waits = false;
        return cancel_waits(impl);
    }

    std::size_t cancel_one(implementation_type& impl, error_code& ec)
    {
        ec = error_code();
        if (!impl.might_have_pending_waits)
            return 0;
        ASIO_URING_HANDLER_OPERATION(
            (this->context(), "deadline_timer", &impl, 0, "cancel_one"));
        const std::size_t count = cancel_waits(impl, 1);
        if (count == 0)
            impl.might_have_pending_waits = false;
        return count;
    }

    time_type expiry(const implementation_type& impl) const { return impl.expiry; }
    time_type expires_at(const implementation_type& impl) const { return impl.expiry; }

    duration_type expires_from_now(const implementation_type& impl) const
    {
        return Traits::subtract(impl.expiry, Traits::now());
    }

    std::size_t
    expires_at(implementation_type& impl, const time_type& time, error_code& ec)
    {
        const std::size_t count = cancel(impl, ec);
        impl.expiry = time;
        return count;
    }

    std::size_t expires_after(
        implementation_type& impl, const duration_type& duration, error_code& ec)
    {
        return expires_at(impl, Traits::add(Traits::now(), duration), ec);
    }

    std::size_t expires_from_now(
        implementation_type& impl, const duration_type& duration, error_code& ec)
    {
        return expires_after(impl, duration, ec);
    }

    void wait(implementation_type& impl, error_code& ec)
    {
        ec = error_code();
        for (;;) {
            const auto now = Traits::now();
            if (!Traits::less_than(now, impl.expiry) || ec)
                return;
            const auto left =
                Traits::to_posix_duration(Traits::subtract(impl.expiry, now));
            asio_impl::wait_in_thread(left, ec);
        }
    }

    template <typename Handler, typename IoExecutor>
    void
    async_wait(implementation_type& impl, Handler& handler, const IoExecutor& io_executor)
    {
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = asio_impl::make_wait(handler, io_executor);
        if (slot.is_connected())
            op.set_cancellation_key(
                &slot.template emplace<wait_cancellation>(this, &impl.timer_data));
        impl.might_have_pending_waits = impl.might_be_in_heap = true;
        ASIO_URING_HANDLER_CREATION(
            (this->context(), *op.get(), "deadline_timer", &impl, 0, "async_wait"));
        with_scheduler([&](auto& scheduler) {
            scheduler.schedule_timer(queue_, impl.expiry, impl.timer_data, op.get());
        });
        op.release();
    }

private:
    // Asio finds a wait by the address of this object, which stays where it is as long as
    // the slot holds it.
    class wait_cancellation
    {
    public:
        wait_cancellation(
            timer_service* service, typename queue_type::per_timer_data* timer) noexcept
            : service_(service), timer_(timer)
        {}

        void operator()(boost::asio::cancellation_type_t type)
        {
            using boost::asio::cancellation_type;
            constexpr auto any = cancellation_type::terminal |
                                 cancellation_type::partial | cancellation_type::total;
            if ((type & any) != cancellation_type::none)
                service_->with_scheduler([&](auto& scheduler) {
                    scheduler.cancel_timer_by_key(service_->queue_, timer_, this);
                });
        }

    private:
        timer_service* service_;
        typename queue_type::per_timer_data* timer_;
    };

    static void take_values(implementation_type& impl, implementation_type& other)
    {
        impl.expiry = other.expiry;
        other.expiry = time_type();
        impl.service = other.service;
        impl.might_have_pending_waits = other.might_have_pending_waits;
        other.might_have_pending_waits = false;
        impl.might_be_in_heap = std::exchange(other.might_be_in_heap, false);
    }

    time_type leave_ring(implementation_type& impl)
    {
        error_code ignored;
        cancel(impl, ignored);
        return std::exchange(impl.expiry, time_type());
    }

    static event_loop* waiting_loop(ring_service& service) noexcept
    {
        return service.is_reactor() ? service.find_loop() : nullptr;
    }

    // The scheduler that waits for the context also waits for its timers: the ring's
    // loop, or a reactor that was there before the ring or does without one. Both have
    // the same functions for a heap.
    template <typename Function>
    auto with_scheduler(Function function)
    {
        if (loop_ != nullptr)
            return function(*loop_);
        return function(reactor_);
    }

    void leave_heap(implementation_type& impl)
    {
        if (std::exchange(impl.might_be_in_heap, false))
            cancel_waits(impl, asio_impl::for_good);
    }

    std::size_t cancel_waits(
        implementation_type& impl,
        std::size_t count_max = std::numeric_limits<std::size_t>::max())
    {
        return with_scheduler([&](auto& scheduler) {
            return scheduler.cancel_timer(queue_, impl.timer_data, count_max);
        });
    }

    // Null where the reactor does the waiting
    event_loop* const loop_;
    asio_impl::epoll_reactor& reactor_;
    queue_type queue_;
};

} // namespace asio_uring::detail
