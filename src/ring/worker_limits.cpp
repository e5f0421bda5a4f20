// SPDX-License-Identifier: BSL-1.0

#include "register_error.hpp"

#include <asio_uring/ring/worker_limits.hpp>

#include <cerrno>
#include <cstdint>

namespace asio_uring {

worker_limits set_worker_limits(
    ring& target, worker_limits limits, boost::system::error_code& ec) noexcept
{
    constexpr auto call = abi::register_op::iowq_max_workers;
    std::uint32_t counts[2] = {limits.bounded, limits.unbounded};
    ec = detail::register_error(target.register_call(call, counts, 2), call);
    return ec ? worker_limits{} : worker_limits{counts[0], counts[1]};
}

boost::system::error_code
set_worker_affinity(ring& target, const cpu_set_t& cpus) noexcept
{
    constexpr auto call = abi::register_op::iowq_aff;
    // The kernel takes it, and then no worker can start where it should.
    if (CPU_COUNT(&cpus) == 0)
        return {EINVAL, boost::system::system_category()};
    return detail::register_error(target.register_call(call, &cpus, sizeof cpus), call);
}

boost::system::error_code reset_worker_affinity(ring& target) noexcept
{
    constexpr auto call = abi::register_op::unregister_iowq_aff;
    return detail::register_error(target.register_call(call, nullptr, 0), call);
}

} // namespace asio_uring
