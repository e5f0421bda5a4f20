// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the requests on names in the file system, each with the paths
// it needs. Thread: that of the operation it is part of; run() is a worker's. Lifetime: a
// request owns its paths and what the kernel writes.
//
// A class has needs_worker(arguments...), which says whether these arguments ask for what
// no single request can do, and the three members of every request. fill() is the request
// of a location that is not restricted, or that a worker has narrowed.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/file_status.hpp>
#include <asio_uring/detail/request/place.hpp>
#include <asio_uring/detail/request/plain_call.hpp>
#include <asio_uring/op/directory.hpp>
#include <asio_uring/op/file.hpp>

#include <boost/asio/error.hpp>

#include <cstdint>
#include <new>
#include <string>
#include <tuple>
#include <utility>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::detail {

/// What the requests share: the call of a worker that narrows the location first.
template <typename Request>
class located_request
{
public:
    void prepare(abi::sqe& sqe) noexcept
    {
        if (restricted_)
            prepare_function(sqe, &run, static_cast<Request*>(this));
        else
            static_cast<Request*>(this)->fill(sqe);
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

protected:
    explicit located_request(bool restricted) noexcept : restricted_(restricted) {}

private:
    static int run(void* of) noexcept
    {
        Request& self = *static_cast<Request*>(of);
        try {
            if (const int error = self.narrow(); error < 0)
                return error;
        }
        catch (const std::bad_alloc&) {
            return -ENOMEM;
        }
        abi::sqe sqe{};
        self.fill(sqe);
        return plain_call(sqe);
    }

    bool restricted_;
};

/// A request on one name, which the kernel does not follow.
template <typename Request>
class one_name_request : public located_request<Request>
{
public:
    template <typename... Others>
    static bool needs_worker(const file_location& at, const Others&...) noexcept
    {
        return at.is_restricted();
    }

    int narrow() { return place_.narrow_to_directory(); }

protected:
    explicit one_name_request(file_location&& at) noexcept
        : located_request<Request>(at.is_restricted()), place_(std::move(at))
    {}

    place place_;
};

class stat_request : public located_request<stat_request>
{
public:
    stat_request(file_location at, bool follow) noexcept
        : located_request<stat_request>(at.is_restricted()),
          place_(std::move(at)),
          follow_(follow)
    {}

    static bool needs_worker(const file_location& at, bool) noexcept
    {
        return at.is_restricted();
    }

    int narrow() noexcept { return place_.narrow_to_file(follow_); }

    void fill(abi::sqe& sqe) noexcept
    {
        const int end = follow_ ? 0 : AT_SYMLINK_NOFOLLOW;
        const bool opened = *place_.name() == '\0';
        const op::statx ask{
            .directory = place_.directory(),
            .path = place_.name(),
            .flags = opened && place_.directory() != AT_FDCWD ? AT_EMPTY_PATH : end,
            .mask = STATX_BASIC_STATS | STATX_BTIME,
            .result = &found_};
        ask.prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(
            operation_error(op),
            op.result() < 0 ? file_status() : to_file_status(found_));
    }

private:
    place place_;
    bool follow_;
    struct ::statx found_ = {};
};

class unlink_request : public one_name_request<unlink_request>
{
public:
    unlink_request(file_location at, int flags) noexcept
        : one_name_request<unlink_request>(std::move(at)), flags_(flags)
    {}

    void fill(abi::sqe& sqe) noexcept
    {
        const op::unlinkat request{
            .directory = place_.directory(), .path = place_.name(), .flags = flags_};
        request.prepare(sqe);
    }

private:
    int flags_;
};

class mkdir_request : public one_name_request<mkdir_request>
{
public:
    mkdir_request(file_location at, std::uint32_t mode) noexcept
        : one_name_request<mkdir_request>(std::move(at)), mode_(mode)
    {}

    void fill(abi::sqe& sqe) noexcept
    {
        const op::mkdirat request{
            .directory = place_.directory(), .path = place_.name(), .mode = mode_};
        request.prepare(sqe);
    }

private:
    std::uint32_t mode_;
};

class symlink_request : public one_name_request<symlink_request>
{
public:
    symlink_request(file_location at, std::string target) noexcept
        : one_name_request<symlink_request>(std::move(at)), target_(std::move(target))
    {}

    void fill(abi::sqe& sqe) noexcept
    {
        const op::symlinkat request{
            .target = target_.c_str(),
            .directory = place_.directory(),
            .path = place_.name()};
        request.prepare(sqe);
    }

private:
    std::string target_;
};

/// A request on two names.
template <typename Request>
class two_names_request : public located_request<Request>
{
public:
    template <typename... Others>
    static bool needs_worker(
        const file_location& from, const file_location& to, const Others&...) noexcept
    {
        return from.is_restricted() || to.is_restricted();
    }

    int narrow()
    {
        const int error = from_.narrow_to_directory();
        return error < 0 ? error : to_.narrow_to_directory();
    }

protected:
    two_names_request(file_location&& from, file_location&& to) noexcept
        : located_request<Request>(needs_worker(from, to)),
          from_(std::move(from)),
          to_(std::move(to))
    {}

    place from_;
    place to_;
};

class rename_request : public two_names_request<rename_request>
{
public:
    rename_request(file_location from, file_location to, std::uint32_t flags) noexcept
        : two_names_request<rename_request>(std::move(from), std::move(to)), flags_(flags)
    {}

    void fill(abi::sqe& sqe) noexcept
    {
        const op::renameat request{
            .old_directory = from_.directory(),
            .old_path = from_.name(),
            .new_directory = to_.directory(),
            .new_path = to_.name(),
            .flags = flags_};
        request.prepare(sqe);
    }

private:
    std::uint32_t flags_;
};

class link_request : public two_names_request<link_request>
{
public:
    link_request(file_location from, file_location to) noexcept
        : two_names_request<link_request>(std::move(from), std::move(to))
    {}

    void fill(abi::sqe& sqe) noexcept
    {
        const op::linkat request{
            .old_directory = from_.directory(),
            .old_path = from_.name(),
            .new_directory = to_.directory(),
            .new_path = to_.name()};
        request.prepare(sqe);
    }
};

/// An open file, as a descriptor. Handle is what the handler gets: an int, or an object
/// that is made of one.
template <typename Handle>
class open_request
{
public:
    open_request(file_location at, int flags, std::uint32_t mode) noexcept
        : place_(std::move(at)), how_(place_.how(flags | O_CLOEXEC, mode))
    {}

    static bool needs_worker(const file_location&, int, std::uint32_t) noexcept
    {
        return false;
    }

    void prepare(abi::sqe& sqe) noexcept
    {
        if (how_.resolve != 0)
            return op::openat2{
                .directory = place_.directory(), .path = place_.name(), .how = &how_}
                .prepare(sqe);
        const op::openat request{
            .directory = place_.directory(),
            .path = place_.name(),
            .flags = static_cast<int>(how_.flags),
            .mode = static_cast<std::uint32_t>(how_.mode)};
        request.prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(
            operation_error(op), Handle(op.result() < 0 ? -1 : op.result()));
    }

    void discard(const ring_operation& op) noexcept
    {
        if (op.result() >= 0)
            ::close(op.result());
    }

private:
    place place_;
    abi::open_how how_;
};

} // namespace asio_uring::detail
