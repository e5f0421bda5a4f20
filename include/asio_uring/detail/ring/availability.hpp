// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: whether a context may have a ring, and whether a ring that was
// created can be used. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/abi/registration.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring_options.hpp>

#include <boost/system/error_code.hpp>

#include <optional>
#include <span>
#include <string>

namespace asio_uring {

class ring;

} // namespace asio_uring

namespace asio_uring::detail {

/// What the environment variable ASIO_URING says; read once per process.
enum class ring_choice
{
    automatic, ///< a ring where one is to be had
    off,       ///< no context gets a ring
    require,   ///< no context goes without one
};

ASIO_URING_DECL ring_choice environment_choice() noexcept;

/// What ASIO_URING_WRITES says, which comes before the options of every context; read
/// once per process.
ASIO_URING_DECL std::optional<write_mode> environment_writes() noexcept;

/// The same of ASIO_URING_READS.
ASIO_URING_DECL std::optional<read_mode> environment_reads() noexcept;

/// The same of ASIO_URING_SPIN, in microseconds.
ASIO_URING_DECL std::optional<unsigned> environment_spin() noexcept;

/// Why there is no ring, as a code and in words with the remedy.
struct refusal
{
    boost::system::error_code reason; ///< no error: nothing refuses
    std::string text;
};

ASIO_URING_DECL refusal
make_refusal(const boost::system::error_code& reason, const ring_options& options);

/// The refusal of the environment.
ASIO_URING_DECL refusal environment_refusal();

/// The refusal that is known without a call of the kernel: the environment's, or one that
/// is remembered because it cannot change while the process lives.
ASIO_URING_DECL refusal known_refusal();

/// The refusal of a context that several threads may run: where the program runs under
/// Valgrind, a thread that waits in its ring keeps all others from running.
ASIO_URING_DECL refusal valgrind_refusal();

/// Remembers a refusal that cannot change while the process lives: the kernel has no
/// io_uring, or forbids it. Exhausted memory and descriptors come back, so they are not
/// remembered.
ASIO_URING_DECL void remember(const refusal& refused);

/// The error in options that no system takes; no error for all others.
ASIO_URING_DECL boost::system::error_code misuse_of(const ring_options& options) noexcept;

/// Tries what a context's ring needs after its creation. A filter may allow
/// io_uring_setup and forbid the calls that go with it, and a kernel may lack what the
/// loop is built on.
ASIO_URING_DECL boost::system::error_code try_out(const ring& made) noexcept;

/// The part of try_out() that reads the list of the operations a kernel knows. Returns
/// errc::kernel_too_old where the list lacks an operation that the loop is built on.
ASIO_URING_DECL boost::system::error_code
judge_operations(std::span<const abi::probe_op> listed) noexcept;

} // namespace asio_uring::detail
