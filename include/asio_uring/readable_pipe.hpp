// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the reading end of a pipe on the ring.
// Thread: as Asio's objects. Lifetime: as Asio's objects.
#pragma once

#include <asio_uring/detail/object/redirect.hpp>
#include <asio_uring/executor.hpp>

#include <boost/asio/basic_readable_pipe.hpp>

namespace asio_uring {

/// Asio's readable pipe, on the ring by its executor.
using readable_pipe = boost::asio::basic_readable_pipe<any_io_executor>;

} // namespace asio_uring
