// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: a ring's table of registered (fixed) buffers.
// Thread: one at a time; on a single-issuer ring the thread the ring belongs to.
// Lifetime: owns the registration, not the memory; the ring must outlive it.
#pragma once

#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/fixed_buffer.hpp>
#include <asio_uring/ring/update_result.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/uio.h>

namespace asio_uring {

class ring;

/// Which buffers to clone, and where to.
struct clone_range
{
    std::uint32_t source_index = 0; ///< first buffer of the source
    std::uint32_t index = 0;        ///< its place in the destination
    std::uint32_t count = 0;        ///< 0 for all, with both indices 0
};

/// The table of buffers a ring has pinned, so that operations on them (op::read_fixed,
/// op::write_fixed, op::send_zc with an index...) pin nothing themselves.
///
/// A ring has at most one table, of 1 to 16384 places, each with a buffer of up to 1 GiB
/// or none. The memory counts against RLIMIT_MEMLOCK of the user. A tag other than zero
/// comes back as the user_data of a completion {tag, 0, 0} on the ring when its buffer
/// has left the table and no operation uses it any more.
///
/// @par Object lifetimes
/// The memory must stay until its buffer has left the table and every operation on it has
/// completed. Leaving does not wait: operations in flight keep the pages pinned.
///
/// @par Thread safety
/// Distinct objects: safe. Shared object: unsafe.
///
/// @par Errors
/// errc::buffers_registered: the ring has a table. errc::table_size_out_of_range: none,
/// or more than 16384 places. errc::index_out_of_range: no such place.
/// errc::tags_do_not_match: neither no tag nor one per buffer.
/// errc::locked_memory_exhausted: the memory-lock limit. EFAULT: memory that is not
/// there, or more than 1 GiB. errc::not_open: the ring is closed.
///
/// Kernel 5.1; tags, updates 5.13; sparse 5.19; clone 6.12, into a table 6.13.
/// See io_uring_register_buffers(3).
class ASIO_URING_DECL registered_buffers
{
public:
    registered_buffers() noexcept = default;

    /// Registers `buffers`; the array itself may go afterwards. An element {null, 0} is
    /// an empty place. Throws boost::system::system_error.
    registered_buffers(
        ring& owner,
        std::span<const iovec> buffers,
        std::span<const std::uint64_t> tags = {});

    /// The same, or an empty object and the reason in `ec`.
    static registered_buffers
    create(ring& owner, std::span<const iovec> buffers, boost::system::error_code& ec);
    static registered_buffers create(
        ring& owner,
        std::span<const iovec> buffers,
        std::span<const std::uint64_t> tags,
        boost::system::error_code& ec);

    /// A table of `count` empty places, to be filled with update(). Kernel 5.19.
    static registered_buffers sparse(ring& owner, std::uint32_t count);
    static registered_buffers
    sparse(ring& owner, std::uint32_t count, boost::system::error_code& ec);

    /// A table for `destination` that shares the pinned buffers of `source`, the table of
    /// another ring of the same user and process; nothing is pinned anew. Kernel 6.12; a
    /// part of a table 6.13.
    static registered_buffers clone(
        ring& destination,
        const registered_buffers& source,
        const clone_range& range = {});
    static registered_buffers clone(
        ring& destination,
        const registered_buffers& source,
        const clone_range& range,
        boost::system::error_code& ec);

    registered_buffers(registered_buffers&& other) noexcept;
    registered_buffers& operator=(registered_buffers&& other) noexcept;
    registered_buffers(const registered_buffers&) = delete;
    registered_buffers& operator=(const registered_buffers&) = delete;

    /// Unregisters, unless this is a child of fork(2): the table is the parent's.
    ~registered_buffers() { unregister(); }

    explicit operator bool() const noexcept { return static_cast<bool>(target_); }

    /// Places of the table.
    std::uint32_t size() const noexcept
    {
        return static_cast<std::uint32_t>(buffers_.size());
    }

    /// The buffer at a place, for the operations that use it. An empty place gives no
    /// bytes. REQUIRES: index < size().
    fixed_buffer operator[](std::size_t index) const noexcept
    {
        ASIO_URING_ASSERT(index < buffers_.size());
        const iovec& buffer = buffers_[index];
        return {
            static_cast<std::byte*>(buffer.iov_base),
            static_cast<std::uint32_t>(buffer.iov_len),
            static_cast<std::uint16_t>(index)};
    }

    /// Replaces the buffers from `offset` on. An element {null, 0} clears a place. A
    /// place that fails keeps its old buffer. Kernel 5.13.
    update_result update(
        std::uint32_t offset,
        std::span<const iovec> buffers,
        std::span<const std::uint64_t> tags = {});

    /// Replaces places of this table by buffers of `source`, which may be this table; it
    /// grows where the range ends behind it. Kernel 6.13.
    boost::system::error_code
    clone_from(const registered_buffers& source, const clone_range& range = {});

    /// Gives the table up. Buffers in use stay pinned until their operations complete.
    boost::system::error_code unregister() noexcept;

    /// Forgets the table; it stays with the ring.
    void release() noexcept;

private:
    boost::system::error_code register_in(
        ring& owner, std::span<const iovec> buffers, std::span<const std::uint64_t> tags);
    boost::system::error_code register_sparse(ring& owner, std::uint32_t count);
    boost::system::error_code register_clone(
        ring& owner, const registered_buffers& source, const clone_range& range);
    std::vector<iovec>
    after_clone(const registered_buffers& source, const clone_range& range) const;

    detail::register_target target_;
    std::vector<iovec> buffers_; ///< as the kernel's table has them
};

} // namespace asio_uring
