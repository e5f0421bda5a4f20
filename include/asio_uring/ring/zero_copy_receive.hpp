// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: memory into which a network device puts received data. Thread: as
// the ring's. Lifetime: registered until the ring closes; owns the memory.
#pragma once

#include <asio_uring/detail/ring/mapping.hpp>
#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace asio_uring {

/// Which receive queue of which device, and how much memory it gets.
struct zero_copy_receive_options
{
    unsigned interface_index = 0;      ///< as if_nametoindex(3) tells
    unsigned receive_queue = 0;        ///< one that flow steering gives to the sockets
    unsigned refill_entries = 1024;    ///< buffers on their way back; a power of two
    std::size_t area_size = 4U << 20U; ///< bytes for data, whole pages
};

/// A hardware receive queue whose packets land in this object's memory, for
/// op::recv_zc. The device has to split headers from data, and the process needs
/// CAP_NET_ADMIN. The ring needs abi::setup_defer_taskrun and abi::setup_cqe32 or
/// setup_cqe_mixed, and takes the queue for good.
///
/// data() of a completion belongs to the program until give_back(); the object must
/// outlive every use of it. io_uring_register_ifq(3). Kernel 6.15.
///
/// @par Errors
/// EPERM, EINVAL for a ring without the flags, ENODEV for no such device, EOPNOTSUPP for
/// one that cannot do it, EEXIST for a queue in use.
class ASIO_URING_DECL zero_copy_receive_queue
{
public:
    zero_copy_receive_queue() noexcept = default;

    /// Registers. Throws boost::system::system_error.
    zero_copy_receive_queue(ring& target, const zero_copy_receive_options& options);

    /// Registers, or returns an empty object and says why in `ec`.
    static zero_copy_receive_queue create(
        ring& target,
        const zero_copy_receive_options& options,
        boost::system::error_code& ec) noexcept;

    zero_copy_receive_queue(zero_copy_receive_queue&& other) noexcept { swap(other); }
    zero_copy_receive_queue& operator=(zero_copy_receive_queue&& other) noexcept
    {
        zero_copy_receive_queue taken{std::move(other)};
        swap(taken);
        return *this;
    }
    zero_copy_receive_queue(const zero_copy_receive_queue&) = delete;
    zero_copy_receive_queue& operator=(const zero_copy_receive_queue&) = delete;
    ~zero_copy_receive_queue() = default;

    explicit operator bool() const noexcept { return static_cast<bool>(target_); }

    /// For op::recv_zc.
    std::uint32_t id() const noexcept { return id_; }

    /// The data of a completion of op::recv_zc. REQUIRES: entry.res > 0, and that the
    /// completion is of 32 bytes and not given back to the ring.
    std::span<std::byte> data(const abi::cqe& entry) const noexcept;

    /// Gives the data of such a completion back to the device; false when as many as
    /// refill_entries are on their way.
    [[nodiscard]] bool try_give_back(const abi::cqe& entry) noexcept;

    /// Makes the kernel take what was given back, now. Kernel 6.19;
    /// errc::unsupported_register_call below.
    boost::system::error_code flush() noexcept;

private:
    void swap(zero_copy_receive_queue& other) noexcept;
    void attach(const abi::zcrx_ifq_reg& answer, std::uint64_t token) noexcept;

    detail::register_target target_;
    detail::mapping area_;
    detail::mapping refill_;
    std::uint64_t area_token_ = 0;
    abi::zcrx_rqe* entries_ = nullptr;
    std::uint32_t* head_ = nullptr;
    std::uint32_t* tail_ = nullptr;
    std::uint32_t entry_count_ = 0;
    std::uint32_t given_back_ = 0; ///< counts entries, modulo 2^32
    std::uint32_t id_ = 0;
};

} // namespace asio_uring
