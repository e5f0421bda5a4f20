// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the requests that move bytes through a socket.
// Thread: as their operation.
// Lifetime: as their operation, which keeps their message headers until the last CQE.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/buffers.hpp>
#include <asio_uring/op/receive.hpp>
#include <asio_uring/op/send.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <tuple>
#include <utility>

namespace asio_uring::detail {

// A transfer waits in the kernel until it can move something and then moves what it can:
// flags that ask for an immediate or a complete answer have no meaning on top of that in
// Asio's services either.
inline int transfer_flags(int flags) noexcept
{
    return flags & ~(MSG_DONTWAIT | MSG_WAITALL);
}

struct no_message_header
{};

// A request of one buffer needs no message header.
template <typename RequestBuffers>
using message_header =
    std::conditional_t<RequestBuffers::is_single, no_message_header, ::msghdr>;

template <typename Buffers>
class send_request
    : public byte_request<request_buffers_t<boost::asio::const_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::const_buffer, Buffers>;
    using base = byte_request<buffers_type>;
    using base::buffers_;

public:
    send_request(int descriptor, const Buffers& buffers, int flags)
        : base(buffers),
          descriptor_(descriptor),
          flags_(transfer_flags(flags) | MSG_NOSIGNAL)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        if constexpr (buffers_type::is_single) {
            op::send{
                .fd = descriptor_,
                .data = buffers_.data(),
                .size = buffers_.size(),
                .flags = flags_}
                .prepare(sqe);
        }
        else {
            header_.msg_iov = buffers_.iovecs();
            header_.msg_iovlen = buffers_.count();
            op::sendmsg{.fd = descriptor_, .message = &header_, .flags = flags_}.prepare(
                sqe);
        }
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    [[no_unique_address]] message_header<buffers_type> header_{};
    int descriptor_;
    int flags_;
};

template <typename Buffers>
class receive_request
    : public byte_request<request_buffers_t<boost::asio::mutable_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::mutable_buffer, Buffers>;
    using base = byte_request<buffers_type>;
    using base::buffers_;

public:
    receive_request(int descriptor, const Buffers& buffers, int flags, bool is_stream)
        : base(buffers),
          descriptor_(descriptor),
          flags_(transfer_flags(flags)),
          is_stream_(is_stream)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        if constexpr (buffers_type::is_single) {
            op::recv{
                .fd = descriptor_,
                .data = buffers_.data(),
                .size = buffers_.size(),
                .flags = flags_}
                .prepare(sqe);
        }
        else {
            header_.msg_iov = buffers_.iovecs();
            header_.msg_iovlen = buffers_.count();
            op::recvmsg{.fd = descriptor_, .message = &header_, .flags = flags_}.prepare(
                sqe);
        }
    }

    auto result(const ring_operation& op) const
    {
        boost::system::error_code ec = operation_error(op);
        // A program can read the end of the stream again, so a handler whose operation
        // was cancelled meanwhile loses nothing.
        if (is_stream_ && op.result() == 0 && !buffers_.all_empty())
            ec = op.cancel_requested()
                     ? boost::system::error_code(boost::asio::error::operation_aborted)
                     : boost::system::error_code(boost::asio::error::eof);
        return std::make_tuple(ec, operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    [[no_unique_address]] message_header<buffers_type> header_{};
    int descriptor_;
    int flags_;
    bool is_stream_;
};

/// A receive that also reports the flags of the message.
template <typename Buffers>
class receive_with_flags_request
    : public buffered_request<message_buffers_t<boost::asio::mutable_buffer, Buffers>>
{
    using buffers_type = message_buffers_t<boost::asio::mutable_buffer, Buffers>;
    using base = buffered_request<buffers_type>;
    using base::buffers_;

public:
    receive_with_flags_request(
        int descriptor, const Buffers& buffers, int in_flags, int& out_flags)
        : base(buffers),
          out_flags_(out_flags),
          descriptor_(descriptor),
          flags_(transfer_flags(in_flags))
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        header_ = ::msghdr{};
        header_.msg_iov = buffers_.iovecs();
        header_.msg_iovlen = buffers_.count();
        op::recvmsg{.fd = descriptor_, .message = &header_, .flags = flags_}.prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        out_flags_ = op.result() < 0 ? 0 : header_.msg_flags;
        return std::make_tuple(operation_error(op), operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    ::msghdr header_{};
    int& out_flags_;
    int descriptor_;
    int flags_;
};

/// A datagram to one destination. A single buffer needs no message header, which the
/// kernel would otherwise have to read as well.
template <typename Buffers, typename Endpoint>
class send_to_request
    : public buffered_request<request_buffers_t<boost::asio::const_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::const_buffer, Buffers>;
    using base = buffered_request<buffers_type>;
    using base::buffers_;

public:
    send_to_request(
        int descriptor, const Buffers& buffers, const Endpoint& destination, int flags)
        : base(buffers),
          destination_(destination),
          descriptor_(descriptor),
          flags_(transfer_flags(flags) | MSG_NOSIGNAL)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        if constexpr (buffers_type::is_single) {
            op::send{
                .fd = descriptor_,
                .data = buffers_.data(),
                .size = buffers_.size(),
                .flags = flags_,
                .address = destination_.data(),
                .address_size = static_cast<std::uint16_t>(destination_.size())}
                .prepare(sqe);
        }
        else {
            header_.msg_name = destination_.data();
            header_.msg_namelen = static_cast<::socklen_t>(destination_.size());
            header_.msg_iov = buffers_.iovecs();
            header_.msg_iovlen = buffers_.count();
            op::sendmsg{.fd = descriptor_, .message = &header_, .flags = flags_}.prepare(
                sqe);
        }
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    [[no_unique_address]] message_header<buffers_type> header_{};
    Endpoint destination_;
    int descriptor_;
    int flags_;
};

/// A datagram and its sender.
template <typename Buffers, typename Endpoint>
class receive_from_request
    : public buffered_request<message_buffers_t<boost::asio::mutable_buffer, Buffers>>
{
    using buffers_type = message_buffers_t<boost::asio::mutable_buffer, Buffers>;
    using base = buffered_request<buffers_type>;
    using base::buffers_;

public:
    receive_from_request(
        int descriptor, const Buffers& buffers, Endpoint& sender, int flags)
        : base(buffers),
          sender_(sender),
          descriptor_(descriptor),
          flags_(transfer_flags(flags))
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        header_ = ::msghdr{};
        header_.msg_name = sender_.data();
        header_.msg_namelen = static_cast<::socklen_t>(sender_.capacity());
        header_.msg_iov = buffers_.iovecs();
        header_.msg_iovlen = buffers_.count();
        op::recvmsg{.fd = descriptor_, .message = &header_, .flags = flags_}.prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        if (op.result() >= 0)
            sender_.resize(header_.msg_namelen);
        return std::make_tuple(operation_error(op), operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    ::msghdr header_{};
    Endpoint& sender_;
    int descriptor_;
    int flags_;
};

} // namespace asio_uring::detail
