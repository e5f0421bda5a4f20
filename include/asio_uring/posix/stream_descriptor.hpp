// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a descriptor on the ring that bytes are read from and written
// to. Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace asio_uring::posix {

/// Asio's stream descriptor, on asio_uring::executor.
/**
 * Terminals, event descriptors, FIFOs and the like. A regular file is read and written at
 * its own position, one transfer at a time; it is never waited for.
 *
 * No operation switches the descriptor to non-blocking mode, so one that is shared with
 * other processes (a terminal) stays as they know it.
 */
using stream_descriptor = boost::asio::posix::basic_stream_descriptor<executor>;

} // namespace asio_uring::posix
