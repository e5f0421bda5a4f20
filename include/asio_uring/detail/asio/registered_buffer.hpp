// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: Asio's registered buffers, which only a class of Asio's makes.
// Thread: any. Lifetime: plain values.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/buffer_registration.hpp>
#include <boost/asio/registered_buffer.hpp>

#include <cstdint>
#include <type_traits>

namespace asio_uring::detail::asio_impl {

class registered_buffer_maker : private boost::asio::detail::buffer_registration_base
{
public:
    /// A buffer of a registration, by the registration's name and the buffer's place.
    static boost::asio::mutable_registered_buffer make(
        const boost::asio::mutable_buffer& buffer,
        std::uintptr_t name,
        std::uint32_t place) noexcept
    {
        // Asio compares the name and never follows it.
        return make_buffer(
            buffer, reinterpret_cast<const void*>(name), static_cast<int>(place));
    }
};

/// What the id of such a buffer is.
inline boost::asio::registered_buffer_id
registered_id(std::uintptr_t name, std::uint32_t place) noexcept
{
    return registered_buffer_maker::make({}, name, place).id();
}

template <typename Buffers>
inline constexpr bool is_registered_buffer =
    std::is_same_v<Buffers, boost::asio::mutable_registered_buffer> ||
    std::is_same_v<Buffers, boost::asio::const_registered_buffer>;

} // namespace asio_uring::detail::asio_impl
