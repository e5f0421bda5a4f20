// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/sync_message.hpp>

#include <cerrno>

namespace asio_uring {

boost::system::error_code sync_message::send() const noexcept
{
    abi::sqe message{};
    message.opcode = static_cast<std::uint8_t>(abi::opcode::msg_ring);
    message.fd = target;
    message.off = user_data;
    message.addr = abi::msg_data;
    message.len = static_cast<std::uint32_t>(result);
    if (cqe_flags) {
        message.msg_ring_flags = abi::msg_ring_flags_pass;
        message.file_index = *cqe_flags;
    }
    constexpr auto call = abi::register_op::send_msg_ring;
    const int answer = detail::sys_register(-1, static_cast<unsigned>(call), &message, 1);
    // Here the number says that the target is no ring, or a disabled one.
    return answer == -EBADFD ? result_error(answer)
                             : detail::register_error(answer, call);
}

} // namespace asio_uring
