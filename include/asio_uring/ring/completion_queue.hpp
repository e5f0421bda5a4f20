// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the shared completion ring: look at entries, give their room
// back. Thread: one at a time, by the caller's lock or contract; not tied to the
// submitting thread. Lifetime: a view of maps that the ring owns.
#pragma once

#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

namespace asio_uring {

/// The completion side of a ring.
///
/// Positions count 16-byte slots, or 32-byte slots with setup_cqe32. On a setup_cqe_mixed
/// ring an entry with cqe_f_32 takes two slots and an entry with cqe_f_skip is padding;
/// for_each() knows this, peek() and advance() show the slots as they are.
class completion_queue
{
public:
    completion_queue() noexcept = default;

    /// Where the shared words lie; filled by the ring from the kernel's offsets.
    struct view
    {
        std::uint32_t* head;
        std::uint32_t* tail;
        std::uint32_t* flags;
        std::uint32_t* overflow;
        abi::cqe* cqes;
        std::uint32_t entries;
        std::uint32_t entry_shift; ///< 1 with setup_cqe32, else 0
        bool mixed;                ///< setup_cqe_mixed
    };
    // Relaxed: only we store the head.
    explicit completion_queue(const view& shared) noexcept
        : head_{shared.head},
          tail_{shared.tail},
          flags_{shared.flags},
          overflow_{shared.overflow},
          cqes_{shared.cqes},
          mask_{shared.entries - 1},
          entries_{shared.entries},
          entry_shift_{shared.entry_shift},
          mixed_{shared.mixed},
          consumed_{std::atomic_ref{*head_}.load(std::memory_order_relaxed)}
    {}

    /// Slots the kernel has filled and nobody has given back.
    unsigned ready() const noexcept { return kernel_tail() - consumed_; }

    /// Slots the kernel has filled so far, modulo 2^32. Any thread may ask.
    std::uint32_t filled() const noexcept { return kernel_tail(); }

    /// Slots that were given back so far, modulo 2^32.
    std::uint32_t given_back() const noexcept { return consumed_; }

    /// The oldest filled slot, or null.
    const abi::cqe* peek() const noexcept
    {
        return kernel_tail() == consumed_ ? nullptr : slot(consumed_);
    }

    /// The filled slot `index` places behind the oldest. REQUIRES: index < ready().
    const abi::cqe& at(unsigned index) const noexcept { return *slot(consumed_ + index); }

    /// Gives the `count` oldest slots back to the kernel. REQUIRES: count <= ready().
    void advance(unsigned count) noexcept
    {
        consumed_ += count;
        // Release: our reads of the entries come before the kernel may overwrite them.
        // Pairs with the kernel's acquire load of the head.
        std::atomic_ref{*head_}.store(consumed_, std::memory_order_release);
    }

    /// Calls `f(const abi::cqe&)` for every entry that is ready now, then gives all of
    /// their room back with one store. Returns how many entries `f` has seen. `f` may
    /// claim and publish submissions; it must not reap. If `f` throws, the entries it was
    /// called with are given back and the rest stay.
    template <class F>
    unsigned for_each(F&& f)
    {
        const std::uint32_t end = kernel_tail();
        give_back done{*this, consumed_};
        if (mixed_) [[unlikely]]
            return for_each_mixed(done.position, end, f);
        const unsigned count = end - consumed_;
        while (done.position != end)
            f(*slot(done.position++));
        return count;
    }

    /// A completion of 32 bytes as a whole, with the second half that operations of this
    /// size write (op::tx_timestamp, op::recv_zc, drivers); null for one of 16 bytes.
    /// The entry has to be the one in this queue, as for_each(), peek() and at() give it:
    /// null for a copy, behind which there is nothing. Good until it is given back.
    const abi::wide_cqe* as_wide(const abi::cqe& entry) const noexcept
    {
        const bool wide =
            entry_shift_ != 0 || (mixed_ && (entry.flags & abi::cqe_f_32) != 0);
        const abi::cqe* end = cqes_ + (std::size_t{entries_} << entry_shift_);
        const std::less<const abi::cqe*> before;
        if (!wide || before(&entry, cqes_) || !before(&entry + 1, end))
            return nullptr;
        // The kernel puts both halves into one piece of the map.
        return reinterpret_cast<const abi::wide_cqe*>(&entry);
    }

    /// Completions the kernel has dropped for lack of memory; zero in practice.
    std::uint32_t overflow() const noexcept
    {
        // Relaxed: a statistic that orders nothing.
        return std::atomic_ref{*overflow_}.load(std::memory_order_relaxed);
    }

    /// Mutes or unmutes a registered eventfd.
    void mute_eventfd(bool muted) noexcept
    {
        // Relaxed: only the bit itself is communicated.
        std::atomic_ref{*flags_}.store(
            muted ? abi::cq_eventfd_disabled : 0, std::memory_order_relaxed);
    }

    std::uint32_t entries() const noexcept { return entries_; }

    /// Goes on where `old`, the same queue in another size, has stopped, with the entries
    /// nobody has given back.
    void resume(const completion_queue& old) noexcept
    {
        consumed_ = old.consumed_;
        const std::uint32_t end = old.kernel_tail();
        for (std::uint32_t at = consumed_; at != end; ++at) {
            std::memcpy(
                static_cast<void*>(slot(at)),
                old.slot(at),
                sizeof(abi::cqe) << entry_shift_);
        }
    }

private:
    struct give_back
    {
        completion_queue& queue;
        std::uint32_t position;
        ~give_back()
        {
            if (position != queue.consumed_)
                queue.advance(position - queue.consumed_);
        }
    };

    template <class F>
    unsigned for_each_mixed(std::uint32_t& position, std::uint32_t end, F& f)
    {
        unsigned count = 0;
        while (position != end) {
            const abi::cqe& entry = *slot(position);
            position += (entry.flags & abi::cqe_f_32) != 0 ? 2 : 1;
            if ((entry.flags & abi::cqe_f_skip) != 0)
                continue;
            ++count;
            f(entry);
        }
        return count;
    }

    std::uint32_t kernel_tail() const noexcept
    {
        // Acquire: entries before the tail are complete. Pairs with the kernel's release
        // store of the tail.
        return std::atomic_ref{*tail_}.load(std::memory_order_acquire);
    }

    abi::cqe* slot(std::uint32_t position) const noexcept
    {
        return cqes_ + (static_cast<std::size_t>(position & mask_) << entry_shift_);
    }

    // Immutable after construction
    std::uint32_t* head_ = nullptr;
    std::uint32_t* tail_ = nullptr;
    std::uint32_t* flags_ = nullptr;
    std::uint32_t* overflow_ = nullptr;
    abi::cqe* cqes_ = nullptr;
    std::uint32_t mask_ = 0;
    std::uint32_t entries_ = 0;
    std::uint32_t entry_shift_ = 0;
    bool mixed_ = false;

    // Reaping thread only
    std::uint32_t consumed_ = 0;
};

} // namespace asio_uring
