// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: what a transfer holds of its buffers: one address and size
// where that is all there is, else a copy of the sequence and an iovec array of exactly
// its length behind the operation.
// Thread: as its operation.
// Lifetime: the buffers' descriptions are the operation's. The bytes are the caller's
// until the handler runs.
#pragma once

#include <asio_uring/detail/asio/socket_support.hpp>
#include <asio_uring/ring/abi.hpp>

#include <algorithm>
#include <cstddef>
#include <new>
#include <type_traits>

#include <sys/socket.h>
#include <sys/uio.h>

namespace asio_uring::detail {

// Both limits are the system's: more iovecs than this are left for the next call, as with
// Asio's own services, and no single transfer is longer.
inline constexpr std::size_t iovec_count_max = 64;
inline constexpr std::size_t transfer_size_max = 0x7ffff000;

template <typename Buffer, typename Buffers>
inline constexpr bool is_single_buffer =
    asio_impl::buffer_sequence_adapter<Buffer, Buffers>::is_single_buffer;

template <typename Buffer, typename Buffers>
std::size_t iovec_count(const Buffers& buffers)
{
    if constexpr (is_single_buffer<Buffer, Buffers>)
        return 1;
    const auto end = boost::asio::buffer_sequence_end(buffers);
    std::size_t count = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != end && count < iovec_count_max;
         ++it)
        ++count;
    return count;
}

/// One contiguous buffer.
template <typename Buffer>
class single_buffer
{
public:
    template <typename Buffers>
    explicit single_buffer(const Buffers& buffers)
        : buffer_(asio_impl::buffer_sequence_adapter<Buffer, Buffers>::first(buffers))
    {}

    static constexpr bool is_single = true;

    template <typename Buffers>
    static std::size_t required_tail(const Buffers&) noexcept
    {
        return 0;
    }

    std::size_t tail_size() const noexcept { return 0; }
    void fill_tail(void*) noexcept {}

    auto data() const noexcept { return buffer_.data(); }
    std::uint32_t size() const noexcept
    {
        return static_cast<std::uint32_t>(std::min(buffer_.size(), transfer_size_max));
    }

    bool all_empty() const noexcept { return buffer_.size() == 0; }

private:
    Buffer buffer_;
};

/// One contiguous buffer of a message.
template <typename Buffer>
class single_iovec
{
public:
    template <typename Buffers>
    explicit single_iovec(const Buffers& buffers)
    {
        const Buffer buffer(
            asio_impl::buffer_sequence_adapter<Buffer, Buffers>::first(buffers));
        iovec_ = {
            const_cast<void*>(static_cast<const void*>(buffer.data())), buffer.size()};
    }

    template <typename Buffers>
    static std::size_t required_tail(const Buffers&) noexcept
    {
        return 0;
    }

    std::size_t tail_size() const noexcept { return 0; }
    void fill_tail(void*) noexcept {}

    ::iovec* iovecs() noexcept { return &iovec_; }
    std::size_t count() const noexcept { return 1; }

private:
    ::iovec iovec_;
};

/// Any other sequence.
template <typename Buffer, typename Buffers>
class buffer_list
{
public:
    explicit buffer_list(const Buffers& buffers)
        : buffers_(buffers), count_(iovec_count<Buffer>(buffers))
    {}

    static constexpr bool is_single = false;

    static std::size_t required_tail(const Buffers& buffers)
    {
        return iovec_count<Buffer>(buffers) * sizeof(::iovec);
    }

    std::size_t tail_size() const noexcept { return count_ * sizeof(::iovec); }

    /// REQUIRES: tail has room for tail_size() bytes and stays where it is.
    void fill_tail(void* tail)
    {
        iovecs_ = static_cast<::iovec*>(tail);
        auto it = boost::asio::buffer_sequence_begin(buffers_);
        for (std::size_t i = 0; i != count_; ++i, ++it) {
            const Buffer buffer(*it);
            new (iovecs_ + i)::iovec{
                const_cast<void*>(static_cast<const void*>(buffer.data())),
                buffer.size()};
        }
    }

    ::iovec* iovecs() const noexcept { return iovecs_; }
    std::size_t count() const noexcept { return count_; }

    /// Buffer by buffer: the sizes may sum up to zero.
    bool all_empty() const noexcept
    {
        return std::all_of(iovecs_, iovecs_ + count_, [](const ::iovec& buffer) {
            return buffer.iov_len == 0;
        });
    }

private:
    // The sequence may own what its buffers describe.
    Buffers buffers_;
    std::size_t count_;
    ::iovec* iovecs_ = nullptr;
};

template <
    typename Buffer,
    typename Buffers,
    bool Single = is_single_buffer<Buffer, Buffers>>
struct request_buffers
{
    using type = buffer_list<Buffer, Buffers>;
};

template <typename Buffer, typename Buffers>
struct request_buffers<Buffer, Buffers, true>
{
    using type = single_buffer<Buffer>;
};

template <typename Buffer, typename Buffers>
using request_buffers_t = typename request_buffers<Buffer, Buffers>::type;

/// The buffers of a request that always has a message header.
template <typename Buffer, typename Buffers>
using message_buffers_t = std::conditional_t<
    is_single_buffer<Buffer, Buffers>,
    single_iovec<Buffer>,
    buffer_list<Buffer, Buffers>>;

/// Base of a request that moves bytes: its buffers, and their part of the tail that
/// follows the operation; see handler_operation.
template <typename RequestBuffers>
class buffered_request
{
public:
    /// Takes the arguments of the request's constructor behind the descriptor: the
    /// buffers, then whatever else the request is made of.
    template <typename Buffers, typename... Rest>
    static std::size_t required_tail(const Buffers& buffers, const Rest&...)
    {
        return RequestBuffers::required_tail(buffers);
    }

    std::size_t tail_size() const noexcept { return buffers_.tail_size(); }
    void fill_tail(void* tail) { buffers_.fill_tail(tail); }

protected:
    template <typename Buffers>
    explicit buffered_request(const Buffers& buffers) : buffers_(buffers)
    {}

    RequestBuffers buffers_;
};

/// Base of a request that streams have as well. A stream has nothing to do for no bytes,
/// while a message of no bytes is a message.
template <typename RequestBuffers>
class byte_request : public buffered_request<RequestBuffers>
{
public:
    static constexpr int result_at_once = 0;

    bool completes_at_once(bool is_stream) const noexcept
    {
        return is_stream && this->buffers_.all_empty();
    }

protected:
    using buffered_request<RequestBuffers>::buffered_request;
};

} // namespace asio_uring::detail
