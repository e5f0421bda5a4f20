// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the requests that move bytes through a pipe, a file or any
// other descriptor, at its own position.
// Thread: as their operation.
// Lifetime: as their operation.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/buffers.hpp>
#include <asio_uring/op/read_write.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <cstdint>
#include <tuple>

namespace asio_uring::detail {

template <typename Buffers>
class read_request
    : public byte_request<request_buffers_t<boost::asio::mutable_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::mutable_buffer, Buffers>;
    using base = byte_request<buffers_type>;
    using base::buffers_;

public:
    read_request(int descriptor, const Buffers& buffers)
        : base(buffers), descriptor_(descriptor)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        if constexpr (buffers_type::is_single)
            op::read{.fd = descriptor_, .data = buffers_.data(), .size = buffers_.size()}
                .prepare(sqe);
        else
            op::readv{
                .fd = descriptor_,
                .buffers = buffers_.iovecs(),
                .count = static_cast<std::uint32_t>(buffers_.count())}
                .prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        boost::system::error_code ec = operation_error(op);
        // A program can read the end again, so a handler whose operation was cancelled
        // meanwhile loses nothing.
        if (op.result() == 0 && !buffers_.all_empty())
            ec = op.cancel_requested()
                     ? boost::system::error_code(boost::asio::error::operation_aborted)
                     : boost::system::error_code(boost::asio::error::eof);
        return std::make_tuple(ec, operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    int descriptor_;
};

template <typename Buffers>
class write_request
    : public byte_request<request_buffers_t<boost::asio::const_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::const_buffer, Buffers>;
    using base = byte_request<buffers_type>;
    using base::buffers_;

public:
    write_request(int descriptor, const Buffers& buffers)
        : base(buffers), descriptor_(descriptor)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        if constexpr (buffers_type::is_single)
            op::write{.fd = descriptor_, .data = buffers_.data(), .size = buffers_.size()}
                .prepare(sqe);
        else
            op::writev{
                .fd = descriptor_,
                .buffers = buffers_.iovecs(),
                .count = static_cast<std::uint32_t>(buffers_.count())}
                .prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    int descriptor_;
};

} // namespace asio_uring::detail
