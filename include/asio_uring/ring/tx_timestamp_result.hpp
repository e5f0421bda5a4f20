// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: read a completion of op::tx_timestamp.
// Thread: as the completion side of the ring. Lifetime: a plain value.
#pragma once

#include <asio_uring/ring/completion_queue.hpp>

#include <cstdint>
#include <cstring>
#include <optional>

namespace asio_uring {

/// When a packet or a byte of a socket was sent, as SO_TIMESTAMPING asked to be told.
/// Kernel 6.17. See io_uring_prep_cmd_sock(3).
struct tx_timestamp_result
{
    /// Number of the packet, or of the last byte of a stream.
    std::uint32_t key = 0;
    /// SCM_TSTAMP_SND, SCM_TSTAMP_SCHED or SCM_TSTAMP_ACK of <linux/errqueue.h>.
    unsigned type = 0;
    /// The time is of the device's clock, not of CLOCK_REALTIME.
    bool hardware = false;
    abi::io_timespec time{};

    /// Reads a completion that stands in `queue`. None for one that brings no time: the
    /// last one of the request, and errors.
    static std::optional<tx_timestamp_result>
    parse(const completion_queue& queue, const abi::cqe& entry) noexcept
    {
        const abi::wide_cqe* whole = queue.as_wide(entry);
        if (whole == nullptr || entry.res < 0 || (entry.flags & abi::cqe_f_more) == 0)
            return std::nullopt;
        tx_timestamp_result result;
        result.key = static_cast<std::uint32_t>(entry.res);
        result.type = entry.flags >> abi::timestamp_type_shift;
        result.hardware = (entry.flags & abi::cqe_f_tstamp_hw) != 0;
        std::memcpy(&result.time, whole->extra, sizeof result.time);
        return result;
    }
};

} // namespace asio_uring
