// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the list of what a ring may do, fixed before it is enabled.
// Thread: a plain value. Lifetime: the ring keeps what was applied until it closes, the
// thread until it ends.
#pragma once

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <bitset>
#include <cstdint>

namespace asio_uring {

/// What a ring, or every ring of a thread, may do: with an empty list nothing, without
/// one everything.
///
/// A request that is not allowed completes with EACCES, and without
/// abi::setup_submit_all ends its batch; a register call that is not allowed returns
/// EACCES. Destructors of objects that own a registration fail silently then, so allow
/// their calls too. io_uring_register(2). Kernel 5.10.
class ASIO_URING_DECL restrictions
{
public:
    /// Allows an operation.
    restrictions& allow(abi::opcode operation) noexcept;

    /// Allows a register call.
    restrictions& allow(abi::register_op call) noexcept;

    /// The entry flags (abi::sqe_*) that may stand in a request; none at first.
    restrictions& allow_sqe_flags(std::uint8_t flags) noexcept;

    /// The entry flags that have to stand in every request; they are allowed as well.
    restrictions& require_sqe_flags(std::uint8_t flags) noexcept;

    /// Gives the list to a ring that was set up with abi::setup_r_disabled and is not
    /// enabled. It takes effect with ring::enable(). Errors: errc::ring_not_disabled,
    /// errc::already_registered, EINVAL for an operation the kernel does not know.
    boost::system::error_code apply(ring& target) const noexcept;

    /// Gives the list to the calling thread: to every ring it makes from here on, and to
    /// the threads and processes it starts. There is no way back. Errors:
    /// errc::unsupported_register_call; EPERM where the thread has such a list; EACCES
    /// without PR_SET_NO_NEW_PRIVS or CAP_SYS_ADMIN. Kernel 7.0.
    boost::system::error_code apply_to_thread() const noexcept;

private:
    struct list;
    list make_list() const noexcept;

    static constexpr unsigned register_op_count =
        static_cast<unsigned>(abi::register_op::bpf_filter) + 1;

    std::bitset<abi::opcode_count> operations_;
    std::bitset<register_op_count> calls_;
    std::uint8_t allowed_flags_ = 0;
    std::uint8_t required_flags_ = 0;
};

} // namespace asio_uring
