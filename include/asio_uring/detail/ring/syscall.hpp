// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the three io_uring system calls, with the kernel's own results.
// Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/abi/opcode.hpp>
#include <asio_uring/ring/abi/setup.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <unistd.h>

namespace asio_uring::detail {

// The kernel answers with -errno. The C library would turn that into -1 and errno, and
// the caller's errno has to stay what it was: a handler that reads errno after its own
// call must not see ours. So where the instruction is known, it is used.
inline long raw_syscall(
    long number, long a, long b, long c = 0, long d = 0, long e = 0, long f = 0) noexcept
{
#if defined(__x86_64__) && defined(__LP64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return number;
#elif defined(__aarch64__) && defined(__LP64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
    const int caller_errno = errno;
    const long result = ::syscall(number, a, b, c, d, e, f);
    if (result >= 0)
        return result;
    const int error = errno;
    errno = caller_errno;
    return -error;
#endif
}

inline long word_of(const void* pointer) noexcept
{
    return reinterpret_cast<long>(pointer);
}

// Every function returns what the kernel returned: zero or more, or -errno.
inline int sys_setup(unsigned entries, abi::setup_params& params) noexcept
{
    return static_cast<int>(raw_syscall(abi::syscall_setup, entries, word_of(&params)));
}

#ifdef ASIO_URING_TEST_FAULTS
/// Stands in for the system call. A test program that compiles the library itself defines
/// it, and lets some entries fail.
int faulty_enter(
    int fd,
    unsigned to_submit,
    unsigned min_complete,
    std::uint32_t flags,
    const void* argument,
    std::size_t argument_size) noexcept;
#endif

inline int sys_enter(
    int fd,
    unsigned to_submit,
    unsigned min_complete,
    std::uint32_t flags,
    const void* argument,
    std::size_t argument_size) noexcept
{
#ifdef ASIO_URING_TEST_FAULTS
    return faulty_enter(fd, to_submit, min_complete, flags, argument, argument_size);
#else
    return static_cast<int>(raw_syscall(
        abi::syscall_enter,
        fd,
        to_submit,
        min_complete,
        flags,
        word_of(argument),
        static_cast<long>(argument_size)));
#endif
}

inline int
sys_register(int fd, unsigned opcode, const void* argument, unsigned count) noexcept
{
    return static_cast<int>(
        raw_syscall(abi::syscall_register, fd, opcode, word_of(argument), count));
}

} // namespace asio_uring::detail
