// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: an operation that tidies up behind its request before the next of
// its line begins. Thread: as ring_operation. Lifetime: as ring_operation.
#pragma once

#include <asio_uring/detail/loop/ring_operation.hpp>

namespace asio_uring::detail {

/// Tidies up only where tidy_up() asked for it before the start.
class tidied_operation : public ring_operation
{
public:
    using tidy_function = void (*)(ring_operation&) noexcept;

protected:
    /// `tidy` is called under the loop's mutex, behind a success of the request, while
    /// the descriptor is the owner's.
    tidied_operation(
        func_type deliver, prepare_function prepare, tidy_function tidy) noexcept
        : ring_operation(deliver, prepare), tidy_(tidy)
    {}

    ~tidied_operation() = default;

private:
    template <typename Ring>
    friend class basic_event_loop;

    tidy_function tidy_;
};

} // namespace asio_uring::detail
