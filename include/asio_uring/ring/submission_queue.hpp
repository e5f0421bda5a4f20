// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the shared submission ring: claim entries, publish them.
// Thread: one at a time, by the caller's lock or contract; not tied to the reaping
// thread. Lifetime: a view of maps that the ring owns.
#pragma once

#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/config.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>

namespace asio_uring {

/// The submission side of a ring.
///
/// The local tail runs ahead of the shared tail: try_claim() moves the first, publish()
/// stores it into the second. Counters run freely modulo 2^32 and are masked only to
/// index. Invariant: local tail - kernel head <= entries.
class submission_queue
{
public:
    submission_queue() noexcept = default;

    /// Where the shared words lie; filled by the ring from the kernel's offsets.
    struct view
    {
        std::uint32_t* head;
        std::uint32_t* tail;
        std::uint32_t* flags;
        std::uint32_t* dropped;
        abi::sqe* sqes;
        std::uint32_t entries;
        std::uint32_t entry_shift; ///< 1 with setup_sqe128, else 0
        bool mixed = false;        ///< setup_sqe_mixed
    };
    explicit submission_queue(const view& shared) noexcept
        : head_{shared.head},
          tail_{shared.tail},
          flags_{shared.flags},
          dropped_{shared.dropped},
          sqes_{shared.sqes},
          mask_{shared.entries - 1},
          entries_{shared.entries},
          entry_shift_{shared.entry_shift},
          mixed_{shared.mixed},
          claimed_{load_relaxed(tail_)},
          published_{claimed_}
    {}

    /// The next entry, all of its bytes zero, or null when every entry is in use.
    [[nodiscard]] abi::sqe* try_claim() noexcept
    {
        if (claimed_ - kernel_head() == entries_) [[unlikely]]
            return nullptr;
        abi::sqe* entry = slot(claimed_++);
        std::memset(static_cast<void*>(entry), 0, sizeof(abi::sqe));
        if (entry_shift_ != 0) [[unlikely]]
            std::memset(static_cast<void*>(entry + 1), 0, sizeof(abi::sqe));
        return entry;
    }

    /// Claims `count` entries that follow each other, all of their bytes zero, or none:
    /// what the kernel is to see as one, a chain for example, is claimed as one. The
    /// first is at(claimed() - count). Returns whether there was room.
    [[nodiscard]] bool try_claim(unsigned count) noexcept
    {
        if (space_left() < count)
            return false;
        for (unsigned i = 0; i != count; ++i) {
            abi::sqe* const entry = slot(claimed_++);
            std::memset(static_cast<void*>(entry), 0, sizeof(abi::sqe));
            if (entry_shift_ != 0) [[unlikely]]
                std::memset(static_cast<void*>(entry + 1), 0, sizeof(abi::sqe));
        }
        return true;
    }

    /// The next 128 bytes, all zero, for an operation that needs as much, or null when
    /// they are in use. On a setup_sqe128 ring every entry is that large. On a
    /// setup_sqe_mixed ring the operation takes two entries that must not lie on both
    /// ends of the queue; a no-operation that posts nothing fills the last place then,
    /// also when null is returned. It carries `padding_flags`: inside a chain these have
    /// to be the link flags of the entry before. Always null on a ring with neither flag,
    /// whose kernel would take the second half for an operation of its own.
    [[nodiscard]] abi::wide_sqe* try_claim_wide(std::uint8_t padding_flags = 0) noexcept
    {
        if (entry_shift_ != 0)
            return widened(try_claim());
        if (!mixed_ || entries_ < 2)
            return nullptr;
        if (((claimed_ + 1) & mask_) == 0 && !try_claim_padding(padding_flags))
            return nullptr;
        if (space_left() < 2)
            return nullptr;
        abi::sqe* entry = slot(claimed_);
        claimed_ += 2;
        std::memset(static_cast<void*>(entry), 0, sizeof(abi::wide_sqe));
        return widened(entry);
    }

    /// Sequence number the next claimed entry gets.
    std::uint32_t claimed() const noexcept { return claimed_; }

    /// The shared tail as last stored.
    std::uint32_t published() const noexcept { return published_; }

    /// Entries that can be claimed now.
    std::uint32_t space_left() const noexcept
    {
        return entries_ - (claimed_ - kernel_head());
    }

    /// A claimed entry that may still be rewritten. REQUIRES, modulo 2^32: published() <=
    /// sequence < claimed(), or the kernel has not consumed the entry and nobody can let
    /// it do so: no thread enters, and there is no polling thread.
    abi::sqe& at(std::uint32_t sequence) noexcept
    {
        ASIO_URING_ASSERT(is_unconsumed(sequence));
        return *slot(sequence);
    }

    /// What stands in the slot of an entry, for looking only: the kernel may be reading
    /// it, and a later entry may have taken its place.
    const abi::sqe& look_at(std::uint32_t sequence) const noexcept
    {
        return *slot(sequence);
    }

    /// Hands every claimed entry to the kernel and returns how many it has not consumed.
    unsigned publish() noexcept
    {
        // Release: the entries are written before the tail that covers them. Pairs with
        // the kernel's acquire load of the tail, in io_uring_enter or in its polling
        // thread.
        std::atomic_ref{*tail_}.store(claimed_, std::memory_order_release);
        published_ = claimed_;
        return published_ - kernel_head();
    }

    /// Published entries the kernel has not consumed.
    unsigned unconsumed() const noexcept { return published_ - kernel_head(); }

    /// Completions wait in the kernel for an enter with getevents (setup_taskrun_flag
    /// rings). After a resize it may say so with none waiting.
    bool task_work_pending() const noexcept { return (flags() & abi::sq_taskrun) != 0; }

    /// Makes task_work_pending() false until the kernel says so anew. REQUIRES: an enter
    /// with getevents follows.
    void clear_task_work_note() noexcept
    {
        // acq_rel: the kernel adds work before it sets the bit, so the enter that follows
        // sees the work of every bit that is lost here, and the bit is clear before it.
        std::atomic_ref{*flags_}.fetch_and(~abi::sq_taskrun, std::memory_order_acq_rel);
    }

    /// Completions that found no room wait in the kernel's backlog.
    bool completion_overflow() const noexcept
    {
        return (flags() & abi::sq_cq_overflow) != 0;
    }

    /// The kernel's polling thread sleeps and has to be woken (setup_sqpoll rings).
    bool needs_wakeup() const noexcept
    {
        // The polling thread stores the flag, then looks at the tail once more; we store
        // the tail, then look at the flag. Unless our store is ordered before our load,
        // both sides may miss the other's store, and the entry would wait for ever. Two
        // sequentially consistent accesses are so ordered; a fence would be too, but
        // ThreadSanitizer does not know fences.
        std::atomic_ref{*tail_}.exchange(published_, std::memory_order_seq_cst);
        const auto flags = std::atomic_ref{*flags_}.load(std::memory_order_seq_cst);
        return (flags & abi::sq_need_wakeup) != 0;
    }

    /// Entries the kernel refused to read because their index was out of range.
    std::uint32_t dropped() const noexcept { return load_relaxed(dropped_); }

    std::uint32_t entries() const noexcept { return entries_; }

    /// On a setup_sq_rewind ring: the kernel has taken the `count` oldest entries, and
    /// the next call begins at the first slot again. What is left moves there, and
    /// sequence numbers start over.
    void rewind(unsigned count) noexcept
    {
        ASIO_URING_ASSERT(count <= published_ && published_ <= claimed_);
        const std::size_t left = claimed_ - count;
        std::memmove(
            static_cast<void*>(slot(0)),
            slot(count),
            (left << entry_shift_) * sizeof(abi::sqe));
        claimed_ -= count;
        published_ -= count;
    }

    /// Goes on where `old`, the same queue in another size, has stopped: with the entries
    /// the kernel has not consumed and those it has not been shown.
    void resume(const submission_queue& old) noexcept
    {
        claimed_ = old.claimed_;
        published_ = old.published_;
        for (std::uint32_t at = old.kernel_head(); at != claimed_; ++at) {
            std::memcpy(
                static_cast<void*>(slot(at)),
                old.slot(at),
                sizeof(abi::sqe) << entry_shift_);
        }
    }

private:
    bool try_claim_padding(std::uint8_t flags) noexcept
    {
        abi::sqe* entry = try_claim();
        if (entry == nullptr)
            return false;
        entry->opcode = static_cast<std::uint8_t>(abi::opcode::nop);
        entry->flags = static_cast<std::uint8_t>(flags | abi::sqe_cqe_skip_success);
        entry->fd = -1;
        return true;
    }

    bool is_unconsumed(std::uint32_t sequence) const noexcept
    {
        // One look at the head: it moves while another thread is in the kernel.
        const std::uint32_t head = kernel_head();
        return sequence - head < claimed_ - head;
    }

    // The slot and what lies behind it are 128 bytes of the map that belong together.
    static abi::wide_sqe* widened(abi::sqe* entry) noexcept
    {
        return reinterpret_cast<abi::wide_sqe*>(entry);
    }

    static std::uint32_t load_relaxed(std::uint32_t* word) noexcept
    {
        // Relaxed: for words that order nothing, and for the tail, which only we store.
        return std::atomic_ref{*word}.load(std::memory_order_relaxed);
    }

    std::uint32_t kernel_head() const noexcept
    {
        // Acquire: an entry is written again only after the kernel has read it. Pairs
        // with the kernel's release store of the head.
        return std::atomic_ref{*head_}.load(std::memory_order_acquire);
    }

    // Relaxed: the bits are hints to enter the kernel, and entering orders everything
    // else.
    std::uint32_t flags() const noexcept { return load_relaxed(flags_); }

    abi::sqe* slot(std::uint32_t sequence) const noexcept
    {
        return sqes_ + (static_cast<std::size_t>(sequence & mask_) << entry_shift_);
    }

    // Immutable after construction
    std::uint32_t* head_ = nullptr;
    std::uint32_t* tail_ = nullptr;
    std::uint32_t* flags_ = nullptr;
    std::uint32_t* dropped_ = nullptr;
    abi::sqe* sqes_ = nullptr;
    std::uint32_t mask_ = 0;
    std::uint32_t entries_ = 0;
    std::uint32_t entry_shift_ = 0;
    bool mixed_ = false;

    // Submitting thread only
    std::uint32_t claimed_ = 0;
    std::uint32_t published_ = 0;
};

} // namespace asio_uring
