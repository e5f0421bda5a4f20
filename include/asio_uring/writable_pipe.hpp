// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the writing end of a pipe on the ring.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_writable_pipe.hpp>

namespace asio_uring {

/// Asio's writable pipe, on the ring by its executor.
/**
 * A write after the reading end was closed raises SIGPIPE, as with Asio's own.
 */
using writable_pipe = boost::asio::basic_writable_pipe<any_io_executor>;

} // namespace asio_uring
