// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: what a transfer holds of its buffers: one address and size
// where that is all there is, else a copy of the sequence, and iovecs where it waits.
// Thread: as its operation.
// Lifetime: the buffers' descriptions are the operation's. The bytes are the caller's
// until the handler runs.
#pragma once

#include <asio_uring/detail/asio/socket_support.hpp>
#include <asio_uring/detail/loop/kept_input.hpp>
#include <asio_uring/detail/loop/ring_operation.hpp>
#include <asio_uring/ring/abi.hpp>

#include <boost/asio/recycling_allocator.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <type_traits>

#include <sys/socket.h>
#include <sys/uio.h>

namespace asio_uring::detail {

// Both limits are the system's: more iovecs than this are left for the next call, as with
// Asio's own services, and no single transfer is longer.
inline constexpr std::size_t iovec_count_max = 64;
inline constexpr std::size_t transfer_size_max = 0x7ffff000;

/// What Asio's services take as one buffer.
template <typename Buffer, typename Buffers>
inline constexpr bool is_plain_buffer =
    asio_impl::buffer_sequence_adapter<Buffer, Buffers>::is_single_buffer;

/// Asio takes what derives from a buffer as a sequence of that one. Beast's streams start
/// their transfers with such a sequence.
template <typename Buffer, typename Buffers>
inline constexpr bool is_single_buffer =
    is_plain_buffer<Buffer, Buffers> ||
    std::is_convertible_v<const Buffers*, const boost::asio::const_buffer*> ||
    std::is_convertible_v<const Buffers*, const boost::asio::mutable_buffer*>;

/// One contiguous buffer. A sequence of one is kept whole, because it may own what its
/// buffer describes.
template <typename Buffer, typename Buffers>
class single_buffer
{
    static constexpr bool is_plain = is_plain_buffer<Buffer, Buffers>;

public:
    explicit single_buffer(const Buffers& buffers) : kept_(first(buffers)) {}

    static constexpr bool is_single = true;

    auto data() const noexcept { return buffer().data(); }
    std::uint32_t size() const noexcept
    {
        return static_cast<std::uint32_t>(std::min(buffer().size(), transfer_size_max));
    }

    ::iovec iovec() const noexcept
    {
        return {const_cast<void*>(static_cast<const void*>(data())), size()};
    }

    bool all_empty() const noexcept { return buffer().size() == 0; }
    void keep_iovecs() noexcept {}

private:
    static decltype(auto) first(const Buffers& buffers)
    {
        if constexpr (is_plain)
            return asio_impl::buffer_sequence_adapter<Buffer, Buffers>::first(buffers);
        else
            return (buffers);
    }

    Buffer buffer() const noexcept
    {
        if constexpr (is_plain)
            return kept_;
        else
            return *boost::asio::buffer_sequence_begin(kept_);
    }

    std::conditional_t<is_plain, Buffer, Buffers> kept_;
};

/// The buffers of a sequence as iovecs, as many as one transfer takes. One walk: the
/// iterators of a sequence that is made of others cost more than what they point to.
template <typename Buffer>
class iovec_array
{
public:
    template <typename Buffers>
    explicit iovec_array(const Buffers& buffers)
    {
        auto it = boost::asio::buffer_sequence_begin(buffers);
        const auto end = boost::asio::buffer_sequence_end(buffers);
        for (; it != end && count_ != iovec_count_max; ++it, ++count_) {
            const Buffer buffer(*it);
            iovecs_[count_] = {
                const_cast<void*>(static_cast<const void*>(buffer.data())),
                buffer.size()};
        }
    }

    ::iovec* iovecs() noexcept { return iovecs_; }
    std::size_t count() const noexcept { return count_; }

private:
    std::size_t count_ = 0;
    ::iovec iovecs_[iovec_count_max];
};

/// Any other sequence, of a transfer that usually waits. The usual few iovecs stand in
/// the operation; what more of them need comes from elsewhere, because a handler's
/// allocator is asked for the operation alone.
template <typename Buffer, typename Buffers>
class buffer_list
{
public:
    explicit buffer_list(const Buffers& buffers) : buffers_(buffers)
    {
        iovec_array<Buffer> all(buffers_);
        count_ = all.count();
        if (count_ > few)
            more_ = allocator().allocate(count_);
        std::copy_n(all.iovecs(), count_, iovecs());
    }

    buffer_list(const buffer_list&) = delete;
    buffer_list& operator=(const buffer_list&) = delete;

    ~buffer_list()
    {
        if (more_ != nullptr)
            allocator().deallocate(more_, count_);
    }

    static constexpr bool is_single = false;

    ::iovec* iovecs() noexcept { return more_ != nullptr ? more_ : few_; }
    const ::iovec* iovecs() const noexcept { return more_ != nullptr ? more_ : few_; }
    std::size_t count() const noexcept { return count_; }

    std::size_t size() const noexcept
    {
        std::size_t sum = 0;
        for (std::size_t i = 0; i != count_; ++i)
            sum += iovecs()[i].iov_len;
        return sum;
    }

    /// Buffer by buffer: the sizes may sum up to zero.
    bool all_empty() const noexcept
    {
        return std::all_of(iovecs(), iovecs() + count_, [](const ::iovec& buffer) {
            return buffer.iov_len == 0;
        });
    }

    void keep_iovecs() noexcept {}

    template <typename F>
    auto with_iovecs(F f) const
    {
        return f(const_cast<::iovec*>(iovecs()), count_);
    }

private:
    using allocator = boost::asio::recycling_allocator<::iovec>;
    static constexpr std::size_t few = 4;

    // The sequence may own what its buffers describe.
    Buffers buffers_;
    std::size_t count_ = 0;
    ::iovec* more_ = nullptr;
    ::iovec few_[few];
};

/// Any other sequence, of a transfer that a call usually does at once: its iovecs then
/// stand on the stack. A transfer that waits keeps them, because nothing that waits may
/// fail any more, nor call the program for a walk over its buffers.
template <typename Buffer, typename Buffers>
class brief_buffer_list
{
public:
    explicit brief_buffer_list(const Buffers& buffers) : buffers_(buffers) {}

    brief_buffer_list(const brief_buffer_list&) = delete;
    brief_buffer_list& operator=(const brief_buffer_list&) = delete;

    ~brief_buffer_list()
    {
        if (header_ != nullptr)
            allocator().deallocate(
                reinterpret_cast<::iovec*>(header_), header_room + count());
    }

    static constexpr bool is_single = false;

    /// To be called once, before the transfer waits.
    void keep_iovecs()
    {
        iovec_array<Buffer> all(buffers_);
        ::iovec* const memory = allocator().allocate(header_room + all.count());
        header_ = new (static_cast<void*>(memory))::msghdr{};
        header_->msg_iov = memory + header_room;
        header_->msg_iovlen = all.count();
        std::copy_n(all.iovecs(), all.count(), header_->msg_iov);
    }

    /// What is kept, as the header of a message. REQUIRES: keep_iovecs() was called.
    ::msghdr& header() noexcept
    {
        ASIO_URING_ASSERT(header_ != nullptr);
        return *header_;
    }

    ::iovec* iovecs() const noexcept { return header_->msg_iov; }
    std::size_t count() const noexcept { return header_->msg_iovlen; }

    /// Buffer by buffer: the sizes may sum up to zero.
    bool all_empty() const
    {
        return asio_impl::buffer_sequence_adapter<Buffer, Buffers>::all_empty(buffers_);
    }

    template <typename F>
    auto with_iovecs(F f) const
    {
        if (header_ != nullptr)
            return f(iovecs(), count());
        iovec_array<Buffer> all(buffers_);
        return f(all.iovecs(), all.count());
    }

private:
    using allocator = boost::asio::recycling_allocator<::iovec>;

    // The header stands before the iovecs, in as much room as so many of them take.
    static constexpr std::size_t header_room =
        (sizeof(::msghdr) + sizeof(::iovec) - 1) / sizeof(::iovec);
    static_assert(alignof(::msghdr) <= alignof(::iovec));

    // The sequence may own what its buffers describe.
    Buffers buffers_;
    // Null until the iovecs are kept
    ::msghdr* header_ = nullptr;
};

template <typename Buffer, typename Buffers>
using request_buffers_t = std::conditional_t<
    is_single_buffer<Buffer, Buffers>,
    single_buffer<Buffer, Buffers>,
    buffer_list<Buffer, Buffers>>;

/// The same of a transfer that a call usually does at once.
template <typename Buffer, typename Buffers>
using brief_buffers_t = std::conditional_t<
    is_single_buffer<Buffer, Buffers>,
    single_buffer<Buffer, Buffers>,
    brief_buffer_list<Buffer, Buffers>>;

/// Calls f with the buffers as iovecs, and their number.
template <typename RequestBuffers, typename F>
auto with_iovecs(const RequestBuffers& buffers, F f)
{
    if constexpr (RequestBuffers::is_single) {
        ::iovec one = buffers.iovec();
        return f(&one, std::size_t(1));
    }
    else
        return buffers.with_iovecs(f);
}

/// Base of a request that streams have as well. A stream has nothing to do for no bytes,
/// while a message of no bytes is a message.
template <typename RequestBuffers>
class byte_request
{
public:
    static constexpr int result_at_once = 0;

    bool completes_at_once(bool is_stream) const noexcept(RequestBuffers::is_single)
    {
        return is_stream && buffers_.all_empty();
    }

    /// See brief_buffer_list.
    void keep_iovecs() noexcept(RequestBuffers::is_single) { buffers_.keep_iovecs(); }

protected:
    template <typename Buffers>
    explicit byte_request(const Buffers& buffers) : buffers_(buffers)
    {}

    RequestBuffers buffers_;
};

/// What is left of buffers behind their first bytes.
class iovec_rest
{
public:
    iovec_rest(const ::iovec* iovecs, std::size_t count, std::size_t skipped) noexcept
    {
        for (; count != 0; ++iovecs, --count) {
            const std::size_t skip = std::min(skipped, iovecs->iov_len);
            skipped -= skip;
            if (skip != iovecs->iov_len)
                rest_[count_++] = {
                    static_cast<char*>(iovecs->iov_base) + skip, iovecs->iov_len - skip};
        }
    }

    ::iovec* iovecs() noexcept { return rest_; }
    std::size_t count() const noexcept { return count_; }

private:
    ::iovec rest_[iovec_count_max];
    std::size_t count_ = 0;
};

/// Base of a read whose request brings bytes.
template <typename RequestBuffers>
class bringing_request : public byte_request<RequestBuffers>
{
protected:
    using byte_request<RequestBuffers>::byte_request;
    using byte_request<RequestBuffers>::buffers_;

    /// Keeps the result of a request that was cancelled. What was only looked at stays
    /// where it is.
    bool keep(const ring_operation& op, kept_input& kept, bool peeks) const noexcept
    {
        if (peeks)
            return true;
        if (op.result() < 0) {
            kept.keep_error(op.result());
            return true;
        }
        return with_iovecs(buffers_, [&](const ::iovec* iovecs, std::size_t count) {
            return kept.keep(iovecs, count, static_cast<std::size_t>(op.result()));
        });
    }

    /// Takes what was kept. Where that leaves room, `attempt` reads into the rest of the
    /// buffers, as one read of all that is there would have done.
    template <typename Attempt>
    int serve(kept_input& kept, bool peeks, Attempt attempt) const noexcept
    {
        return with_iovecs(buffers_, [&](const ::iovec* iovecs, std::size_t count) {
            const int taken = kept.take(iovecs, count, peeks);
            if (taken <= 0 || !kept.empty() ||
                static_cast<std::size_t>(taken) == buffers_.size())
                return taken;
            iovec_rest rest(iovecs, count, static_cast<std::size_t>(taken));
            const int result = attempt(rest.iovecs(), rest.count());
            // An error is told once, so it is the next read's.
            if (result < 0 && result != -EAGAIN)
                kept.keep_error(result);
            return result > 0 ? taken + result : taken;
        });
    }

    /// KERNEL 5.19: a receive tells whether it left something behind.
    bool may_have_more(const ring_operation& op) const noexcept
    {
        return (op.completion_flags() & abi::cqe_f_sock_nonempty) != 0 ||
               (op.result() > 0 &&
                static_cast<std::size_t>(op.result()) == buffers_.size());
    }
};

} // namespace asio_uring::detail
