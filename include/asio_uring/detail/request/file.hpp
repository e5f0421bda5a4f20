// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: what is done to a file: transfers, at an offset or at the
// file's own position, and calls. Transfers of a file are none in the sense of
// transfer.hpp: a file is always ready, and what its request moved is moved, so a
// cancellation that comes too late reports it.
// Thread: as their operation. Lifetime: as their operation.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/attempt.hpp>
#include <asio_uring/detail/request/buffer_names.hpp>
#include <asio_uring/detail/request/buffers.hpp>
#include <asio_uring/detail/request/file_position.hpp>
#include <asio_uring/op/descriptor.hpp>
#include <asio_uring/op/read_write.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>

#include <sys/uio.h>

#include <unistd.h>

namespace asio_uring::detail {

/// An offset as the kernel takes it. The one that would mean the file's own position is
/// another one that no file has, and that the kernel refuses like all of its kind.
inline std::uint64_t as_offset(std::uint64_t offset) noexcept
{
    return offset == abi::offset_current ? offset - 1 : offset;
}

/// Where a transfer goes, and with which flags of the kernel.
struct file_place
{
    std::uint64_t offset = abi::offset_current;
    std::uint32_t flags = 0;  ///< RWF_*
    bool is_position = false; ///< the file's own, which the request may leave behind
};

template <typename Buffers>
class file_read
    : public byte_request<request_buffers_t<boost::asio::mutable_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::mutable_buffer, Buffers>;
    using base = byte_request<buffers_type>;
    using base::buffers_;

public:
    file_read(
        int descriptor,
        const Buffers& buffers,
        const file_place& place,
        const buffer_names* names)
        : base(buffers),
          registered_(buffers, names),
          place_(place),
          descriptor_(descriptor)
    {}

    /// Reads what the page cache has. Returns -EAGAIN where it has not all of it: the
    /// kernel's request then reads the rest, so that the whole is as long as that of a
    /// read that may wait.
    int look() noexcept
    {
        if (place_.flags != 0)
            return -EAGAIN;
        return with_iovecs(buffers_, [this](::iovec* iovecs, std::size_t count) {
            return look(iovecs, count);
        });
    }

    void prepare(abi::sqe& sqe) noexcept
    {
        const std::uint64_t offset =
            place_.offset == abi::offset_current ? place_.offset : place_.offset + done_;
        if (place_.is_position)
            position_.note(descriptor_);
        if constexpr (requires { registered_.place(); }) {
            if (const std::optional<std::uint16_t> index = registered_.place())
                return op::read_fixed{
                    .fd = descriptor_,
                    .data = static_cast<char*>(buffers_.data()) + done_,
                    .size = buffers_.size() - done_,
                    .offset = offset,
                    .flags = place_.flags,
                    .buffer_index = *index}
                    .prepare(sqe);
        }
        if constexpr (buffers_type::is_single)
            op::read{
                .fd = descriptor_,
                .data = static_cast<char*>(buffers_.data()) + done_,
                .size = buffers_.size() - done_,
                .offset = offset,
                .flags = place_.flags}
                .prepare(sqe);
        else
            op::readv{
                .fd = descriptor_,
                .buffers = buffers_.iovecs(),
                .count = static_cast<std::uint32_t>(buffers_.count()),
                .offset = offset,
                .flags = place_.flags}
                .prepare(sqe);
    }

    void tidy(const ring_operation& op) noexcept
    {
        std::size_t asked = buffers_.size();
        if constexpr (buffers_type::is_single)
            asked -= done_; // which has left a list
        position_.tidy(descriptor_, operation_bytes(op), asked);
    }

    /// Bytes that were there before an error are told first, as read(2) does it.
    auto result(const ring_operation& op) const
    {
        boost::system::error_code ec;
        if (done_ == 0)
            ec = operation_error(op);
        const std::size_t bytes = done_ + operation_bytes(op);
        if (!ec && bytes == 0 && !buffers_.all_empty())
            ec = boost::asio::error::eof;
        return std::make_tuple(ec, bytes);
    }

    void discard(const ring_operation&) noexcept {}

private:
    // A short answer is the end of the file, or the end of what the cache has: a second
    // look behind it tells which. One that brings a part is followed by the request.
    int look(::iovec* iovecs, std::size_t count) noexcept
    {
        const int result = look_at(iovecs, count, place_.offset);
        if (result <= 0)
            return result;
        const auto bytes = static_cast<std::uint32_t>(result);
        if (bytes == buffers_.size())
            return result;
        iovec_rest rest(iovecs, count, bytes);
        const bool at_position = place_.offset == abi::offset_current;
        const int more = look_at(
            rest.iovecs(),
            rest.count(),
            at_position ? place_.offset : place_.offset + bytes);
        const int sum = result + std::max(more, 0);
        const auto there = static_cast<std::uint32_t>(sum);
        if ((more <= 0 && more != -EAGAIN) || there == buffers_.size())
            return sum;
        // What has no position, such as a pipe, tells of more when more comes.
        if (at_position && ::lseek(descriptor_, 0, SEEK_CUR) < 0)
            return sum;
        done_ = there;
        if constexpr (!buffers_type::is_single)
            skip(iovecs, there);
        return -EAGAIN;
    }

    // What is done leaves the list, for the request of the rest.
    static void skip(::iovec* iovecs, std::size_t bytes) noexcept
    {
        for (; bytes != 0; ++iovecs) {
            const std::size_t part = std::min(bytes, iovecs->iov_len);
            iovecs->iov_base = static_cast<char*>(iovecs->iov_base) + part;
            iovecs->iov_len -= part;
            bytes -= part;
        }
    }

    int
    look_at(const ::iovec* iovecs, std::size_t count, std::uint64_t offset) const noexcept
    {
        const int result = attempt_call([&] {
            return ::preadv2(
                descriptor_,
                iovecs,
                static_cast<int>(count),
                static_cast<::off_t>(offset),
                RWF_NOWAIT);
        });
        return result == -EOPNOTSUPP ? -EAGAIN : result;
    }

    [[no_unique_address]] registered_part<Buffers> registered_;
    file_place place_;
    file_position position_;
    // Without a ring nothing is looked at, and the whole is the request's.
    std::uint32_t done_ = 0;
    int descriptor_;
};

template <typename Buffers>
class file_write
    : public byte_request<request_buffers_t<boost::asio::const_buffer, Buffers>>
{
    using buffers_type = request_buffers_t<boost::asio::const_buffer, Buffers>;
    using base = byte_request<buffers_type>;
    using base::buffers_;

public:
    file_write(
        int descriptor,
        const Buffers& buffers,
        const file_place& place,
        const buffer_names* names)
        : base(buffers),
          registered_(buffers, names),
          place_(place),
          descriptor_(descriptor)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        if (place_.is_position)
            position_.note(descriptor_);
        if constexpr (requires { registered_.place(); }) {
            if (const std::optional<std::uint16_t> index = registered_.place())
                return op::write_fixed{
                    .fd = descriptor_,
                    .data = buffers_.data(),
                    .size = buffers_.size(),
                    .offset = place_.offset,
                    .flags = place_.flags,
                    .buffer_index = *index}
                    .prepare(sqe);
        }
        if constexpr (buffers_type::is_single)
            op::write{
                .fd = descriptor_,
                .data = buffers_.data(),
                .size = buffers_.size(),
                .offset = place_.offset,
                .flags = place_.flags}
                .prepare(sqe);
        else
            op::writev{
                .fd = descriptor_,
                .buffers = buffers_.iovecs(),
                .count = static_cast<std::uint32_t>(buffers_.count()),
                .offset = place_.offset,
                .flags = place_.flags}
                .prepare(sqe);
    }

    void tidy(const ring_operation& op) noexcept
    {
        position_.tidy(descriptor_, operation_bytes(op), buffers_.size());
    }

    std::tuple<boost::system::error_code, std::size_t>
    result(const ring_operation& op) const
    {
        return {operation_error(op), operation_bytes(op)};
    }

    void discard(const ring_operation&) noexcept {}

private:
    [[no_unique_address]] registered_part<Buffers> registered_;
    file_place place_;
    file_position position_;
    int descriptor_;
};

/// An operation of the op layer on a file's descriptor that ends with an error or none.
template <typename Operation>
class file_call
{
public:
    file_call(int descriptor, const Operation& operation) : operation_(operation)
    {
        operation_.fd = descriptor;
    }

    void prepare(abi::sqe& sqe) noexcept { operation_.prepare(sqe); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    Operation operation_;
};

/// The end of a descriptor, which comes whatever becomes of the request.
class file_close
{
public:
    explicit file_close(int descriptor) noexcept : descriptor_(descriptor) {}

    void prepare(abi::sqe& sqe) noexcept { op::close{.fd = descriptor_}.prepare(sqe); }

    auto result(const ring_operation& op) noexcept
    {
        boost::system::error_code ec;
        if (!is_undone(op.result()))
            ec = operation_error(op);
        else if (::close(descriptor_) != 0)
            ec.assign(errno, boost::asio::error::get_system_category());
        return std::make_tuple(ec);
    }

    void discard(const ring_operation& op) noexcept
    {
        if (is_undone(op.result()))
            ::close(descriptor_);
    }

private:
    // Nobody has begun: cancelled, or without a worker that could. No close() ends so.
    static bool is_undone(int result) noexcept
    {
        return result == -ECANCELED || result == -EAGAIN || result == -ENOMEM;
    }

    int descriptor_;
};

} // namespace asio_uring::detail
