// SPDX-License-Identifier: BSL-1.0
// Layer: op. Purpose: readiness of descriptors.
// Thread: any. Lifetime: plain values; the event of epoll_ctl stays valid until
// submitted, the events of epoll_wait until completed, with async_submit() both until
// the handler is called.
#pragma once

#include <asio_uring/op/common.hpp>

struct epoll_event;

namespace asio_uring::op {

/// Waits for readiness; the result is the mask of events. With abi::poll_add_multi (5.13)
/// each wake-up posts a completion, and the one without abi::cqe_f_more is the last. Data
/// that stays unread wakes nobody again. All kernels to 6.18 refuse abi::poll_add_level
/// with EINVAL. Kernel 5.1.
struct poll_add
{
    static constexpr abi::opcode code = abi::opcode::poll_add;
    static constexpr kernel_version first_kernel{5, 1};

    int fd = -1;
    std::uint32_t events = 0; ///< POLLIN, POLLOUT...
    std::uint32_t flags = 0;  ///< abi::poll_add_multi, poll_add_level

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.len = flags;
        entry.poll32_events = events;
    }

    constexpr op::results results() const noexcept
    {
        return detail::many_if((flags & abi::poll_add_multi) != 0);
    }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Ends the poll_add with the given user data, which completes with ECANCELED.
/// Kernel 5.1.
struct poll_remove
{
    static constexpr abi::opcode code = abi::opcode::poll_remove;
    static constexpr kernel_version first_kernel{5, 1};

    std::uint64_t user_data = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.addr = user_data;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// Changes the events or the user data of a poll_add in place. Kernel 5.13.
struct poll_update
{
    static constexpr abi::opcode code = abi::opcode::poll_remove;
    static constexpr kernel_version first_kernel{5, 13};

    std::uint64_t user_data = 0;
    std::uint64_t new_user_data = 0; ///< with abi::poll_update_user_data
    std::uint32_t events = 0;        ///< with abi::poll_update_events
    std::uint32_t flags = 0;         ///< the two above, abi::poll_add_multi

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, -1);
        entry.off = new_user_data;
        entry.addr = user_data;
        entry.len = flags;
        entry.poll32_events = events;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

/// epoll_ctl(2). Kernel 5.6.
struct epoll_ctl
{
    static constexpr abi::opcode code = abi::opcode::epoll_ctl;
    static constexpr kernel_version first_kernel{5, 6};

    int epoll_fd = -1;
    int operation = 0; ///< EPOLL_CTL_*
    int fd = -1;
    ::epoll_event* event = nullptr;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, epoll_fd);
        entry.off = detail::word(fd);
        entry.addr = detail::address(event);
        entry.len = detail::word(operation);
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::may; }
};

/// epoll_wait(2) without a timeout; the result is the number of events. Kernel 6.15.
struct epoll_wait
{
    static constexpr abi::opcode code = abi::opcode::epoll_wait;
    static constexpr kernel_version first_kernel{6, 15};

    int fd = -1;
    ::epoll_event* events = nullptr;
    std::uint32_t count = 0;

    void prepare(abi::sqe& entry) const noexcept
    {
        detail::start(entry, code, fd);
        entry.addr = detail::address(events);
        entry.len = count;
    }

    static constexpr op::results results() noexcept { return op::results::one; }
    static constexpr op::descriptors makes_descriptors() noexcept
    {
        return op::descriptors::none;
    }
    static constexpr op::worker worker() noexcept { return op::worker::never; }
};

} // namespace asio_uring::op
