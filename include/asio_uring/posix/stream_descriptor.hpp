// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a descriptor on the ring that a program reads bytes from and
// writes bytes to. Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace asio_uring::posix {

/// Asio's stream descriptor, on the ring by its executor.
/**
 * It serves terminals, event descriptors, FIFOs and the like. Transfers of a regular file
 * use the file's own position, one transfer at a time, and never wait for readiness.
 *
 * On a ring no transfer switches the descriptor to non-blocking mode, so a descriptor
 * that other processes share (a terminal) stays as they know it.
 */
using stream_descriptor = boost::asio::posix::basic_stream_descriptor<any_io_executor>;

} // namespace asio_uring::posix
