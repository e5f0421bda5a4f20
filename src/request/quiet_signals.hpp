// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: a system call that fails where it would also raise a signal,
// and no signal about it. Thread: the one that makes the call. Lifetime: around the call.
#pragma once

#include <cerrno>
#include <initializer_list>

#include <signal.h>
#include <time.h>

namespace asio_uring::detail {

/// Writing where nobody reads raises SIGPIPE, and growing a file beyond the limit of the
/// process raises SIGXFSZ, each in the thread that makes the call. The error says as
/// much. A ring has threads of its own for such calls, and raises neither.
class quiet_signals
{
public:
    quiet_signals() noexcept
    {
        ::sigset_t pending;
        ::sigpending(&pending);
        ::sigset_t both;
        ::sigemptyset(&both);
        ::sigemptyset(&ours_);
        for (const int signal : {SIGPIPE, SIGXFSZ}) {
            ::sigaddset(&both, signal);
            if (::sigismember(&pending, signal) == 0)
                ::sigaddset(&ours_, signal);
        }
        ::pthread_sigmask(SIG_BLOCK, &both, &before_);
    }
    quiet_signals(const quiet_signals&) = delete;
    quiet_signals& operator=(const quiet_signals&) = delete;
    ~quiet_signals()
    {
        const ::timespec no_time{};
        if (raised_)
            while (::sigtimedwait(&ours_, nullptr, &no_time) < 0 && errno == EINTR) {
            }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

    /// Takes the answer of the call, in the kernel's form, and returns it.
    int note(int result) noexcept
    {
        raised_ = result == -EPIPE || result == -EFBIG;
        return result;
    }

private:
    // Those of the two that were not pending before: one that was is the program's.
    ::sigset_t ours_;
    ::sigset_t before_;
    bool raised_ = false;
};

} // namespace asio_uring::detail
