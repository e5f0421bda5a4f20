// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: a request that answers to something larger than itself, a chain
// or a source of many results, instead of a handler. Thread: guarded by the loop's mutex.
// Lifetime: as the chain or source that it is a part of; the loop knows it until its last
// CQE.
#pragma once

#include <asio_uring/detail/loop/ring_operation.hpp>

#include <cstdint>

namespace asio_uring::detail {

/// The loop itself takes its completions. Such an operation is no work of the
/// scheduler's; the operation that waits for its results is.
class part_operation : public ring_operation
{
public:
    /// Whether the loop knows it: the kernel has it, or is to get it.
    bool stands() const noexcept { return stands_; }

protected:
    /// `abandon` is called, with a null owner, where the context is destroyed first.
    part_operation(func_type abandon, prepare_function prepare, part_kind kind) noexcept
        : ring_operation(abandon, prepare, kind)
    {}

    ~part_operation() = default;

    void set_stands(bool stands) noexcept { stands_ = stands; }

private:
    template <typename Ring>
    friend class basic_event_loop;

    bool stands_ = false;
};

} // namespace asio_uring::detail
