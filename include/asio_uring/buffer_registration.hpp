// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: memory that the ring of a context has pinned, as Asio's own
// registered buffers, so that files transfer it without pinning it each time. Thread:
// distinct objects any; a shared object one thread at a time. Lifetime: not longer than
// the context; the memory is somebody else's.
#pragma once

#include <asio_uring/detail/asio/registered_buffer.hpp>
#include <asio_uring/detail/context/ring_service.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/registered_buffer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/uio.h>

namespace asio_uring {

/// Buffers that are registered with the ring of a context.
/**
 * Each is a boost::asio::mutable_registered_buffer, which all of Asio takes where it
 * takes a buffer:
 *
 * @code
 * std::vector<char> memory(64 * 1024);
 * const auto registration =
 *     asio_uring::register_buffers(file.get_executor(), asio::buffer(memory));
 * co_await asio::async_read_at(file, offset, registration[0], asio::use_awaitable);
 * @endcode
 *
 * A random_access_file or stream_file of the same context transfers one such buffer, or a
 * part of it (`registration[0] + 512`, `asio::buffer(registration[0], 512)`), by a
 * request that names it. The kernel then need not pin its pages, which it does for each
 * transfer past the page cache (file_base::direct). Everywhere else the buffers are like
 * any others: for sockets and synchronous calls, for the files of another context, in a
 * context without a ring, when the registration has ended, and where the kernel has
 * refused it.
 *
 * A context has room for 1024 buffers, of any number of registrations.
 *
 * @par Object lifetimes
 * The object does not outlive its context. It lives until the handler of each transfer of
 * its buffers was called, and the memory stays what it is, allocated and mapped, until
 * the object is destroyed. The destructor does not wait: the kernel keeps the pages for
 * a transfer that it is at.
 * @par Thread safety
 * Distinct objects: safe, on a single-issuer ring within its thread only. A registration
 * that another thread ends there leaves its pages locked as long as the ring. Shared
 * object: unsafe; the buffers are values.
 * @par Kernel
 * 6.1, as every ring of a context. Without a ring: buffers like any others.
 */
class buffer_registration
{
    using buffers_type = std::vector<boost::asio::mutable_registered_buffer>;

public:
    using value_type = buffers_type::value_type;
    using size_type = buffers_type::size_type;
    using iterator = buffers_type::const_iterator;
    using const_iterator = buffers_type::const_iterator;

    /// Has no buffers.
    buffer_registration() noexcept = default;

    /// Registers buffers with a context, or with an executor's context.
    /**
     * Where the context has no ring yet, one with default options is made. Where the
     * kernel refuses one of the buffers, none is registered, and all of them are like any
     * others; is_registered() and reason() tell. So a program need not care.
     *
     * @param of       The context, or one of its executors.
     * @param buffers  A sequence of mutable buffers.
     * @throws std::bad_alloc
     * @throws boost::system::system_error  Where no ring is to be had, and
     * ASIO_URING=require in the environment forbids to do without.
     */
    template <typename ExecutorOrContext, typename MutableBuffers>
    buffer_registration(ExecutorOrContext&& of, const MutableBuffers& buffers)
    {
        const auto first = boost::asio::buffer_sequence_begin(buffers);
        const auto last = boost::asio::buffer_sequence_end(buffers);
        std::vector<::iovec> memory;
        for (auto it = first; it != last; ++it)
            memory.push_back(as_iovec(*it));
        buffers_.resize(memory.size());
        detail::ring_service& service = detail::ring_of(detail::context_of(of));
        lent_ = service.acquire_buffers(memory, reason_);
        service_ = lent_.count != 0 ? &service : nullptr;
        std::uint32_t place = lent_.first;
        auto made = buffers_.begin();
        for (auto it = first; it != last; ++it)
            *made++ = detail::asio_impl::registered_buffer_maker::make(
                *it, lent_.name, place++);
    }

    /// Takes the buffers of another object, which then has none.
    buffer_registration(buffer_registration&& other) noexcept
        : buffers_(std::exchange(other.buffers_, {})),
          reason_(std::exchange(other.reason_, {})),
          service_(std::exchange(other.service_, nullptr)),
          lent_(other.lent_)
    {}

    /// Exchanges the two registrations.
    buffer_registration& operator=(buffer_registration&& other) noexcept
    {
        std::swap(buffers_, other.buffers_);
        std::swap(reason_, other.reason_);
        std::swap(service_, other.service_);
        std::swap(lent_, other.lent_);
        return *this;
    }

    /// Ends the registration. REQUIRES: no transfer of the buffers is outstanding.
    ~buffer_registration()
    {
        if (service_ != nullptr)
            service_->release_buffers(lent_);
    }

    /// Whether the ring has the buffers. A child of a fork has a ring without them.
    bool is_registered() const noexcept
    {
        return service_ != nullptr && service_->has_buffers(lent_);
    }

    /// Why the constructor has not registered the buffers; none where it has.
    /**
     * errc::no_ring: the context has none. errc::locked_memory_exhausted: RLIMIT_MEMLOCK
     * allows no more. no_buffer_space: the context has no room for so many buffers.
     * bad_address: memory that is not there, or a buffer of more than 1 GiB.
     * operation_not_supported: memory of a kind that the kernel does not pin, such as a
     * mapped file. errc::wrong_thread: the ring is another thread's.
     */
    const boost::system::error_code& reason() const noexcept { return reason_; }

    /// How many buffers there are, registered or not.
    size_type size() const noexcept { return buffers_.size(); }
    bool empty() const noexcept { return buffers_.empty(); }

    const_iterator begin() const noexcept { return buffers_.begin(); }
    const_iterator cbegin() const noexcept { return buffers_.cbegin(); }
    const_iterator end() const noexcept { return buffers_.end(); }
    const_iterator cend() const noexcept { return buffers_.cend(); }

    /// A buffer, in the order of the sequence. REQUIRES: index < size().
    const value_type& operator[](size_type index) const noexcept
    {
        ASIO_URING_ASSERT(index < buffers_.size());
        return buffers_[index];
    }

    /// The same. Throws std::out_of_range where there is no such buffer.
    const value_type& at(size_type index) const { return buffers_.at(index); }

private:
    // The kernel takes an empty buffer as an empty place.
    static ::iovec as_iovec(const boost::asio::mutable_buffer& buffer) noexcept
    {
        return {buffer.size() != 0 ? buffer.data() : nullptr, buffer.size()};
    }

    buffers_type buffers_;
    boost::system::error_code reason_;
    // Null where nothing is registered
    detail::ring_service* service_ = nullptr;
    detail::lent_buffers lent_;
};

/// Registers buffers with a context, or with an executor's context; see
/// buffer_registration. The sister of boost::asio::register_buffers, of which a context
/// may have several.
template <typename ExecutorOrContext, typename MutableBuffers>
[[nodiscard]] buffer_registration
register_buffers(ExecutorOrContext&& of, const MutableBuffers& buffers)
{
    return buffer_registration(of, buffers);
}

} // namespace asio_uring
