// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the request that makes a connection, and the waits for
// readiness.
// Thread: as their operation.
// Lifetime: as their operation, which keeps the address until the last CQE.
#pragma once

#include <asio_uring/detail/asio/socket_support.hpp>
#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/attempt.hpp>
#include <asio_uring/op/socket.hpp>

#include <boost/asio/buffer.hpp>

#include <cerrno>
#include <tuple>
#include <type_traits>
#include <utility>

#include <sys/socket.h>

#include <poll.h>

namespace asio_uring::detail {

template <typename Endpoint>
class connect_request
{
public:
    connect_request(int descriptor, const Endpoint& endpoint)
        : endpoint_(endpoint), descriptor_(descriptor)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        op::connect{
            .fd = descriptor_,
            .address = endpoint_.data(),
            .address_size = static_cast<::socklen_t>(endpoint_.size())}
            .prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    Endpoint endpoint_;
    int descriptor_;
};

/// Readiness, without a transfer. The kernel's poll may tell of a change that was none,
/// so the descriptor itself is asked before the handler is told.
class wait_request
{
public:
    wait_request(int descriptor, direction way) noexcept
        : descriptor_(descriptor), reads_(way == direction::read)
    {}

    static constexpr bool goes_by_call() noexcept { return true; }
    static constexpr bool tries_first = false;

    int attempt() noexcept
    {
        return attempt_wait(descriptor_, reads_ ? POLLIN : POLLOUT);
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    int descriptor_;
    bool reads_;
};

/// Readiness, asked for in Asio's deprecated way: as a transfer of null_buffers.
class null_buffers_request : public wait_request
{
public:
    using wait_request::wait_request;

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), std::size_t(0));
    }
};

// Asio's deprecated way to ask for readiness only.
using asio_impl::is_null_buffers;

} // namespace asio_uring::detail
