// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: copying a file by a worker, a piece at a time, so that a
// cancellation ends it between two pieces and its progress is told. Thread: one piece at
// a time, each from the handler of the one before. Lifetime: the copy is the handler's.
#pragma once

#include <asio_uring/detail/context/file_steps.hpp>
#include <asio_uring/detail/request/file_copy.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>

namespace asio_uring::detail {

/// The next piece of a copy, or its end before it is whole.
class copy_piece_request
{
public:
    copy_piece_request(file_copy& copy, bool give_up) noexcept
        : copy_(copy), give_up_(give_up)
    {}

    void prepare(abi::sqe& sqe) noexcept { prepare_function(sqe, &run, this); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), op.result() == 1);
    }

    void discard(const ring_operation&) noexcept {}

private:
    static int run(void* of) noexcept
    {
        copy_piece_request& self = *static_cast<copy_piece_request*>(of);
        if (!self.give_up_)
            return self.copy_.step();
        self.copy_.give_up();
        return 0;
    }

    file_copy& copy_;
    bool give_up_;
};

template <typename Executor>
class copy_file_steps
{
public:
    using progress = std::function<void(std::uint64_t, std::uint64_t)>;

    copy_file_steps(
        const Executor& executor, std::unique_ptr<file_copy> copy, progress tell)
        : executor_(executor), copy_(std::move(copy)), tell_(std::move(tell))
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        accept_cancellation(self);
        request(self, false);
    }

    template <typename Self>
    void operator()(Self& self, boost::system::error_code ec, bool more)
    {
        if (ended_) {
            copy_.reset();
            return self.complete(first_error_, false);
        }
        if (!ec && tell_)
            tell_(copy_->done(), copy_->total());
        if (!ec && !more) {
            const bool copied = copy_->copied();
            copy_.reset();
            return self.complete(ec, copied);
        }
        if (!ec && !is_cancelled(self))
            return request(self, false);
        first_error_ = ec ? ec : boost::asio::error::operation_aborted;
        ended_ = true;
        // What is left to do is no longer the caller's to cancel.
        self.reset_cancellation_state(boost::asio::disable_cancellation());
        request(self, true);
    }

private:
    template <typename Self>
    void request(Self& self, bool give_up)
    {
        const Executor executor = executor_;
        file_copy& copy = *copy_;
        start_pool_call<copy_piece_request>(executor, std::move(self), copy, give_up);
    }

    Executor executor_;
    std::unique_ptr<file_copy> copy_;
    progress tell_;
    boost::system::error_code first_error_;
    bool ended_ = false;
};

} // namespace asio_uring::detail
