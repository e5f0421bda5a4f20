// Layer: ring. Purpose: the three io_uring system calls; the one place that sees errno.
// Thread: any. Lifetime: none.
#ifndef ASIO_URING_RING_SYSCALL_HPP
#define ASIO_URING_RING_SYSCALL_HPP

#include <asio_uring/ring/abi/opcode.hpp>
#include <asio_uring/ring/abi/setup.hpp>

#include <cerrno>
#include <cstddef>

#include <unistd.h>

namespace asio_uring::detail {

// Every function returns what the kernel returned: zero or more, or -errno. The caller's
// errno is what it was: a handler that reads errno after its own call must not see ours.
template <class... Arguments>
inline int ring_syscall(long number, Arguments... arguments) noexcept
{
    const int caller_errno = errno;
    const long result = ::syscall(number, arguments...);
    if (result >= 0) [[likely]]
        return static_cast<int>(result);
    const int error = errno;
    errno = caller_errno;
    return -error;
}

inline int sys_setup(unsigned entries, abi::setup_params& params) noexcept
{
    return ring_syscall(abi::syscall_setup, entries, &params);
}

inline int sys_enter(
    int fd,
    unsigned to_submit,
    unsigned min_complete,
    std::uint32_t flags,
    const void* argument,
    std::size_t argument_size) noexcept
{
    return ring_syscall(
        abi::syscall_enter, fd, to_submit, min_complete, flags, argument, argument_size);
}

inline int
sys_register(int fd, unsigned opcode, const void* argument, unsigned count) noexcept
{
    return ring_syscall(abi::syscall_register, fd, opcode, argument, count);
}

} // namespace asio_uring::detail

#endif // ASIO_URING_RING_SYSCALL_HPP
