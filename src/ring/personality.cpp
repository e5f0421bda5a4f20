// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include <asio_uring/ring/personality.hpp>

#include <boost/system/system_error.hpp>

namespace asio_uring {

namespace {

constexpr auto call = abi::register_op::personality;

} // namespace

personality::personality(ring& target)
{
    boost::system::error_code ec;
    *this = create(target, ec);
    if (ec)
        throw boost::system::system_error(ec, explain_register_error(ec, call));
}

personality personality::create(ring& target, boost::system::error_code& ec) noexcept
{
    personality result;
    const int answer = target.register_call(call, nullptr, 0);
    ec = detail::register_error(answer, call);
    if (!ec) {
        result.target_ = target.target();
        result.id_ = static_cast<std::uint16_t>(answer);
    }
    return result;
}

void personality::reset() noexcept
{
    if (target_.is_ours())
        target_.call(abi::register_op::unregister_personality, nullptr, id_);
    release();
}

} // namespace asio_uring
