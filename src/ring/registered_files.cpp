// SPDX-License-Identifier: BSL-1.0

#include "registration.hpp"

#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <fcntl.h>

namespace asio_uring {

using boost::system::error_code;

namespace {

bool is_open_descriptor(int descriptor) noexcept
{
    const int caller_errno = errno;
    const bool open = descriptor < 0 || ::fcntl(descriptor, F_GETFD) >= 0;
    errno = caller_errno;
    return open;
}

/// The kernel calls a ring's descriptor a bad one, as it does a closed one.
error_code explain(int error, std::span<const int> descriptors) noexcept
{
    switch (error) {
    case EBUSY:
        return make_error_code(errc::files_registered);
    case EMFILE:
        return make_error_code(errc::table_size_out_of_range);
    case EBADF:
        if (std::all_of(descriptors.begin(), descriptors.end(), is_open_descriptor))
            return make_error_code(errc::ring_in_file_table);
        break;
    default:
        break;
    }
    return {error, boost::system::system_category()};
}

} // namespace

registered_files::registered_files(
    ring& owner, std::span<const int> descriptors, std::span<const std::uint64_t> tags)
{
    detail::throw_if(register_in(owner, descriptors, tags), "registered_files");
}

registered_files
registered_files::create(ring& owner, std::span<const int> descriptors, error_code& ec)
{
    return create(owner, descriptors, {}, ec);
}

registered_files registered_files::create(
    ring& owner,
    std::span<const int> descriptors,
    std::span<const std::uint64_t> tags,
    error_code& ec)
{
    registered_files result;
    ec = result.register_in(owner, descriptors, tags);
    return result;
}

registered_files registered_files::sparse(ring& owner, std::uint32_t count)
{
    error_code ec;
    registered_files result = sparse(owner, count, ec);
    detail::throw_if(ec, "registered_files::sparse");
    return result;
}

registered_files
registered_files::sparse(ring& owner, std::uint32_t count, error_code& ec)
{
    registered_files result;
    ec = result.register_sparse(owner, count);
    return result;
}

registered_files::registered_files(registered_files&& other) noexcept
    : target_{std::exchange(other.target_, {})}, size_{std::exchange(other.size_, 0)}
{}

registered_files& registered_files::operator=(registered_files&& other) noexcept
{
    if (this != &other) {
        unregister();
        target_ = std::exchange(other.target_, {});
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

error_code registered_files::register_in(
    ring& owner,
    std::span<const int> descriptors,
    std::span<const std::uint64_t> tags) noexcept
{
    if (!owner.is_open())
        return make_error_code(errc::not_open);
    if (!tags.empty() && tags.size() != descriptors.size())
        return make_error_code(errc::tags_do_not_match);
    if (descriptors.empty() ||
        descriptors.size() > std::numeric_limits<std::uint32_t>::max())
        return make_error_code(errc::table_size_out_of_range);
    const auto count = static_cast<std::uint32_t>(descriptors.size());
    int result = 0;
    if (tags.empty()) {
        result = owner.register_call(abi::register_op::files, descriptors.data(), count);
    }
    else {
        abi::rsrc_register argument{};
        argument.nr = count;
        argument.data = detail::address_of(descriptors.data());
        argument.tags = detail::address_of(tags.data());
        result =
            owner.register_call(abi::register_op::files2, &argument, sizeof argument);
    }
    if (result < 0)
        return explain(-result, descriptors);
    target_ = owner.target();
    size_ = count;
    return {};
}

error_code registered_files::register_sparse(ring& owner, std::uint32_t count) noexcept
{
    if (!owner.is_open())
        return make_error_code(errc::not_open);
    if (count == 0)
        return make_error_code(errc::table_size_out_of_range);
    abi::rsrc_register argument{};
    argument.nr = count;
    argument.flags = abi::rsrc_register_sparse;
    const int result =
        owner.register_call(abi::register_op::files2, &argument, sizeof argument);
    if (result < 0)
        return explain(-result, {});
    target_ = owner.target();
    size_ = count;
    return {};
}

update_result registered_files::update(
    std::uint32_t offset,
    std::span<const int> descriptors,
    std::span<const std::uint64_t> tags) noexcept
{
    if (!target_)
        return {0, make_error_code(errc::not_open)};
    if (!tags.empty() && tags.size() != descriptors.size())
        return {0, make_error_code(errc::tags_do_not_match)};
    if (!detail::inside(offset, descriptors.size(), size_))
        return {0, make_error_code(errc::index_out_of_range)};
    update_result result = detail::update_table(
        target_,
        abi::register_op::files_update2,
        offset,
        descriptors.data(),
        sizeof(int),
        static_cast<std::uint32_t>(descriptors.size()),
        tags);
    if (result.ec)
        result.ec = explain(result.ec.value(), descriptors.subspan(result.updated, 1));
    return result;
}

error_code
registered_files::set(std::uint32_t slot, int descriptor, std::uint64_t tag) noexcept
{
    const std::span<const std::uint64_t> tags =
        tag == 0 ? std::span<const std::uint64_t>{} : std::span{&tag, 1};
    return update(slot, std::span{&descriptor, 1}, tags).ec;
}

error_code registered_files::clear(std::uint32_t slot) noexcept { return set(slot, -1); }

error_code
registered_files::alloc_range(std::uint32_t offset, std::uint32_t count) noexcept
{
    if (!target_)
        return make_error_code(errc::not_open);
    if (!detail::inside(offset, count, size_))
        return make_error_code(errc::index_out_of_range);
    abi::file_index_range range{};
    range.off = offset;
    range.len = count;
    return result_error(target_.call(abi::register_op::file_alloc_range, &range, 0));
}

error_code registered_files::unregister() noexcept
{
    int result = 0;
    if (target_.is_ours())
        result = target_.call(abi::register_op::unregister_files, nullptr, 0);
    release();
    return result_error(result);
}

void registered_files::release() noexcept
{
    target_ = {};
    size_ = 0;
}

} // namespace asio_uring
