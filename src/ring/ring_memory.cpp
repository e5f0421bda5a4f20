// SPDX-License-Identifier: BSL-1.0

#include "setup.hpp"

#include <asio_uring/detail/ring/ring_memory.hpp>

#include <algorithm>
#include <bit>

#include <unistd.h>

namespace asio_uring {

namespace {

// The words in front of the completions. The kernel's own take 64 bytes, or one cache
// line where that is larger.
constexpr std::size_t ring_words_max = 128;

std::size_t cqe_size(std::uint32_t flags) noexcept
{
    return sizeof(abi::cqe) << ((flags & abi::setup_cqe32) != 0 ? 1 : 0);
}

std::size_t sqe_size(std::uint32_t flags) noexcept
{
    return sizeof(abi::sqe) << ((flags & abi::setup_sqe128) != 0 ? 1 : 0);
}

std::size_t whole_pages(std::size_t size) noexcept
{
    const std::size_t page = detail::page_size();
    return (size + page - 1) / page * page;
}

} // namespace

ring_memory_size required_ring_memory(const ring_options& options) noexcept
{
    const std::size_t sq = std::bit_ceil(std::min(options.entries, abi::sq_entries_max));
    const std::size_t cq =
        options.cq_entries == 0
            ? 2 * sq
            : std::bit_ceil(std::min(options.cq_entries, abi::cq_entries_max));
    // An optional flag may be dropped, so the larger case counts.
    const std::uint32_t any = options.flags | options.optional_flags;
    std::size_t rings = ring_words_max + cq * cqe_size(any);
    if ((options.flags & abi::setup_no_sqarray) == 0)
        rings += sq * sizeof(std::uint32_t);
    return {whole_pages(rings), whole_pages(sq * sqe_size(any))};
}

namespace detail {

std::size_t page_size() noexcept
{
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

ring_memory_size size_of(const abi::setup_params& params) noexcept
{
    ring_memory_size size;
    size.entries = params.sq_entries * sqe_size(params.flags);
    size.rings = params.cq_off.cqes + params.cq_entries * cqe_size(params.flags);
    if ((params.flags & abi::setup_no_sqarray) == 0) {
        const std::size_t array_end =
            params.sq_off.array + params.sq_entries * sizeof(std::uint32_t);
        size.rings = std::max(size.rings, array_end);
    }
    return size;
}

bool usable_as_ring_memory(const ring_options& options) noexcept
{
    const ring_memory_size needed = required_ring_memory(options);
    const auto at_page = [](const std::byte* address) {
        return reinterpret_cast<std::uintptr_t>(address) % page_size() == 0;
    };
    return options.ring_memory.size() >= needed.rings &&
           options.entry_memory.size() >= needed.entries &&
           at_page(options.ring_memory.data()) && at_page(options.entry_memory.data());
}

ring_memory ring_memory::map(
    int fd, const ring_memory_size& size, boost::system::error_code& ec) noexcept
{
    mapping rings = mapping::create(fd, abi::off_sq_ring, size.rings, ec);
    if (ec)
        return {};
    mapping entries = mapping::create(fd, abi::off_sqes, size.entries, ec);
    if (ec)
        return {};
    return {std::move(rings), std::move(entries)};
}

ring_memory ring_memory::allocate(
    const ring_memory_size& size, boost::system::error_code& ec) noexcept
{
    mapping rings = mapping::anonymous(size.rings, ec);
    if (ec)
        return {};
    mapping entries = mapping::anonymous(size.entries, ec);
    if (ec)
        return {};
    return {std::move(rings), std::move(entries)};
}

ring_memory ring_memory::lent(const ring_options& options) noexcept
{
    ring_memory result;
    result.rings_ = options.ring_memory.data();
    result.entries_ = options.entry_memory.data();
    return result;
}

} // namespace detail

} // namespace asio_uring
