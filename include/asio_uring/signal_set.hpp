// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: Asio's signal_set, behind a ring that comes first. Thread,
// lifetime: as Asio's.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_signal_set.hpp>

namespace asio_uring {

/// Asio's basic_signal_set, with a ring beneath.
/**
 * Its own service does the work, on the epoll set that the ring watches. Made first in a
 * context, it installs the ring, where Asio's would leave the context with a reactor that
 * has to watch the ring.
 */
using signal_set = boost::asio::basic_signal_set<any_io_executor>;

} // namespace asio_uring
