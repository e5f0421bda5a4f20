// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: how an object leaves the ring for one of Asio's own types: by
// leave_ring() alone, and not by a conversion that nobody sees. Thread: as Asio's
// objects. Lifetime: the departure is a temporary of that one move.
#pragma once

#include <asio_uring/detail/asio/executor.hpp>
#include <asio_uring/detail/asio/ring_protocol.hpp>

namespace asio_uring::detail::asio_impl {

/// Does not compile: an object would leave the ring by a conversion.
template <typename StockImplementation>
void refuse_to_leave()
{
    static_assert(
        sizeof(StockImplementation) == 0,
        "asio_uring: this move takes an object off the ring, into a type of Asio's own. "
        "Give the target a type of the ring (asio_uring::ip::tcp::socket, "
        "asio_uring::beast::tcp_stream, any_io_executor of asio_uring), or write "
        "asio_uring::leave_ring(std::move(object))");
}

/// What Asio's own class gets as the implementation of an object that leaves: a service
/// of Asio's takes it off the ring, and a service of ours moves it as it is.
template <typename Implementation>
class departure
{
public:
    explicit departure(Implementation& implementation) noexcept
        : implementation_(implementation)
    {}

    operator Implementation&() const noexcept { return implementation_; }

    operator typename Implementation::stock_implementation &() const
    {
        return implementation_.leave_ring();
    }

private:
    Implementation& implementation_;
};

/// The executor that an object has off the ring.
template <typename Executor>
struct executor_off_ring : plain_executor<Executor>
{};

template <typename Inner>
struct executor_off_ring<boost::asio::strand<Inner>>
{
    using type = boost::asio::strand<typename executor_off_ring<Inner>::type>;
};

/// The types that an object of Asio's class templates takes on its way off the ring:
/// first `departing`, then `type`.
template <typename Object>
struct off_ring;

template <template <typename> typename Object, typename Executor>
struct off_ring<Object<Executor>>
{
    using executor = typename executor_off_ring<Executor>::type;
    using departing = Object<departing_executor<executor>>;
    using type = Object<executor>;
};

template <
    template <typename, typename>
    typename Object,
    typename Protocol,
    typename Executor>
struct off_ring<Object<Protocol, Executor>>
{
    using executor = typename executor_off_ring<Executor>::type;
    using departing = Object<Protocol, departing_executor<executor>>;
    using type = Object<typename plain_protocol<Protocol>::type, executor>;
};

template <
    template <typename, typename, typename>
    typename Timer,
    typename Clock,
    typename WaitTraits,
    typename Executor>
struct off_ring<Timer<Clock, WaitTraits, Executor>>
{
    using executor = typename executor_off_ring<Executor>::type;
    using departing = Timer<Clock, WaitTraits, departing_executor<executor>>;
    using type = Timer<Clock, WaitTraits, executor>;
};

} // namespace asio_uring::detail::asio_impl
