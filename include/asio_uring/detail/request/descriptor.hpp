// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the transfers of a pipe, a file or any other descriptor, at
// its own position. Each is tried by a call first. A read then waits as a request that
// brings its bytes, a write until the descriptor is ready. What no call can try without
// waiting, the kernel's request does. Thread: as their operation. Lifetime: as their
// operation.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/attempt.hpp>
#include <asio_uring/detail/request/buffers.hpp>
#include <asio_uring/detail/request/transfer.hpp>
#include <asio_uring/op/read_write.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <cstdint>
#include <tuple>

namespace asio_uring::detail {

template <typename Buffers>
class read_request
    : public bringing_request<request_buffers_t<boost::asio::mutable_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::mutable_buffer, Buffers>;
    using base = bringing_request<buffers_type>;
    using base::buffers_;

public:
    read_request(int descriptor, const Buffers& buffers, attempt_way way)
        : base(buffers), descriptor_(descriptor), way_(way)
    {}

    static constexpr bool goes_by_call() noexcept { return false; }
    attempt_way way() const noexcept { return way_; }

    int attempt() noexcept
    {
        return with_iovecs(buffers_, [&](const ::iovec* iovecs, std::size_t size) {
            return attempt(iovecs, size);
        });
    }

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

    bool keep(const ring_operation& op, kept_input& kept) const noexcept
    {
        return base::keep(op, kept, false);
    }

    int serve(kept_input& kept) noexcept
    {
        return base::serve(kept, false, [&](::iovec* iovecs, std::size_t count) {
            return attempt(iovecs, count);
        });
    }

    using base::may_have_more;

    auto result(const ring_operation& op) const
    {
        boost::system::error_code ec = operation_error(op);
        if (op.result() == 0 && !buffers_.all_empty())
            ec = boost::asio::error::eof;
        return std::make_tuple(ec, operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    int attempt(const ::iovec* iovecs, std::size_t size) noexcept
    {
        const int count = static_cast<int>(size);
        return attempt_by(
            way_,
            descriptor_,
            [&] { return ::preadv2(descriptor_, iovecs, count, -1, RWF_NOWAIT); },
            [&] { return ::readv(descriptor_, iovecs, count); });
    }

    int descriptor_;
    attempt_way way_;
};

template <typename Buffers>
class write_request
    : public byte_request<brief_buffers_t<boost::asio::const_buffer, Buffers>>
{
    using buffers_type = brief_buffers_t<boost::asio::const_buffer, Buffers>;
    using base = byte_request<buffers_type>;
    using base::buffers_;

public:
    write_request(int descriptor, const Buffers& buffers, attempt_way way)
        : base(buffers), descriptor_(descriptor), way_(way)
    {}

    bool goes_by_call() const noexcept { return way_ != attempt_way::none; }
    attempt_way way() const noexcept { return way_; }

    int attempt() noexcept(buffers_type::is_single)
    {
        return with_iovecs(buffers_, [&](const ::iovec* iovecs, std::size_t size) {
            const int count = static_cast<int>(size);
            return attempt_by(
                way_,
                descriptor_,
                [&] { return ::pwritev2(descriptor_, iovecs, count, -1, RWF_NOWAIT); },
                [&] { return ::writev(descriptor_, iovecs, count); });
        });
    }

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

    auto result(const ring_operation& op) const { return transfer_result(op); }
    void discard(const ring_operation&) noexcept {}

private:
    int descriptor_;
    attempt_way way_;
};

} // namespace asio_uring::detail
