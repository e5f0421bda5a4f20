// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: what the operation aggregates share when they fill an entry.
// Thread: any. Lifetime: none.
//
// Every aggregate has `code`, its opcode, and `prepare(sqe)`, which REQUIRES a zeroed
// entry, writes the fields of its own operation only, and leaves user_data alone. Entry
// flags (abi::sqe_fixed_file, abi::sqe_io_link...) are the caller's to add afterwards.
// Beside them stand the facts of the operation as it is filled: `first_kernel`, with none
// of the flags that came later; `results()`; `makes_descriptors()`; `worker()`.
//
// An operation does not own the memory it points to. The comments of these headers say in
// three words how long the memory stays valid. For a program with a ring of its own they
// mean:
// - until submitted: until the kernel has consumed the entry, which is when
//   ring::submit() has returned and ring::unconsumed() is 0;
// - until completed: until the operation's last completion was reaped;
// - until notified: until the completion with abi::cqe_f_notif was reaped.
// async_submit() returns before the kernel has seen the entry. With it all three mean:
// until the handler is called.
#pragma once

#include <asio_uring/ring/abi.hpp>

#include <compare>
#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace asio_uring::op {

/// A place in the ring's table of direct descriptors that an operation fills, or
/// abi::file_index_alloc to let the kernel choose a free one; none for a plain
/// descriptor.
using direct_slot = std::optional<std::uint32_t>;

/// A group of provided buffers to pick from; none to use the operation's own buffer.
using buffer_group = std::optional<std::uint16_t>;

/// How many completions an operation posts. A command of a driver (op::uring_cmd) says
/// one, because only the driver knows.
enum class results : std::uint8_t
{
    one, ///< one
    /// One per result. All but the last carry abi::cqe_f_more.
    many,
    /// The result with abi::cqe_f_more, then abi::cqe_f_notif when the data is free.
    two_stage,
};

/// The plain descriptors an operation makes, which are the program's to close. What it
/// puts into a slot of the ring's table belongs to the ring.
enum class descriptors : std::uint8_t
{
    none,
    result, ///< each result that is not negative is one
    pair,   ///< two, in the array the operation names; the result is 0
};

/// Whether the kernel hands an operation to one of its worker threads. With
/// abi::sqe_async it hands every operation to one.
enum class worker : std::uint8_t
{
    never,  ///< it ends at once, or waits without a thread
    may,    ///< a worker carries it out where that cannot be done without blocking
    always, ///< it is not even tried without a worker
};

/// A mainline kernel, "5.19" as {5, 19}.
struct kernel_version
{
    unsigned version = 0;
    unsigned patch_level = 0;

    friend constexpr auto
    operator<=>(const kernel_version&, const kernel_version&) = default;
};

namespace detail {

template <class T>
inline constexpr bool is_operation = requires(const T& filled)
{
    requires std::same_as<decltype(T::code), const abi::opcode>;
    requires std::same_as<decltype(T::first_kernel), const kernel_version>;
    requires std::same_as<decltype(filled.results()), results>;
    requires std::same_as<decltype(filled.makes_descriptors()), descriptors>;
    requires std::same_as<decltype(filled.worker()), worker>;
    requires std::is_member_function_pointer_v<decltype(&T::prepare)>;
};

} // namespace detail

/// What every aggregate of this layer has: its facts, and how it fills an entry.
template <class T>
concept operation = detail::is_operation<T>;

namespace detail {

constexpr results many_if(bool multishot) noexcept
{
    return multishot ? results::many : results::one;
}

inline std::uint64_t address(const void* pointer) noexcept
{
    return reinterpret_cast<std::uintptr_t>(pointer);
}

/// A signed value in an unsigned field of the same width, as the kernel reads it.
constexpr std::uint32_t word(int value) noexcept
{
    return static_cast<std::uint32_t>(value);
}

inline void start(abi::sqe& entry, abi::opcode code, int fd) noexcept
{
    entry.opcode = static_cast<std::uint8_t>(code);
    entry.fd = fd;
}

inline void set_slot(abi::sqe& entry, direct_slot slot) noexcept
{
    // The field holds the slot plus one, so that zero means a plain descriptor.
    if (slot)
        entry.file_index = *slot == abi::file_index_alloc ? *slot : *slot + 1;
}

inline void set_group(abi::sqe& entry, buffer_group group) noexcept
{
    if (group) {
        entry.flags = static_cast<std::uint8_t>(entry.flags | abi::sqe_buffer_select);
        entry.buf_group = *group;
    }
}

} // namespace detail

} // namespace asio_uring::op
