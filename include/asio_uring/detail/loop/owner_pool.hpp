// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: request owners at stable addresses, recycled, so that opening
// a descriptor allocates nothing in steady state. Thread: guarded by the loop's mutex.
// Lifetime: as the loop.
#pragma once

#include <asio_uring/detail/loop/descriptor_table.hpp>
#include <asio_uring/detail/loop/request_line.hpp>

#include <cstdint>
#include <deque>
#include <new>
#include <utility>
#include <vector>

namespace asio_uring::detail {

class owner_pool
{
public:
    explicit owner_pool(delivery_gate& gate) : gate_(gate) {}

    ~owner_pool()
    {
        for (request_owner& owner : owners_)
            delete owner.kept.load();
        for (const parked& one : parked_)
            delete one.kept;
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
        if (!parked_.empty()) [[unlikely]]
            unpark(owner, file);
        return &owner;
    }

    /// The owner that has the file under that number, or null.
    const request_owner* find(int descriptor, std::uint64_t file) const noexcept
    {
        return descriptors_.owner_of(descriptor, file);
    }

    /// What is kept for the owner's reads stays for the next owner of the same file.
    /// Where there is no memory it is lost with this one.
    void park(request_owner& owner) noexcept
    {
        const std::uint64_t file = descriptors_.file_of(owner);
        if (file == 0 || owner.kept == nullptr)
            return;
        try {
            parked_.push_back({file, owner.descriptor, owner.kept});
            owner.kept = nullptr;
        }
        catch (const std::bad_alloc&) {
        }
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
        owner.listens = known_listening::unasked;
        delete owner.kept.exchange(nullptr);
        free_.push_back(&owner);
    }

    /// Every owner ever made; those not in use have nothing waiting.
    std::deque<request_owner>& all() noexcept { return owners_; }

private:
    struct parked
    {
        std::uint64_t file = 0;
        int descriptor = -1;
        kept_input* kept = nullptr;
    };

    // A number that names another file by now will not name this one again.
    void unpark(request_owner& owner, std::uint64_t file) noexcept
    {
        std::erase_if(parked_, [&](const parked& one) {
            if (one.file == file)
                owner.kept = one.kept;
            else if (one.descriptor == owner.descriptor)
                delete one.kept;
            else
                return false;
            return true;
        });
    }

    delivery_gate& gate_;
    std::deque<request_owner> owners_;
    std::vector<parked> parked_;
    std::vector<request_owner*> free_;
    descriptor_table descriptors_;
};

} // namespace asio_uring::detail
