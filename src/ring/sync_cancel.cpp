// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include <asio_uring/ring/sync_cancel.hpp>
#include <asio_uring/ring/timespec.hpp>

namespace asio_uring {

unsigned sync_cancel::call(ring& target, boost::system::error_code& ec) const noexcept
{
    abi::sync_cancel_reg argument{};
    argument.addr = user_data;
    argument.fd = fd;
    argument.flags = flags;
    argument.opcode = static_cast<std::uint8_t>(operation);
    // Minus one in both words is the kernel's word for no limit.
    argument.timeout = timeout ? to_timespec(*timeout) : abi::kernel_timespec{-1, -1};
    constexpr auto opcode = abi::register_op::sync_cancel;
    const int found = target.register_call(opcode, &argument, 1);
    ec = detail::register_error(found, opcode);
    return result_value(found);
}

} // namespace asio_uring
