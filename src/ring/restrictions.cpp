// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include <asio_uring/ring/restrictions.hpp>

#include <array>
#include <cerrno>
#include <cstddef>

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

// As the kernel wants it for a thread; for a ring without the head.
struct restrictions::list
{
    abi::task_restriction head{};
    std::array<abi::restriction, abi::opcode_count + register_op_count + 2> entries{};
};

restrictions::list restrictions::make_list() const noexcept
{
    static_assert(offsetof(list, entries) == sizeof(abi::task_restriction));
    list made;
    const auto add = [&made](std::uint16_t kind, unsigned value) {
        abi::restriction& entry = made.entries[made.head.nr_res++];
        entry.opcode = kind;
        entry.sqe_op = static_cast<std::uint8_t>(value);
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
    return made;
}

boost::system::error_code restrictions::apply(ring& target) const noexcept
{
    constexpr auto call = abi::register_op::restrictions;
    const list made = make_list();
    const int answer = target.register_call(call, made.entries.data(), made.head.nr_res);
    return detail::register_error(answer, call);
}

boost::system::error_code restrictions::apply_to_thread() const noexcept
{
    constexpr auto call = abi::register_op::restrictions;
    const list made = make_list();
    const int answer = detail::sys_register(-1, static_cast<unsigned>(call), &made, 1);
    // KERNEL 7.0: the call is older, but only since then it needs no ring.
    return answer == -EINVAL ? make_error_code(errc::unsupported_register_call)
                             : result_error(answer);
}

} // namespace asio_uring
