// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: limits and policies of the system, as its files and calls show
// them. Thread: any. Lifetime: none. Private to the compiled part of the library.
#pragma once

#include <asio_uring/ring/environment.hpp>

#include <optional>
#include <string>

namespace asio_uring::detail {

enum class limit
{
    locked_memory,
    descriptors,
    processes,
};

resource_limit limit_of(limit which) noexcept;

/// "8388608 bytes", or "unlimited".
std::string limit_text(std::uint64_t value, const char* unit = "");

/// The first line of a file, or nothing.
std::string first_line(const char* path);

/// The number in a file of one number; none where there is no such file.
std::optional<long> number_in(const char* path);

seccomp_mode seccomp_of_thread();

// Numbers of capabilities(7).
inline constexpr unsigned cap_ipc_lock = 14;
inline constexpr unsigned cap_sys_admin = 21;

/// Whether the capability is in effect for the calling thread.
bool has_capability(unsigned number);

} // namespace asio_uring::detail
