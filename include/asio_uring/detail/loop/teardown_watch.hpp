// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: know when the kernel has let go of a ring that was closed with
// requests in it. Thread: any; one thread at a time. Lifetime: longer than the loop that
// waits for it.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>

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

    /// Waits until the kernel has let go of the ring. REQUIRES: the write end was handed
    /// over, and the ring is closed.
    void wait() noexcept
    {
        ::pollfd end{read_end_.get(), 0, 0};
        while (::poll(&end, 1, -1) < 0 && errno == EINTR) {
        }
    }

private:
    unique_fd read_end_;
    unique_fd write_end_;
};

} // namespace asio_uring::detail
