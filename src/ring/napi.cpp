// SPDX-License-Identifier: BSL-1.0

#include "microseconds.hpp"
#include "register_error.hpp"

#include <asio_uring/ring/napi.hpp>

#include <cerrno>

namespace asio_uring {

namespace {

using boost::system::error_code;

napi_settings settings_of(const abi::napi& answer) noexcept
{
    return {
        .busy_poll = std::chrono::microseconds{answer.busy_poll_to},
        .prefer_busy_poll = answer.prefer_busy_poll != 0,
        .tracking = static_cast<napi_tracking>(answer.op_param)};
}

error_code change_list(ring& target, std::uint8_t what, std::uint32_t id) noexcept
{
    constexpr auto call = abi::register_op::napi;
    abi::napi argument{};
    argument.opcode = what;
    argument.op_param = id;
    const int answer = target.register_call(call, &argument, 1);
    // A queue that is there says the same as a thread that is not the issuer.
    const bool listed =
        answer == -EEXIST && (target.setup_flags() & abi::setup_single_issuer) == 0;
    return listed ? result_error(answer) : detail::register_error(answer, call);
}

} // namespace

napi_settings
register_napi(ring& target, const napi_settings& settings, error_code& ec) noexcept
{
    constexpr auto call = abi::register_op::napi;
    abi::napi argument{};
    argument.busy_poll_to = detail::to_microseconds(settings.busy_poll);
    argument.prefer_busy_poll = settings.prefer_busy_poll ? 1 : 0;
    argument.opcode = abi::napi_register;
    argument.op_param = static_cast<std::uint32_t>(settings.tracking);
    ec = detail::register_error(target.register_call(call, &argument, 1), call);
    return ec ? napi_settings{} : settings_of(argument);
}

napi_settings unregister_napi(ring& target, error_code& ec) noexcept
{
    constexpr auto call = abi::register_op::unregister_napi;
    abi::napi argument{};
    ec = detail::register_error(target.register_call(call, &argument, 1), call);
    return ec ? napi_settings{} : settings_of(argument);
}

error_code add_napi_id(ring& target, std::uint32_t id) noexcept
{
    return change_list(target, abi::napi_add_id, id);
}

error_code remove_napi_id(ring& target, std::uint32_t id) noexcept
{
    return change_list(target, abi::napi_remove_id, id);
}

} // namespace asio_uring
