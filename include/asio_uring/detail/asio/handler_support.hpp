// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: the parts of Asio that carry a handler from initiation to its
// call: outstanding work, allocation, tracking, binding of results. Thread: the
// initiating and the completing thread. Lifetime: members of an operation.
#pragma once

#include <asio_uring/detail/asio/executor.hpp>
#include <asio_uring/detail/asio/scheduler.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/detail/handler_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/version.hpp>

#if BOOST_VERSION >= 108200
#    include <boost/asio/associated_immediate_executor.hpp>
#    include <boost/asio/dispatch.hpp>
#endif

// A hook that a handler brings where it is to run, such as that of io_context::strand's
// wrap(). Asio 1.29 has none.
#if BOOST_ASIO_VERSION < 102900
#    include <boost/asio/detail/handler_invoke_helpers.hpp>
#    define ASIO_URING_HAS_INVOKE_HOOK 1
#else
#    define ASIO_URING_HAS_INVOKE_HOOK 0
#endif

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

// Asio's handler tracking follows our operations as it does its own.
#define ASIO_URING_HANDLER_CREATION(args) BOOST_ASIO_HANDLER_CREATION(args)
#define ASIO_URING_HANDLER_COMPLETION(operation) \
    BOOST_ASIO_HANDLER_COMPLETION((operation))
// Tracking shows a handler's arguments as Asio shows them: the error, and a size or an
// ellipsis.
#define ASIO_URING_HANDLER_INVOCATION_BEGIN(bound)                               \
    do {                                                                         \
        using tracked_ = std::remove_reference_t<decltype(bound)>;               \
        if constexpr (::asio_uring::detail::asio_impl::binds_size<tracked_>)     \
            BOOST_ASIO_HANDLER_INVOCATION_BEGIN(((bound).arg1_, (bound).arg2_)); \
        else if constexpr (::asio_uring::detail::asio_impl::binds_two<tracked_>) \
            BOOST_ASIO_HANDLER_INVOCATION_BEGIN(((bound).arg1_, "..."));         \
        else                                                                     \
            BOOST_ASIO_HANDLER_INVOCATION_BEGIN(((bound).arg1_));                \
    } while (false)
#define ASIO_URING_HANDLER_OPERATION(args) BOOST_ASIO_HANDLER_OPERATION(args)
#define ASIO_URING_HANDLER_INVOCATION_END() BOOST_ASIO_HANDLER_INVOCATION_END

namespace asio_uring::detail::asio_impl {

using boost::asio::detail::binder1;
using boost::asio::detail::binder2;
using boost::asio::detail::fenced_block;
using boost::asio::detail::handler_work;
using boost::asio::detail::move_binder2;

template <typename Bound>
concept binds_two = requires(Bound& bound)
{
    bound.arg2_;
};

template <typename Bound>
concept binds_size = binds_two<Bound> && requires(Bound& bound)
{
    requires std::is_same_v<decltype(bound.arg2_), std::size_t>;
};

/// The executor in a ring_executor, which adds a type to it and nothing else. A class
/// that derives from a ring_executor may add more, and is left alone.
template <typename Executor>
const Executor& without_type(const Executor& executor) noexcept
{
    return executor;
}

template <typename Inner>
const Inner& without_type(const ring_executor<Inner>& executor) noexcept
{
    return executor;
}

/// Outstanding work of one handler, and the way to its executor.
///
/// A handler needs none where its associated executor is the io_context executor of the
/// object, whatever type holds the two of them; every composed operation and every
/// coroutine spawned on the object's executor is so. The scheduler already runs it where
/// that executor would, and the operation counts as that executor's work.
template <typename Handler, typename IoExecutor>
class completion_work
{
    using io_executor_type = plain_executor_t<IoExecutor>;
    using association = boost::asio::associated_executor<Handler, io_executor_type>;
    using associated_type = std::decay_t<decltype(without_type(
        std::declval<const typename association::type&>()))>;
    using native_type = boost::asio::io_context::executor_type;

    template <typename Executor>
    static constexpr bool may_be_native =
        std::is_same_v<Executor, native_type> ||
        std::is_same_v<Executor, boost::asio::any_io_executor>;

    // The handler brings no executor: Asio marks the association that nobody has
    // specialised.
    static constexpr bool brings_none = requires
    {
        typename association::asio_associated_executor_is_unspecialised;
    };

public:
    static constexpr bool is_always_needed =
        !may_be_native<io_executor_type> || !may_be_native<associated_type>;
    static constexpr bool is_never_needed =
        brings_none && std::is_same_v<io_executor_type, native_type>;

    static bool is_needed(const Handler& handler, const IoExecutor& io_executor)
    {
        if constexpr (is_always_needed || is_never_needed)
            return is_always_needed;
        else {
            const native_type* const native = native_in(plain(io_executor));
            if constexpr (brings_none)
                return native == nullptr;
            else {
                if (native == nullptr)
                    return true;
                // By its declared type: the handler may give something that converts.
                const typename association::type& associated =
                    boost::asio::get_associated_executor(handler, plain(io_executor));
                const native_type* const other = native_in(without_type(associated));
                return other == nullptr || *other != *native;
            }
        }
    }

    completion_work(Handler& handler, const IoExecutor& io_executor)
        : work_(handler, plain(io_executor))
    {}

    completion_work(completion_work&&) = default;

    template <typename Function>
    void complete(Function& function, Handler& handler)
    {
        work_.complete(function, handler);
    }

private:
    static const native_type* native_in(const native_type& executor) noexcept
    {
        return &executor;
    }

    static const native_type*
    native_in(const boost::asio::any_io_executor& executor) noexcept
    {
        return executor.template target<native_type>();
    }

    handler_work<Handler, io_executor_type> work_;
};

/// Calls a bound handler that needs no work, as Asio's handler_work does.
template <typename Function, typename Handler>
void call(Function& function, [[maybe_unused]] Handler& handler)
{
#if ASIO_URING_HAS_INVOKE_HOOK
    boost_asio_handler_invoke_helpers::invoke(function, handler);
#else
    std::move(function)();
#endif
}

/// A nullary function that calls the handler with the given values, of a kind Asio's work
/// accepts.
template <typename Handler, typename Value>
auto bind_result(Handler&& handler, Value&& value)
{
    static_assert(!std::is_lvalue_reference_v<Handler>, "the handler is moved from");
    return binder1<Handler, std::decay_t<Value>>(0, std::move(handler), value);
}

template <typename Handler, typename Value1, typename Value2>
auto bind_result(Handler&& handler, Value1&& value1, Value2&& value2)
{
    using second = std::decay_t<Value2>;
    if constexpr (std::is_copy_constructible_v<second>)
        return binder2<Handler, std::decay_t<Value1>, second>(
            0, std::move(handler), value1, value2);
    else
        return move_binder2<Handler, std::decay_t<Value1>, second>(
            0, std::move(handler), value1, std::move(value2));
}

// Boost 1.82 lets a handler say where it runs when its operation ends within the
// initiating function.
#if BOOST_VERSION >= 108200

// Asio marks the association that nobody has specialised, whose executor only ever posts.
template <typename Handler, typename IoExecutor>
concept default_immediate_executor = requires
{
    typename boost::asio::associated_immediate_executor<Handler, IoExecutor>::
        asio_associated_immediate_executor_is_unspecialised;
};

/// Whether the handler brings an immediate executor of its own.
template <typename Handler, typename IoExecutor>
inline constexpr bool has_immediate_executor =
    !default_immediate_executor<Handler, plain_executor_t<IoExecutor>>;

/// Calls a bound handler by way of its immediate executor, perhaps before this function
/// returns.
template <typename Bound, typename IoExecutor>
void deliver_at_once(Bound& bound, const IoExecutor& io_executor)
{
    const auto immediate = boost::asio::get_associated_immediate_executor(
        bound.handler_, plain(io_executor));
    boost::asio::dispatch(immediate, std::move(bound));
}

#else

template <typename Handler, typename IoExecutor>
inline constexpr bool has_immediate_executor = false;

template <typename Bound, typename IoExecutor>
void deliver_at_once(Bound&, const IoExecutor&) = delete;

#endif

/// Ends an operation that was never made: calls the handler with the values. The call
/// goes by way of the handler's own immediate executor where the handler has one, and
/// otherwise never comes before this function returns.
template <typename IoExecutor, typename Handler, typename... Values>
void complete_at_once(
    const IoExecutor& io_executor, Handler&& handler, Values&&... values)
{
    std::decay_t<Handler> stored(std::forward<Handler>(handler));
    auto bound = bind_result(std::move(stored), std::forward<Values>(values)...);
    if constexpr (has_immediate_executor<std::decay_t<Handler>, IoExecutor>)
        deliver_at_once(bound, io_executor);
    else
        boost::asio::post(io_executor, std::move(bound));
}

/// The allocator an operation's memory comes from: the handler's, with Asio's recycling
/// as default.
template <typename Handler>
auto operation_allocator(const Handler& handler)
{
    auto allocator = boost::asio::get_associated_allocator(
        handler, boost::asio::recycling_allocator<void>());
    using allocator_type = decltype(allocator);
    using value_type = typename std::allocator_traits<allocator_type>::value_type;
    if constexpr (std::is_same_v<allocator_type, std::allocator<value_type>>)
        return boost::asio::recycling_allocator<void>();
    else
        return allocator;
}

} // namespace asio_uring::detail::asio_impl
