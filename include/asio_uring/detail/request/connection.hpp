// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the requests that make connections, and the waits for
// readiness.
// Thread: as their operation.
// Lifetime: as their operation, which keeps their addresses until the last CQE. A
// descriptor that an accept made is the request's until a socket takes it.
#pragma once

#include <asio_uring/detail/asio/socket_support.hpp>
#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/op/poll.hpp>
#include <asio_uring/op/socket.hpp>

#include <boost/asio/buffer.hpp>

#include <cerrno>
#include <tuple>
#include <type_traits>
#include <utility>

#include <sys/socket.h>

#include <poll.h>
#include <unistd.h>

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

/// Readiness, without a transfer.
class wait_request
{
public:
    wait_request(int descriptor, direction way) noexcept
        : descriptor_(descriptor),
          events_(static_cast<std::uint32_t>(way == direction::read ? POLLIN : POLLOUT))
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        op::poll_add{.fd = descriptor_, .events = events_}.prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    int descriptor_;
    std::uint32_t events_;
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

/// The base of both kinds of accept: the request, and the new descriptor until a socket
/// takes it.
template <typename Protocol>
class accept_request_base
{
public:
    using endpoint_type = typename Protocol::endpoint;

    accept_request_base(
        int descriptor, const Protocol& protocol, endpoint_type* peer_endpoint) noexcept
        : peer_endpoint_(peer_endpoint), protocol_(protocol), descriptor_(descriptor)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        op::accept request{.fd = descriptor_};
        if (peer_endpoint_ != nullptr) {
            address_size_ = static_cast<::socklen_t>(peer_endpoint_->capacity());
            request.address = peer_endpoint_->data();
            request.address_size = &address_size_;
        }
        request.prepare(sqe);
    }

    void discard(const ring_operation& op) noexcept
    {
        if (op.result() >= 0)
            ::close(op.result());
    }

protected:
    template <typename Socket>
    boost::system::error_code assign(const ring_operation& op, Socket& peer)
    {
        boost::system::error_code ec = operation_error(op);
        if (ec)
            return ec;
        asio_impl::socket_holder accepted(op.result());
        if (peer_endpoint_ != nullptr)
            peer_endpoint_->resize(address_size_);
        peer.assign(protocol_, accepted.get(), ec);
        if (!ec)
            accepted.release();
        return ec;
    }

private:
    endpoint_type* peer_endpoint_;
    Protocol protocol_;
    int descriptor_;
    ::socklen_t address_size_ = 0;
};

/// An accept into a socket of the caller's. Where that socket is open already, the
/// request does not go to the kernel: it ends with already_open.
template <typename Protocol, typename Socket>
class accept_request : public accept_request_base<Protocol>
{
    using base = accept_request_base<Protocol>;

public:
    accept_request(
        int descriptor,
        const Protocol& protocol,
        typename base::endpoint_type* peer_endpoint,
        Socket& peer)
        : base(descriptor, protocol, peer_endpoint),
          peer_(peer),
          peer_was_open_(peer.is_open())
    {}

    static constexpr int result_at_once = -ECANCELED;
    bool completes_at_once(bool /*is_stream*/) const noexcept { return peer_was_open_; }

    auto result(const ring_operation& op)
    {
        if (peer_was_open_)
            return std::make_tuple(
                boost::system::error_code(boost::asio::error::already_open));
        return std::make_tuple(this->assign(op, peer_));
    }

private:
    Socket& peer_;
    const bool peer_was_open_;
};

/// An accept into a new socket, which the handler gets.
template <typename Protocol, typename PeerExecutor>
class move_accept_request : public accept_request_base<Protocol>
{
    using base = accept_request_base<Protocol>;
    using peer_type =
        typename Protocol::socket::template rebind_executor<PeerExecutor>::other;

public:
    move_accept_request(
        int descriptor,
        const Protocol& protocol,
        typename base::endpoint_type* peer_endpoint,
        const PeerExecutor& peer_executor)
        : base(descriptor, protocol, peer_endpoint), peer_(peer_executor)
    {}

    auto result(const ring_operation& op)
    {
        const boost::system::error_code ec = this->assign(op, peer_);
        return std::tuple<boost::system::error_code, peer_type>(ec, std::move(peer_));
    }

private:
    peer_type peer_;
};

} // namespace asio_uring::detail
