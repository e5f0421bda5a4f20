// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: commands of drivers and sockets.
// Thread: any. Lifetime: plain values; the payload stays valid until submitted, values
// and addresses until completed, with async_submit() until the handler is called.
#pragma once

#include <asio_uring/op/common.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>

#include <sys/socket.h>

namespace asio_uring::op {

namespace detail {

inline void start_command(
    abi::sqe& entry,
    abi::opcode code,
    int fd,
    std::uint32_t command,
    std::uint32_t flags,
    std::uint16_t buffer_index,
    std::uint64_t address) noexcept
{
    start(entry, code, fd);
    entry.cmd_op = command;
    entry.addr = address;
    entry.uring_cmd_flags = flags;
    entry.buf_index = buffer_index;
}

} // namespace detail

/// The bytes of a command, at most `Room` of them: what does not fit has no value of this
/// type. Refers to the caller's memory.
template <std::size_t Room>
class command_payload
{
public:
    constexpr command_payload() noexcept = default;

    /// Bytes whose number the type tells. Too many do not compile.
    template <std::size_t Size>
    requires(Size <= Room) constexpr command_payload(
        const std::array<std::byte, Size>& bytes) noexcept
        : bytes_{bytes}
    {}
    template <std::size_t Size>
    requires(Size <= Room) constexpr command_payload(
        const std::byte (&bytes)[Size]) noexcept
        : bytes_{bytes}
    {}
    template <std::size_t Size>
    requires(Size <= Room) constexpr command_payload(
        std::span<const std::byte, Size> bytes) noexcept
        : bytes_{bytes}
    {}

    /// Bytes whose number shows at run time. Throws std::length_error for more than
    /// `Room`.
    constexpr command_payload(std::span<const std::byte> bytes) : bytes_{bytes}
    {
        if (bytes.size() > Room)
            throw std::length_error{"asio_uring: the command does not fit its entry"};
    }

    constexpr std::span<const std::byte> bytes() const noexcept { return bytes_; }

private:
    std::span<const std::byte> bytes_{};
};

namespace detail {

// As bytes, because the command area lies across several members.
template <class Entry, std::size_t Room>
void set_payload(Entry& entry, const command_payload<Room>& payload) noexcept
{
    static_assert(abi::command_offset + Room <= sizeof(Entry));
    const std::span<const std::byte> bytes = payload.bytes();
    if (!bytes.empty())
        std::memcpy(
            reinterpret_cast<std::byte*>(&entry) + abi::command_offset,
            bytes.data(),
            bytes.size());
}

} // namespace detail

/// A command of the file's driver, with at most 16 bytes of payload. Kernel 5.19.
struct uring_cmd
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd;
    static constexpr kernel_version first_kernel{5, 19};

    int fd = -1;
    std::uint32_t command = 0;
    command_payload<abi::command_room> payload{};
    std::uint32_t flags = 0; ///< abi::uring_cmd_fixed
    std::uint16_t buffer_index = 0;
    std::uint64_t address = 0; ///< of memory or of a place, as the driver takes it

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start_command(entry, code, fd, command, flags, buffer_index, address);
        detail::set_payload(entry, payload);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// A command of the file's driver, with at most 80 bytes of payload, on a ring with
/// abi::setup_sqe128: every entry of such a ring has room for them. Kernel 5.19.
struct uring_cmd_sqe128
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd;
    static constexpr kernel_version first_kernel{5, 19};

    int fd = -1;
    std::uint32_t command = 0;
    command_payload<abi::wide_command_room> payload{};
    std::uint32_t flags = 0; ///< abi::uring_cmd_fixed
    std::uint16_t buffer_index = 0;
    std::uint64_t address = 0; ///< of memory or of a place, as the driver takes it

    void prepare(abi::wide_sqe& entry) const noexcept
    {
        detail::start_command(entry, code, fd, command, flags, buffer_index, address);
        detail::set_payload(entry, payload);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// A command of the file's driver, with at most 80 bytes of payload, on a ring with
/// abi::setup_sqe_mixed, where the command takes two entries, or with abi::setup_sqe128.
/// Kernel 6.19.
struct uring_cmd128
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd128;
    static constexpr kernel_version first_kernel{6, 19};

    int fd = -1;
    std::uint32_t command = 0;
    command_payload<abi::wide_command_room> payload{};
    std::uint32_t flags = 0; ///< abi::uring_cmd_fixed
    std::uint16_t buffer_index = 0;
    std::uint64_t address = 0; ///< of memory or of a place, as the driver takes it

    void prepare(abi::wide_sqe& entry) const noexcept
    {
        detail::start_command(entry, code, fd, command, flags, buffer_index, address);
        detail::set_payload(entry, payload);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// Discards `size` bytes of a block device from `offset` on: the device may forget what
/// stood there. Both are multiples of its logical block size. Kernel 6.12.
struct block_discard
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd;
    static constexpr kernel_version first_kernel{6, 12};

    int fd = -1;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.cmd_op = static_cast<std::uint32_t>(abi::block_op::discard);
        entry.addr = offset;
        entry.addr3 = size;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// Unread, or with abi::socket_op::siocoutq unsent, bytes of a socket. Kernel 6.6.
struct socket_queue
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd;
    static constexpr kernel_version first_kernel{6, 6};

    int fd = -1;
    abi::socket_op command = abi::socket_op::siocinq;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.cmd_op = static_cast<std::uint32_t>(command);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// getsockopt(2), level SOL_SOCKET only; the result is the length of the value.
/// Kernel 6.7.
struct getsockopt
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd;
    static constexpr kernel_version first_kernel{6, 7};

    int fd = -1;
    int level = SOL_SOCKET;
    int name = 0;
    void* value = nullptr;
    std::uint32_t size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.cmd_op = static_cast<std::uint32_t>(abi::socket_op::getsockopt);
        entry.sockopt = {detail::word(level), detail::word(name)};
        entry.optlen = size;
        entry.optval = detail::address(value);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// setsockopt(2). Kernel 6.7.
struct setsockopt
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd;
    static constexpr kernel_version first_kernel{6, 7};

    int fd = -1;
    int level = SOL_SOCKET;
    int name = 0;
    const void* value = nullptr;
    std::uint32_t size = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.cmd_op = static_cast<std::uint32_t>(abi::socket_op::setsockopt);
        entry.sockopt = {detail::word(level), detail::word(name)};
        entry.optlen = size;
        entry.optval = detail::address(value);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Transmit time stamps of a socket (SO_TIMESTAMPING), one completion each as long as
/// they carry abi::cqe_f_more. The time is in the second half of a completion of 32
/// bytes: tx_timestamp_result reads it. On a ring with abi::setup_cqe32 or
/// setup_cqe_mixed. Kernel 6.17.
struct tx_timestamp
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd;
    static constexpr kernel_version first_kernel{6, 17};

    int fd = -1;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.cmd_op = static_cast<std::uint32_t>(abi::socket_op::tx_timestamp);
    }

    static constexpr op::results results() noexcept { return op::results::many; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// getsockname(2), or getpeername(2) with `peer`. Kernel 6.19.
struct getsockname
{
    static constexpr abi::opcode code = abi::opcode::uring_cmd;
    static constexpr kernel_version first_kernel{6, 19};

    int fd = -1;
    ::sockaddr* address = nullptr;
    ::socklen_t* address_size = nullptr;
    bool peer = false;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.cmd_op = static_cast<std::uint32_t>(abi::socket_op::getsockname);
        entry.addr = detail::address(address);
        entry.optlen = peer ? 1 : 0;
        entry.addr3 = detail::address(address_size);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
