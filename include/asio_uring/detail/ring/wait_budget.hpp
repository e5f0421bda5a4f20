// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: bound what many short waits cost together. Thread: guarded by the
// owner. Lifetime: as what it is a member of.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <chrono>

namespace asio_uring::detail {

/// A wait that is short where there is one is long where there are a thousand in a row.
/// All of them together get as much of each second as one of them may take.
class wait_budget
{
public:
    using clock = std::chrono::steady_clock;

    explicit constexpr wait_budget(clock::duration longest) noexcept : longest_(longest)
    {}

    /// How long a wait that begins now may be.
    clock::duration left(clock::time_point now) noexcept
    {
        if (now - since_ >= std::chrono::seconds(1)) {
            since_ = now;
            spent_ = {};
        }
        return spent_ < longest_ ? longest_ - spent_ : clock::duration::zero();
    }

    /// So long was it.
    void spend(clock::duration time) noexcept { spent_ += time; }

private:
    clock::duration longest_;
    clock::time_point since_{};
    clock::duration spent_{};
};

} // namespace asio_uring::detail
