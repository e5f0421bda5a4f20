// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: a request's result as Asio's error codes. Thread: any.
// Lifetime: values.
#pragma once

#include <asio_uring/detail/loop/ring_operation.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

namespace asio_uring::detail {

/// The kernel's own notes to restart a call, which leak from interrupted worker requests.
inline bool is_restart_code(int result) noexcept
{
    constexpr int first = 512;
    constexpr int last = 516;
    return -result >= first && -result <= last;
}

/// The error that a negative result stands for. A request that was interrupted after
/// somebody asked to cancel it counts as cancelled.
inline boost::system::error_code to_error_code(int result, bool cancel_requested)
{
    const int error = -result;
    const bool interrupted =
        error == ECANCELED || error == EINTR || is_restart_code(result);
    if (interrupted)
        return cancel_requested || error != EINTR
                   ? boost::system::error_code(boost::asio::error::operation_aborted)
                   : boost::system::error_code(boost::asio::error::interrupted);
    return {error, boost::asio::error::get_system_category()};
}

inline boost::system::error_code operation_error(const ring_operation& op)
{
    return op.result() < 0 ? to_error_code(op.result(), op.cancel_requested())
                           : boost::system::error_code();
}

inline std::size_t operation_bytes(const ring_operation& op) noexcept
{
    return op.result() < 0 ? 0 : static_cast<std::size_t>(op.result());
}

} // namespace asio_uring::detail
