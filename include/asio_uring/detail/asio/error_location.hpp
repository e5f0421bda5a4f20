// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: errors that say where they were made, as those of Asio's services
// do. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/detail/asio/version.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

// Nothing where the program, or this release of Asio, does without locations.
#if defined(BOOST_ASIO_ERROR_LOCATION)
#    define ASIO_URING_ERROR_LOCATION(e) BOOST_ASIO_ERROR_LOCATION(e)
#else
#    define ASIO_URING_ERROR_LOCATION(e) static_cast<void>(e)
#endif

namespace asio_uring::detail::asio_impl {

/// The arguments of a handler; an error among them says that an operation ended with it.
template <typename Error, typename... Values>
std::tuple<Error, Values...>&& with_location(std::tuple<Error, Values...>&& arguments)
{
    if constexpr (std::is_same_v<Error, boost::system::error_code>) {
        if (boost::system::error_code& ec = std::get<0>(arguments))
            ASIO_URING_ERROR_LOCATION(ec);
    }
    return std::move(arguments);
}

} // namespace asio_uring::detail::asio_impl
