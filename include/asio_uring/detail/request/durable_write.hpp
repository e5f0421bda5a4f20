// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: a write that ends when the disk has its bytes, in one
// operation: a request, or without a ring two calls of one worker.
// Thread: as their operation. Lifetime: as their operation.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/buffers.hpp>
#include <asio_uring/detail/request/file.hpp>
#include <asio_uring/detail/request/plain_call.hpp>
#include <asio_uring/op/file.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>

#include <sys/uio.h>

namespace asio_uring::detail {

/// A request with RWF_DSYNC. A buffered write of this kind begins in a thread of the
/// kernel: some file systems would take it at once, and have the thread of the ring wait
/// for the disk. One past the page cache goes to the disk without a thread.
template <typename Buffers>
class durable_request : public file_write<Buffers>
{
    using base = file_write<Buffers>;

public:
    durable_request(
        int descriptor,
        const Buffers& buffers,
        std::uint64_t offset,
        const buffer_names* names,
        bool is_direct)
        : base(descriptor, buffers, {.offset = offset, .flags = RWF_DSYNC}, names),
          is_direct_(is_direct)
    {}

    void prepare(abi::sqe& sqe) noexcept
    {
        base::prepare(sqe);
        if (!is_direct_)
            sqe.flags |= abi::sqe_async;
    }

private:
    bool is_direct_;
};

/// A write and a sync of one worker. A short write is not synced: the rest of it has to
/// follow first.
template <typename Buffers>
class durable_call : public file_write<Buffers>
{
    using base = file_write<Buffers>;

public:
    durable_call(int descriptor, const Buffers& buffers, std::uint64_t offset)
        : base(descriptor, buffers, {.offset = offset}, nullptr),
          size_(boost::asio::buffer_size(buffers)),
          descriptor_(descriptor)
    {}

    void prepare(abi::sqe& sqe) noexcept { prepare_function(sqe, &run, this); }

    std::tuple<boost::system::error_code, std::size_t>
    result(const ring_operation& op) const
    {
        if (sync_result_ < 0)
            return {to_error_code(sync_result_, false), operation_bytes(op)};
        return base::result(op);
    }

private:
    static int run(void* of) noexcept
    {
        durable_call& self = *static_cast<durable_call*>(of);
        abi::sqe write{};
        self.base::prepare(write);
        const int result = plain_call(write);
        if (result < 0 || static_cast<std::size_t>(result) != self.size_)
            return result;
        abi::sqe sync{};
        op::fsync{.fd = self.descriptor_, .flags = abi::fsync_datasync}.prepare(sync);
        self.sync_result_ = plain_call(sync);
        return result;
    }

    std::size_t size_;
    int sync_result_ = 0;
    int descriptor_;
};

} // namespace asio_uring::detail
