// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: operations on registered buffers and on direct descriptors, made
// from the objects that name these.
// Thread: any. Lifetime: plain values; a registered buffer stays valid until completed,
// for send_from() until notified.
#pragma once

#include <asio_uring/op/common.hpp>
#include <asio_uring/op/read_write.hpp>
#include <asio_uring/op/send.hpp>
#include <asio_uring/ring/fixed_buffer.hpp>

namespace asio_uring::op {

/// Reads into a registered buffer.
inline read_fixed read_into(
    fixed_buffer buffer, int fd, std::uint64_t offset = abi::offset_current) noexcept
{
    return {
        .fd = fd,
        .data = buffer.data,
        .size = buffer.size,
        .offset = offset,
        .buffer_index = buffer.index};
}

/// Writes a registered buffer.
inline write_fixed write_from(
    fixed_buffer buffer, int fd, std::uint64_t offset = abi::offset_current) noexcept
{
    return {
        .fd = fd,
        .data = buffer.data,
        .size = buffer.size,
        .offset = offset,
        .buffer_index = buffer.index};
}

/// Sends a registered buffer, without copying where the network device can. It has the
/// two completions of every send_zc.
inline send_zc send_from(fixed_buffer buffer, int fd, int flags = 0) noexcept
{
    return {
        .fd = fd,
        .data = buffer.data,
        .size = buffer.size,
        .flags = flags,
        .buffer_index = buffer.index};
}

/// An operation whose descriptor is a slot of the ring's table of direct descriptors.
template <class Op>
struct on_direct
{
    static constexpr abi::opcode code = Op::code;
    static constexpr kernel_version first_kernel = Op::first_kernel;

    Op operation;

    void prepare(abi::sqe& entry) const noexcept
    {
        operation.prepare(entry);
        entry.flags = static_cast<std::uint8_t>(entry.flags | abi::sqe_fixed_file);
    }

    constexpr op::results results() const noexcept { return operation.results(); }
    constexpr op::descriptors makes_descriptors() const noexcept
    {
        return operation.makes_descriptors();
    }
    constexpr op::worker worker() const noexcept { return operation.worker(); }
};

/// `operation` on the direct descriptor in `slot`; its `fd` may be left out:
/// `on_slot(3, op::recv{.data = p, .size = n})`.
template <class Op>
on_direct<Op> on_slot(std::uint32_t slot, Op operation) noexcept
{
    operation.fd = static_cast<int>(slot);
    return {operation};
}

} // namespace asio_uring::op
