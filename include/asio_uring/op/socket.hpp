// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: the life of a socket: create, bind, listen, connect, accept, shut
// down.
// Thread: any. Lifetime: plain values; an address the kernel reads stays valid until
// submitted, one it writes until completed, with async_submit() both until the handler is
// called.
#pragma once

#include <asio_uring/op/common.hpp>

#include <sys/socket.h>

namespace asio_uring::op {

/// accept4(2). With abi::accept_multishot (5.19) each connection posts a completion, and
/// the one without abi::cqe_f_more is the last; all would write the same address, so
/// leave it out. Without a free slot (ENFILE) a connection is lost, because the kernel
/// has taken it from the backlog; without a free descriptor (EMFILE) it waits there.
/// Kernel 5.5.
struct accept
{
    static constexpr abi::opcode code = abi::opcode::accept;
    static constexpr kernel_version first_kernel{5, 5};

    int fd = -1;
    ::sockaddr* address = nullptr;
    ::socklen_t* address_size = nullptr;
    int flags = 0; ///< SOCK_NONBLOCK, SOCK_CLOEXEC
    /// abi::accept_multishot, accept_dontwait, accept_poll_first.
    std::uint16_t ioprio = 0;
    direct_slot slot{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.ioprio = ioprio;
        entry.addr2 = detail::address(address_size);
        entry.addr = detail::address(address);
        entry.accept_flags = detail::word(flags);
        detail::set_slot(entry, slot);
    }

    constexpr op::results results() const noexcept
    {
        return detail::many_if((ioprio & abi::accept_multishot) != 0);
    }
    constexpr op::descriptors makes_descriptors() const noexcept
    {
        return slot ? op::descriptors::none : op::descriptors::result;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// connect(2). Cancelling the operation leaves the handshake of the socket running.
/// Kernel 5.5.
struct connect
{
    static constexpr abi::opcode code = abi::opcode::connect;
    static constexpr kernel_version first_kernel{5, 5};

    int fd = -1;
    const ::sockaddr* address = nullptr;
    ::socklen_t address_size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.addr2 = address_size;
        entry.addr = detail::address(address);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// shutdown(2). It runs in a kernel worker; the plain system call is cheaper.
/// Kernel 5.11.
struct shutdown
{
    static constexpr abi::opcode code = abi::opcode::shutdown;
    static constexpr kernel_version first_kernel{5, 11};

    int fd = -1;
    int how = SHUT_RDWR;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.len = detail::word(how);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::always; }
};

/// socket(2). Kernel 5.19.
struct socket
{
    static constexpr abi::opcode code = abi::opcode::socket;
    static constexpr kernel_version first_kernel{5, 19};

    int domain = 0;
    int type = 0; ///< SOCK_STREAM | SOCK_CLOEXEC...
    int protocol = 0;
    direct_slot slot{};

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, domain);
        entry.off = detail::word(type);
        entry.len = detail::word(protocol);
        detail::set_slot(entry, slot);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    constexpr op::descriptors makes_descriptors() const noexcept
    {
        return slot ? op::descriptors::none : op::descriptors::result;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// bind(2). Kernel 6.11.
struct bind
{
    static constexpr abi::opcode code = abi::opcode::bind;
    static constexpr kernel_version first_kernel{6, 11};

    int fd = -1;
    const ::sockaddr* address = nullptr;
    ::socklen_t address_size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.addr2 = address_size;
        entry.addr = detail::address(address);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// listen(2). Kernel 6.11.
struct listen
{
    static constexpr abi::opcode code = abi::opcode::listen;
    static constexpr kernel_version first_kernel{6, 11};

    int fd = -1;
    int backlog = SOMAXCONN;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.len = detail::word(backlog);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
