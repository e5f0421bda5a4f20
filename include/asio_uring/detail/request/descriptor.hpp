// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the requests that move bytes through a pipe, a file or any
// other descriptor, at its own position. Thread: as their operation. Lifetime: as their
// operation.
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
{
    using buffers_type = request_buffers_t<boost::asio::mutable_buffer, Buffers>;

public:
    read_request(int descriptor, bool nothing_to_do, const Buffers& buffers)
        : buffers_(buffers), descriptor_(descriptor), nothing_to_do_(nothing_to_do)
    {}

    static std::size_t required_tail(const Buffers& buffers)
    {
        return buffers_type::required_tail(buffers);
    }

    std::size_t tail_size() const noexcept { return buffers_.tail_size(); }
    void fill_tail(void* tail) { buffers_.fill_tail(tail); }

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
        // The end stays there to be read again; that it raced with a cancellation changes
        // nothing for the handler.
        if (op.result() == 0 && !nothing_to_do_)
            ec = op.cancel_requested()
                     ? boost::system::error_code(boost::asio::error::operation_aborted)
                     : boost::system::error_code(boost::asio::error::eof);
        return std::make_tuple(ec, operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    buffers_type buffers_;
    int descriptor_;
    bool nothing_to_do_;
};

template <typename Buffers>
class write_request
{
    using buffers_type = request_buffers_t<boost::asio::const_buffer, Buffers>;

public:
    write_request(int descriptor, bool /*nothing_to_do*/, const Buffers& buffers)
        : buffers_(buffers), descriptor_(descriptor)
    {}

    static std::size_t required_tail(const Buffers& buffers)
    {
        return buffers_type::required_tail(buffers);
    }

    std::size_t tail_size() const noexcept { return buffers_.tail_size(); }
    void fill_tail(void* tail) { buffers_.fill_tail(tail); }

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
    buffers_type buffers_;
    int descriptor_;
};

} // namespace asio_uring::detail
