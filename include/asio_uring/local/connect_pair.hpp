// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: Asio's function for a pair of connected local sockets, under
// this library's name. Thread: as Asio's. Lifetime: none.
#pragma once

#include <asio_uring/detail/asio/connect_pair.hpp>

namespace asio_uring::local {

using boost::asio::local::connect_pair;

} // namespace asio_uring::local
