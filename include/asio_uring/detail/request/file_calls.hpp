// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: what the file system offers by system calls and no request:
// reading links and directories, listing and removing attributes. Thread: a worker makes
// the call. Lifetime: a request owns its paths and its answer.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/place.hpp>
#include <asio_uring/detail/request/plain_call.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <new>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace asio_uring {

/// One name in a directory.
struct directory_entry
{
    std::string name;
    /// file_type::unknown where the file system keeps it elsewhere: async_stat() tells.
    std::filesystem::file_type type = std::filesystem::file_type::unknown;
    std::uint64_t inode = 0;

    friend bool operator==(const directory_entry&, const directory_entry&) = default;
};

namespace detail {

/// The calls, for a worker. Each returns 0 or a negated errno; may throw std::bad_alloc.
ASIO_URING_DECL int call_read_link(place& at, bool restricted, std::string& target);
ASIO_URING_DECL int call_list_directory(place& at, std::vector<directory_entry>& entries);
ASIO_URING_DECL int
call_list_xattrs(place& at, bool restricted, std::vector<std::string>& names);
ASIO_URING_DECL int
call_get_xattr(place& at, bool restricted, const char* name, std::string& value);
ASIO_URING_DECL int call_set_xattr(
    place& at, bool restricted, const char* name, const std::string& value, int flags);
ASIO_URING_DECL int call_remove_xattr(place& at, bool restricted, const char* name);

/// A call of a worker that fills an answer.
template <typename Request, typename Answer>
class worker_request
{
public:
    template <typename... Args>
    static constexpr bool needs_worker(const Args&...) noexcept
    {
        return true;
    }

    void prepare(abi::sqe& sqe) noexcept
    {
        prepare_function(sqe, &run, static_cast<Request*>(this));
    }

    auto result(const ring_operation& op)
    {
        return std::make_tuple(operation_error(op), std::move(answer_));
    }

    void discard(const ring_operation&) noexcept {}

protected:
    explicit worker_request(file_location&& at) noexcept
        : restricted_(at.is_restricted()), place_(std::move(at))
    {}

    bool restricted_;
    place place_;
    Answer answer_{};

private:
    static int run(void* of) noexcept
    {
        Request& self = *static_cast<Request*>(of);
        try {
            const int result = self.call();
            if (result < 0)
                self.answer_ = Answer();
            return result;
        }
        catch (const std::bad_alloc&) {
            return -ENOMEM;
        }
    }
};

class read_link_request : public worker_request<read_link_request, std::filesystem::path>
{
public:
    explicit read_link_request(file_location at) noexcept
        : worker_request<read_link_request, std::filesystem::path>(std::move(at))
    {}

    int call()
    {
        std::string target;
        const int error = call_read_link(place_, restricted_, target);
        answer_ = std::move(target);
        return error;
    }
};

class list_directory_request
    : public worker_request<list_directory_request, std::vector<directory_entry>>
{
public:
    explicit list_directory_request(file_location at) noexcept
        : worker_request<list_directory_request, std::vector<directory_entry>>(
              std::move(at))
    {}

    int call() { return call_list_directory(place_, answer_); }
};

class list_xattrs_request
    : public worker_request<list_xattrs_request, std::vector<std::string>>
{
public:
    explicit list_xattrs_request(file_location at) noexcept
        : worker_request<list_xattrs_request, std::vector<std::string>>(std::move(at))
    {}

    int call() { return call_list_xattrs(place_, restricted_, answer_); }
};

class remove_xattr_request : public worker_request<remove_xattr_request, int>
{
public:
    remove_xattr_request(file_location at, std::string name) noexcept
        : worker_request<remove_xattr_request, int>(std::move(at)), name_(std::move(name))
    {}

    int call() { return call_remove_xattr(place_, restricted_, name_.c_str()); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

private:
    std::string name_;
};

} // namespace detail
} // namespace asio_uring
