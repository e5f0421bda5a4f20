// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: a ring of provided buffers: hand memory to the kernel, find what
// it has filled. Thread: one at a time, by the caller's lock or contract.
// Lifetime: owns the registration and the entries, not the buffers; the ring must outlive
// it.
#pragma once

#include <asio_uring/detail/ring/mapping.hpp>
#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/config.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace asio_uring {

class ring;

/// How a buffer ring is set up.
struct buffer_ring_options
{
    /// Number that operations name the buffers by (op::buffer_group); unique on its ring.
    std::uint16_t group = 0;

    /// Most buffers the kernel holds at a time: a power of two, 1 to 32768.
    std::uint32_t entries = 0;

    /// Buffers have the ids 0 to ids - 1, at most 65536; 0 stands for `entries`. With
    /// more ids than entries, further buffers wait with the application: no more than
    /// `entries` of them may be added and not taken.
    std::uint32_t ids = 0;

    /// Completions consume a buffer piece by piece instead of as a whole, so that small
    /// messages share a large buffer. Only for operations the kernel runs itself, not in
    /// a worker: abi::sqe_async, or a file that cannot be polled, leaves gaps in the
    /// buffer that nobody reports. Kernel 6.12.
    bool incremental = false;

    /// The entries lie in memory of the kernel, not of the application. The buffers are
    /// the application's in either case. Kernel 6.4.
    bool kernel_memory = false;

    /// The entries lie in memory of the caller: from the start of a page on, 16 bytes for
    /// each entry, given to the kernel until unregister(). A program that forks marks it
    /// with MADV_DONTFORK. Not together with kernel_memory.
    std::span<std::byte> entry_memory{};
};

/// What one completion has put into one provided buffer, or sent out of it.
struct taken_buffer
{
    std::span<std::byte> data{}; ///< the bytes of this completion; may be none
    std::uint16_t id = 0;
    /// The kernel keeps the buffer and goes on behind these bytes: do not give it back.
    bool more = false;
};

/// A ring of provided buffers: operations with abi::sqe_buffer_select take the next one
/// when they have data, not when they start.
///
/// add() names a buffer, commit() hands over what was added; a completion brings its id,
/// and take() says where the data is; give_back() and commit() hand it over again. With
/// no buffer left an operation ends with ENOBUFS; a multishot one has to be started
/// again. available() tells beforehand.
///
/// @par Ownership
/// A buffer is the kernel's from add() until a completion takes it: until take() or
/// for_each_in_bundle() reports it with `more` false. A completion of the group that
/// neither of them sees is a buffer lost. unregister() ends the kernel's use of all
/// buffers that no operation has picked; one in flight may still write into its own.
///
/// @par Thread safety
/// Distinct objects: safe. Shared object: unsafe.
///
/// @par Errors
/// errc::buffer_group_registered: the group number is in use.
/// errc::buffer_ring_out_of_range: the number of entries. errc::unsupported_buffer_ring:
/// an older kernel. errc::locked_memory_exhausted: the memory-lock limit, against which
/// the entries count, 16 bytes each. errc::no_ring_descriptor: kernel_memory on a ring
/// without a descriptor. errc::ring_memory_unusable: entry_memory is misaligned, too
/// small, or given together with kernel_memory. errc::not_open: the ring is closed.
///
/// Kernel 5.19. See io_uring_register_buf_ring(3).
class ASIO_URING_DECL buffer_ring
{
public:
    buffer_ring() noexcept = default;

    /// Registers a ring with no buffers in it. Throws boost::system::system_error.
    buffer_ring(ring& owner, const buffer_ring_options& options);

    /// The same, or an empty object and the reason in `ec`.
    static buffer_ring create(
        ring& owner, const buffer_ring_options& options, boost::system::error_code& ec);

    buffer_ring(buffer_ring&& other) noexcept;
    buffer_ring& operator=(buffer_ring&& other) noexcept;
    buffer_ring(const buffer_ring&) = delete;
    buffer_ring& operator=(const buffer_ring&) = delete;

    /// Unregisters, unless this is a child of fork(2): the buffers are the parent's.
    ~buffer_ring() { unregister(); }

    explicit operator bool() const noexcept { return static_cast<bool>(target_); }
    std::uint16_t group() const noexcept { return group_; }
    std::uint32_t entries() const noexcept { return mask_ + 1; }

    /// How many ids there are.
    std::uint32_t ids() const noexcept
    {
        return static_cast<std::uint32_t>(buffers_.size());
    }

    /// Names memory for the kernel to use under `id`; commit() hands it over.
    /// OWNERSHIP: the memory is the kernel's until the buffer is taken.
    /// REQUIRES: id < ids() and not with the kernel; size > 0; available() < entries().
    void add(std::uint16_t id, void* data, std::uint32_t size) noexcept
    {
        ASIO_URING_ASSERT(id < buffers_.size());
        ASIO_URING_ASSERT(!buffers_[id].with_kernel && "the kernel has this buffer");
        ASIO_URING_ASSERT(size > 0);
        buffers_[id].data = static_cast<std::byte*>(data);
        buffers_[id].size = size;
        enqueue(id);
    }

    /// Names the memory again that `id` had before; commit() hands it over.
    /// OWNERSHIP: as add(). REQUIRES: the buffer was added once and taken since;
    /// available() < entries().
    void give_back(std::uint16_t id) noexcept
    {
        ASIO_URING_ASSERT(id < buffers_.size());
        ASIO_URING_ASSERT(
            !buffers_[id].with_kernel && "given back twice, or never taken");
        ASIO_URING_ASSERT(buffers_[id].size > 0 && "never added");
        enqueue(id);
    }

    /// Hands everything added to the kernel.
    void commit() noexcept
    {
        // Release: the entries are written before the tail that covers them. Pairs with
        // the kernel's acquire load of the tail when it picks a buffer.
        std::atomic_ref{entries_->resv}.store(tail_, std::memory_order_release);
    }

    /// The buffer of a completion of this group, or none if it brought none: errors, the
    /// end of a stream, and an empty group mostly do not. Without `more` the buffer is
    /// the application's from here on, also when it has no bytes. Each completion once,
    /// in the order of the completion queue.
    [[nodiscard]] std::optional<taken_buffer> take(const abi::cqe& entry) noexcept
    {
        if (!has_buffer(entry))
            return std::nullopt;
        const auto id = static_cast<std::uint16_t>(entry.flags >> abi::cqe_buffer_shift);
        return consume(id, bytes_of(entry), has_more(entry));
    }

    /// Calls `f(const taken_buffer&)` for each buffer of a completion, in the order of
    /// the data. With abi::recvsend_bundle one completion may span several; without, this
    /// is take(). `f` may give the buffer back. Returns the number of calls.
    template <class F>
    unsigned for_each_in_bundle(const abi::cqe& entry, F&& f)
    {
        if (!has_buffer(entry))
            return 0;
        auto id = static_cast<std::uint16_t>(entry.flags >> abi::cqe_buffer_shift);
        std::uint32_t left = bytes_of(entry);
        for (unsigned count = 1;; ++count) {
            // Read first: `f` may give the buffer back, which gives it a new successor.
            const std::uint16_t next = buffers_[id].next;
            const std::uint32_t bytes = std::min(left, room(id));
            left -= bytes;
            f(consume(id, bytes, left == 0 && has_more(entry)));
            ASIO_URING_ASSERT(
                (left == 0 || bytes != 0) && "the completion is of another group");
            // Without asserts the chain of a wrong group must not be followed for ever.
            if (left == 0 || bytes == 0)
                return count;
            id = next;
        }
    }

    /// The whole memory of a buffer, whoever has it. REQUIRES: it was added.
    std::span<std::byte> memory(std::uint16_t id) const noexcept
    {
        ASIO_URING_ASSERT(id < buffers_.size());
        return {buffers_[id].data, buffers_[id].size};
    }

    /// Buffers added and not taken. The kernel may have used some of them already, in
    /// completions not looked at.
    std::uint32_t available() const noexcept { return available_; }

    /// Place of the next entry, modulo 2^16; what commit() stores.
    std::uint16_t tail() const noexcept { return tail_; }

    /// The kernel's place, modulo 2^16: tail() - kernel_head() committed buffers wait for
    /// operations. A system call. Kernel 6.8.
    std::uint16_t kernel_head(boost::system::error_code& ec) const noexcept;

    /// Takes the group from the ring. An operation that needs it then ends with ENOBUFS
    /// or ENOENT.
    boost::system::error_code unregister() noexcept;

private:
    struct buffer
    {
        std::byte* data = nullptr;
        std::uint32_t size = 0;
        std::uint32_t used = 0; ///< bytes of it that completions have consumed
        std::uint16_t next = 0; ///< added right after it
        bool with_kernel = false;
    };

    static bool has_more(const abi::cqe& entry) noexcept
    {
        return (entry.flags & abi::cqe_f_buf_more) != 0;
    }

    static std::uint32_t bytes_of(const abi::cqe& entry) noexcept
    {
        return entry.res > 0 ? static_cast<std::uint32_t>(entry.res) : 0;
    }

    bool has_buffer(const abi::cqe& entry) const noexcept
    {
        if ((entry.flags & abi::cqe_f_buffer) == 0)
            return false;
        const bool known = entry.flags >> abi::cqe_buffer_shift < buffers_.size();
        ASIO_URING_ASSERT(known && "the completion is of another group");
        return known;
    }

    std::uint32_t room(std::uint16_t id) const noexcept
    {
        return buffers_[id].size - buffers_[id].used;
    }

    /// The entry is overwritten only after the kernel has passed it: no more buffers are
    /// added and not taken than there are entries.
    void enqueue(std::uint16_t id) noexcept
    {
        ASIO_URING_ASSERT(available_ <= mask_ && "the kernel holds no more buffers");
        // The kernel consumes in the order of the entries, so the one added after is the
        // next of a bundle. The entries themselves cannot tell: a buffer given back may
        // have overwritten one whose completion is not looked at yet.
        buffers_[last_added_].next = id;
        last_added_ = id;
        buffer& added = buffers_[id];
        added.used = 0;
        added.with_kernel = true;
        ++available_;
        abi::buf& entry = entries_[tail_ & mask_];
        // Not as a whole: the tail overlays `resv` of the first entry.
        entry.addr = reinterpret_cast<std::uintptr_t>(added.data);
        entry.len = added.size;
        entry.bid = id;
        ++tail_;
    }

    taken_buffer consume(std::uint16_t id, std::uint32_t bytes, bool more) noexcept
    {
        buffer& taken = buffers_[id];
        ASIO_URING_ASSERT(taken.with_kernel && "a completion taken twice");
        ASIO_URING_ASSERT(bytes <= room(id));
        const taken_buffer result{{taken.data + taken.used, bytes}, id, more};
        if (more) {
            taken.used += bytes;
        }
        else {
            taken.with_kernel = false;
            --available_;
        }
        return result;
    }

    boost::system::error_code
    register_in(ring& owner, const buffer_ring_options& options);
    void swap(buffer_ring& other) noexcept;

    // Immutable after construction
    detail::register_target target_;
    detail::mapping entries_map_; ///< none where the memory is the caller's
    abi::buf* entries_ = nullptr;
    std::uint32_t mask_ = ~std::uint32_t{0};
    std::uint16_t group_ = 0;

    // The caller's thread only
    std::vector<buffer> buffers_; ///< by id
    std::uint32_t available_ = 0;
    std::uint16_t tail_ = 0;
    std::uint16_t last_added_ = 0;
};

} // namespace asio_uring
