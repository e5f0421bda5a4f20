// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: the operation of a filled SQE as plain system calls, with the
// answer its CQE would carry. Thread: any; a call that may wait for the disk is for a
// worker. Lifetime: what the SQE points to stays valid during the call.
//
// An SQE is the one form that all operations have in common, so that neither the pool nor
// the reactor's path is a template over them. No function here changes errno.
#pragma once

#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/config.hpp>

#include <limits>

namespace asio_uring::detail {

/// What no request does: a function of the library's own, which a worker calls with its
/// argument. It returns a value that is not negative, or a negated errno.
using plain_function = int (*)(void*) noexcept;

/// Fills an SQE that stands for such a function. No ring gets it: plain_call() takes it.
ASIO_URING_DECL void
prepare_function(abi::sqe& sqe, plain_function function, void* argument) noexcept;

/// Whether the operation names what only a ring has (direct descriptors, provided or
/// registered buffers), or asks for what this library does only on a ring: several
/// results, a bundle, MSG_WAITALL for a message, a poll for more than input or output.
ASIO_URING_DECL bool needs_ring(const abi::sqe& sqe) noexcept;

/// Makes the system call and waits for it as long as it takes. Returns a value that is
/// not negative, or a negated errno. The call raises no signal in a thread that blocks
/// SIGPIPE and SIGXFSZ. REQUIRES: stand_in::pool or stand_in::by_file.
ASIO_URING_DECL int plain_call(const abi::sqe& sqe) noexcept;

/// The same for a thread that blocks neither: the call raises no signal there.
ASIO_URING_DECL int quiet_plain_call(const abi::sqe& sqe) noexcept;

/// The answer of an attempt that has to be made again when the ends are ready.
inline constexpr int would_wait = std::numeric_limits<int>::min();

/// Makes the system call without waiting for anybody. Returns would_wait where the ends
/// are not ready, and -EAGAIN only where the program asked not to wait. The call never
/// raises SIGPIPE. REQUIRES: stand_in::readiness or stand_in::by_file, and prepare_ends()
/// before.
ASIO_URING_DECL int plain_attempt(const abi::sqe& sqe) noexcept;

/// Switches the ends to non-blocking mode, as Asio switches the descriptors of its own
/// objects, where the call has no flag that tells it not to wait.
ASIO_URING_DECL void prepare_ends(const abi::sqe& sqe) noexcept;

/// Whether an attempt did a part of what has to be done in full (MSG_WAITALL); the SQE is
/// left with the rest.
ASIO_URING_DECL bool takes_the_rest(abi::sqe& sqe, int result) noexcept;

/// The descriptors whose readiness an attempt depends on, or -1.
struct call_ends
{
    int input = -1;
    int output = -1;
};

ASIO_URING_DECL call_ends ends_of(const abi::sqe& sqe) noexcept;

/// Whether the descriptor of a read or write has to be waited for, as a pipe or a
/// terminal has, rather than being ready at all times, as a file on a disk is. The
/// question itself waits for nothing.
ASIO_URING_DECL bool can_wait(const abi::sqe& sqe) noexcept;

} // namespace asio_uring::detail
