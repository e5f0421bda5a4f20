// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: a splice in a context that does without a ring: the plain
// system call, tried again when both ends are ready. Thread: as any composed operation of
// Asio's. Lifetime: moved from step to step; its copies of the descriptors are closed
// before the handler is called.
#pragma once

#include <asio_uring/op/pipe.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <cerrno>
#include <memory>
#include <utility>

#include <sys/stat.h>

#include <fcntl.h>

namespace asio_uring::detail {

/// One end of the splice cannot block the thread that makes the call: a pipe is told by a
/// flag of the call, a file does not wait, and anything else is switched to non-blocking
/// mode, as Asio switches the descriptors of its own objects.
inline void make_non_blocking(int descriptor) noexcept
{
    struct ::stat info = {};
    if (::fstat(descriptor, &info) != 0 || S_ISFIFO(info.st_mode) ||
        S_ISREG(info.st_mode))
        return;
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

/// The call itself; bytes, or a negated errno.
inline ::ssize_t splice_once(const op::splice& operation) noexcept
{
    constexpr auto own_position = static_cast<std::uint64_t>(-1);
    auto offset_in = static_cast<::loff_t>(operation.offset_in);
    auto offset_out = static_cast<::loff_t>(operation.offset_out);
    ::ssize_t moved = 0;
    do
        moved = ::splice(
            operation.fd_in,
            operation.offset_in == own_position ? nullptr : &offset_in,
            operation.fd_out,
            operation.offset_out == own_position ? nullptr : &offset_out,
            operation.size,
            operation.flags | SPLICE_F_NONBLOCK);
    while (moved < 0 && errno == EINTR);
    return moved < 0 ? -errno : moved;
}

template <typename Executor>
class readiness_splice
{
    using error_code = boost::system::error_code;
    using descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;

public:
    readiness_splice(const Executor& executor, const op::splice& operation)
        : executor_(executor), operation_(operation)
    {}

    template <typename Self>
    void operator()(Self& self, error_code ec = {})
    {
        // A regular file cannot be waited for, and is always ready.
        if (ec == boost::asio::error::operation_not_supported)
            ec = error_code();
        switch (std::exchange(step_, step::attempt)) {
        case step::begin:
            self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            make_non_blocking(operation_.fd_in);
            make_non_blocking(operation_.fd_out);
            return boost::asio::post(executor_, std::move(self));
        case step::input_ready:
            if (ec)
                return finish(self, ec, 0);
            return wait_for(self, ends_->out, descriptor::wait_write);
        case step::attempt:
            return attempt(self, ec);
        }
    }

private:
    enum class step
    {
        begin,
        input_ready,
        attempt,
    };

    // Copies, because the descriptor of an I/O object stands in the epoll set already.
    struct ends
    {
        explicit ends(const Executor& executor) : in(executor), out(executor) {}
        descriptor in;
        descriptor out;
    };

    template <typename Self>
    void attempt(Self& self, error_code ec)
    {
        if (self.cancelled() != boost::asio::cancellation_type::none)
            ec = boost::asio::error::operation_aborted;
        if (ec)
            return finish(self, ec, 0);
        const ::ssize_t moved = splice_once(operation_);
        if (moved >= 0)
            return finish(self, ec, static_cast<std::size_t>(moved));
        if (moved != -EAGAIN)
            return finish(self, error_of(moved), 0);
        if (!ends_) {
            ends_ = std::make_unique<ends>(executor_);
            ec = copy(operation_.fd_in, ends_->in);
            if (!ec)
                ec = copy(operation_.fd_out, ends_->out);
            if (ec)
                return finish(self, ec, 0);
        }
        step_ = step::input_ready;
        wait_for(self, ends_->in, descriptor::wait_read);
    }

    template <typename Self>
    static void
    wait_for(Self& self, descriptor& end, typename descriptor::wait_type readiness)
    {
        end.async_wait(readiness, std::move(self));
    }

    template <typename Self>
    void finish(Self& self, const error_code& ec, std::size_t moved)
    {
        ends_.reset();
        self.complete(ec, moved);
    }

    static error_code copy(int source, descriptor& target)
    {
        const int copied = ::fcntl(source, F_DUPFD_CLOEXEC, 0);
        if (copied < 0)
            return error_of(-errno);
        error_code ec;
        target.assign(copied, ec);
        if (ec)
            ::close(copied);
        return ec;
    }

    static error_code error_of(::ssize_t result) noexcept
    {
        return {static_cast<int>(-result), boost::system::system_category()};
    }

    Executor executor_;
    op::splice operation_;
    std::unique_ptr<ends> ends_;
    step step_ = step::begin;
};

} // namespace asio_uring::detail
