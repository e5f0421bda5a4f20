// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: how a ring is set up.
// Thread: a plain value. Lifetime: none.
#pragma once

#include <asio_uring/ring/abi/flags.hpp>
#include <asio_uring/ring/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace asio_uring {

/// When the writes of sockets reach the kernel.
enum class write_mode : std::uint8_t
{
    at_once, ///< by a call within the initiating function, as Asio's own
    batched, ///< as requests, with the next turn of their context
};

/// How the reads of sockets and pipes wait.
enum class read_mode : std::uint8_t
{
    by_request,   ///< as requests that bring their bytes
    by_readiness, ///< for readiness, as Asio's own; a call reads when there is some
};

/// How a ring is set up. Every member may be left at its default.
struct ring_options
{
    /// Submission entries: 1 to 32768, rounded up to a power of two. From kernel
    /// 6.12 on ring memory counts against RLIMIT_MEMLOCK, so small is a virtue: 256
    /// entries take about 28 KiB.
    unsigned entries = 256;

    /// Completion entries: 0 for twice the submission entries, else at least `entries`
    /// and at most 65536, rounded up to a power of two. Kernel 5.5.
    unsigned cq_entries = 0;

    /// Required setup flags (abi::setup_*). A flag the running kernel does not know makes
    /// setup fail with an error that names the flag and the first kernel that has it.
    ///
    /// With abi::setup_registered_fd_only, which needs setup_no_mmap, the ring has no
    /// descriptor: it cannot be polled, passed on, or named by another ring, and only the
    /// thread that creates it can use and close it. Kernel 6.5.
    std::uint32_t flags = 0;

    /// Setup flags taken when the running kernel knows them and dropped otherwise, newest
    /// first. A flag that contradicts a required one is dropped as well.
    std::uint32_t optional_flags = abi::setup_submit_all | abi::setup_no_sqarray;

    /// CPU of the kernel's polling thread; used with abi::setup_sq_aff. Kernel 5.1.
    unsigned sq_thread_cpu = 0;

    /// Idle milliseconds after which the polling thread sleeps, 0 for the kernel's
    /// default of one second; used with abi::setup_sqpoll. Kernel 5.1.
    unsigned sq_thread_idle_ms = 0;

    /// Ring whose polling thread is shared; used with abi::setup_attach_wq. Kernel 5.6.
    int attach_wq_fd = -1;

    /// Enter through a registered index instead of the descriptor, which saves the kernel
    /// a lookup. The index belongs to the thread that creates the ring: leave this off
    /// where several threads enter. Ignored by kernels that lack it. Kernel 5.18.
    bool register_ring_fd = false;

    /// The same, and close the descriptor: the ring takes no place in the table of the
    /// process, and only the creating thread can use and close it. It cannot be polled,
    /// passed on, named by another ring, or resized, and has no memory of the kernel for
    /// a buffer_ring. Where the kernel has no such rings, or the thread has no
    /// index left, the ring keeps its descriptor: native_handle() tells. Kernel 6.3.
    bool close_descriptor = false;

    /// When a context's sockets write; a ring without a context has none. Batched writes
    /// save a system call each, and are late by what their handler still does: a program
    /// that ends within a handler has not sent them. docs/porting.md has the rules.
    /// ASIO_URING_WRITES in the environment overrides this.
    write_mode writes = write_mode::at_once;

    /// How the reads of a context's objects wait; a ring without a context has none. A
    /// request costs less. Readiness takes nothing for a read that is cancelled, writes
    /// nothing into its buffer, and leaves urgent data alone. docs/porting.md has the
    /// difference. ASIO_URING_READS in the environment overrides this.
    read_mode reads = read_mode::by_request;

    /// Microseconds for which a thread that has nothing to do looks for completions of
    /// its context before it sleeps in the kernel, a second at most. What comes meanwhile
    /// costs no switch of threads, and is there some microseconds sooner; a processor
    /// is busy for that. docs/which-form.md says for whom this pays. A ring without a
    /// context does not look, nor does one that an earlier reactor watches.
    /// ASIO_URING_SPIN in the environment overrides this.
    unsigned spin_us = 0;

    /// Memory for both rings, used with abi::setup_no_mmap; empty to let the ring
    /// allocate. Starts at a page, is at least required_ring_memory() large, belongs to
    /// the ring until close(), and comes together with `entry_memory`. Its pages stay in
    /// use by the kernel for a moment after close(): give them back with munmap(2), or
    /// leave them alone for good, but do not put other data there. A program that forks
    /// marks them with MADV_DONTFORK. Below kernel 6.10 more than one page has to be a
    /// huge page. Kernel 6.5.
    std::span<std::byte> ring_memory{};

    /// Memory for the submission entries, under the same rules.
    std::span<std::byte> entry_memory{};
};

/// Bytes of whole pages.
struct ring_memory_size
{
    std::size_t rings = 0;   ///< for ring_options::ring_memory
    std::size_t entries = 0; ///< for ring_options::entry_memory
};

/// What a ring with these options takes at most.
ASIO_URING_DECL ring_memory_size
required_ring_memory(const ring_options& options) noexcept;

} // namespace asio_uring
