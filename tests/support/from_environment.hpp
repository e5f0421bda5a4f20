// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: the numbers by which a random test is repeated, or runs
// for longer. Thread: any. Lifetime: none.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace asio_uring::test {

inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise)
{
    const char* value = std::getenv(name);
    return value != nullptr ? std::strtoull(value, nullptr, 0) : otherwise;
}

} // namespace asio_uring::test
