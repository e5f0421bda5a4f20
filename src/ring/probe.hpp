// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: ask a kernel, or try on it, what its io_uring knows.
// Thread: any; the scratch ring belongs to the caller. Lifetime: none. Private to the
// compiled part of the library.
#pragma once

#include <asio_uring/ring/abi.hpp>

#include <bitset>
#include <cstdint>
#include <string_view>

namespace asio_uring::detail {

/// The operations the kernel says it has, by abi::opcode.
std::bitset<256> probe_opcodes(int ring_fd) noexcept;

/// The register calls the kernel knows, by abi::register_op, found by calls that fail for
/// another reason than being unknown. REQUIRES: a ring with abi::setup_defer_taskrun
/// where the kernel has that. Changes the ring; it must not be used for anything else.
std::bitset<64> try_register_calls(int ring_fd, const std::bitset<256>& opcodes) noexcept;

/// The enter flags the kernel takes.
std::uint32_t try_enter_flags(int ring_fd, std::uint32_t setup_flags) noexcept;

/// The entry flags that come with the feature bits.
std::uint8_t sqe_flags_of(std::uint32_t features) noexcept;

/// Whether mainline had reached `first_kernel` ("5.19") in kernel `release` ("6.1.38").
bool is_at_least(std::string_view release, std::string_view first_kernel) noexcept;

} // namespace asio_uring::detail
