// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: an operation that waits for somebody else, in a context that
// does without a ring: the plain system call, tried again when its ends are ready.
// Thread: as any composed operation of Asio's; a thread that runs the context makes the
// call, which waits for nobody. Lifetime: moved from step to step; it closes its copies
// of the descriptors before the handler is called.
#pragma once

#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/detail/request/plain_call.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <cerrno>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::detail {

/// Value is the second argument of the handler.
template <typename Executor, typename Value>
class readiness_call
{
    using error_code = boost::system::error_code;
    using descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;

public:
    readiness_call(const Executor& executor, const abi::sqe& sqe)
        : executor_(executor), sqe_(sqe)
    {}

    template <typename Self>
    void operator()(Self& self, error_code ec = {})
    {
        // A descriptor that no reactor can wait for is ready at all times.
        if (ec == boost::asio::error::operation_not_supported)
            ec = error_code();
        else
            waited_ = true;
        switch (std::exchange(step_, step::attempt)) {
        case step::begin:
            self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            prepare_ends(sqe_);
            return boost::asio::post(executor_, std::move(self));
        case step::input_ready:
            if (ec)
                return finish(self, ec, 0);
            return wait_for(self, *ends_->out, descriptor::wait_write);
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
    struct waited_ends
    {
        std::optional<descriptor> in;
        std::optional<descriptor> out;
    };

    template <typename Self>
    void attempt(Self& self, error_code ec)
    {
        if (self.cancelled() != boost::asio::cancellation_type::none)
            ec = boost::asio::error::operation_aborted;
        if (ec)
            return finish(self, ec, 0);
        int result = plain_attempt(sqe_);
        while (takes_the_rest(sqe_, result)) {
            done_ += static_cast<Value>(result);
            result = plain_attempt(sqe_);
        }
        if (result == would_wait && !waited_)
            result = -EAGAIN; // no end tells when to try again
        if (result == would_wait)
            return wait(self);
        if (result < 0)
            return finish(self, to_error_code(result, false), 0);
        finish(self, ec, static_cast<Value>(result));
    }

    template <typename Self>
    void wait(Self& self)
    {
        if (!ends_) {
            ends_ = std::make_unique<waited_ends>();
            const call_ends named = ends_of(sqe_);
            error_code ec = copy(named.input, ends_->in);
            if (!ec)
                ec = copy(named.output, ends_->out);
            if (ec)
                return finish(self, ec, 0);
        }
        waited_ = false;
        if (!ends_->in)
            return wait_for(self, *ends_->out, descriptor::wait_write);
        if (ends_->out)
            step_ = step::input_ready;
        wait_for(self, *ends_->in, descriptor::wait_read);
    }

    template <typename Self>
    static void
    wait_for(Self& self, descriptor& end, typename descriptor::wait_type readiness)
    {
        end.async_wait(readiness, std::move(self));
    }

    template <typename Self>
    void finish(Self& self, const error_code& ec, Value value)
    {
        ends_.reset();
        // The part that was done before an error is the result.
        if (done_ != 0)
            return self.complete(error_code(), done_ + value);
        self.complete(ec, value);
    }

    error_code copy(int source, std::optional<descriptor>& target)
    {
        if (source < 0)
            return {};
        const int copied = ::fcntl(source, F_DUPFD_CLOEXEC, 0);
        if (copied < 0)
            return to_error_code(-errno, false);
        error_code ec;
        target.emplace(executor_);
        target->assign(copied, ec);
        if (ec)
            ::close(copied);
        return ec;
    }

    Executor executor_;
    abi::sqe sqe_;
    std::unique_ptr<waited_ends> ends_;
    // The part done so far of a transfer that is to be done in full
    Value done_ = 0;
    step step_ = step::begin;
    // The call has waited for at least one end since the last attempt.
    bool waited_ = false;
};

/// Starts a readiness_call whose handler takes an error and a Value.
template <typename Value, typename Executor, typename Handler>
void start_readiness_call(
    const Executor& executor, Handler&& handler, const abi::sqe& sqe)
{
    using handler_type = std::decay_t<Handler>;
    handler_type stored(std::forward<Handler>(handler));
    boost::asio::async_compose<handler_type, void(boost::system::error_code, Value)>(
        readiness_call<Executor, Value>(executor, sqe), stored, executor);
}

} // namespace asio_uring::detail
