// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: what an update of a table of registered resources did.
// Thread: any. Lifetime: a plain value.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>

namespace asio_uring {

/// What an update of several places of a table did. The kernel works from the first to
/// the last and stops at the first one that fails.
struct update_result
{
    std::uint32_t updated = 0;      ///< places that hold the new resource
    boost::system::error_code ec{}; ///< why the next one does not
};

} // namespace asio_uring
