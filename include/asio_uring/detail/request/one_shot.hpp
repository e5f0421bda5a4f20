// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: one operation of the op layer, as it is, that ends with one
// result. Thread: as the operation it is part of. Lifetime: what the operation points to
// is the caller's until the handler is called.
#pragma once

#include <asio_uring/detail/loop/event_loop.hpp>
#include <asio_uring/op/pipe.hpp>

#include <algorithm>
#include <iterator>
#include <tuple>

#include <unistd.h>

namespace asio_uring::detail {

/// One operation of the op layer, as it is.
template <typename Operation>
class one_shot
{
public:
    explicit one_shot(const Operation& operation) : operation_(operation) {}

    /// Tells the loop what a repeat could break: the program ends other requests by this
    /// one, or a close that goes twice closes another file.
    static void adapt(event_loop& loop, ring_operation& op)
    {
        if constexpr (
            Operation::code == abi::opcode::async_cancel ||
            Operation::code == abi::opcode::poll_remove ||
            Operation::code == abi::opcode::timeout_remove)
            loop.expect_foreign_cancels();
        if constexpr (Operation::code == abi::opcode::close)
            op.never_repeat();
    }

    bool one_result() const noexcept { return operation_.results() != op::results::many; }

    void prepare(abi::sqe& sqe) noexcept { operation_.prepare(sqe); }

    auto result(const ring_operation& op) const
    {
        return std::make_tuple(operation_error(op), op.result() < 0 ? 0 : op.result());
    }

    // Closes the descriptor of a result that no handler will hear of.
    void discard(const ring_operation& op) noexcept
    {
        if (op.result() >= 0 && operation_.makes_descriptors() == op::descriptors::result)
            ::close(op.result());
    }

private:
    Operation operation_;
};

/// op::pipe, whose result is two descriptors in the caller's memory. The kernel writes
/// them into this object instead, because the caller's memory may be gone when discard()
/// has to close them.
template <>
class one_shot<op::pipe>
{
public:
    explicit one_shot(const op::pipe& operation) : operation_(operation) {}

    static void adapt(event_loop&, ring_operation&) noexcept {}
    static bool one_result() noexcept { return true; }

    void prepare(abi::sqe& sqe) noexcept
    {
        op::pipe request = operation_;
        if (request.descriptors != nullptr)
            request.descriptors = made_;
        request.prepare(sqe);
    }

    auto result(const ring_operation& op) const
    {
        if (op.result() >= 0)
            std::copy(std::begin(made_), std::end(made_), operation_.descriptors);
        return std::make_tuple(operation_error(op), op.result() < 0 ? 0 : op.result());
    }

    void discard(const ring_operation& op) const noexcept
    {
        if (op.result() < 0 || operation_.makes_descriptors() == op::descriptors::none)
            return;
        for (const int descriptor : made_)
            ::close(descriptor);
    }

private:
    op::pipe operation_;
    int made_[2] = {-1, -1};
};

} // namespace asio_uring::detail
