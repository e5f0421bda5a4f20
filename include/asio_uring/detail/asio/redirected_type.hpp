// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: whether objects of a type have a service of ours behind them.
// Thread: none. Lifetime: none.
#pragma once

#include <asio_uring/detail/asio/redirect.hpp>

#include <boost/asio/basic_readable_pipe.hpp>
#include <boost/asio/basic_socket.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/basic_writable_pipe.hpp>
#include <boost/asio/detail/chrono_time_traits.hpp>
#include <boost/asio/posix/basic_descriptor.hpp>

#include <concepts>
#include <type_traits>

namespace asio_uring::detail::asio_impl {

template <typename StockService, typename Executor>
concept redirected_service = std::is_base_of_v<
    redirected_object<StockService, Executor>,
    boost::asio::detail::io_object_impl<StockService, Executor>>;

template <typename Object>
concept redirected_socket = requires
{
    typename Object::protocol_type;
    typename Object::executor_type;
    requires std::derived_from<
        Object,
        boost::asio::basic_socket<
            typename Object::protocol_type,
            typename Object::executor_type>> ||
        std::derived_from<
            Object,
            boost::asio::basic_socket_acceptor<
                typename Object::protocol_type,
                typename Object::executor_type>>;
    requires redirected_service <
        boost::asio::detail::reactive_socket_service<typename Object::protocol_type>,
    typename Object::executor_type > ;
};

template <typename Object>
concept redirected_descriptor = requires
{
    typename Object::executor_type;
    requires std::derived_from<
        Object,
        boost::asio::posix::basic_descriptor<typename Object::executor_type>> ||
        std::derived_from<
            Object,
            boost::asio::basic_readable_pipe<typename Object::executor_type>> ||
        std::derived_from<
            Object,
            boost::asio::basic_writable_pipe<typename Object::executor_type>>;
    requires redirected_service<
        boost::asio::detail::reactive_descriptor_service,
        typename Object::executor_type>;
};

template <typename Object>
concept redirected_timer = requires
{
    typename Object::clock_type;
    typename Object::traits_type;
    typename Object::executor_type;
    requires std::derived_from<
        Object,
        boost::asio::basic_waitable_timer<
            typename Object::clock_type,
            typename Object::traits_type,
            typename Object::executor_type>>;
    requires redirected_service < boost::asio::detail::deadline_timer_service<
                                      boost::asio::detail::chrono_time_traits<
                                          typename Object::clock_type,
                                          typename Object::traits_type>>,
    typename Object::executor_type > ;
};

/// False for what is none of Asio's class templates of I/O objects.
template <typename Object>
concept redirected_type = redirected_socket<Object> || redirected_descriptor<Object> ||
    redirected_timer<Object>;

} // namespace asio_uring::detail::asio_impl
