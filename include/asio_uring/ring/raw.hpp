// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the three system calls of io_uring as they are, for what the
// objects of this layer do not cover. Thread: any, as the kernel allows. Lifetime: none.
#pragma once

#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/ring/abi.hpp>

#include <cstdint>

#include <signal.h>

namespace asio_uring {

// Every function here returns what the kernel returns: zero or more, or -errno, which
// result_error() translates. errno keeps its value. Nothing is checked, retried after a
// signal, or closed.

/// io_uring_setup(2). Returns a descriptor, which the caller closes, or with
/// abi::setup_registered_fd_only an index of the calling thread. The kernel reads
/// `params` and fills in what the ring has. ring::adopt() takes over the result.
inline int raw_setup(unsigned entries, abi::setup_params& params) noexcept
{
    return detail::sys_setup(entries, params);
}

/// io_uring_enter(2), without a signal mask. Returns the number of submitted entries; a
/// positive one hides an error of the wait. With abi::enter_registered_ring, `fd` is an
/// index of the calling thread.
inline int
raw_enter(int fd, unsigned to_submit, unsigned min_complete, std::uint32_t flags) noexcept
{
    return detail::sys_enter(
        fd, to_submit, min_complete, flags, nullptr, abi::kernel_sigset_size);
}

/// The same with a signal mask during the wait. The kernel's set has eight bytes, not
/// sizeof(sigset_t).
inline int raw_enter(
    int fd,
    unsigned to_submit,
    unsigned min_complete,
    std::uint32_t flags,
    const sigset_t& mask) noexcept
{
    return detail::sys_enter(
        fd, to_submit, min_complete, flags, &mask, abi::kernel_sigset_size);
}

/// The same with an extended argument; adds abi::enter_ext_arg to the flags. Kernel 5.11.
inline int raw_enter(
    int fd,
    unsigned to_submit,
    unsigned min_complete,
    std::uint32_t flags,
    const abi::getevents_arg& argument) noexcept
{
    return detail::sys_enter(
        fd,
        to_submit,
        min_complete,
        flags | abi::enter_ext_arg,
        &argument,
        sizeof argument);
}

/// io_uring_register(2). `argument` and `count` mean what the opcode says, in and out.
/// Some calls need no ring and take -1 for the descriptor. Or
/// abi::register_use_registered_ring into the opcode where `fd` is an index of the
/// calling thread.
inline int
raw_register(int fd, unsigned opcode, const void* argument, unsigned count) noexcept
{
    return detail::sys_register(fd, opcode, argument, count);
}
inline int raw_register(
    int fd, abi::register_op opcode, const void* argument, unsigned count) noexcept
{
    return raw_register(fd, static_cast<unsigned>(opcode), argument, count);
}

} // namespace asio_uring
