// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the members of ring.hpp that are register calls.
// Thread: as the ring. Lifetime: what is registered stays with the ring.
#include "register_error.hpp"

#include <asio_uring/ring/ring.hpp>

#include <cerrno>

#include <time.h>
#include <unistd.h>

namespace asio_uring {

using abi::register_op;
using boost::system::error_code;
using detail::register_error;

error_code ring::enable() noexcept
{
    constexpr auto call = register_op::enable_rings;
    return register_error(register_call(call, nullptr, 0), call);
}

error_code ring::register_ring_fd() noexcept
{
    constexpr auto call = register_op::ring_fds;
    if (!is_open())
        return make_error_code(errc::not_open);
    if (registrant_ != 0)
        return make_error_code(errc::already_registered);
    abi::rsrc_update update{};
    update.offset = ~0U; // the kernel chooses the index and writes it here
    update.data = static_cast<std::uint64_t>(fd_.get());
    const int result = register_call(call, &update, 1);
    // A thread has sixteen places; none left is no second registration of this ring.
    if (result == -EBUSY)
        return result_error(result);
    if (result < 0)
        return register_error(result, call);
    enter_fd_ = static_cast<int>(update.offset);
    enter_flags_ = abi::enter_registered_ring;
    registrant_ = ::gettid();
    return {};
}

void ring::unregister_ring_fd() noexcept
{
    // A ring without a descriptor has nothing to fall back on.
    if (registrant_ == 0 || target_.is_index())
        return;
    // The index of another thread cannot be given back from here; it keeps the ring alive
    // until that thread ends.
    if (registrant_ == ::gettid()) {
        abi::rsrc_update update{};
        update.offset = static_cast<std::uint32_t>(enter_fd_);
        register_call(register_op::unregister_ring_fds, &update, 1);
    }
    enter_fd_ = fd_.get();
    enter_flags_ = 0;
    registrant_ = 0;
}

error_code ring::register_clock(wait_clock clock) noexcept
{
    constexpr auto call = register_op::clock;
    abi::clock_register argument{};
    argument.clockid = static_cast<std::uint32_t>(
        clock == wait_clock::boottime ? CLOCK_BOOTTIME : CLOCK_MONOTONIC);
    const error_code ec = register_error(register_call(call, &argument, 0), call);
    if (!ec)
        clock_ = clock;
    return ec;
}

error_code ring::register_eventfd(int eventfd) noexcept
{
    constexpr auto call = register_op::eventfd;
    return register_error(register_call(call, &eventfd, 1), call);
}

error_code ring::register_eventfd_async(int eventfd) noexcept
{
    constexpr auto call = register_op::eventfd_async;
    return register_error(register_call(call, &eventfd, 1), call);
}

error_code ring::unregister_eventfd() noexcept
{
    constexpr auto call = register_op::unregister_eventfd;
    return register_error(register_call(call, nullptr, 0), call);
}

error_code ring::register_buffers(std::span<const iovec> buffers) noexcept
{
    constexpr auto call = register_op::buffers;
    const auto count = static_cast<unsigned>(buffers.size());
    return register_error(register_call(call, buffers.data(), count), call);
}

error_code ring::unregister_buffers() noexcept
{
    constexpr auto call = register_op::unregister_buffers;
    return register_error(register_call(call, nullptr, 0), call);
}

error_code ring::register_files(std::span<const int> files) noexcept
{
    constexpr auto call = register_op::files;
    const auto count = static_cast<unsigned>(files.size());
    return register_error(register_call(call, files.data(), count), call);
}

error_code ring::unregister_files() noexcept
{
    constexpr auto call = register_op::unregister_files;
    return register_error(register_call(call, nullptr, 0), call);
}

} // namespace asio_uring
