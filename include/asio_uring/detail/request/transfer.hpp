// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the transfers of a socket. Each is tried by a call first. What
// has to wait then waits well: a read of a stream as a receive that brings its bytes,
// anything else until the socket is ready, because only a call leaves a datagram where it
// is, and never leaves a thread of the kernel waiting for a peer.
// Thread: as their operation.
// Lifetime: as their operation, which keeps message headers until the last CQE.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/attempt.hpp>
#include <asio_uring/detail/request/buffers.hpp>
#include <asio_uring/op/receive.hpp>
#include <asio_uring/op/send.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace asio_uring::detail {

// A transfer that waits in the kernel moves what it can as soon as it can: flags that ask
// for an immediate or a complete answer have no meaning on top of that in Asio's services
// either.
inline int transfer_flags(int flags) noexcept
{
    return flags & ~(MSG_DONTWAIT | MSG_WAITALL);
}

inline int call_flags(int flags) noexcept { return transfer_flags(flags) | MSG_DONTWAIT; }

inline int
attempt_receive(int descriptor, ::iovec* iovecs, std::size_t count, int flags) noexcept
{
    ::msghdr header{};
    header.msg_iov = iovecs;
    header.msg_iovlen = count;
    return attempt_call([&] { return ::recvmsg(descriptor, &header, flags); });
}

/// The handler's arguments of a transfer that has nothing to add.
inline std::tuple<boost::system::error_code, std::size_t>
transfer_result(const ring_operation& op)
{
    return {operation_error(op), operation_bytes(op)};
}

/// The message header that a request of several buffers needs.
struct no_message_header
{};

template <typename Buffers>
using request_header_t =
    std::conditional_t<Buffers::is_single, no_message_header, ::msghdr>;

template <typename Buffers>
class send_request
    : public byte_request<brief_buffers_t<boost::asio::const_buffer, Buffers>>
{
    using buffers_type = brief_buffers_t<boost::asio::const_buffer, Buffers>;
    using base = byte_request<buffers_type>;
    using base::buffers_;

public:
    send_request(int descriptor, const Buffers& buffers, int flags)
        : base(buffers), descriptor_(descriptor), flags_(call_flags(flags) | MSG_NOSIGNAL)
    {}

    static constexpr bool goes_by_call() noexcept { return true; }
    static constexpr bool goes_with_turn = true;

    int attempt() noexcept(buffers_type::is_single)
    {
        if constexpr (buffers_type::is_single) {
            return attempt_call([&] {
                return ::send(descriptor_, buffers_.data(), buffers_.size(), flags_);
            });
        }
        else {
            return with_iovecs(buffers_, [&](::iovec* iovecs, std::size_t count) {
                ::msghdr header{};
                header.msg_iov = iovecs;
                header.msg_iovlen = count;
                return attempt_call(
                    [&] { return ::sendmsg(descriptor_, &header, flags_); });
            });
        }
    }

    /// The same attempt as a request of the turn.
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
            op::sendmsg{.fd = descriptor_, .message = &buffers_.header(), .flags = flags_}
                .prepare(sqe);
        }
    }

    auto result(const ring_operation& op) const { return transfer_result(op); }
    void discard(const ring_operation&) noexcept {}

private:
    int descriptor_;
    int flags_;
};

template <typename Buffers>
class receive_request
    : public bringing_request<request_buffers_t<boost::asio::mutable_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::mutable_buffer, Buffers>;
    using base = bringing_request<buffers_type>;
    using base::buffers_;

public:
    receive_request(int descriptor, const Buffers& buffers, int flags, bool is_stream)
        : base(buffers),
          descriptor_(descriptor),
          flags_(transfer_flags(flags)),
          is_stream_(is_stream)
    {}

    bool goes_by_call() const noexcept { return !is_stream_; }

    /// A poll may tell of urgent data, over which a call would read.
    bool is_ready() const noexcept
    {
        return !is_stream_ || attempt_wait(descriptor_, POLLIN) != -EAGAIN;
    }

    int attempt() noexcept
    {
        const int flags = call_flags(flags_);
        if constexpr (buffers_type::is_single) {
            return attempt_call([&] {
                return ::recv(descriptor_, buffers_.data(), buffers_.size(), flags);
            });
        }
        else {
            fill_header();
            return attempt_call([&] { return ::recvmsg(descriptor_, &header_, flags); });
        }
    }

    // A request of one buffer needs no message header.
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
            fill_header();
            op::recvmsg{.fd = descriptor_, .message = &header_, .flags = flags_}.prepare(
                sqe);
        }
    }

    bool keep(const ring_operation& op, kept_input& kept) const noexcept
    {
        return base::keep(op, kept, peeks());
    }

    int serve(kept_input& kept) const noexcept
    {
        return base::serve(kept, peeks(), [&](::iovec* iovecs, std::size_t count) {
            return attempt_receive(descriptor_, iovecs, count, call_flags(flags_));
        });
    }

    bool may_have_more(const ring_operation& op) const noexcept
    {
        return !is_stream_ || peeks() || base::may_have_more(op);
    }

    auto result(const ring_operation& op) const
    {
        boost::system::error_code ec = operation_error(op);
        if (is_stream_ && op.result() == 0 && !buffers_.all_empty())
            ec = boost::asio::error::eof;
        return std::make_tuple(ec, operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    bool peeks() const noexcept { return (flags_ & MSG_PEEK) != 0; }

    void fill_header() noexcept
    {
        header_ = {};
        header_.msg_iov = buffers_.iovecs();
        header_.msg_iovlen = buffers_.count();
    }

    [[no_unique_address]] request_header_t<buffers_type> header_{};
    int descriptor_;
    int flags_;
    bool is_stream_;
};

/// A receive that also reports the flags of the message.
template <typename Buffers>
class receive_with_flags_request
    : public bringing_request<request_buffers_t<boost::asio::mutable_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::mutable_buffer, Buffers>;
    using base = bringing_request<buffers_type>;
    using base::buffers_;

public:
    receive_with_flags_request(
        int descriptor,
        const Buffers& buffers,
        int in_flags,
        int& out_flags,
        bool is_stream)
        : base(buffers),
          out_flags_(out_flags),
          descriptor_(descriptor),
          flags_(transfer_flags(in_flags)),
          is_stream_(is_stream)
    {}

    // Asio has no end of the stream here, and so no transfer of no bytes either.
    static constexpr bool completes_at_once(bool) noexcept { return false; }

    bool goes_by_call() const noexcept { return !is_stream_; }

    /// A poll may tell of urgent data, over which a call would read.
    bool is_ready() const noexcept
    {
        return !is_stream_ || attempt_wait(descriptor_, POLLIN) != -EAGAIN;
    }

    int attempt() noexcept
    {
        fill_header();
        return attempt_call(
            [&] { return ::recvmsg(descriptor_, &header_, call_flags(flags_)); });
    }

    void prepare(abi::sqe& sqe) noexcept
    {
        fill_header();
        op::recvmsg{.fd = descriptor_, .message = &header_, .flags = flags_}.prepare(sqe);
    }

    bool keep(const ring_operation& op, kept_input& kept) const noexcept
    {
        return base::keep(op, kept, peeks());
    }

    int serve(kept_input& kept) noexcept
    {
        header_.msg_flags = 0;
        return base::serve(kept, peeks(), [&](::iovec* iovecs, std::size_t count) {
            return attempt_receive(descriptor_, iovecs, count, call_flags(flags_));
        });
    }

    bool may_have_more(const ring_operation& op) const noexcept
    {
        return !is_stream_ || peeks() || base::may_have_more(op);
    }

    auto result(const ring_operation& op) const
    {
        out_flags_ = op.result() < 0 ? 0 : header_.msg_flags;
        return transfer_result(op);
    }

    void discard(const ring_operation&) noexcept {}

private:
    bool peeks() const noexcept { return (flags_ & MSG_PEEK) != 0; }

    void fill_header() noexcept
    {
        header_ = {};
        if constexpr (buffers_type::is_single) {
            one_ = buffers_.iovec();
            header_.msg_iov = &one_;
            header_.msg_iovlen = 1;
        }
        else {
            header_.msg_iov = buffers_.iovecs();
            header_.msg_iovlen = buffers_.count();
        }
    }

    ::msghdr header_{};
    ::iovec one_{};
    int& out_flags_;
    int descriptor_;
    int flags_;
    bool is_stream_;
};

/// A datagram to one destination.
template <typename Buffers, typename Endpoint>
class send_to_request
{
    using buffers_type = brief_buffers_t<boost::asio::const_buffer, Buffers>;

public:
    send_to_request(
        int descriptor, const Buffers& buffers, const Endpoint& destination, int flags)
        : buffers_(buffers),
          destination_(destination),
          descriptor_(descriptor),
          flags_(call_flags(flags) | MSG_NOSIGNAL)
    {}

    static constexpr bool goes_by_call() noexcept { return true; }
    static constexpr bool goes_with_turn = true;

    /// The same attempt as a request of the turn.
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
            ::msghdr& header = buffers_.header();
            header.msg_name = destination_.data();
            header.msg_namelen = static_cast<::socklen_t>(destination_.size());
            op::sendmsg{.fd = descriptor_, .message = &header, .flags = flags_}.prepare(
                sqe);
        }
    }

    /// See brief_buffer_list.
    void keep_iovecs() noexcept(buffers_type::is_single) { buffers_.keep_iovecs(); }

    int attempt() noexcept(buffers_type::is_single)
    {
        return with_iovecs(buffers_, [&](::iovec* iovecs, std::size_t count) {
            ::msghdr header{};
            header.msg_name = destination_.data();
            header.msg_namelen = static_cast<::socklen_t>(destination_.size());
            header.msg_iov = iovecs;
            header.msg_iovlen = count;
            return attempt_call([&] { return ::sendmsg(descriptor_, &header, flags_); });
        });
    }

    auto result(const ring_operation& op) const { return transfer_result(op); }
    void discard(const ring_operation&) noexcept {}

private:
    buffers_type buffers_;
    Endpoint destination_;
    int descriptor_;
    int flags_;
};

/// A datagram and its sender.
template <typename Buffers, typename Endpoint>
class receive_from_request
{
    using buffers_type = brief_buffers_t<boost::asio::mutable_buffer, Buffers>;

public:
    receive_from_request(
        int descriptor, const Buffers& buffers, Endpoint& sender, int flags)
        : buffers_(buffers),
          sender_(sender),
          descriptor_(descriptor),
          flags_(call_flags(flags))
    {}

    static constexpr bool goes_by_call() noexcept { return true; }

    /// See brief_buffer_list.
    void keep_iovecs() noexcept(buffers_type::is_single) { buffers_.keep_iovecs(); }

    int attempt() noexcept(buffers_type::is_single)
    {
        return with_iovecs(buffers_, [&](::iovec* iovecs, std::size_t count) {
            ::msghdr header{};
            header.msg_name = sender_.data();
            header.msg_namelen = static_cast<::socklen_t>(sender_.capacity());
            header.msg_iov = iovecs;
            header.msg_iovlen = count;
            const int result =
                attempt_call([&] { return ::recvmsg(descriptor_, &header, flags_); });
            sender_size_ = header.msg_namelen;
            return result;
        });
    }

    static constexpr bool may_have_more(const ring_operation&) noexcept { return true; }

    auto result(const ring_operation& op) const
    {
        // The kernel tells of one byte more where a local path fills its address.
        if (op.result() >= 0)
            sender_.resize(std::min<std::size_t>(sender_size_, sender_.capacity()));
        return transfer_result(op);
    }

    void discard(const ring_operation&) noexcept {}

private:
    buffers_type buffers_;
    Endpoint& sender_;
    int descriptor_;
    int flags_;
    ::socklen_t sender_size_ = 0;
};

} // namespace asio_uring::detail
