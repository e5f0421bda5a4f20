// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: reading a file whole: one chain for a small file, more
// requests for what does not fit, one call of a worker where there is no ring. Thread:
// one request at a time, each from the handler of the one before. Lifetime: the state is
// the handler's.
//
// | step   | what has been asked for                      | what comes next
// |--------|----------------------------------------------|----------------------
// | begin  | nothing, or a place in the ring's file table | chain, hint or worker
// | chain  | open, read, close                            | the end; hint
// | hint   | what the file system knows of the size       | open
// | open   | the file, once more                          | read
// | read   | the next bytes                               | read; the end
// | worker | all of it                                    | the end
#pragma once

#include <asio_uring/detail/context/file_steps.hpp>
#include <asio_uring/detail/context/reading_places.hpp>
#include <asio_uring/detail/request/file_sink.hpp>
#include <asio_uring/detail/request/read_chain.hpp>

#include <boost/asio/post.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace asio_uring::detail {

/// All of a file, read by a worker.
class read_file_call
{
public:
    read_file_call(place& at, file_sink& sink) noexcept : place_(at), sink_(sink) {}

    void prepare(abi::sqe& sqe) noexcept { prepare_function(sqe, &run, this); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op));
    }

    void discard(const ring_operation&) noexcept {}

private:
    static int run(void* of) noexcept
    {
        read_file_call& self = *static_cast<read_file_call*>(of);
        int result = 0;
        const int error =
            with_memory([&] { result = call_read_file(self.place_, self.sink_); });
        return error < 0 ? error : result;
    }

    place& place_;
    file_sink& sink_;
};

inline auto make_result(string_sink& sink) { return sink.take(); }

template <typename Sink>
std::size_t make_result(const Sink& sink)
{
    return sink.filled();
}

/// What such a read holds. Sink is one of file_sink.hpp.
template <typename Sink>
struct read_file_state
{
    using error_code = boost::system::error_code;

    template <typename... Args>
    read_file_state(
        reading_places& shared,
        lent_place&& with,
        file_location&& from,
        bool by_steps,
        Args&&... args)
        : places(&shared),
          careful(by_steps),
          at(std::move(from)),
          spot(std::move(with)),
          sink(std::forward<Args>(args)...)
    {}

    /// A read of such a file ends where the kernel's own buffer does.
    static bool is_pseudo_file(const file_location& from) noexcept
    {
        const std::string_view path = from.path();
        return path.starts_with("/proc/") || path.starts_with("/sys/");
    }

    /// Finds where a chain reads to. Returns false without memory. REQUIRES: a place
    bool find_memory(boost::asio::mutable_buffer& first) noexcept
    {
        const int error = with_memory(
            [&] { first = sink.first(spot.memory(), reading_places::memory_size); });
        asked = first.size();
        return error == 0;
    }

    /// Takes what a chain has brought. Returns whether that is all of the file, or an
    /// error; else the read goes on, with the place if the chain has emptied it.
    bool take_chain(error_code& ec, const read_chain_result& got)
    {
        // The chain of a thread that has ended is ended with it.
        const bool unasked = ec == boost::asio::error::operation_aborted;
        const auto size = static_cast<std::size_t>(ec ? 0 : got.read);
        if (!ec && with_memory([&] { sink.take_first(spot.memory(), size); }) < 0)
            ec.assign(ENOMEM, boost::asio::error::get_system_category());
        has_chained = true;
        if (!unasked && (ec || size < asked || sink.is_full() || sink.is_over())) {
            spot.release(got.emptied());
            return true;
        }
        if (!got.emptied())
            spot = lent_place();
        sink.clear();
        return false;
    }

    /// Gives the place back. Returns what the handler gets beside the error.
    auto finish(error_code& ec)
    {
        spot = lent_place();
        if (ec)
            sink.clear();
        else if (sink.is_over())
            ec.assign(EFBIG, boost::asio::error::get_system_category());
        sink.trim();
        if (sink.is_over())
            sink.cut();
        return make_result(sink);
    }

    reading_places* places;
    bool careful;
    bool has_waited = false;
    bool has_chained = false;
    place at;
    std::uint64_t size_hint = 0;
    std::size_t asked = 0;
    lent_place spot;
    Sink sink;
};

template <typename Executor, typename Sink>
class read_file_steps
{
    using state = read_file_state<Sink>;
    using error_code = boost::system::error_code;

public:
    read_file_steps(const Executor& executor, std::unique_ptr<state> held)
        : executor_(executor), state_(std::move(held))
    {}

    // begin
    template <typename Self>
    void operator()(Self& self)
    {
        state& at = *state_;
        if (!at.has_waited)
            accept_cancellation(self);
        if (at.has_chained)
            return go_on(self);
        if (!at.has_waited) {
            bool waits = false;
            const auto slot = at.places->acquire(
                waits, [&] { return std::make_unique<waiter<Self>>(self, *this); });
            if (waits)
                return;
            if (slot)
                at.spot = lent_place(*at.places, *slot);
        }
        else if (is_cancelled(self))
            return end(self, boost::asio::error::operation_aborted);
        if (!at.spot)
            return start_worker(self);
        if (at.careful || !at.places->fits_chain())
            return start_again(self);
        start_chain(self);
    }

    // chain
    template <typename Self>
    void operator()(Self& self, error_code ec, const read_chain_result& got)
    {
        if (state_->take_chain(ec, got))
            return end(self, ec);
        go_on(self);
    }

    // hint
    template <typename Self>
    void operator()(Self& self, error_code ec, const file_status& found)
    {
        if (!ec)
            state_->size_hint = found.size;
        start_open(self);
    }

    // open, worker
    template <typename Self>
    void operator()(Self& self, error_code ec)
    {
        if (ec || !state_->spot)
            return end(self, ec);
        start_read(self);
    }

    // read
    template <typename Self>
    void operator()(Self& self, error_code ec, std::size_t size)
    {
        Sink& sink = state_->sink;
        sink.commit(size);
        if (ec || size == 0 || sink.is_full() || sink.is_over())
            return end(self, ec);
        start_read(self);
    }

private:
    /// Stands in the line for a place.
    template <typename Self>
    class waiter final : public place_waiter
    {
    public:
        waiter(Self& self, read_file_steps& steps)
            : executor_(steps.executor_), state_(*steps.state_), self_(std::move(self))
        {}

        void go_on(std::optional<std::uint32_t> slot) noexcept override
        {
            const std::unique_ptr<waiter> owned(this);
            state_.has_waited = true;
            if (slot)
                state_.spot = lent_place(*state_.places, *slot);
            // The handler's own executor has its turn before anything is started. Without
            // memory for that the handler is destroyed, and its place goes to the next.
            with_memory([&] { boost::asio::post(executor_, std::move(self_)); });
        }

    private:
        Executor executor_;
        state& state_;
        Self self_;
    };

    // REQUIRES: a place
    event_loop& loop() const noexcept { return *state_->places->find_loop(); }

    template <typename Self>
    void start_chain(Self& self)
    {
        state& at = *state_;
        boost::asio::mutable_buffer first;
        if (!at.find_memory(first)) {
            at.spot.release(true);
            return start_worker(self); // which reports it
        }
        const Executor executor = executor_;
        start_chain_request<read_chain_request>(
            loop(), executor, std::move(self), at.at, at.spot.slot(), first);
    }

    template <typename Self>
    void go_on(Self& self)
    {
        if (is_cancelled(self))
            return end(self, boost::asio::error::operation_aborted);
        if (!state_->spot)
            return start_worker(self);
        start_again(self);
    }

    // The file is larger than the chain could know, or its reads are short. It is opened
    // anew, because the chain has closed it, and read from its beginning, because another
    // file may have its name by now.
    template <typename Self>
    void start_again(Self& self)
    {
        state& at = *state_;
        if (at.at.location().is_restricted() || at.careful)
            return start_open(self);
        const Executor executor = executor_;
        file_location asked = at.at.location();
        using signature = void(error_code, file_status);
        start_file_request<stat_request, signature>(
            executor, std::move(self), std::move(asked), true);
    }

    template <typename Self>
    void start_open(Self& self)
    {
        state& at = *state_;
        const Executor executor = executor_;
        start_on_ring<open_slot_request>(
            loop(), executor, std::move(self), at.at, at.spot.slot());
    }

    template <typename Self>
    void start_read(Self& self)
    {
        state& at = *state_;
        if (is_cancelled(self))
            return end(self, boost::asio::error::operation_aborted);
        const std::size_t filled = at.sink.filled();
        boost::asio::mutable_buffer room;
        if (with_memory([&] { room = at.sink.room(next_read(filled, at.size_hint)); }) <
            0)
            return end(
                self, error_code(ENOMEM, boost::asio::error::get_system_category()));
        const Executor executor = executor_;
        start_on_ring<read_slot_request>(
            loop(),
            executor,
            std::move(self),
            at.spot.slot(),
            room.data(),
            static_cast<std::uint32_t>(room.size()),
            std::uint64_t{filled});
    }

    template <typename Self>
    void start_worker(Self& self)
    {
        state& at = *state_;
        at.sink.clear();
        const Executor executor = executor_;
        start_pool_call<read_file_call>(executor, std::move(self), at.at, at.sink);
    }

    template <typename Self>
    void end(Self& self, error_code ec)
    {
        auto result = state_->finish(ec);
        state_.reset();
        self.complete(ec, std::move(result));
    }

    Executor executor_;
    std::unique_ptr<state> state_;
};

} // namespace asio_uring::detail
