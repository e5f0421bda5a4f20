// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: check ring options and agree on setup flags with the running
// kernel. Thread: any. Lifetime: none. Private to the compiled part of the library.
#pragma once

#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/ring_options.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace asio_uring::detail {

/// One setup flag: its name, the first kernel that knows it, and what it goes with.
struct setup_flag_info
{
    std::uint32_t flag;
    const char* name;
    const char* first_kernel;
    std::uint32_t needs_one_of; ///< 0, or flags of which one has to be there
    std::uint32_t excludes;     ///< flags that must not be there
};

/// All setup flags, in ascending order of bit.
std::span<const setup_flag_info> setup_flag_table() noexcept;

/// The names in `flags`, as "defer_taskrun, single_issuer".
std::string setup_flag_names(std::uint32_t flags);

/// The first flag of `required` that contradicts the others, or null. Companions may come
/// from `optional` as well.
const setup_flag_info*
find_conflict(std::uint32_t required, std::uint32_t optional) noexcept;

/// What can be said about the options without asking the kernel.
boost::system::error_code validate(const ring_options& options) noexcept;

/// The same about the sizes alone.
boost::system::error_code validate_sizes(const ring_options& options) noexcept;

/// The size of a page of memory.
std::size_t page_size() noexcept;

/// The size of the kernel's maps of a ring that is set up.
ring_memory_size size_of(const abi::setup_params& params) noexcept;

/// Whether the caller's memory for a ring will do.
bool usable_as_ring_memory(const ring_options& options) noexcept;

/// Calls io_uring_setup with as many optional flags as the kernel takes. Returns the
/// descriptor, or with abi::setup_registered_fd_only the index, and fills `params`, or
/// returns -1 and sets `ec`. Where a flag may be abi::setup_no_mmap, `params` brings the
/// addresses of the memory.
int negotiate_setup(
    const ring_options& options,
    abi::setup_params& params,
    boost::system::error_code& ec) noexcept;

/// Entries of a ring that is made only to ask the kernel something. The kernel sizes the
/// worker pool of a thread by the thread's first ring, up to four workers per CPU, and
/// keeps it for all later ones: a first ring of one entry would leave one worker.
unsigned scratch_entries() noexcept;

/// Gives the ring's index of the calling thread back.
void give_back_index(const register_target& target) noexcept;

/// The setup flags the running kernel knows, found by asking it or by trial.
std::uint32_t probe_setup_flags() noexcept;

/// The same by trial alone.
std::uint32_t try_setup_flags() noexcept;

/// Asks the kernel what it knows, with no ring; false below kernel 6.18.
bool query_kernel(abi::query_opcode& answer) noexcept;

/// "6.18.1", as uname(2) reports it.
std::string running_kernel();

} // namespace asio_uring::detail
