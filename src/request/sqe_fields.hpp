// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the fields of an SQE as arguments of system calls, and what a
// system call says as a CQE would say it. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/abi.hpp>

#include <cerrno>
#include <cstdint>

#include <sys/uio.h>

#include <poll.h>

namespace asio_uring::detail {

template <typename T>
T* pointer(std::uint64_t address) noexcept
{
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

/// The value that an unsigned field of the same width holds.
inline int number(std::uint32_t word) noexcept { return static_cast<int>(word); }

inline int answer(long result) noexcept
{
    return result < 0 ? -errno : static_cast<int>(result);
}

inline abi::opcode code_of(const abi::sqe& sqe) noexcept
{
    return static_cast<abi::opcode>(sqe.opcode);
}

/// The buffers of a read or write: one of its own, or the caller's array.
class transfer_buffers
{
public:
    explicit transfer_buffers(const abi::sqe& sqe) noexcept
    {
        const abi::opcode code = code_of(sqe);
        if (code == abi::opcode::readv || code == abi::opcode::writev) {
            first_ = pointer<const ::iovec>(sqe.addr);
            count_ = number(sqe.len);
        }
        else {
            own_ = {pointer<void>(sqe.addr), sqe.len};
            first_ = &own_;
        }
    }
    transfer_buffers(const transfer_buffers&) = delete;
    transfer_buffers& operator=(const transfer_buffers&) = delete;

    const ::iovec* data() const noexcept { return first_; }
    int count() const noexcept { return count_; }

private:
    ::iovec own_{};
    const ::iovec* first_ = nullptr;
    int count_ = 1;
};

inline bool is_read(abi::opcode code) noexcept
{
    return code == abi::opcode::read || code == abi::opcode::readv;
}

inline bool is_transfer(abi::opcode code) noexcept
{
    return is_read(code) || code == abi::opcode::write || code == abi::opcode::writev;
}

/// preadv2 or pwritev2 at the operation's offset; the offset of what has no positions is
/// ignored, as a ring ignores it.
inline int transfer(const abi::sqe& sqe, int flags) noexcept
{
    const transfer_buffers buffers(sqe);
    const auto call = is_read(code_of(sqe)) ? &::preadv2 : &::pwritev2;
    const auto offset = static_cast<::off_t>(sqe.off);
    int result = answer(call(sqe.fd, buffers.data(), buffers.count(), offset, flags));
    if (result == -ESPIPE && sqe.off != abi::offset_current)
        result = answer(call(sqe.fd, buffers.data(), buffers.count(), -1, flags));
    return result;
}

// What a poll waits for, by the way it waits.
inline constexpr std::uint32_t poll_input = POLLIN | POLLRDNORM;
inline constexpr std::uint32_t poll_output = POLLOUT | POLLWRNORM;

class errno_guard
{
public:
    errno_guard() = default;
    errno_guard(const errno_guard&) = delete;
    errno_guard& operator=(const errno_guard&) = delete;
    ~errno_guard() { errno = saved_; }

private:
    int saved_ = errno;
};

} // namespace asio_uring::detail
