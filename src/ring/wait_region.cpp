// SPDX-License-Identifier: BSL-1.0

#include "microseconds.hpp"
#include "register_error.hpp"
#include "setup.hpp"

#include <asio_uring/ring/timespec.hpp>
#include <asio_uring/ring/wait_region.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>

namespace asio_uring {

using boost::system::error_code;

namespace {

constexpr auto call = abi::register_op::mem_region;

error_code register_region(ring& target, std::span<std::byte> memory) noexcept
{
    abi::region_desc region{};
    region.user_addr = reinterpret_cast<std::uintptr_t>(memory.data());
    region.size = memory.size();
    region.flags = abi::mem_region_type_user;
    abi::mem_region_reg argument{};
    argument.region_uptr = reinterpret_cast<std::uintptr_t>(&region);
    argument.flags = abi::mem_region_reg_wait_arg;
    const int answer = target.register_call(call, &argument, 1);
    // The kernel calls an enabled ring an invalid argument.
    if (answer == -EINVAL && detail::knows(call))
        return make_error_code(errc::ring_not_disabled);
    return detail::register_error(answer, call);
}

} // namespace

wait_region::wait_region(ring& target, unsigned slots)
{
    error_code ec;
    *this = create(target, slots, ec);
    if (ec)
        throw boost::system::system_error(ec, explain_register_error(ec, call));
}

wait_region wait_region::create(ring& target, unsigned slots, error_code& ec) noexcept
{
    wait_region result;
    ec = {EINVAL, boost::system::system_category()};
    if (slots == 0)
        return result;
    const std::size_t page = detail::page_size();
    const std::size_t size = (slots * sizeof(abi::reg_wait) + page - 1) / page * page;
    detail::mapping memory = detail::mapping::anonymous(size, ec);
    if (ec)
        return result;
    result = create(target, {memory.data(), memory.size()}, ec);
    if (!ec)
        result.memory_ = std::move(memory);
    return result;
}

wait_region::wait_region(ring& target, std::span<std::byte> memory)
{
    error_code ec;
    *this = create(target, memory, ec);
    if (ec)
        throw boost::system::system_error(ec, explain_register_error(ec, call));
}

wait_region
wait_region::create(ring& target, std::span<std::byte> memory, error_code& ec) noexcept
{
    wait_region result;
    const std::size_t page = detail::page_size();
    const auto start = reinterpret_cast<std::uintptr_t>(memory.data());
    if (memory.empty() || start % page != 0 || memory.size() % page != 0) {
        ec = make_error_code(errc::ring_memory_unusable);
        return result;
    }
    ec = register_region(target, memory);
    if (!ec) {
        // Whole pages, which set() fills before the kernel reads them.
        result.arguments_ = reinterpret_cast<abi::reg_wait*>(memory.data());
        result.slots_ = static_cast<unsigned>(memory.size() / sizeof(abi::reg_wait));
    }
    return result;
}

registered_wait wait_region::set(unsigned slot, const wait_options& options) noexcept
{
    registered_wait result = set(slot, std::chrono::nanoseconds{0}, options.min_wait);
    abi::reg_wait& argument = at(slot);
    argument.flags = 0;
    if (options.deadline) {
        argument.ts = to_timespec(*options.deadline);
        argument.flags = abi::reg_wait_ts;
        result.flags |= abi::enter_abs_timer;
    }
    if (options.signals != nullptr) {
        argument.sigmask = reinterpret_cast<std::uintptr_t>(options.signals);
        argument.sigmask_sz = abi::kernel_sigset_size;
    }
    if (options.no_iowait)
        result.flags |= abi::enter_no_iowait;
    return result;
}

registered_wait wait_region::set(
    unsigned slot,
    std::chrono::nanoseconds timeout,
    std::chrono::microseconds min_wait) noexcept
{
    abi::reg_wait& argument = at(slot);
    argument = {};
    argument.ts = to_timespec(timeout);
    argument.flags = abi::reg_wait_ts;
    argument.min_wait_usec = detail::to_microseconds(min_wait);
    return {.offset = static_cast<std::uint32_t>(slot * sizeof(abi::reg_wait))};
}

abi::reg_wait& wait_region::at(unsigned slot) noexcept
{
    ASIO_URING_ASSERT(slot < slots_);
    // The memory holds slots_ arguments from its start on and lives as long as this.
    return arguments_[slot];
}

} // namespace asio_uring
