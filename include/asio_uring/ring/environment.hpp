// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: what a process may do with io_uring here: kernel, limits,
// policy, and what a ring costs. Thread: a plain value; inspect() from any thread.
// Lifetime: none.
#pragma once

#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/ring_options.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

namespace asio_uring {

/// A limit of the calling process, as getrlimit(2) has it.
struct resource_limit
{
    static constexpr std::uint64_t unlimited = ~std::uint64_t{0};

    std::uint64_t soft = 0; ///< in force
    std::uint64_t hard = 0; ///< what the process may raise it to
};

/// Whether the system calls of the calling thread are filtered.
enum class seccomp_mode
{
    unknown,
    off,
    strict, ///< nothing but read, write and exit
    filter, ///< a filter decides; container runtimes load one that forbids io_uring
};

/// What a ring of given options is and costs.
struct ring_cost
{
    unsigned sq_entries = 0;
    unsigned cq_entries = 0;
    std::uint32_t setup_flags = 0; ///< abi::setup_* in force
    /// Memory that counts against RLIMIT_MEMLOCK of the user, in bytes. Kernels before
    /// 6.12 count it differently or not at all.
    std::size_t locked_bytes = 0;
    /// Time to create and destroy such a ring once, the best of a few tries.
    std::chrono::nanoseconds time{0};
};

/// What the calling process may do with io_uring, and what stands in its way.
///
/// A context gets a ring exactly where has_ring() is true; where it is false, the context
/// falls back, or throws if it was told to, and explanation holds the text.
struct ASIO_URING_DECL environment
{
    kernel_features kernel;

    /// RLIMIT_MEMLOCK in bytes, shared by a user's processes.
    resource_limit locked_memory;
    resource_limit descriptors; ///< RLIMIT_NOFILE
    resource_limit processes;   ///< RLIMIT_NPROC; the kernel's workers count as well
    /// CAP_IPC_LOCK: ring memory and registered buffers are not counted.
    bool memory_lock_ignored = false;
    /// Threads the kernel may start for a ring of this thread: for work that ends soon
    /// (files), and for work that may wait for ever (pipes, sockets). None where they
    /// cannot be asked for (below 5.15).
    std::optional<unsigned> bounded_workers{};
    std::optional<unsigned> unbounded_workers{};

    /// sysctl kernel.io_uring_disabled: 0 open to all, 1 to the group and CAP_SYS_ADMIN,
    /// 2 to nobody; none on kernels without it (below 6.6).
    std::optional<int> io_uring_disabled{};
    /// sysctl kernel.io_uring_group: the group that 1 lets through, -1 for none.
    std::optional<long> io_uring_group{};
    seccomp_mode seccomp = seccomp_mode::unknown;

    boost::system::error_code error{}; ///< why a ring with the options cannot be created
    std::string explanation{}; ///< the same as cause and remedy; empty without error
    ring_cost cost{};          ///< all zero on error

    bool has_ring() const noexcept { return !error; }

    /// How many such rings the memory-lock limit admits for one user who locks no other
    /// memory; resource_limit::unlimited if it does not count. REQUIRES: has_ring().
    std::uint64_t rings_within_limit() const noexcept;

    /// Looks at everything now. Creates and destroys some rings with the options, one
    /// after the other.
    static environment inspect(const ring_options& options = {});

    /// Whether a context gets a ring here, in one line; without a ring a second one with
    /// the cause and the remedy.
    std::string verdict() const;

    /// The verdict, and all else but the kernel's table, which kernel.to_string() has.
    std::string to_string() const;
};

ASIO_URING_DECL std::ostream& operator<<(std::ostream& stream, const environment& found);

} // namespace asio_uring
