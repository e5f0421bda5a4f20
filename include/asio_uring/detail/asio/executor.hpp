// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: the executors that put an I/O object of Asio's on the ring.
// Thread: copyable values, as Asio's executors. Lifetime: they refer to their context.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/any_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace boost::asio {

template <typename Executor>
class strand;

} // namespace boost::asio

namespace asio_uring {

namespace detail::asio_impl {

/// The base of every ring_executor, by which a class that derives from one is known, such
/// as Asio's executor with a default completion token.
struct ring_executor_base
{};

/// Whether an I/O object with this executor is on the ring: a ring_executor, what derives
/// from one, and a strand of one.
template <typename Executor>
inline constexpr bool is_ring_executor = std::is_base_of_v<ring_executor_base, Executor>;

template <typename Inner>
inline constexpr bool is_ring_executor<boost::asio::strand<Inner>> =
    is_ring_executor<Inner>;

/// The executor beneath a ring_executor, which only adds a type to it. Asio completes
/// directly into an io_context's own executor, and that is the type it must see.
template <typename Executor>
struct plain_executor
{
    using type = Executor;
};

template <std::derived_from<ring_executor_base> Executor>
struct plain_executor<Executor>
{
    using type = typename Executor::inner_executor_type;
};

template <typename Executor>
using plain_executor_t = typename plain_executor<Executor>::type;

/// The executor that Asio's own services get.
template <typename Executor>
const plain_executor_t<Executor>& plain(const Executor& executor) noexcept
{
    return executor;
}

// The words of the two ring executors below.

template <typename T, typename... Others>
concept other_than = (!std::same_as<std::remove_cvref_t<T>, Others> && ...);

// Asio's polymorphic executor is another one where a program asks for the executors of
// the Networking TS, and that one can be derived from.
#ifndef BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT

using any_executor_reference = const boost::asio::any_io_executor&;

template <typename Property>
concept queried_of_any =
    boost::asio::can_query<any_executor_reference, const Property&>::value;

template <queried_of_any Property>
using answer_of_any =
    typename boost::asio::query_result<any_executor_reference, const Property&>::type;

template <typename Property>
concept required_of_any =
    boost::asio::can_require<any_executor_reference, const Property&>::value;

template <typename Property>
concept preferred_of_any =
    boost::asio::can_prefer<any_executor_reference, const Property&>::value;

/// An executor that Asio's polymorphic one holds, and no polymorphic one itself.
template <typename Executor, typename Polymorphic>
concept held_in_any =
    !std::derived_from<Executor, Polymorphic> &&
    !std::derived_from<Executor, boost::asio::execution::detail::any_executor_base> &&
    std::convertible_to<const Executor&, boost::asio::any_io_executor>;

#endif

} // namespace detail::asio_impl

/// Inner, with a type of its own: an I/O object whose executor is a ring_executor runs on
/// the ring.
///
/// It behaves as Inner in every way and converts from it, so that an object can be made
/// from any executor or context that Inner can be made from. The first object of a
/// context installs the ring.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
template <typename Inner>
class ring_executor : public Inner, public detail::asio_impl::ring_executor_base
{
public:
    using inner_executor_type = Inner;

    template <detail::asio_impl::other_than<ring_executor> Other>
    requires std::convertible_to<Other, Inner> ring_executor(Other&& other)
    noexcept : Inner(std::forward<Other>(other)) {}

#ifndef BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT
    /// The same executor in Asio's polymorphic one, which holds an Inner.
    operator boost::asio::any_io_executor()
        const requires std::constructible_from<boost::asio::any_io_executor, const Inner&>
    {
        return boost::asio::any_io_executor(static_cast<const Inner&>(*this));
    }
#endif
};

#ifndef BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT

/// boost::asio::any_io_executor, with a type of its own: asio_uring::any_io_executor.
///
/// It is made from everything that Asio's is made from, the executors of an io_context, a
/// strand and a thread_pool among them, and converts to Asio's at no cost. It holds the
/// executor beneath a ring_executor, so that two of them compare as Asio's do.
template <>
class ring_executor<boost::asio::any_io_executor>
    : public detail::asio_impl::ring_executor_base
{
public:
    using inner_executor_type = boost::asio::any_io_executor;

    /// An empty one, of which nothing can be asked.
    ring_executor() noexcept = default;
    ring_executor(std::nullptr_t) noexcept {}

    template <detail::asio_impl::other_than<ring_executor, std::nullptr_t> Other>
    requires std::convertible_to<Other, inner_executor_type> ring_executor(Other&& other)
    noexcept(std::is_nothrow_constructible_v<inner_executor_type, Other>)
        : inner_(std::forward<Other>(other))
    {}

    operator const boost::asio::any_io_executor&() const noexcept { return inner_; }

    template <typename Function>
    void execute(Function&& function) const
    {
        inner_.execute(std::forward<Function>(function));
    }

    template <detail::asio_impl::queried_of_any Property>
    detail::asio_impl::answer_of_any<Property> query(const Property& property) const
    {
        return boost::asio::query(inner_, property);
    }

    template <detail::asio_impl::required_of_any Property>
    ring_executor require(const Property& property) const
    {
        return boost::asio::require(inner_, property);
    }

    template <detail::asio_impl::preferred_of_any Property>
    ring_executor prefer(const Property& property) const
    {
        return boost::asio::prefer(inner_, property);
    }

    /// The context of the executor in it.
    boost::asio::execution_context& context() const
    {
        return boost::asio::query(inner_, boost::asio::execution::context);
    }

    /// The executor in it, or null where that is of another type.
    template <typename Target>
    const Target* target() const noexcept
    {
        return inner_.template target<Target>();
    }

    template <typename Target>
    Target* target() noexcept
    {
        return inner_.template target<Target>();
    }

    const std::type_info& target_type() const noexcept { return inner_.target_type(); }

    explicit operator bool() const noexcept { return static_cast<bool>(inner_); }

    void swap(ring_executor& other) noexcept { inner_.swap(other.inner_); }

    // Both sides are deduced: a comparison that asks for a conversion to this class would
    // ask whether the other side is an executor, which may be why it is compared.
    template <
        std::derived_from<ring_executor> Self,
        std::derived_from<ring_executor> Other>
    friend bool operator==(const Self& a, const Other& b) noexcept
    {
        return inner_of(a) == inner_of(b);
    }

    /// Compares with what may be in it. Asio's polymorphic executors do so themselves.
    template <
        std::derived_from<ring_executor> Self,
        detail::asio_impl::held_in_any<ring_executor> Other>
    friend bool operator==(const Self& a, const Other& b) noexcept
    {
        return inner_of(a) == inner_executor_type(b);
    }

private:
    static const inner_executor_type& inner_of(const ring_executor& executor) noexcept
    {
        return executor.inner_;
    }

    inner_executor_type inner_;
};

#endif

/// The executor of any context whose objects run on the ring. Objects have it by default.
using any_io_executor = ring_executor<boost::asio::any_io_executor>;

/// The executor of an io_context whose objects run on the ring. An object of this type
/// spares the calls that any_io_executor makes through pointers.
using executor = ring_executor<boost::asio::io_context::executor_type>;

namespace detail::asio_impl {

/// The type that a ring object has for the moment in which it leaves the ring.
template <typename Inner>
class departing_executor : public ring_executor<Inner>
{
public:
    template <typename Other>
    requires(
        !std::derived_from<std::remove_cvref_t<Other>, departing_executor> &&
        std::convertible_to<Other, ring_executor<Inner>>)
        departing_executor(Other&& other)
    noexcept : ring_executor<Inner>(std::forward<Other>(other)) {}
};

template <typename Executor>
inline constexpr bool is_departing_executor = false;

template <typename Inner>
inline constexpr bool is_departing_executor<departing_executor<Inner>> = true;

} // namespace detail::asio_impl
} // namespace asio_uring

#ifndef BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT

namespace boost::asio::execution::detail {

// Asio's polymorphic executor holds what is beneath a ring_executor, by the conversion of
// ours. Of Asio's own constructors one would copy ours, type and all, to the heap; an
// object on it would miss Asio's direct way into an io_context.
template <std::derived_from<asio_uring::detail::asio_impl::ring_executor_base> Executor>
struct is_valid_target_executor<
    Executor,
    boost::asio::any_io_executor::supportable_properties_type> : false_type
{};

} // namespace boost::asio::execution::detail

#endif
