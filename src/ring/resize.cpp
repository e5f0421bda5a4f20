// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the part of ring.hpp that changes the size of the queues.
// Thread: the one that submits and reaps. Lifetime: the old maps go when the new ones
// stand.
#include "register_error.hpp"
#include "setup.hpp"

#include <asio_uring/ring/ring.hpp>

#include <bit>
#include <utility>

namespace asio_uring {

using boost::system::error_code;

error_code ring::resize(unsigned entries, unsigned cq_entries) noexcept
{
    constexpr auto call = abi::register_op::resize_rings;
    if (!is_open())
        return make_error_code(errc::not_open);
    // KERNEL 6.13: RESIZE_RINGS does not tell where the new index array lies.
    constexpr std::uint32_t needed = abi::setup_defer_taskrun | abi::setup_no_sqarray;
    if ((setup_flags_ & needed) != needed)
        return make_error_code(errc::not_resizable);
    const ring_options options{
        .entries = entries,
        .cq_entries = cq_entries,
        .flags = setup_flags_ & ~abi::setup_cqsize};
    if (const error_code ec = detail::validate_sizes(options))
        return ec;
    const bool no_mmap = (setup_flags_ & abi::setup_no_mmap) != 0;
    if (!no_mmap && target_.is_index())
        return make_error_code(errc::no_ring_descriptor);
    if (!fits(options))
        return make_error_code(errc::size_too_small);

    error_code ec;
    detail::ring_memory memory;
    abi::setup_params params{};
    params.sq_entries = entries;
    params.cq_entries = cq_entries;
    params.flags =
        (setup_flags_ & abi::setup_clamp) | (cq_entries != 0 ? abi::setup_cqsize : 0);
    if (no_mmap) {
        memory = detail::ring_memory::allocate(required_ring_memory(options), ec);
        if (ec)
            return ec;
        params.sq_off.user_addr = reinterpret_cast<std::uintptr_t>(memory.entries());
        params.cq_off.user_addr = reinterpret_cast<std::uintptr_t>(memory.rings());
    }
    const int result = register_call(call, &params, 1);
    if (result == -EOVERFLOW)
        return make_error_code(errc::size_too_small);
    if (result < 0)
        return detail::register_error(result, call);

    // From here on the kernel uses the new rings; without a map of them this one is lost.
    if (!no_mmap)
        memory = detail::ring_memory::map(target_.fd(), detail::size_of(params), ec);
    if (!ec)
        ec = move_to(params, std::move(memory));
    if (ec)
        close();
    return ec;
}

// The kernel refuses to lose what it knows of. It does not know of entries that are not
// published, nor that an entry of two places must not be torn apart by a smaller queue;
// where a queue grows, entries that lie together stay together.
bool ring::fits(const ring_options& sizes) const noexcept
{
    const unsigned sq = std::bit_ceil(sizes.entries);
    const unsigned cq = sizes.cq_entries == 0 ? 2 * sq : std::bit_ceil(sizes.cq_entries);
    const unsigned pending = sq_entries() - submission_.space_left();
    const bool torn_sq =
        (setup_flags_ & abi::setup_sqe_mixed) != 0 && sq < sq_entries() && pending != 0;
    const bool torn_cq =
        (setup_flags_ & abi::setup_cqe_mixed) != 0 && cq < cq_entries() && ready() != 0;
    return pending <= sq && !torn_sq && !torn_cq;
}

// KERNEL 6.13: RESIZE_RINGS copies entries as if all were of the small size, and none at
// all where a counter has just wrapped. So they are copied again, while the old rings,
// which nobody writes any more, are still mapped.
error_code
ring::move_to(const abi::setup_params& params, detail::ring_memory memory) noexcept
{
    const detail::ring_memory old_memory = std::exchange(memory_, {});
    const submission_queue old_submission = submission_;
    const completion_queue old_completion = completion_;
    // The answer repeats inherited flags as far as they change the layout.
    abi::setup_params layout = params;
    layout.flags = setup_flags_;
    const error_code ec = attach(layout, std::move(memory));
    if (!ec) {
        submission_.resume(old_submission);
        completion_.resume(old_completion);
    }
    return ec;
}

} // namespace asio_uring
