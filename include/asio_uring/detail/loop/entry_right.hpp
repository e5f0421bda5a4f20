// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: who may enter the kernel, and whether there is a ring of this
// process to enter. Thread: guarded by the loop's mutex; is_orphan() any. Lifetime: as
// the loop.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>
#include <asio_uring/detail/loop/fork_mark.hpp>
#include <asio_uring/detail/loop/thread_mark.hpp>
#include <asio_uring/ring/error.hpp>

#include <boost/system/system_error.hpp>

#include <cstdint>

namespace asio_uring::detail {

/// A request belongs to the thread that submitted it and ends with that thread. So only
/// threads that run the context enter the kernel, and only one thread ever enters a
/// single-issuer ring.
class entry_right
{
public:
    explicit entry_right(bool single_issuer) : single_issuer_(single_issuer)
    {
        watch_forks();
        fork_depth_ = fork_depth;
    }

    bool single_issuer() const noexcept { return single_issuer_; }

    /// Whether the calling thread took the last turn.
    bool is_reaper() const noexcept { return reaper_ == this_thread_mark(); }

    /// Whether any thread has taken a turn.
    bool has_reaper() const noexcept { return reaper_ != 0; }

    /// Whether the calling thread may enter the kernel.
    bool may_enter(asio_impl::scheduler& scheduler) const noexcept
    {
        if (single_issuer_)
            return issuer_ == this_thread_mark();
        return is_reaper() || scheduler.can_dispatch();
    }

    /// Whether the calling thread may end requests that other threads submitted.
    bool may_end(asio_impl::scheduler& scheduler) const noexcept
    {
        return !single_issuer_ || may_enter(scheduler);
    }

    /// Whether this process is the child of a fork that was not announced. The ring's
    /// memory is absent there, and the ring's requests are the parent's.
    bool is_orphan() const noexcept { return fork_depth != fork_depth_; }

    [[noreturn]] void throw_orphan() const
    {
        throw boost::system::system_error(
            make_error_code(errc::fork_not_announced), "asio_uring: run");
    }

    /// From here the calling thread takes turns. Throws where that thread may not.
    /// `enable` opens a single-issuer ring to the first thread that asks.
    template <typename Enable>
    void adopt(Enable enable)
    {
        if (lost_)
            throw boost::system::system_error(lost_, "asio_uring: run in a fork's child");
        const std::uint64_t self = this_thread_mark();
        if (single_issuer_ && issuer_ == 0) {
            enable();
            issuer_ = self;
        }
        if (single_issuer_ && issuer_ != self)
            throw boost::system::system_error(
                make_error_code(errc::wrong_thread), "asio_uring: run");
        reaper_ = self;
    }

    /// Starts anew in the child of a fork: the ring is this process's own, and no thread
    /// has entered it. With a reason in `lost` there is no ring, and adopt() throws that
    /// reason.
    void restart(const boost::system::error_code& lost = {}) noexcept
    {
        fork_depth_ = fork_depth;
        reaper_ = issuer_ = 0;
        lost_ = lost;
    }

private:
    bool single_issuer_;
    std::uint32_t fork_depth_ = 0;
    // Mark of the thread that took the last turn; 0: none yet
    std::uint64_t reaper_ = 0;
    // Mark of the only thread that may enter a single-issuer ring; 0: none yet
    std::uint64_t issuer_ = 0;
    // Why a child of a fork has no ring
    boost::system::error_code lost_;
};

} // namespace asio_uring::detail
