// SPDX-License-Identifier: BSL-1.0

#include "registration.hpp"

#include <asio_uring/ring/provided_buffers.hpp>

#include <bit>

namespace asio_uring {

using boost::system::error_code;

provided_buffers::provided_buffers(ring& owner, const provided_buffers_options& options)
{
    detail::throw_if(register_in(owner, options), "provided_buffers");
}

provided_buffers provided_buffers::create(
    ring& owner, const provided_buffers_options& options, error_code& ec)
{
    provided_buffers result;
    ec = result.register_in(owner, options);
    return result;
}

error_code
provided_buffers::register_in(ring& owner, const provided_buffers_options& options)
{
    if (options.count == 0 || options.count > abi::pbuf_ring_entries_max ||
        options.size == 0)
        return make_error_code(errc::buffer_ring_out_of_range);
    const std::size_t needed = std::size_t{options.count} * options.size;
    std::byte* memory = options.memory.data();
    if (options.memory.empty()) {
        // Uninitialised: pages nobody receives into are never touched.
        memory_.reset(new std::byte[needed]);
        memory = memory_.get();
    }
    else if (options.memory.size() < needed) {
        return make_error_code(errc::buffer_ring_out_of_range);
    }
    error_code ec;
    buffers_ = buffer_ring::create(
        owner,
        {.group = options.group,
         .entries = std::bit_ceil(options.count),
         .incremental = options.incremental,
         .kernel_memory = options.kernel_memory},
        ec);
    if (ec)
        return ec;
    count_ = options.count;
    size_ = options.size;
    for (std::uint32_t id = 0; id != count_; ++id) {
        std::byte* data = memory + std::size_t{id} * size_;
        buffers_.add(static_cast<std::uint16_t>(id), data, size_);
    }
    buffers_.commit();
    return {};
}

} // namespace asio_uring
