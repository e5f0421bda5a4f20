// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: busy polling of network devices while a ring waits. Thread: as
// the ring's. Lifetime: until changed or the ring closes.
#pragma once

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>

namespace asio_uring {

/// Which device queues a waiting ring polls.
enum class napi_tracking : std::uint32_t
{
    dynamic = abi::napi_tracking_dynamic,   ///< those of the sockets it serves
    fixed = abi::napi_tracking_static,      ///< those named by add_napi_id(); 6.13
    inactive = abi::napi_tracking_inactive, ///< none; 6.13
};

/// Busy polling in force on a ring.
struct napi_settings
{
    /// How long a wait polls before it sleeps.
    std::chrono::microseconds busy_poll{0};
    /// Leave the device's interrupts off while it is polled.
    bool prefer_busy_poll = false;
    napi_tracking tracking = napi_tracking::dynamic;
};

/// Turns busy polling on and returns the settings before the call. EINVAL on a ring with
/// abi::setup_iopoll. io_uring_register_napi(3). Kernel 6.9.
ASIO_URING_DECL napi_settings register_napi(
    ring& target, const napi_settings& settings, boost::system::error_code& ec) noexcept;

/// Turns busy polling off and returns the settings before the call. Kernel 6.9.
ASIO_URING_DECL napi_settings
unregister_napi(ring& target, boost::system::error_code& ec) noexcept;

/// Adds a device queue to those polled with napi_tracking::fixed. `id` is what
/// SO_INCOMING_NAPI_ID of a socket tells. EINVAL for no such queue, and with other
/// tracking; EEXIST for a queue that is polled already. Kernel 6.13.
ASIO_URING_DECL boost::system::error_code
add_napi_id(ring& target, std::uint32_t id) noexcept;

/// Takes a device queue from them. ENOENT for a queue that is not polled. Kernel 6.13.
ASIO_URING_DECL boost::system::error_code
remove_napi_id(ring& target, std::uint32_t id) noexcept;

} // namespace asio_uring
