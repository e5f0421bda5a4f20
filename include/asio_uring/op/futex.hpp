// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: waits on memory words, and wakes them.
// Thread: any. Lifetime: plain values; the words stay valid until completed, the array of
// futex_waitv until submitted, with async_submit() all until the handler is called.
#pragma once

#include <asio_uring/op/common.hpp>

namespace asio_uring::op {

/// FUTEX2_SIZE_U32 | FUTEX2_PRIVATE: a 32-bit word of this process.
inline constexpr std::uint32_t futex_private_word = 0x02 | 128;

/// Waits until the word is woken; fails with EAGAIN when the word does not hold `value`.
/// Kernel 6.7.
///
/// Kernel 6.18 gives a process a table of private words when the process starts its
/// second thread, and no longer finds a private wait that started before. A process
/// with one thread that may start another leaves the private bit out of the
/// `futex_flags` of such a wait and of its wakes.
struct futex_wait
{
    static constexpr abi::opcode code = abi::opcode::futex_wait;
    static constexpr kernel_version first_kernel{6, 7};

    const std::uint32_t* word = nullptr;
    std::uint64_t value = 0;
    std::uint64_t mask = 0xffffffff;
    std::uint32_t futex_flags = futex_private_word; ///< FUTEX2_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, static_cast<int>(futex_flags));
        entry.addr2 = value;
        entry.addr = detail::address(word);
        entry.addr3 = mask;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Wakes at most `count` waiters; the result is their number. Kernel 6.7.
struct futex_wake
{
    static constexpr abi::opcode code = abi::opcode::futex_wake;
    static constexpr kernel_version first_kernel{6, 7};

    const std::uint32_t* word = nullptr;
    std::uint64_t count = 1;
    std::uint64_t mask = 0xffffffff;
    std::uint32_t futex_flags = futex_private_word; ///< FUTEX2_*

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, static_cast<int>(futex_flags));
        entry.addr2 = count;
        entry.addr = detail::address(word);
        entry.addr3 = mask;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Waits until one of up to 128 words is woken; the result is its index. Kernel 6.7.
struct futex_waitv
{
    static constexpr abi::opcode code = abi::opcode::futex_waitv;
    static constexpr kernel_version first_kernel{6, 7};

    const abi::futex_waitv* words = nullptr;
    std::uint32_t count = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, 0);
        entry.addr = detail::address(words);
        entry.len = count;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
