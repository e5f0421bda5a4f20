// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: the errors errno cannot express, and errors out of results.
// Thread: any. Lifetime: static.
#pragma once

#include <asio_uring/ring/abi/opcode.hpp>
#include <asio_uring/ring/config.hpp>

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <type_traits>

namespace asio_uring {

struct ring_options;

/// Errors of the library itself. All others are the system's, in boost's system category.
enum class errc
{
    /// The running kernel does not know a required setup flag.
    unsupported_setup_flag = 1,
    /// The library does not offer a required setup flag.
    setup_flag_not_offered,
    /// The required setup flags contradict each other.
    conflicting_setup_flags,
    /// ring_options::entries is out of range.
    entries_out_of_range,
    /// ring_options::cq_entries is out of range.
    cq_entries_out_of_range,
    /// io_uring exists but lacks what every ring here needs.
    kernel_too_old,
    /// The ring is not open.
    not_open,
    /// A single-issuer ring was entered by a second thread.
    wrong_thread,
    /// A single-issuer ring was asked for by a context that several threads may run.
    several_threads,
    /// The reactor of the context was made before the ring.
    reactor_exists,
    /// io_uring_setup is allowed, but not the calls that use what it makes.
    entry_forbidden,
    /// The environment variable ASIO_URING switches rings off.
    switched_off,
    /// The program runs under Valgrind, and several threads may run the context.
    valgrind,
    /// The context runs without a ring, and the operation is the ring's alone.
    no_ring,
    /// A child of a fork that the context was not told of runs it.
    fork_not_announced,
    /// The ring already has a table of registered buffers.
    buffers_registered,
    /// The ring already has a table of registered files.
    files_registered,
    /// The ring already has a buffer ring for this group.
    buffer_group_registered,
    /// The table of the ring has no such place.
    index_out_of_range,
    /// The table has no place, or more than the kernel allows.
    table_size_out_of_range,
    /// There are tags, but not one for each resource.
    tags_do_not_match,
    /// The memory-lock limit leaves no room for a registration.
    locked_memory_exhausted,
    /// A ring's descriptor was to go into a table of direct descriptors.
    ring_in_file_table,
    /// The number or the size of provided buffers is out of range.
    buffer_ring_out_of_range,
    /// The running kernel does not know a kind of buffer ring.
    unsupported_buffer_ring,
    /// A ring without a descriptor was asked for what needs one.
    no_ring_descriptor,
    /// The caller's memory for the kernel is misaligned, too small, or given by half.
    ring_memory_unusable,
    /// The ring was not set up in a way that lets it be resized.
    not_resizable,
    /// The new size does not hold what stands in the rings (compares equal to
    /// boost::system::errc::value_too_large).
    size_too_small,
    /// The call is for rings that are set up disabled and not enabled yet.
    ring_not_disabled,
    /// The ring has such a registration (compares equal to
    /// boost::system::errc::device_or_resource_busy).
    already_registered,
    /// The ring has no such registration (compares equal to
    /// boost::system::errc::no_such_device_or_address).
    not_registered,
    /// The running kernel does not know the register call (compares equal to
    /// boost::system::errc::function_not_supported).
    unsupported_register_call,
};

ASIO_URING_DECL const boost::system::error_category& error_category() noexcept;

inline boost::system::error_code make_error_code(errc value) noexcept
{
    return {static_cast<int>(value), error_category()};
}

/// The error in a result of the kernel: none for zero or more, else the errno it negates.
inline boost::system::error_code result_error(std::int32_t result) noexcept
{
    if (result >= 0) [[likely]]
        return {};
    // Codes 512 to 516 are the kernel's own "restart this call" notes. They are not meant
    // for user space, but a request cancelled inside a kernel worker lets them through.
    const std::int32_t error = result <= -512 && result >= -516 ? ECANCELED : -result;
    return {error, boost::system::system_category()};
}

/// The value in a result of the kernel: bytes, a descriptor, a count; zero for an error.
inline std::uint32_t result_value(std::int32_t result) noexcept
{
    return result >= 0 ? static_cast<std::uint32_t>(result) : 0;
}

/// Says in plain words why a ring could not be created and what to do about it: cause and
/// remedy, with the limit or sysctl value in force at the time of the call.
ASIO_URING_DECL std::string
explain_setup_error(const boost::system::error_code& ec, const ring_options& options);

/// Says in plain words why a register call failed and what to do about it, with the first
/// kernel that knows the call where the running one does not.
ASIO_URING_DECL std::string
explain_register_error(const boost::system::error_code& ec, abi::register_op call);

} // namespace asio_uring

template <>
struct boost::system::is_error_code_enum<asio_uring::errc> : std::true_type
{};
