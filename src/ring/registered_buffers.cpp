// SPDX-License-Identifier: BSL-1.0

#include "registration.hpp"

#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace asio_uring {

using boost::system::error_code;

namespace {

error_code explain(int result) noexcept
{
    switch (result) {
    case -EBUSY:
        return make_error_code(errc::buffers_registered);
    case -ENOMEM:
        return make_error_code(errc::locked_memory_exhausted);
    default:
        return result_error(result);
    }
}

error_code
check(const ring& owner, std::size_t count, std::span<const std::uint64_t> tags) noexcept
{
    if (!owner.is_open())
        return make_error_code(errc::not_open);
    if (count == 0 || count > detail::registered_buffers_max)
        return make_error_code(errc::table_size_out_of_range);
    if (!tags.empty() && tags.size() != count)
        return make_error_code(errc::tags_do_not_match);
    return {};
}

} // namespace

registered_buffers::registered_buffers(
    ring& owner, std::span<const iovec> buffers, std::span<const std::uint64_t> tags)
{
    detail::throw_if(register_in(owner, buffers, tags), "registered_buffers");
}

registered_buffers
registered_buffers::create(ring& owner, std::span<const iovec> buffers, error_code& ec)
{
    return create(owner, buffers, {}, ec);
}

registered_buffers registered_buffers::create(
    ring& owner,
    std::span<const iovec> buffers,
    std::span<const std::uint64_t> tags,
    error_code& ec)
{
    registered_buffers result;
    ec = result.register_in(owner, buffers, tags);
    return result;
}

registered_buffers registered_buffers::sparse(ring& owner, std::uint32_t count)
{
    error_code ec;
    registered_buffers result = sparse(owner, count, ec);
    detail::throw_if(ec, "registered_buffers::sparse");
    return result;
}

registered_buffers
registered_buffers::sparse(ring& owner, std::uint32_t count, error_code& ec)
{
    registered_buffers result;
    ec = result.register_sparse(owner, count);
    return result;
}

registered_buffers registered_buffers::clone(
    ring& destination, const registered_buffers& source, const clone_range& range)
{
    error_code ec;
    registered_buffers result = clone(destination, source, range, ec);
    detail::throw_if(ec, "registered_buffers::clone");
    return result;
}

registered_buffers registered_buffers::clone(
    ring& destination,
    const registered_buffers& source,
    const clone_range& range,
    error_code& ec)
{
    registered_buffers result;
    ec = result.register_clone(destination, source, range);
    return result;
}

registered_buffers::registered_buffers(registered_buffers&& other) noexcept
    : target_{std::exchange(other.target_, {})},
      buffers_{std::exchange(other.buffers_, {})}
{}

registered_buffers& registered_buffers::operator=(registered_buffers&& other) noexcept
{
    if (this != &other) {
        unregister();
        target_ = std::exchange(other.target_, {});
        buffers_ = std::exchange(other.buffers_, {});
    }
    return *this;
}

error_code registered_buffers::register_in(
    ring& owner, std::span<const iovec> buffers, std::span<const std::uint64_t> tags)
{
    if (const error_code ec = check(owner, buffers.size(), tags))
        return ec;
    std::vector<iovec> places{buffers.begin(), buffers.end()};
    const auto count = static_cast<std::uint32_t>(buffers.size());
    int result = 0;
    if (tags.empty()) {
        result = owner.register_call(abi::register_op::buffers, buffers.data(), count);
    }
    else {
        abi::rsrc_register argument{};
        argument.nr = count;
        argument.data = detail::address_of(buffers.data());
        argument.tags = detail::address_of(tags.data());
        result =
            owner.register_call(abi::register_op::buffers2, &argument, sizeof argument);
    }
    if (result < 0)
        return explain(result);
    target_ = owner.target();
    buffers_ = std::move(places);
    return {};
}

error_code registered_buffers::register_sparse(ring& owner, std::uint32_t count)
{
    if (const error_code ec = check(owner, count, {}))
        return ec;
    std::vector<iovec> places(count);
    abi::rsrc_register argument{};
    argument.nr = count;
    argument.flags = abi::rsrc_register_sparse;
    const int result =
        owner.register_call(abi::register_op::buffers2, &argument, sizeof argument);
    if (result < 0)
        return explain(result);
    target_ = owner.target();
    buffers_ = std::move(places);
    return {};
}

namespace {

int clone_call(
    const detail::register_target& destination,
    const detail::register_target& source,
    const clone_range& range,
    std::uint32_t flags) noexcept
{
    abi::clone_buffers argument{};
    argument.src_fd = static_cast<std::uint32_t>(source.fd());
    argument.flags = flags;
    if (source.is_index())
        argument.flags |= abi::register_src_registered;
    argument.src_off = range.source_index;
    argument.dst_off = range.index;
    argument.nr = range.count;
    return destination.call(abi::register_op::clone_buffers, &argument, 1);
}

error_code check(const registered_buffers& source, const clone_range& range) noexcept
{
    if (!source)
        return make_error_code(errc::not_open);
    const bool all = range.count == 0 && range.source_index == 0 && range.index == 0;
    if (!all && (range.count == 0 ||
                 !detail::inside(range.source_index, range.count, source.size())))
        return make_error_code(errc::index_out_of_range);
    if (!detail::inside(range.index, range.count, detail::registered_buffers_max))
        return make_error_code(errc::table_size_out_of_range);
    return {};
}

} // namespace

error_code registered_buffers::register_clone(
    ring& owner, const registered_buffers& source, const clone_range& range)
{
    if (!owner.is_open())
        return make_error_code(errc::not_open);
    if (const error_code ec = check(source, range))
        return ec;
    std::vector<iovec> places = after_clone(source, range);
    const int result = clone_call(owner.target(), source.target_, range, 0);
    if (result < 0)
        return explain(result);
    target_ = owner.target();
    buffers_ = std::move(places);
    return {};
}

error_code
registered_buffers::clone_from(const registered_buffers& source, const clone_range& range)
{
    if (!target_)
        return make_error_code(errc::not_open);
    if (const error_code ec = check(source, range))
        return ec;
    // Made first: nothing may throw once the kernel's table has changed.
    std::vector<iovec> places = after_clone(source, range);
    const int result =
        clone_call(target_, source.target_, range, abi::register_dst_replace);
    if (result < 0)
        return explain(result);
    buffers_ = std::move(places);
    return {};
}

std::vector<iovec> registered_buffers::after_clone(
    const registered_buffers& source, const clone_range& range) const
{
    const std::size_t count = range.count == 0 ? source.size() : range.count;
    std::vector<iovec> places = buffers_;
    places.resize(std::max(places.size(), range.index + count));
    std::copy_n(
        source.buffers_.begin() + range.source_index,
        count,
        places.begin() + range.index);
    return places;
}

update_result registered_buffers::update(
    std::uint32_t offset,
    std::span<const iovec> buffers,
    std::span<const std::uint64_t> tags)
{
    if (!target_)
        return {0, make_error_code(errc::not_open)};
    if (!tags.empty() && tags.size() != buffers.size())
        return {0, make_error_code(errc::tags_do_not_match)};
    if (!detail::inside(offset, buffers.size(), size()))
        return {0, make_error_code(errc::index_out_of_range)};
    update_result result = detail::update_table(
        target_,
        abi::register_op::buffers_update,
        offset,
        buffers.data(),
        sizeof(iovec),
        static_cast<std::uint32_t>(buffers.size()),
        tags);
    std::copy_n(buffers.begin(), result.updated, buffers_.begin() + offset);
    if (result.ec.value() == ENOMEM)
        result.ec = make_error_code(errc::locked_memory_exhausted);
    return result;
}

error_code registered_buffers::unregister() noexcept
{
    int result = 0;
    if (target_.is_ours())
        result = target_.call(abi::register_op::unregister_buffers, nullptr, 0);
    release();
    return result_error(result);
}

void registered_buffers::release() noexcept
{
    target_ = {};
    buffers_.clear();
}

} // namespace asio_uring
