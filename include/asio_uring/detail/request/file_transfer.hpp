// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the requests that write a file and bring it to the disk.
// Thread: that of the operation it is part of. Lifetime: descriptor and data are the
// caller's until the handler is called.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/op/file.hpp>
#include <asio_uring/op/read_write.hpp>

#include <cstdint>
#include <tuple>

namespace asio_uring::detail {

class write_file_request
{
public:
    write_file_request(
        int fd, const void* data, std::uint32_t size, std::uint64_t offset) noexcept
        : write_{.fd = fd, .data = data, .size = size, .offset = offset}
    {}

    static constexpr bool
    needs_worker(int, const void*, std::uint32_t, std::uint64_t) noexcept
    {
        return false;
    }

    void prepare(abi::sqe& sqe) noexcept { write_.prepare(sqe); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), operation_bytes(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    op::write write_;
};

class sync_file_request
{
public:
    explicit sync_file_request(int fd) noexcept : fd_(fd) {}

    static constexpr bool needs_worker(int) noexcept { return false; }

    void prepare(abi::sqe& sqe) noexcept { op::fsync{.fd = fd_}.prepare(sqe); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    int fd_;
};

} // namespace asio_uring::detail
