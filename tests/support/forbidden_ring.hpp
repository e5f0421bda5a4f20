// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: take io_uring away from a process for real, by a filter
// of its system calls, as a container does. Thread: the calling one and those it makes.
// Lifetime: a filter stays until the process ends.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <unistd.h>

namespace asio_uring::test {

enum ring_call : unsigned
{
    call_setup = 425,
    call_enter = 426,
    call_register = 427,
};

/// Lets the calls fail with `error`. False where the system allows no filter.
inline bool forbid(std::initializer_list<ring_call> calls, int error)
{
    std::vector<::sock_filter> program{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, nr))};
    for (const ring_call call : calls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
        program.push_back(
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const ::sock_fprog filter{
        static_cast<unsigned short>(program.size()), program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// The proof: what the kernel itself answers to a call that would otherwise say EFAULT.
inline bool setup_fails_with(int error)
{
    return ::syscall(call_setup, 1, nullptr) == -1 && errno == error;
}

/// Whether this run of a test program is the one without io_uring. Its main() installs
/// the filter.
inline bool ring_is_forbidden()
{
    static const bool forbidden = std::getenv("ASIO_URING_TEST_FORBID_RING") != nullptr;
    return forbidden;
}

/// Called first in main(). False if the filter was asked for and is not in force.
inline bool forbid_ring_if_asked()
{
    if (!ring_is_forbidden())
        return true;
    return forbid({call_setup, call_enter, call_register}, EPERM) &&
           setup_fails_with(EPERM);
}

} // namespace asio_uring::test
