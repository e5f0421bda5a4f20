// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: Asio's serial_port, behind a ring that comes first. Thread,
// lifetime: as Asio's.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_serial_port.hpp>

namespace asio_uring {

/// Asio's basic_serial_port, with a ring beneath.
/**
 * Its own service does the work, on the epoll set that the ring watches. Made first in a
 * context, it installs the ring, where Asio's would leave the context with a reactor that
 * has to watch the ring.
 */
using serial_port = boost::asio::basic_serial_port<any_io_executor>;

} // namespace asio_uring
