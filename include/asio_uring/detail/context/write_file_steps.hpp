// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: writing a file so that its name means the old content or the
// new, and nothing else at any time. Thread: one request at a time, each from the handler
// of the one before. Lifetime: the state is the handler's; the data is the caller's.
//
// | step      | what has been asked for                       | what comes next
// |-----------|-----------------------------------------------|------------------
// | create    | a file with a name that nobody has, beside it | write
// | write     | the next bytes                                | write; sync
// | sync      | the file's data and size on the disk          | rename
// | rename    | its name                                      | open_parent
// | open_parent, sync_parent | the new name on the disk       | the end
// | remove    | the first file gone, behind an error          | the end
#pragma once

#include <asio_uring/detail/context/file_steps.hpp>
#include <asio_uring/detail/request/file_transfer.hpp>

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <sys/random.h>
#include <sys/types.h>

#include <unistd.h>

namespace asio_uring::detail {

/// What such a write holds. An unfinished file is removed with it, by the process that
/// made the file: a child of fork(2) has a copy of all this.
struct write_file_state
{
    write_file_state(
        file_location&& to, boost::asio::const_buffer from, std::string&& owned)
        : target(std::move(to)), content(std::move(owned)), data(from)
    {
        if (!content.empty())
            data = boost::asio::buffer(content);
        const std::size_t slash = target.path().rfind('/');
        parent = slash == std::string::npos ? "" : target.path().substr(0, slash + 1);
    }
    write_file_state(const write_file_state&) = delete;
    write_file_state& operator=(const write_file_state&) = delete;
    ~write_file_state()
    {
        if (is_ours())
            remove_now();
    }

    /// A name that nobody has, in the directory of the target.
    file_location draw_name()
    {
        std::array<unsigned char, 8> random{};
        static_cast<void>(::getrandom(random.data(), random.size(), GRND_NONBLOCK));
        temporary = parent + ".asio_uring-";
        for (const unsigned char byte : random) {
            constexpr char digits[] = "0123456789abcdef";
            temporary += digits[byte / 16];
            temporary += digits[byte % 16];
        }
        return target.with_path(temporary);
    }

    /// Whether there is a file that this process has to remove.
    bool is_ours() const noexcept { return maker == ::getpid(); }

    void remove_now() noexcept
    {
        try {
            place made(target.with_path(temporary));
            if (!target.is_restricted() || made.narrow_to_directory() == 0)
                ::unlinkat(made.directory(), made.name(), 0);
        }
        catch (const std::bad_alloc&) {
        }
    }

    file_location target;
    std::string content;
    boost::asio::const_buffer data;
    std::string parent;
    std::string temporary;
    std::uint32_t mode = 0;
    bool sync = true;
    bool replace = true;
    unique_fd file;
    std::size_t written = 0;
    ::pid_t maker = 0; // who has made the file, or 0
    int draws = 0;
};

template <typename Executor>
class write_file_steps
{
    using error_code = boost::system::error_code;

public:
    write_file_steps(const Executor& executor, std::unique_ptr<write_file_state> state)
        : executor_(executor), state_(std::move(state))
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        accept_cancellation(self);
        start_create(self);
    }

    // create, open_parent
    template <typename Self>
    void operator()(Self& self, error_code ec, int descriptor)
    {
        write_file_state& at = *state_;
        at.file.reset(descriptor);
        if (step_ == step::open_parent)
            return ec ? end(self, ec) : start_sync(self, step::sync_parent);
        constexpr int draws_max = 8;
        if (ec)
            at.maker = 0;
        if (ec == boost::system::errc::file_exists && ++at.draws != draws_max)
            return start_create(self);
        if (ec)
            return end(self, ec);
        if (is_cancelled(self))
            return start_remove(self, boost::asio::error::operation_aborted);
        go_on_writing(self);
    }

    // write
    template <typename Self>
    void operator()(Self& self, error_code ec, std::size_t size)
    {
        state_->written += size;
        if (!ec && is_cancelled(self))
            ec = boost::asio::error::operation_aborted;
        if (ec)
            return start_remove(self, ec);
        go_on_writing(self);
    }

    // sync, rename, sync_parent, remove
    template <typename Self>
    void operator()(Self& self, error_code ec)
    {
        write_file_state& at = *state_;
        switch (step_) {
        case step::sync:
            if (!ec && is_cancelled(self))
                ec = boost::asio::error::operation_aborted;
            return ec ? start_remove(self, ec) : start_rename(self);
        case step::rename:
            if (ec)
                return start_remove(self, ec);
            at.maker = 0;
            return at.sync ? start_open_parent(self) : end(self, ec);
        case step::remove:
            at.maker = 0;
            return end(self, first_error_);
        default:
            return end(self, ec);
        }
    }

private:
    enum class step : std::uint8_t
    {
        create,
        write,
        sync,
        rename,
        open_parent,
        sync_parent,
        remove,
    };

    template <typename Self>
    void start_create(Self& self)
    {
        write_file_state& at = *state_;
        const Executor executor = executor_;
        constexpr int flags = O_WRONLY | O_CREAT | O_EXCL;
        at.maker = ::getpid(); // as soon as the kernel has begun
        start_file_request<open_request<int>, void(error_code, int)>(
            executor, std::move(self), at.draw_name(), flags, std::uint32_t(at.mode));
    }

    template <typename Self>
    void go_on_writing(Self& self)
    {
        write_file_state& at = *state_;
        if (at.written == at.data.size())
            return at.sync ? start_sync(self, step::sync) : start_rename(self);
        step_ = step::write;
        constexpr std::size_t at_most = 1 << 30;
        const boost::asio::const_buffer next = at.data + at.written;
        const Executor executor = executor_;
        start_file_request<write_file_request, void(error_code, std::size_t)>(
            executor,
            std::move(self),
            at.file.get(),
            next.data(),
            static_cast<std::uint32_t>(std::min(next.size(), at_most)),
            std::uint64_t{at.written});
    }

    template <typename Self>
    void start_sync(Self& self, step next)
    {
        step_ = next;
        const Executor executor = executor_;
        start_file_request<sync_file_request, void_signature>(
            executor, std::move(self), state_->file.get());
    }

    template <typename Self>
    void start_rename(Self& self)
    {
        write_file_state& at = *state_;
        step_ = step::rename;
        at.file.reset();
        constexpr std::uint32_t no_replace = 1;
        const Executor executor = executor_;
        start_file_request<rename_request, void_signature>(
            executor,
            std::move(self),
            at.target.with_path(at.temporary),
            file_location(at.target),
            at.replace ? 0 : no_replace);
    }

    // From here the file has its name, and a cancellation would say that it has not.
    template <typename Self>
    void start_open_parent(Self& self)
    {
        step_ = step::open_parent;
        self.reset_cancellation_state(boost::asio::disable_cancellation());
        const write_file_state& at = *state_;
        const Executor executor = executor_;
        constexpr int flags = O_RDONLY | O_DIRECTORY;
        start_file_request<open_request<int>, void(error_code, int)>(
            executor,
            std::move(self),
            at.target.with_path(at.parent.empty() ? "." : at.parent),
            flags,
            std::uint32_t{0});
    }

    template <typename Self>
    void start_remove(Self& self, error_code ec)
    {
        if (!state_->is_ours())
            return end(self, ec);
        step_ = step::remove;
        first_error_ = ec;
        self.reset_cancellation_state(boost::asio::disable_cancellation());
        write_file_state& at = *state_;
        at.file.reset();
        const Executor executor = executor_;
        start_file_request<unlink_request, void_signature>(
            executor, std::move(self), at.target.with_path(at.temporary), 0);
    }

    template <typename Self>
    void end(Self& self, error_code ec)
    {
        state_.reset();
        self.complete(ec);
    }

    Executor executor_;
    std::unique_ptr<write_file_state> state_;
    error_code first_error_;
    step step_ = step::create;
};

} // namespace asio_uring::detail
