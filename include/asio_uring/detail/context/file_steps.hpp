// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: operations on names that take more than one request. Thread:
// one request at a time, each from the handler of the one before. Lifetime: the state is
// the handler's.
#pragma once

#include <asio_uring/detail/context/file_initiation.hpp>
#include <asio_uring/detail/request/file_names.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include <fcntl.h>

namespace asio_uring::detail {

using void_signature = void(boost::system::error_code);
using bool_signature = void(boost::system::error_code, bool);

/// Whether a composed operation was cancelled between two of its requests.
template <typename Self>
bool is_cancelled(Self& self)
{
    return self.cancelled() != boost::asio::cancellation_type::none;
}

/// Lets every kind of cancellation through to the requests.
template <typename Self>
void accept_cancellation(Self& self)
{
    self.reset_cancellation_state(boost::asio::enable_total_cancellation());
}

/// Removes a file, or what turns out to be a directory.
template <typename Executor>
class remove_steps
{
public:
    remove_steps(const Executor& executor, file_location at)
        : executor_(executor), at_(std::move(at))
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        accept_cancellation(self);
        request(self, 0);
    }

    template <typename Self>
    void operator()(Self& self, boost::system::error_code ec)
    {
        namespace errc = boost::system::errc;
        if (ec == errc::is_a_directory && !tried_directory_) {
            tried_directory_ = true;
            if (is_cancelled(self))
                return self.complete(boost::asio::error::operation_aborted, false);
            return request(self, AT_REMOVEDIR);
        }
        const bool removed = !ec;
        if (ec == errc::no_such_file_or_directory)
            ec = {};
        self.complete(ec, removed);
    }

private:
    template <typename Self>
    void request(Self& self, int flags)
    {
        const Executor executor = executor_;
        file_location at = at_;
        start_file_request<unlink_request, void_signature>(
            executor, std::move(self), std::move(at), flags);
    }

    Executor executor_;
    file_location at_;
    bool tried_directory_ = false;
};

/// Makes a directory, and asks what is there where something is.
template <typename Executor>
class create_directory_steps
{
public:
    create_directory_steps(const Executor& executor, file_location at, std::uint32_t mode)
        : executor_(executor), at_(std::move(at)), mode_(mode)
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        accept_cancellation(self);
        const Executor executor = executor_;
        file_location at = at_;
        start_file_request<mkdir_request, void_signature>(
            executor, std::move(self), std::move(at), std::uint32_t(mode_));
    }

    template <typename Self>
    void operator()(Self& self, boost::system::error_code ec)
    {
        if (ec != boost::system::errc::file_exists)
            return self.complete(ec, !ec);
        if (is_cancelled(self))
            return self.complete(boost::asio::error::operation_aborted, false);
        refused_ = ec;
        const Executor executor = executor_;
        file_location at = at_;
        using signature = void(boost::system::error_code, file_status);
        start_file_request<stat_request, signature>(
            executor, std::move(self), std::move(at), true);
    }

    template <typename Self>
    void operator()(Self& self, boost::system::error_code ec, const file_status& found)
    {
        if (ec == boost::asio::error::operation_aborted)
            return self.complete(ec, false);
        const bool there = !ec && found.type == std::filesystem::file_type::directory;
        self.complete(there ? boost::system::error_code() : refused_, false);
    }

private:
    Executor executor_;
    file_location at_;
    std::uint32_t mode_;
    boost::system::error_code refused_;
};

/// Makes a directory and those above it: it goes up as long as the one above is missing,
/// and down again.
template <typename Executor>
class create_directories_steps
{
public:
    create_directories_steps(
        const Executor& executor, file_location at, std::uint32_t mode)
        : executor_(executor), at_(std::move(at)), mode_(mode), end_(whole())
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        accept_cancellation(self);
        request(self);
    }

    template <typename Self>
    void operator()(Self& self, boost::system::error_code ec, bool created)
    {
        namespace errc = boost::system::errc;
        const bool up = ec == errc::no_such_file_or_directory && !down_;
        if (up && above() != 0)
            end_ = above();
        else if (ec || end_ == whole()) {
            if (ec == errc::file_exists)
                ec.assign(ENOTDIR, boost::asio::error::get_system_category());
            return self.complete(ec, created);
        }
        else {
            down_ = true;
            end_ = below();
        }
        if (is_cancelled(self))
            return self.complete(boost::asio::error::operation_aborted, false);
        request(self);
    }

private:
    template <typename Self>
    void request(Self& self)
    {
        const Executor executor = executor_;
        file_location at = at_.with_path(at_.path().substr(0, end_));
        const std::uint32_t mode = mode_;
        boost::asio::async_compose<Self, bool_signature>(
            create_directory_steps<Executor>(executor, std::move(at), mode),
            self,
            executor);
    }

    // The lengths of the parts of the path that name directories.
    std::size_t whole() const noexcept
    {
        const std::size_t last = at_.path().find_last_not_of('/');
        return last == std::string::npos ? at_.path().size() : last + 1;
    }

    std::size_t above() const noexcept
    {
        const std::size_t slash = at_.path().rfind('/', end_ - 1);
        if (slash == std::string::npos || slash == 0)
            return 0;
        const std::size_t last = at_.path().find_last_not_of('/', slash);
        return last == std::string::npos ? 0 : last + 1;
    }

    std::size_t below() const noexcept
    {
        const std::size_t first = at_.path().find_first_not_of('/', end_);
        const std::size_t next = at_.path().find('/', first);
        return next == std::string::npos ? whole() : next;
    }

    Executor executor_;
    file_location at_;
    std::uint32_t mode_;
    std::size_t end_;
    bool down_ = false;
};

} // namespace asio_uring::detail
