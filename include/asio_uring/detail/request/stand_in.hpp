// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: what does the work of each operation in a context that has no
// ring. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/op/command.hpp>
#include <asio_uring/op/registered.hpp>
#include <asio_uring/ring/abi.hpp>

#include <cstdint>

namespace asio_uring::detail {

/// What does the work of an operation where there is no ring.
enum class stand_in : std::uint8_t
{
    none,      ///< nothing: it works on the ring itself, or on what a ring keeps
    pool,      ///< a worker of the context's pool makes the system call
    readiness, ///< the context's reactor waits, one of its threads makes the call
    by_file,   ///< readiness for what can be waited for, else the pool
};

/// No operation that waits for somebody else goes to the pool: a few silent peers would
/// take all of its workers.
constexpr stand_in stand_in_of(abi::opcode code) noexcept
{
    using abi::opcode;
    switch (code) {
    case opcode::nop:
    case opcode::openat:
    case opcode::openat2:
    case opcode::close:
    case opcode::statx:
    case opcode::fsync:
    case opcode::sync_file_range:
    case opcode::fallocate:
    case opcode::ftruncate:
    case opcode::fadvise:
    case opcode::madvise:
    case opcode::renameat:
    case opcode::unlinkat:
    case opcode::mkdirat:
    case opcode::symlinkat:
    case opcode::linkat:
    case opcode::setxattr:
    case opcode::fsetxattr:
    case opcode::getxattr:
    case opcode::fgetxattr:
    case opcode::pipe:
    case opcode::socket:
    case opcode::bind:
    case opcode::listen:
    case opcode::shutdown:
    case opcode::epoll_ctl:
        return stand_in::pool;
    case opcode::read:
    case opcode::write:
    case opcode::readv:
    case opcode::writev:
        return stand_in::by_file;
    case opcode::accept:
    case opcode::connect:
    case opcode::recv:
    case opcode::recvmsg:
    case opcode::send:
    case opcode::sendmsg:
    case opcode::send_zc:
    case opcode::sendmsg_zc:
    case opcode::splice:
    case opcode::tee:
    case opcode::poll_add:
    case opcode::epoll_wait:
        return stand_in::readiness;
    default:
        return stand_in::none;
    }
}

template <typename Operation>
inline constexpr stand_in stand_in_for = stand_in_of(Operation::code);

// Commands share one opcode. Those of sockets have system calls of their own.
template <>
inline constexpr stand_in stand_in_for<op::socket_queue> = stand_in::pool;
template <>
inline constexpr stand_in stand_in_for<op::getsockopt> = stand_in::pool;
template <>
inline constexpr stand_in stand_in_for<op::setsockopt> = stand_in::pool;
template <>
inline constexpr stand_in stand_in_for<op::getsockname> = stand_in::pool;

template <typename Operation>
inline constexpr stand_in stand_in_for<op::on_direct<Operation>> = stand_in::none;

} // namespace asio_uring::detail
