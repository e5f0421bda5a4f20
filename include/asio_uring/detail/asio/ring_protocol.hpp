// SPDX-License-Identifier: BSL-1.0
// Layer: asio. Purpose: the protocols whose sockets are on the ring whatever their
// executor. Asio makes the type of an accepted socket from the protocol of its listener
// and an executor of the program's choice. Thread: values. Lifetime: values.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <concepts>
#include <type_traits>

namespace asio_uring::detail::asio_impl {

struct ring_protocol_base
{};

/// The base of the library's own ip::tcp and its like: Protocol with a type of its own.
/// Values convert both ways; endpoints and options are Protocol's.
template <typename Protocol>
class ring_protocol : public Protocol, public ring_protocol_base
{
public:
    using stock_protocol = Protocol;
    using Protocol::Protocol;

    ring_protocol() = default;

    template <typename Other>
    requires(
        !std::derived_from<Other, ring_protocol> &&
        std::convertible_to<const Other&, Protocol>) ring_protocol(const Other& other)
        : Protocol(other)
    {}
};

template <typename Protocol>
inline constexpr bool is_ring_protocol = std::is_base_of_v<ring_protocol_base, Protocol>;

/// Asio's own protocol beneath one of ours.
template <typename Protocol>
struct plain_protocol
{
    using type = Protocol;
};

template <std::derived_from<ring_protocol_base> Protocol>
struct plain_protocol<Protocol>
{
    using type = typename Protocol::stock_protocol;
};

} // namespace asio_uring::detail::asio_impl
