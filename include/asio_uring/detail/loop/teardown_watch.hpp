// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: know when the kernel has let go of a ring that was closed with
// requests in it. Thread: any; one thread at a time. Lifetime: longer than the loop that
// waits for it.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::detail {

/// Another thread cannot reap a ring that only one thread may enter, and closing the ring
/// ends its requests at some later time. So the ring gets the write end of a pipe as a
/// registered file. The kernel drops that file after the last request, and the read end
/// tells.
class teardown_watch
{
public:
    teardown_watch()
    {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw boost::system::system_error(
                errno, boost::system::system_category(), "asio_uring: pipe");
        read_end_ = unique_fd(ends[0]);
        write_end_ = unique_fd(ends[1]);
    }

    /// The file that the ring is to hold.
    int write_end() const noexcept { return write_end_.get(); }

    /// From here the ring alone holds the write end. REQUIRES: the write end is
    /// registered.
    void hand_over() noexcept { write_end_.reset(); }

    /// Waits until the kernel has let go of the ring. Returns false where it has not in a
    /// time that is long for it: somebody else holds the ring, such as a child that was
    /// made without fork(). REQUIRES: the write end was handed over, and the ring is
    /// closed.
    bool wait() noexcept
    {
        using clock = std::chrono::steady_clock;
        constexpr auto longest = std::chrono::seconds(5);
        const auto limit = clock::now() + longest;
        for (;;) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(limit - clock::now());
            ::pollfd end{read_end_.get(), 0, 0};
            const int ready =
                ::poll(&end, 1, std::max(static_cast<int>(left.count()), 0));
            if (ready > 0 || left.count() <= 0)
                return ready > 0;
        }
    }

private:
    unique_fd read_end_;
    unique_fd write_end_;
};

} // namespace asio_uring::detail
