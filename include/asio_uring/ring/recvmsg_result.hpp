// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: a view of the buffer that a multishot recvmsg has filled.
// Thread: any. Lifetime: a view; the buffer must not be given back while it is used.
#pragma once

#include <asio_uring/ring/abi/entries.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include <sys/socket.h>

namespace asio_uring {

/// One message received by op::recvmsg with abi::recv_multishot. The buffer holds an
/// abi::recvmsg_out, then room for the sender's name, room for control data, and the
/// payload; the msghdr of the operation says how large the two rooms are.
///
/// Kernel 6.0. See io_uring_prep_recvmsg_multishot(3).
class recvmsg_result
{
public:
    /// Reads what a completion has put into a buffer, `data` of its taken_buffer. `asked`
    /// is the message header of the operation; only msg_namelen and msg_controllen count.
    /// None if the bytes cannot hold such a message.
    static std::optional<recvmsg_result>
    parse(std::span<std::byte> data, const ::msghdr& asked) noexcept
    {
        recvmsg_result result;
        const std::size_t rooms = asked.msg_namelen + asked.msg_controllen;
        if (data.size() < sizeof result.header_ ||
            data.size() - sizeof result.header_ < rooms)
            return std::nullopt;
        // Copied: a buffer may start at any byte.
        std::memcpy(&result.header_, data.data(), sizeof result.header_);
        data = data.subspan(sizeof result.header_);
        result.name_ = data.first(asked.msg_namelen);
        result.control_ = data.subspan(asked.msg_namelen, asked.msg_controllen);
        result.payload_ = data.subspan(rooms);
        return result;
    }

    /// The header as the kernel wrote it.
    const abi::recvmsg_out& header() const noexcept { return header_; }

    /// MSG_* flags of the message.
    int flags() const noexcept { return static_cast<int>(header_.flags); }

    /// The sender's address, cut to the room it had. Copy it into a sockaddr: it may be
    /// unaligned.
    std::span<const std::byte> name() const noexcept
    {
        return clip(name_, header_.namelen);
    }

    /// Control data, cut to the room it had; for_each_control() reads it.
    std::span<const std::byte> control() const noexcept
    {
        return clip(control_, header_.controllen);
    }

    /// The bytes of the message, cut to what the buffer holds.
    std::span<std::byte> payload() const noexcept
    {
        return payload_.first(std::min<std::size_t>(payload_.size(), header_.payloadlen));
    }

    /// The address was longer than its room.
    bool name_truncated() const noexcept { return header_.namelen > name_.size(); }

    /// Control data was lost for lack of room; descriptors in it are closed.
    bool control_truncated() const noexcept { return (flags() & MSG_CTRUNC) != 0; }

    /// The end of the datagram was lost for lack of room.
    bool payload_truncated() const noexcept { return (flags() & MSG_TRUNC) != 0; }

    /// Calls `f(int level, int type, std::span<const std::byte> data)` for each control
    /// message, and returns their number. Stops at a message that does not fit.
    template <class F>
    unsigned for_each_control(F&& f) const
    {
        std::span<const std::byte> rest = control();
        unsigned count = 0;
        ::cmsghdr header;
        while (rest.size() >= CMSG_LEN(0)) {
            std::memcpy(&header, rest.data(), sizeof header);
            if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > rest.size())
                break;
            const std::size_t size = header.cmsg_len - CMSG_LEN(0);
            ++count;
            f(header.cmsg_level, header.cmsg_type, rest.subspan(CMSG_LEN(0), size));
            rest = rest.subspan(std::min(rest.size(), CMSG_SPACE(size)));
        }
        return count;
    }

private:
    recvmsg_result() noexcept = default;

    static std::span<const std::byte>
    clip(std::span<const std::byte> room, std::size_t size) noexcept
    {
        return room.first(std::min(room.size(), size));
    }

    abi::recvmsg_out header_{};
    std::span<const std::byte> name_{};    ///< the room, not only what is in it
    std::span<const std::byte> control_{}; ///< the room
    std::span<std::byte> payload_{};       ///< all behind the rooms
};

} // namespace asio_uring
