// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: say what the result of a register call means. Thread: any.
// Lifetime: none. Private to the compiled part of the library.
#pragma once

#include <asio_uring/ring/abi/opcode.hpp>

#include <boost/system/error_code.hpp>

namespace asio_uring::detail {

/// None for zero or more. The errno where it says what is wrong, and a value of errc
/// where the kernel uses one number for several things, or a surprising one.
boost::system::error_code register_error(int result, abi::register_op call) noexcept;

/// Whether the running kernel knows the call. Asks the kernel, or goes by its version.
bool knows(abi::register_op call) noexcept;

} // namespace asio_uring::detail
