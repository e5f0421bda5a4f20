// Layer: ring. Purpose: how a ring is set up.
// Thread: a plain value. Lifetime: none.
#ifndef ASIO_URING_RING_OPTIONS_HPP
#define ASIO_URING_RING_OPTIONS_HPP

#include <asio_uring/ring/abi/flags.hpp>

#include <cstdint>

namespace asio_uring {

/// How a ring is set up. Every member may be left at its default.
struct ring_options
{
    /// Submission entries: 1 to 32768, rounded up to a power of two. Ring memory counts
    /// against RLIMIT_MEMLOCK, so small is a virtue: 256 entries take about 28 KiB.
    unsigned entries = 256;

    /// Completion entries: 0 for twice the submission entries, else at least `entries`
    /// and at most 65536, rounded up to a power of two. Kernel 5.5.
    unsigned cq_entries = 0;

    /// Required setup flags (abi::setup_*). A flag the running kernel does not know makes
    /// setup fail with an error that names the flag and the first kernel that has it.
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
};

} // namespace asio_uring

#endif // ASIO_URING_RING_OPTIONS_HPP
