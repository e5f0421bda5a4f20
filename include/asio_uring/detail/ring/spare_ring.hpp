// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: keep the ring of a context that has ended for the next context,
// because a ring costs more to make than all else of a short-lived context. Thread: any.
// Lifetime: a ring is kept until it is taken or dropped, at the latest until the process
// ends.
#pragma once

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>
#include <asio_uring/ring/ring_options.hpp>

namespace asio_uring::detail {

/// Takes the ring that is kept, where it was made from the same options; closed where
/// there is none. A ring is never kept beyond fork(2), and a ring whose descriptor the
/// program has closed meanwhile is not returned.
ASIO_URING_DECL ring take_spare_ring(const ring_options& options) noexcept;

/// Keeps a ring that was made from these options. The process keeps one ring: a further
/// one is closed. REQUIRES: nothing is in flight, registered, claimed or ready.
/// A child that another thread forks while a ring is on its way to its place, or from it,
/// has a copy of the descriptor that nobody in the child closes: that ring lives until
/// the child ends or executes a program.
ASIO_URING_DECL void keep_spare_ring(ring&& used, const ring_options& options) noexcept;

/// Closes the ring that is kept, for memory or a descriptor that something else needs.
/// Returns whether there was one.
ASIO_URING_DECL bool drop_spare_ring() noexcept;

} // namespace asio_uring::detail
