// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include <asio_uring/ring/restrictions.hpp>

#include <array>

namespace asio_uring {

restrictions& restrictions::allow(abi::opcode operation) noexcept
{
    ASIO_URING_ASSERT(static_cast<unsigned>(operation) < operations_.size());
    operations_[static_cast<unsigned>(operation)] = true;
    return *this;
}

restrictions& restrictions::allow(abi::register_op call) noexcept
{
    ASIO_URING_ASSERT(static_cast<unsigned>(call) < calls_.size());
    calls_[static_cast<unsigned>(call)] = true;
    return *this;
}

restrictions& restrictions::allow_sqe_flags(std::uint8_t flags) noexcept
{
    allowed_flags_ = static_cast<std::uint8_t>(allowed_flags_ | flags);
    return *this;
}

restrictions& restrictions::require_sqe_flags(std::uint8_t flags) noexcept
{
    required_flags_ = static_cast<std::uint8_t>(required_flags_ | flags);
    return *this;
}

boost::system::error_code restrictions::apply(ring& target) const noexcept
{
    std::array<abi::restriction, abi::opcode_count + register_op_count + 2> list{};
    unsigned count = 0;
    const auto add = [&](std::uint16_t kind, unsigned value) {
        list[count].opcode = kind;
        list[count++].sqe_op = static_cast<std::uint8_t>(value);
    };
    for (unsigned code = 0; code != operations_.size(); ++code) {
        if (operations_[code])
            add(abi::restriction_sqe_op, code);
    }
    for (unsigned code = 0; code != calls_.size(); ++code) {
        if (calls_[code])
            add(abi::restriction_register_op, code);
    }
    add(abi::restriction_sqe_flags_allowed, allowed_flags_ | required_flags_);
    add(abi::restriction_sqe_flags_required, required_flags_);
    constexpr auto call = abi::register_op::restrictions;
    return detail::register_error(target.register_call(call, list.data(), count), call);
}

} // namespace asio_uring
