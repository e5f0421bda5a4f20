// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include "names.hpp"
#include "probe.hpp"
#include "setup.hpp"

#include <asio_uring/ring/error.hpp>

#include <cerrno>
#include <string>

#include <sys/utsname.h>

namespace asio_uring {

namespace {

const detail::register_info* find(abi::register_op call) noexcept
{
    const auto index = static_cast<std::size_t>(call);
    return index < detail::register_table.size() ? &detail::register_table[index]
                                                 : nullptr;
}

errc registered_before(abi::register_op call) noexcept
{
    switch (call) {
    case abi::register_op::buffers:
    case abi::register_op::buffers2:
        return errc::buffers_registered;
    case abi::register_op::files:
    case abi::register_op::files2:
        return errc::files_registered;
    default:
        return errc::already_registered;
    }
}

} // namespace

namespace detail {

boost::system::error_code register_error(int result, abi::register_op call) noexcept
{
    switch (result) {
    case -EEXIST:
        return make_error_code(errc::wrong_thread);
    case -EBUSY:
        return make_error_code(registered_before(call));
    case -ENXIO:
        return make_error_code(errc::not_registered);
    case -EBADFD:
        return make_error_code(errc::ring_not_disabled);
    case -EINVAL:
        if (!knows(call))
            return make_error_code(errc::unsupported_register_call);
        break;
    default:
        break;
    }
    return result_error(result);
}

bool knows(abi::register_op call) noexcept
{
    abi::query_opcode answer{};
    if (query_kernel(answer))
        return static_cast<unsigned>(call) < answer.nr_register_opcodes;
    const register_info* info = find(call);
    ::utsname name{};
    return info != nullptr && ::uname(&name) == 0 &&
           is_at_least(name.release, info->first_kernel);
}

} // namespace detail

std::string
explain_register_error(const boost::system::error_code& ec, abi::register_op call)
{
    if (!ec)
        return "no error";
    const detail::register_info* info = find(call);
    const std::string name =
        info != nullptr ? info->name : std::to_string(static_cast<unsigned>(call));
    const std::string text = "register call " + name + ": ";
    if (ec == make_error_code(errc::unsupported_register_call) && info != nullptr)
        return text + "it needs kernel " + info->first_kernel + ", and this kernel is " +
               detail::running_kernel() + "; run a newer kernel, or do without";
    if (ec.category() == boost::system::system_category() && ec.value() == EACCES)
        return text + "the ring's restrictions forbid it; allow it in them";
    return text + ec.message();
}

} // namespace asio_uring
