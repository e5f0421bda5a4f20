// SPDX-License-Identifier: BSL-1.0

#include "registration.hpp"
#include "setup.hpp"

#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/ring.hpp>

#include <bit>
#include <cerrno>
#include <utility>

namespace asio_uring {

using boost::system::error_code;

namespace {

error_code explain(int result, const buffer_ring_options& options) noexcept
{
    switch (result) {
    case -EEXIST:
        return make_error_code(errc::buffer_group_registered);
    case -ENOMEM:
        return make_error_code(errc::locked_memory_exhausted);
    case -EINVAL:
        if (options.incremental || options.kernel_memory)
            return make_error_code(errc::unsupported_buffer_ring);
        break;
    default:
        break;
    }
    return result_error(result);
}

// An id has sixteen bits.
constexpr std::uint32_t ids_max = 1U << 16;

bool usable(const buffer_ring_options& options) noexcept
{
    const auto start = reinterpret_cast<std::uintptr_t>(options.entry_memory.data());
    return !options.kernel_memory && start % detail::page_size() == 0 &&
           options.entry_memory.size() >= options.entries * sizeof(abi::buf);
}

error_code check(const ring& owner, const buffer_ring_options& options) noexcept
{
    if (!owner.is_open())
        return make_error_code(errc::not_open);
    if (!std::has_single_bit(options.entries) ||
        options.entries > abi::pbuf_ring_entries_max || options.ids > ids_max)
        return make_error_code(errc::buffer_ring_out_of_range);
    if (!options.entry_memory.empty() && !usable(options))
        return make_error_code(errc::ring_memory_unusable);
    if (options.kernel_memory && owner.target().is_index())
        return make_error_code(errc::no_ring_descriptor);
    return {};
}

int unregister_group(const detail::register_target& target, std::uint16_t group) noexcept
{
    abi::buf_reg argument{};
    argument.bgid = group;
    return target.call(abi::register_op::unregister_pbuf_ring, &argument, 1);
}

} // namespace

buffer_ring::buffer_ring(ring& owner, const buffer_ring_options& options)
{
    detail::throw_if(register_in(owner, options), "buffer_ring");
}

buffer_ring
buffer_ring::create(ring& owner, const buffer_ring_options& options, error_code& ec)
{
    buffer_ring result;
    ec = result.register_in(owner, options);
    return result;
}

buffer_ring::buffer_ring(buffer_ring&& other) noexcept { swap(other); }

buffer_ring& buffer_ring::operator=(buffer_ring&& other) noexcept
{
    if (this != &other) {
        unregister();
        swap(other);
    }
    return *this;
}

void buffer_ring::swap(buffer_ring& other) noexcept
{
    using std::swap;
    swap(target_, other.target_);
    swap(entries_map_, other.entries_map_);
    swap(entries_, other.entries_);
    swap(mask_, other.mask_);
    swap(group_, other.group_);
    swap(buffers_, other.buffers_);
    swap(available_, other.available_);
    swap(tail_, other.tail_);
    swap(last_added_, other.last_added_);
}

error_code buffer_ring::register_in(ring& owner, const buffer_ring_options& options)
{
    if (const error_code ec = check(owner, options))
        return ec;
    std::vector<buffer> buffers(options.ids == 0 ? options.entries : options.ids);
    const std::size_t size = options.entries * sizeof(abi::buf);
    abi::buf_reg argument{};
    argument.ring_entries = options.entries;
    argument.bgid = options.group;
    if (options.incremental)
        argument.flags |= abi::pbuf_ring_inc;

    error_code ec;
    detail::mapping map;
    if (options.kernel_memory) {
        argument.flags |= abi::pbuf_ring_mmap;
    }
    else if (options.entry_memory.empty()) {
        map = detail::mapping::anonymous(size, ec);
        if (ec)
            return ec;
        argument.ring_addr = detail::address_of(map.data());
    }
    else {
        argument.ring_addr = detail::address_of(options.entry_memory.data());
    }
    const detail::register_target& target = owner.target();
    const int result = target.call(abi::register_op::pbuf_ring, &argument, 1);
    if (result < 0)
        return explain(result, options);
    if (options.kernel_memory) {
        const std::uint64_t offset = abi::off_pbuf_ring | std::uint64_t{options.group}
                                                              << abi::off_pbuf_shift;
        map = detail::mapping::create(target.fd(), offset, size, ec);
        if (ec) {
            unregister_group(target, options.group);
            return ec;
        }
    }
    target_ = target;
    // Memory of options.entries entries, zeroed or the caller's.
    entries_ = reinterpret_cast<abi::buf*>(
        options.entry_memory.empty() ? map.data() : options.entry_memory.data());
    entries_map_ = std::move(map);
    mask_ = options.entries - 1;
    group_ = options.group;
    buffers_ = std::move(buffers);
    return {};
}

std::uint16_t buffer_ring::kernel_head(error_code& ec) const noexcept
{
    abi::buf_status status{};
    status.buf_group = group_;
    ec = result_error(target_.call(abi::register_op::pbuf_status, &status, 1));
    return static_cast<std::uint16_t>(status.head);
}

error_code buffer_ring::unregister() noexcept
{
    if (!target_)
        return {};
    int result = 0;
    // A child has neither the parent's map nor a say over the parent's group.
    if (target_.is_ours())
        result = unregister_group(target_, group_);
    else
        entries_map_.forget();
    target_ = {};
    entries_map_.reset();
    entries_ = nullptr;
    buffers_.clear();
    mask_ = ~std::uint32_t{0};
    group_ = 0;
    available_ = 0;
    tail_ = 0;
    last_added_ = 0;
    return result_error(result);
}

} // namespace asio_uring
