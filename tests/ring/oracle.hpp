// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: what liburing's probe says about the running kernel.
// Thread: any. Lifetime: none.
#pragma once

#include <bitset>

namespace asio_uring::test {

/// The opcodes the kernel has, as liburing's probe reports them.
std::bitset<256> oracle_opcodes();

} // namespace asio_uring::test
