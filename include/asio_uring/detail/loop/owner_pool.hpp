// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: request owners at stable addresses, recycled, so that opening
// a descriptor allocates nothing in steady state. Thread: guarded by the loop's mutex.
// Lifetime: as the loop.
#pragma once

#include <asio_uring/detail/loop/descriptor_table.hpp>
#include <asio_uring/detail/loop/request_line.hpp>

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace asio_uring::detail {

class owner_pool
{
public:
    explicit owner_pool(delivery_gate& gate) noexcept : gate_(gate) {}

    ~owner_pool()
    {
        for (request_owner& owner : owners_)
            delete owner.kept.load();
    }

    owner_pool(const owner_pool&) = delete;
    owner_pool& operator=(const owner_pool&) = delete;

    request_owner& acquire(int descriptor)
    {
        if (free_.empty()) {
            // Room for all of them first, so that release() never allocates.
            free_.reserve(owners_.size() + 1);
            free_.push_back(&owners_.emplace_back());
        }
        request_owner& owner = *free_.back();
        free_.pop_back();
        owner.gate = &gate_;
        owner.descriptor = descriptor;
        return owner;
    }

    /// The same for the file behind a descriptor, which no other object may have under
    /// that number. Null where one has it.
    request_owner* acquire(int descriptor, std::uint64_t file)
    {
        if (descriptors_.contains(descriptor, file))
            return nullptr;
        descriptors_.reserve(owners_.size() + 1);
        request_owner& owner = acquire(descriptor);
        descriptors_.insert(owner, file);
        return &owner;
    }

    /// The owner lets go of its descriptor, whose number is free from here. Returns the
    /// number.
    int free_descriptor(request_owner& owner) noexcept
    {
        descriptors_.erase(owner);
        return std::exchange(owner.descriptor, -1);
    }

    [[gnu::noinline]] void release(request_owner& owner) noexcept
    {
        ASIO_URING_ASSERT(owner.idle());
        ASIO_URING_ASSERT(owner.lines[0].empty() && owner.lines[1].empty());
        free_descriptor(owner);
        owner.closed = owner.awaited = false;
        owner.may_have_more = true;
        delete owner.kept.exchange(nullptr);
        free_.push_back(&owner);
    }

    /// Every owner ever made; those not in use have nothing waiting.
    std::deque<request_owner>& all() noexcept { return owners_; }

private:
    delivery_gate& gate_;
    std::deque<request_owner> owners_;
    std::vector<request_owner*> free_;
    descriptor_table descriptors_;
};

} // namespace asio_uring::detail
