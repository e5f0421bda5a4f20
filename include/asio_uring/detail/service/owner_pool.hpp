// Layer: service. Purpose: request owners at stable addresses, recycled, so that opening
// a descriptor allocates nothing in steady state. Thread: guarded by the loop's mutex.
// Lifetime: as the loop.
#pragma once

#include <asio_uring/detail/service/ring_operation.hpp>

#include <deque>

namespace asio_uring::detail {

class owner_pool
{
public:
    request_owner& acquire(int descriptor)
    {
        if (free_ == nullptr)
            free_ = &owners_.emplace_back();
        request_owner& owner = *free_;
        free_ = owner.next_free;
        owner.next_free = nullptr;
        owner.descriptor = descriptor;
        return owner;
    }

    void release(request_owner& owner) noexcept
    {
        ASIO_URING_ASSERT(owner.idle());
        ASIO_URING_ASSERT(
            owner.lanes[0].waiting.empty() && owner.lanes[1].waiting.empty());
        owner.descriptor = -1;
        owner.closed = false;
        owner.next_free = free_;
        free_ = &owner;
    }

    /// Every owner ever made; those not in use have nothing waiting.
    std::deque<request_owner>& all() noexcept { return owners_; }

private:
    std::deque<request_owner> owners_;
    request_owner* free_ = nullptr;
};

} // namespace asio_uring::detail
