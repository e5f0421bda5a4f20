// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: an entry as the list of its non-zero fields, by byte
// offset. Thread: any. Lifetime: plain values.
//
// The offsets are written here a second time, from the kernel's documentation, so that a
// wrong member in abi::sqe cannot hide behind itself. So are the bits that tell how many
// results an entry asks for, and whether its result is a descriptor.
#pragma once

#include <asio_uring/op/common.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace asio_uring::test {

using image = std::array<std::uint8_t, 64>;

struct field
{
    std::size_t offset;
    std::size_t width;
    std::uint64_t value;
};

constexpr field ioprio(std::uint64_t value) { return {2, 2, value}; }
constexpr field fd(int value) { return {4, 4, static_cast<std::uint32_t>(value)}; }
constexpr field off(std::uint64_t value) { return {8, 8, value}; }
constexpr field cmd_op(std::uint64_t value) { return {8, 4, value}; }
constexpr field addr(std::uint64_t value) { return {16, 8, value}; }
constexpr field level(std::uint64_t value) { return {16, 4, value}; }
constexpr field optname(std::uint64_t value) { return {20, 4, value}; }
constexpr field len(std::uint64_t value) { return {24, 4, value}; }
constexpr field op_flags(std::uint64_t value) { return {28, 4, value}; }
constexpr field buf(std::uint64_t value) { return {40, 2, value}; }
constexpr field file_index(std::uint64_t value) { return {44, 4, value}; }
constexpr field addr_len(std::uint64_t value) { return {44, 2, value}; }
constexpr field addr3(std::uint64_t value) { return {48, 8, value}; }
constexpr field entry_flags(std::uint64_t value) { return {1, 1, value}; }
constexpr field opcode(std::uint64_t value) { return {0, 1, value}; }

/// The bytes of an entry with the given fields and nothing else.
inline image image_of(const std::vector<field>& fields)
{
    image bytes{};
    for (const field& f : fields)
        std::memcpy(bytes.data() + f.offset, &f.value, f.width);
    return bytes;
}

/// The bytes an operation writes into a zeroed entry.
template <class Op>
image image_of(const Op& operation)
{
    abi::wide_sqe entry{}; // also for operations of 128 bytes
    operation.prepare(entry);
    image bytes{};
    std::memcpy(bytes.data(), &entry, bytes.size());
    return bytes;
}

/// How many completions the kernel posts for an entry.
inline op::results results_of(const image& bytes)
{
    auto many_if = [](bool multishot) {
        return multishot ? op::results::many : op::results::one;
    };
    const unsigned ioprio = bytes[2];
    switch (bytes[0]) {
    case 6: // poll_add
        return many_if((bytes[24] & 1U) != 0);
    case 10: // recvmsg
    case 27: // recv
        return many_if((ioprio & (1U << 1)) != 0);
    case 11: // timeout
        return many_if((bytes[28] & (1U << 6)) != 0);
    case 13: // accept
        return many_if((ioprio & 1U) != 0);
    case 26: // send, as a bundle
        return many_if((ioprio & (1U << 4)) != 0);
    case 46: // uring_cmd, of a socket: tx_timestamp
        return many_if(bytes[8] == 4 && bytes[9] == 0);
    case 47: // send_zc
    case 48: // sendmsg_zc
        return op::results::two_stage;
    case 49: // read_multishot
    case 58: // recv_zc
        return op::results::many;
    default:
        return op::results::one;
    }
}

/// The plain descriptors the kernel makes for an entry.
inline op::descriptors descriptors_of(const image& bytes)
{
    const bool into_slot =
        (bytes[44] | bytes[45] | bytes[46] | bytes[47]) != 0; // file_index
    switch (bytes[0]) {
    case 13: // accept
    case 18: // openat
    case 28: // openat2
    case 45: // socket
        return into_slot ? op::descriptors::none : op::descriptors::result;
    case 54: // fixed_fd_install
        return op::descriptors::result;
    case 62: // pipe
        return into_slot ? op::descriptors::none : op::descriptors::pair;
    default:
        return op::descriptors::none;
    }
}

/// An operation's bytes, and what the operation says of itself.
struct filled
{
    image bytes{};
    op::results results{};
    op::descriptors descriptors{};
};

template <op::operation Op>
filled fill(const Op& operation)
{
    return {image_of(operation), operation.results(), operation.makes_descriptors()};
}

/// "@24=07 @25=01": the bytes that are not zero, for messages.
inline std::string to_string(const image& bytes)
{
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (std::size_t offset = 0; offset != bytes.size(); ++offset) {
        if (bytes[offset] == 0)
            continue;
        text += '@' + std::to_string(offset) + '=' + digits[bytes[offset] >> 4] +
                digits[bytes[offset] & 15] + ' ';
    }
    return text;
}

/// Addresses and values that differ in every byte, so that a mixed-up or cut field shows.
template <class T>
T* pointer(std::uint64_t value)
{
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(value));
}

inline constexpr std::uint64_t address_a = 0x1122334455667788;
inline constexpr std::uint64_t address_b = 0x2132435465768798;
inline constexpr std::uint64_t address_c = 0x31425364758697a8;
inline constexpr std::uint64_t offset_a = 0x0102030405060708;
inline constexpr std::uint64_t offset_b = 0x1112131415161718;
inline constexpr std::uint32_t size_a = 0x41424344;
inline constexpr std::uint32_t flags_a = 0x51525354;
inline constexpr std::uint32_t slot_a = 0x00616263;
inline constexpr std::uint16_t group_a = 0x7172;
inline constexpr std::uint64_t user_data_a = 0x8182838485868788;
inline constexpr int fd_a = 0x01020304;
inline constexpr int fd_b = 0x05060708;

} // namespace asio_uring::test
