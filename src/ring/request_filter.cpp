// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include <asio_uring/ring/request_filter.hpp>

namespace asio_uring {

boost::system::error_code request_filter::apply(ring& target) const noexcept
{
    constexpr auto call = abi::register_op::bpf_filter;
    abi::bpf_filter argument{};
    argument.cmd_type = abi::bpf_cmd_filter;
    argument.opcode = static_cast<std::uint32_t>(operation);
    argument.flags = (deny_rest ? abi::bpf_filter_deny_rest : 0) |
                     (same_size ? abi::bpf_filter_sz_strict : 0);
    argument.pdu_size = argument_size;
    argument.filter_len = instruction_count;
    argument.filter_ptr = reinterpret_cast<std::uintptr_t>(program);
    return detail::register_error(target.register_call(call, &argument, 1), call);
}

} // namespace asio_uring
