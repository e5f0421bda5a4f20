// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: a program that judges each request of a kind before it starts.
// Thread: a plain value; the program until apply() returns. Lifetime: the ring keeps the
// filter until it closes.
#pragma once

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>

/// One instruction of classic BPF, as <linux/filter.h> defines it.
struct sock_filter;

namespace asio_uring {

/// A classic BPF program that sees a request's opcode, user data, entry flags and, for
/// sockets and opens, its arguments, and returns 1 to let it pass or 0 to end it with
/// EACCES. Where restrictions know only kinds of requests, this knows their arguments.
/// Kernel 7.0.
struct ASIO_URING_DECL request_filter
{
    abi::opcode operation = abi::opcode::nop;
    const ::sock_filter* program = nullptr;
    std::uint32_t instruction_count = 0;
    bool deny_rest = false; ///< refuse every operation that has no filter

    /// Bytes of arguments that the program reads, which differ by operation. The kernel
    /// refuses a filter that reads more than it offers.
    std::uint8_t argument_size = 0;
    /// Let the kernel also refuse a filter that reads less than it offers, as a filter
    /// does that was written for an older kernel.
    bool same_size = false;

    /// Adds the filter to the ring for good. errc::unsupported_register_call below kernel
    /// 7.0, EINVAL for a program the kernel does not accept, EMSGSIZE for a size it does
    /// not, EACCES without PR_SET_NO_NEW_PRIVS or CAP_SYS_ADMIN.
    boost::system::error_code apply(ring& target) const noexcept;
};

} // namespace asio_uring
