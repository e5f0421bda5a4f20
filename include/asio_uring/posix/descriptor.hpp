// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a descriptor on the ring that a program waits for, and neither
// reads nor writes through it.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/posix/basic_descriptor.hpp>

namespace asio_uring::posix {

/// Asio's descriptor, on the ring by its executor. See posix::stream_descriptor.
using descriptor = boost::asio::posix::basic_descriptor<any_io_executor>;

} // namespace asio_uring::posix
