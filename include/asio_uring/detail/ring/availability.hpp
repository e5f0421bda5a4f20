// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: whether a context may have a ring, and whether a ring that was
// created can be used. Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/abi/registration.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring_options.hpp>

#include <boost/system/error_code.hpp>

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

/// The refusal that needs no call of the kernel to be known: the environment's, or one
/// remembered because it cannot change while the process lives.
ASIO_URING_DECL refusal known_refusal();

/// Remembers a refusal of the kernel that the process cannot outlive: no io_uring, or
/// forbidden. Exhausted memory and descriptors come back, and are not remembered.
ASIO_URING_DECL void remember(const refusal& refused);

/// What is wrong with the options on every system.
ASIO_URING_DECL boost::system::error_code misuse_of(const ring_options& options) noexcept;

/// Whether the kernel takes what a context's ring needs after its creation: a filter may
/// allow io_uring_setup and forbid the calls that go with it, and a kernel may lack what
/// the loop is built on.
ASIO_URING_DECL boost::system::error_code try_out(const ring& made) noexcept;

/// The part of that which is said by the list of operations a kernel knows:
/// errc::kernel_too_old where one is not in it that the loop is built on.
ASIO_URING_DECL boost::system::error_code
judge_operations(std::span<const abi::probe_op> listed) noexcept;

} // namespace asio_uring::detail
