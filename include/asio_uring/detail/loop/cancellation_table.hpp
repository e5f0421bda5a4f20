// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: names for operations. A cancellation slot may hold on to a name
// after the operation is gone, so a name is an index and a generation: it is looked up,
// never dereferenced. Thread: guarded by the loop's mutex. Lifetime: as the loop; entries
// are recycled.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

namespace asio_uring::detail {

class ring_operation;

struct cancellation_ticket
{
    // 0: names nothing; below 2^29, so that user_data holds a ticket
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
};

class cancellation_table
{
public:
    cancellation_ticket insert(ring_operation& op)
    {
        if (first_free_ == 0) [[unlikely]]
            grow();
        const std::uint32_t index = first_free_;
        entry& e = entries_[index - 1];
        first_free_ = e.next_free;
        e.operation = &op;
        return {index, e.generation};
    }

    /// The same; a ticket that names nothing where there is no memory.
    cancellation_ticket try_insert(ring_operation& op) noexcept
    {
        try {
            return insert(op);
        }
        catch (const std::bad_alloc&) {
            return {};
        }
    }

    cancellation_ticket ticket(std::uint32_t index) const noexcept
    {
        return {index, entries_[index - 1].generation};
    }

    /// The operation behind a ticket, or nullptr once it was erased.
    ring_operation* find(cancellation_ticket ticket) const noexcept
    {
        if (ticket.index == 0)
            return nullptr;
        ASIO_URING_ASSERT(ticket.index <= entries_.size());
        const entry& e = entries_[ticket.index - 1];
        return e.generation == ticket.generation ? e.operation : nullptr;
    }

    /// From here the index names another operation.
    void rename(std::uint32_t index, ring_operation& op) noexcept
    {
        entries_[index - 1].operation = &op;
    }

    void erase(std::uint32_t index) noexcept
    {
        entry& e = entries_[index - 1];
        ASIO_URING_ASSERT(e.operation != nullptr);
        e.operation = nullptr;
        ++e.generation;
        e.next_free = std::exchange(first_free_, index);
    }

private:
    struct entry
    {
        ring_operation* operation = nullptr;
        std::uint32_t generation = 0;
        // Index of the free entry behind this one, which is free; 0: none
        std::uint32_t next_free = 0;
    };

    [[gnu::noinline]] void grow()
    {
        entries_.push_back({});
        first_free_ = static_cast<std::uint32_t>(entries_.size());
    }

    std::vector<entry> entries_;
    std::uint32_t first_free_ = 0;
};

} // namespace asio_uring::detail
