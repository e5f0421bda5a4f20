// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: an operation of many results as a source, and the request for
// the next of them. Thread: as the stream. Lifetime: the source is the stream's, and once
// the stream has closed it the loop's.
#pragma once

#include <asio_uring/detail/loop/event_loop.hpp>
#include <asio_uring/detail/request/initiate.hpp>
#include <asio_uring/op/common.hpp>
#include <asio_uring/op/receive.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <sys/socket.h>

#include <unistd.h>

namespace asio_uring {

/// One result of an operation that has many.
struct stream_result
{
    /// The kernel's result, not negative: bytes, a descriptor, poll events; 0 of a timer.
    int value = 0;
    /// abi::cqe_f_*; with abi::cqe_f_buffer the upper half names a provided buffer.
    std::uint32_t flags = 0;
};

namespace detail {

template <typename Operation>
class source_of final : public result_source
{
public:
    source_of(const Operation& operation, std::size_t capacity)
        : result_source(
              &do_prepare,
              &do_free,
              may_pause(operation) ? capacity : unbounded,
              operation.makes_descriptors()),
          operation_(operation)
    {}

private:
    static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

    // Two stages are a result and an end. A receive with a limit brings few results, and
    // would count anew if it were submitted again.
    static bool may_pause(const Operation& operation) noexcept
    {
        if constexpr (requires { operation.total; })
            if (operation.total != 0)
                return false;
        return operation.results() == op::results::many;
    }

    static constexpr bool is_timer = Operation::code == abi::opcode::timeout;
    static constexpr bool asks_again = Operation::code == abi::opcode::accept ||
                                       Operation::code == abi::opcode::poll_add;
    static constexpr bool receives = std::is_same_v<Operation, op::recv>;

    static void do_prepare(ring_operation& base, abi::sqe& sqe) noexcept
    {
        static_cast<source_of&>(base).operation_.prepare(sqe);
    }

    static void do_free(result_source& self) noexcept
    {
        delete static_cast<source_of*>(&self);
    }

    int result_of(int value) const noexcept override
    {
        return is_timer && value == -ETIME ? 0 : value;
    }

    // Receives and reads end with 0 bytes or at the limit they have, timers with their
    // last expiry, sends with their only result. Accepts and polls go on, and so does a
    // receive behind an empty datagram.
    bool ends_with(int value) const noexcept override
    {
        if constexpr (requires { operation_.total; })
            if (operation_.total != 0)
                return true;
        if constexpr (receives)
            if (value == 0 && brings_datagrams(operation_.fd))
                return false;
        const bool sends = operation_.results() == op::results::two_stage;
        return is_timer || sends || (!asks_again && value == 0);
    }

    static bool brings_datagrams(int descriptor) noexcept
    {
        int type = SOCK_STREAM;
        ::socklen_t size = sizeof type;
        ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size);
        return type == SOCK_DGRAM || type == SOCK_RAW || type == SOCK_RDM;
    }

    // A timer that was paused goes on with the expiries that are left.
    void count_result() noexcept override
    {
        if constexpr (is_timer) {
            if (operation_.count > 1)
                --operation_.count;
        }
    }

    Operation operation_;
};

/// The next result of a source.
class next_request
{
public:
    explicit next_request(bool closes) noexcept : closes_(closes) {}

    void prepare(abi::sqe&) noexcept {}

    auto result(const ring_operation& op) const
    {
        if (op.result() == end_of_results)
            return std::make_tuple(
                boost::system::error_code(boost::asio::error::eof), stream_result());
        stream_result found;
        if (op.result() >= 0)
            found = {op.result(), op.completion_flags()};
        return std::make_tuple(operation_error(op), found);
    }

    // Closes the descriptor of a result that no handler hears of.
    void discard(const ring_operation& op) const noexcept
    {
        if (closes_ && op.result() >= 0)
            ::close(op.result());
    }

private:
    bool closes_;
};

/// Asks for the next result of a source.
template <typename Executor, typename Handler>
void start_next(
    event_loop& loop, result_source& source, const Executor& executor, Handler&& handler)
{
    std::decay_t<Handler> stored(std::forward<Handler>(handler));
    auto slot = boost::asio::get_associated_cancellation_slot(stored);
    auto op =
        make_operation<next_request>(loop, stored, executor, source.makes_descriptors());
    op.connect(slot);
    loop.next(source, op.take());
}

} // namespace detail
} // namespace asio_uring
