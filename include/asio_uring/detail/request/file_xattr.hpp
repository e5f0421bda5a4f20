// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the requests that get and set an attribute of a file. Thread:
// that of the operation it is part of. Lifetime: a request owns its path, its name and
// the value.
#pragma once

#include <asio_uring/detail/request/file_calls.hpp>
#include <asio_uring/op/xattr.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace asio_uring::detail {

/// The kernel keeps no longer value.
inline constexpr std::uint32_t xattr_value_max = 65536;

class get_xattr_request : public worker_request<get_xattr_request, std::string>
{
    using base_type = worker_request<get_xattr_request, std::string>;

public:
    get_xattr_request(file_location at, std::string name)
        : base_type(std::move(at)),
          name_(std::move(name)),
          path_(place_.path_by_proc()),
          value_(std::make_unique_for_overwrite<char[]>(xattr_value_max))
    {}

    static bool needs_worker(const file_location& at, const std::string&) noexcept
    {
        return at.is_restricted();
    }

    void prepare(abi::sqe& sqe) noexcept
    {
        if (restricted_)
            return base_type::prepare(sqe);
        const op::getxattr request{
            .path = path_.c_str(),
            .name = name_.c_str(),
            .value = value_.get(),
            .size = xattr_value_max};
        request.prepare(sqe);
    }

    int call() { return call_get_xattr(place_, true, name_.c_str(), answer_); }

    auto result(const ring_operation& op)
    {
        if (!restricted_ && op.result() >= 0)
            answer_.assign(value_.get(), static_cast<std::size_t>(op.result()));
        return base_type::result(op);
    }

private:
    std::string name_;
    std::string path_;
    std::unique_ptr<char[]> value_;
};

class set_xattr_request : public worker_request<set_xattr_request, int>
{
    using base_type = worker_request<set_xattr_request, int>;

public:
    set_xattr_request(file_location at, std::string name, std::string value, int flags)
        : base_type(std::move(at)),
          name_(std::move(name)),
          value_(std::move(value)),
          path_(place_.path_by_proc()),
          flags_(flags)
    {}

    static bool needs_worker(
        const file_location& at, const std::string&, const std::string&, int) noexcept
    {
        return at.is_restricted();
    }

    void prepare(abi::sqe& sqe) noexcept
    {
        if (restricted_)
            return base_type::prepare(sqe);
        const op::setxattr request{
            .path = path_.c_str(),
            .name = name_.c_str(),
            .value = value_.data(),
            .size = static_cast<std::uint32_t>(value_.size()),
            .flags = flags_};
        request.prepare(sqe);
    }

    int call() { return call_set_xattr(place_, true, name_.c_str(), value_, flags_); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

private:
    std::string name_;
    std::string value_;
    std::string path_;
    int flags_;
};

} // namespace asio_uring::detail
