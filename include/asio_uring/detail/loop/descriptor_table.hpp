// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: which descriptors have an owner, so that no descriptor gets two.
// Thread: guarded by the loop's mutex. Lifetime: as the owners.
#pragma once

#include <asio_uring/detail/loop/request_line.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace asio_uring::detail {

/// A hash table with open addressing: only reserve() allocates, so an owner that leaves
/// needs no memory. Descriptors are dense, and the hash sets neighbours apart: side by
/// side they would be one run of slots, which erase() walks to its end.
class descriptor_table
{
public:
    /// Makes room for `count` owners.
    void reserve(std::size_t count)
    {
        if (2 * count <= slots_.size())
            return;
        std::vector<slot> before(std::bit_ceil(std::max<std::size_t>(4 * count, 16)));
        before.swap(slots_);
        shift_ = 64 - std::countr_zero(slots_.size());
        for (const slot& one : before) {
            if (one.owner != nullptr)
                slots_[find(one.owner->descriptor)] = one;
        }
    }

    /// Whether the descriptor has an owner and still means the file that it meant then. A
    /// program may have closed it behind the owner's back.
    bool contains(int descriptor, std::uint64_t file) const noexcept
    {
        return owner_of(descriptor, file) != nullptr;
    }

    /// That owner, or null.
    const request_owner* owner_of(int descriptor, std::uint64_t file) const noexcept
    {
        if (slots_.empty())
            return nullptr;
        const slot& found = slots_[find(descriptor)];
        return found.file == file ? found.owner : nullptr;
    }

    /// The file of an owner; 0 where the table does not have the owner.
    std::uint64_t file_of(const request_owner& owner) const noexcept
    {
        if (slots_.empty() || owner.descriptor < 0)
            return 0;
        const slot& found = slots_[find(owner.descriptor)];
        return found.owner == &owner ? found.file : 0;
    }

    /// REQUIRES: reserve() made room. Any other owner of the descriptor has a file that
    /// is gone.
    void insert(request_owner& owner, std::uint64_t file) noexcept
    {
        slots_[find(owner.descriptor)] = {&owner, file};
    }

    /// Takes the owner out where it is in the table.
    void erase(const request_owner& owner) noexcept
    {
        if (slots_.empty() || owner.descriptor < 0)
            return;
        std::size_t hole = find(owner.descriptor);
        if (slots_[hole].owner != &owner)
            return;
        // Those behind move up, so that every search may end at the first free slot.
        for (std::size_t i = next(hole); slots_[i].owner != nullptr; i = next(i)) {
            const std::size_t home = home_of(slots_[i].owner->descriptor);
            if (((i - home) & mask()) >= ((i - hole) & mask())) {
                slots_[hole] = slots_[i];
                hole = i;
            }
        }
        slots_[hole] = {};
    }

private:
    struct slot
    {
        request_owner* owner = nullptr;
        std::uint64_t file = 0;
    };

    std::size_t mask() const noexcept { return slots_.size() - 1; }
    std::size_t next(std::size_t i) const noexcept { return (i + 1) & mask(); }
    std::size_t home_of(int descriptor) const noexcept
    {
        // Fibonacci hashing: multiples of the golden ratio fall far from each other.
        constexpr std::uint64_t factor = 0x9e37'79b9'7f4a'7c15;
        return (static_cast<std::uint64_t>(descriptor) * factor) >> shift_;
    }

    /// The slot of a descriptor, or the free one where it belongs.
    std::size_t find(int descriptor) const noexcept
    {
        std::size_t i = home_of(descriptor);
        while (slots_[i].owner != nullptr && slots_[i].owner->descriptor != descriptor)
            i = next(i);
        return i;
    }

    std::vector<slot> slots_;
    // What is left of a hash are as many bits as a place among the slots has.
    int shift_ = 0;
};

} // namespace asio_uring::detail
