// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: Asio's function for a connected pair of pipe ends, under this
// library's name. Thread: as Asio's. Lifetime: none.
#pragma once

#include <asio_uring/readable_pipe.hpp>
#include <asio_uring/writable_pipe.hpp>

#include <boost/asio/connect_pipe.hpp>

namespace asio_uring {

using boost::asio::connect_pipe;

} // namespace asio_uring
