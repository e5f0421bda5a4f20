// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: entries as liburing's helpers fill them.
// Thread: any. Lifetime: none.
//
// Implemented in the one file that includes <liburing.h>, whose macros and structs must
// not meet the library's own headers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace asio_uring::test {

struct oracle_entry
{
    std::string name;
    std::uint8_t bytes[64];
};

/// One entry per helper, all called with the values of entry_image.hpp.
std::vector<oracle_entry> oracle_entries();

} // namespace asio_uring::test
