// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: how a read of a whole file begins. Where a place is free, the
// file is taken for a small one: one operation holds all of the read, and its chain's end
// is the read's end. Thread: the initiating one; then that of the handler. Lifetime: the
// operation owns what the read holds; a file that is not small takes it along.
#pragma once

#include <asio_uring/detail/context/read_file_steps.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/query.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace asio_uring::detail {

template <typename Sink>
using read_file_value = decltype(std::declval<read_file_state<Sink>&>().finish(
    std::declval<boost::system::error_code&>()));

template <typename Sink>
using read_file_signature = void(boost::system::error_code, read_file_value<Sink>);

/// What the chain of a file ends with: the value for the handler, or all that the read
/// goes on with.
template <typename Sink>
struct small_file_end
{
    read_file_value<Sink> value{};
    std::unique_ptr<read_file_state<Sink>> more{};
};

/// The chain of a file, with the state of the read.
template <typename Sink>
class small_file_request
{
    using state = read_file_state<Sink>;
    using end = small_file_end<Sink>;

public:
    /// The arguments are those of the state. REQUIRES: a place that has its memory.
    template <typename... Args>
    explicit small_file_request(Args&&... args)
        : state_(std::forward<Args>(args)...),
          chain_(state_.at, state_.spot.slot(), first())
    {}

    request_chain& chain() noexcept { return chain_.chain(); }

    void prepare(abi::sqe&) noexcept {}

    auto result(const ring_operation& head)
    {
        auto [ec, got] = chain_.result(head);
        std::tuple<boost::system::error_code, end> made;
        end& found = std::get<1>(made);
        if (!state_.take_chain(ec, got)) {
            if (with_memory([&] {
                    found.more = std::make_unique<state>(std::move(state_));
                }) == 0)
                return made;
            ec.assign(ENOMEM, boost::asio::error::get_system_category());
        }
        found.value = state_.finish(ec);
        std::get<0>(made) = ec;
        return made;
    }

    void discard(const ring_operation&) noexcept {}

private:
    boost::asio::mutable_buffer first() noexcept
    {
        boost::asio::mutable_buffer found;
        state_.find_memory(found);
        return found;
    }

    state state_;
    read_chain_request chain_;
};

/// Starts the chain by `start`, and leaves a file that is not small to read_file_steps.
template <typename Executor, typename Sink, typename Start>
class small_file_steps
{
    using error_code = boost::system::error_code;

public:
    small_file_steps(const Executor& executor, const Start& start)
        : executor_(executor), start_(&start)
    {}

    // begin
    template <typename Self>
    void operator()(Self& self)
    {
        accept_cancellation(self);
        (*start_)(self);
    }

    // chain
    template <typename Self>
    void operator()(Self& self, error_code ec, small_file_end<Sink>&& end)
    {
        if (!end.more)
            return self.complete(ec, std::move(end.value));
        if (is_cancelled(self)) {
            ec = boost::asio::error::operation_aborted;
            return self.complete(ec, end.more->finish(ec));
        }
        const Executor executor = executor_;
        boost::asio::async_compose<Self, read_file_signature<Sink>>(
            read_file_steps<Executor, Sink>(executor, std::move(end.more)),
            self,
            executor);
    }

    // the rest
    template <typename Self>
    void operator()(Self& self, error_code ec, read_file_value<Sink> value)
    {
        self.complete(ec, std::move(value));
    }

private:
    Executor executor_;
    const Start* start_; // until the begin
};

/// The initiation of a read.
template <typename Executor, typename Sink>
class initiate_read_file
{
    using state = read_file_state<Sink>;
    using request = small_file_request<Sink>;
    using signature = read_file_signature<Sink>;

public:
    using executor_type = Executor;

    explicit initiate_read_file(const Executor& io_executor) : executor_(io_executor) {}

    executor_type get_executor() const noexcept { return executor_; }

    template <typename Handler, typename... Args>
    void operator()(
        Handler&& handler,
        file_location&& at,
        bool read_until_empty,
        Args&&... sink) const
    {
        using handler_type = std::decay_t<Handler>;
        auto& places = boost::asio::use_service<reading_places>(
            boost::asio::query(executor_, boost::asio::execution::context));
        const bool careful = read_until_empty || state::is_pseudo_file(at);
        handler_type stored(std::forward<Handler>(handler));
        if (lent_place spot = careful ? lent_place() : places.try_acquire()) {
            const auto start = [&](auto& self) {
                start_chain_request<request>(
                    *places.find_loop(),
                    executor_,
                    std::move(self),
                    places,
                    std::move(spot),
                    std::move(at),
                    careful,
                    std::forward<Args>(sink)...);
            };
            return boost::asio::async_compose<handler_type, signature>(
                small_file_steps<Executor, Sink, decltype(start)>(executor_, start),
                stored,
                executor_);
        }
        auto held = std::make_unique<state>(
            places, lent_place(), std::move(at), careful, std::forward<Args>(sink)...);
        boost::asio::async_compose<handler_type, signature>(
            read_file_steps<Executor, Sink>(executor_, std::move(held)),
            stored,
            executor_);
    }

private:
    Executor executor_;
};

} // namespace asio_uring::detail
