// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: the executor that puts an I/O object of Asio's on the ring.
// Thread: a copyable value, as Asio's executors. Lifetime: refers to its context.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/asio/io_context.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace asio_uring {

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
class ring_executor : public Inner
{
public:
    using inner_executor_type = Inner;

    template <typename Other>
    requires(
        !std::same_as<std::remove_cvref_t<Other>, ring_executor> &&
        std::convertible_to<Other, Inner>) ring_executor(Other&& other)
    noexcept : Inner(std::forward<Other>(other)) {}
};

/// The executor of an io_context whose objects run on the ring.
using executor = ring_executor<boost::asio::io_context::executor_type>;

} // namespace asio_uring
