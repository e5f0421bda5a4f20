// SPDX-License-Identifier: BSL-1.0

#include "setup.hpp"
#include "system.hpp"

#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/ring_options.hpp>

#include <cerrno>
#include <string>

namespace asio_uring {

namespace {

using detail::first_line;
using detail::limit_text;
using detail::setup_flag_info;
using detail::setup_flag_names;

std::string no_permission()
{
    const std::string disabled = first_line("/proc/sys/kernel/io_uring_disabled");
    if (disabled == "2")
        return "the sysctl kernel.io_uring_disabled is 2, which forbids io_uring to "
               "every process; set it to 0 to allow it";
    if (disabled == "1" && !detail::has_capability(detail::cap_sys_admin))
        return "the sysctl kernel.io_uring_disabled is 1, which allows io_uring only "
               "with CAP_SYS_ADMIN or to the group of kernel.io_uring_group (now " +
               first_line("/proc/sys/kernel/io_uring_group") +
               "); set it to 0, or run the process in that group";
    if (detail::seccomp_of_thread() == seccomp_mode::filter)
        return "a seccomp filter of this process forbids io_uring_setup, as the "
               "default profiles of container runtimes do; allow the system calls "
               "io_uring_setup, io_uring_enter and io_uring_register in the profile";
    return "a security policy of this system forbids io_uring_setup; ask its "
           "administrator to allow it for this program";
}

std::string no_system_call()
{
    const bool filtered = detail::seccomp_of_thread() == seccomp_mode::filter;
    return std::string{"this kernel has no io_uring, or "} +
           (filtered ? "the seccomp filter of this process" : "a seccomp filter") +
           " hides it; run a kernel built with CONFIG_IO_URING, version 5.11 or newer, "
           "or allow the system calls io_uring_setup, io_uring_enter and "
           "io_uring_register in the filter's profile";
}

std::string no_memory(const ring_options& options)
{
    return "ring memory counts against the memory-lock limit of the user, which is " +
           limit_text(detail::limit_of(detail::limit::locked_memory).soft, " bytes") +
           " here, and " + std::to_string(options.entries) +
           " entries do not fit into what is left of it; raise RLIMIT_MEMLOCK (ulimit "
           "-l, LimitMEMLOCK= of a service), ask for fewer entries, or grant "
           "CAP_IPC_LOCK. If the limit is not reached the system itself is out of "
           "memory";
}

std::string unsupported_flag(const ring_options& options)
{
    std::uint32_t missing = options.flags & ~detail::probe_setup_flags();
    std::string text;
    const auto add = [&text](const std::string& part) {
        text += (text.empty() ? "setup flag " : ", setup flag ") + part;
    };
    for (const setup_flag_info& info : detail::setup_flag_table()) {
        if ((missing & info.flag) == 0)
            continue;
        add(std::string{info.name} + " needs kernel " + info.first_kernel);
        missing &= ~info.flag;
    }
    if (missing != 0)
        add(std::to_string(missing) + " is unknown to this library");
    return text + ", and this kernel is " + detail::running_kernel() +
           "; run a newer kernel, or move the flag to optional_flags";
}

std::string conflicting_flags(const ring_options& options)
{
    const setup_flag_info* info =
        detail::find_conflict(options.flags, options.optional_flags);
    if (info == nullptr)
        return "the required setup flags contradict each other";
    const std::string name = std::string{"setup flag "} + info->name;
    if ((options.flags & info->excludes) != 0)
        return name + " excludes " + setup_flag_names(options.flags & info->excludes) +
               "; give up one of them";
    return name + " needs one of " + setup_flag_names(info->needs_one_of) + "; add it";
}

std::string invalid_argument(const ring_options& options)
{
    return "the kernel (" + detail::running_kernel() + ") refuses the combination of " +
           std::to_string(options.entries) + " entries and setup flags [" +
           setup_flag_names(options.flags) +
           "]; start from the default ring_options and add one member at a time";
}

std::string bad_memory(const ring_options& options)
{
    const ring_memory_size needed = required_ring_memory(options);
    return "ring_options::ring_memory has " + std::to_string(options.ring_memory.size()) +
           " bytes and needs " + std::to_string(needed.rings) + ", entry_memory has " +
           std::to_string(options.entry_memory.size()) + " bytes and needs " +
           std::to_string(needed.entries) + "; both have to start at a multiple of " +
           std::to_string(detail::page_size()) +
           ". Leave both empty to let the ring allocate";
}

std::string own_error(errc value, const ring_options& options)
{
    switch (value) {
    case errc::unsupported_setup_flag:
        return unsupported_flag(options);
    case errc::conflicting_setup_flags:
        return conflicting_flags(options);
    case errc::setup_flag_not_offered:
        return "ring_options does not offer setup flags [" +
               setup_flag_names(options.flags) +
               "] here; leave out what has no name in asio_uring::abi, and for the "
               "ring of a context what changes how its queues are used";
    case errc::entries_out_of_range:
        return "ring_options::entries is " + std::to_string(options.entries) +
               "; it has to lie between 1 and " + std::to_string(abi::sq_entries_max);
    case errc::cq_entries_out_of_range:
        return "ring_options::cq_entries is " + std::to_string(options.cq_entries) +
               "; it has to be 0, or lie between entries (" +
               std::to_string(options.entries) + ") and " +
               std::to_string(abi::cq_entries_max);
    case errc::kernel_too_old:
        return "this kernel is " + detail::running_kernel() +
               ", and its io_uring lacks what this library needs; run kernel 5.11 or "
               "newer for a ring alone, 6.1 or newer for the ring of a context";
    case errc::not_open:
        return "the ring is not open; create it first";
    case errc::entry_forbidden:
        return "io_uring_setup is allowed here, but io_uring_enter or "
               "io_uring_register is forbidden, which is the work of a seccomp filter; "
               "allow all three system calls in the profile";
    case errc::switched_off:
        return "ASIO_URING=off in the environment switches io_uring off; unset it to "
               "allow rings";
    case errc::ring_memory_unusable:
        return bad_memory(options);
    default:
        break; // their messages say it all
    }
    return error_category().message(static_cast<int>(value));
}

std::string system_error(int value, const ring_options& options)
{
    switch (value) {
    case ENOSYS:
        return no_system_call();
    case EPERM:
    case EACCES:
        return no_permission();
    case ENOMEM:
        return no_memory(options);
    case EMFILE:
        return "the process has no file descriptor left, its limit is " +
               limit_text(detail::limit_of(detail::limit::descriptors).soft) +
               "; raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE= of a service), or close "
               "descriptors";
    case ENFILE:
        return "the system has no open file left; raise the sysctl fs.file-max (now " +
               first_line("/proc/sys/fs/file-max") + "), or close files";
    case EINVAL:
        return invalid_argument(options);
    case EBADF:
    case ENXIO:
        return "ring_options::attach_wq_fd (" + std::to_string(options.attach_wq_fd) +
               ") is not a ring; pass the native_handle() of an open one";
    default:
        return boost::system::system_category().message(value);
    }
}

} // namespace

std::string
explain_setup_error(const boost::system::error_code& ec, const ring_options& options)
{
    if (!ec)
        return "no error";
    const std::string text = ec.category() == error_category()
                                 ? own_error(static_cast<errc>(ec.value()), options)
                                 : system_error(ec.value(), options);
    return "cannot create an io_uring: " + text;
}

} // namespace asio_uring
