// SPDX-License-Identifier: BSL-1.0

#include "setup.hpp"

#include <asio_uring/detail/ring/spare_ring.hpp>
#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/detail/ring/wait_budget.hpp>
#include <asio_uring/ring/error.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <mutex>

#include <sys/utsname.h>

#include <time.h>
#include <unistd.h>

namespace asio_uring::detail {

namespace {

constexpr std::uint32_t deferral = abi::setup_coop_taskrun | abi::setup_defer_taskrun;

constexpr std::array<setup_flag_info, 21> flag_table{{
    {abi::setup_iopoll, "iopoll", "5.1", 0, 0},
    {abi::setup_sqpoll, "sqpoll", "5.1", 0, deferral | abi::setup_taskrun_flag},
    {abi::setup_sq_aff, "sq_aff", "5.1", abi::setup_sqpoll, 0},
    {abi::setup_cqsize, "cqsize", "5.5", 0, 0},
    {abi::setup_clamp, "clamp", "5.6", 0, 0},
    {abi::setup_attach_wq, "attach_wq", "5.6", 0, 0},
    {abi::setup_r_disabled, "r_disabled", "5.10", 0, 0},
    {abi::setup_submit_all, "submit_all", "5.18", 0, 0},
    {abi::setup_coop_taskrun, "coop_taskrun", "5.19", 0, 0},
    {abi::setup_taskrun_flag, "taskrun_flag", "5.19", deferral, 0},
    {abi::setup_sqe128, "sqe128", "5.19", 0, 0},
    {abi::setup_cqe32, "cqe32", "5.19", 0, abi::setup_cqe_mixed},
    {abi::setup_single_issuer, "single_issuer", "6.0", 0, 0},
    {abi::setup_defer_taskrun, "defer_taskrun", "6.1", abi::setup_single_issuer, 0},
    {abi::setup_no_mmap, "no_mmap", "6.5", 0, 0},
    {abi::setup_registered_fd_only, "registered_fd_only", "6.5", abi::setup_no_mmap, 0},
    {abi::setup_no_sqarray, "no_sqarray", "6.6", 0, 0},
    {abi::setup_hybrid_iopoll, "hybrid_iopoll", "6.13", abi::setup_iopoll, 0},
    {abi::setup_cqe_mixed, "cqe_mixed", "6.18", 0, 0},
    {abi::setup_sqe_mixed, "sqe_mixed", "6.19", 0, abi::setup_sqe128},
    {abi::setup_sq_rewind, "sq_rewind", "7.0", abi::setup_no_sqarray, abi::setup_sqpoll},
}};

// KERNEL 6.12: ring memory is charged to RLIMIT_MEMLOCK, and a closed ring gives its
// share back some milliseconds after close(2). A short, bounded wait tells the two cases
// of ENOMEM apart: memory on its way back, and memory that is not there. A program that
// makes many rings learns that once and not with each of them.
constexpr std::chrono::milliseconds first_wait{2};
constexpr std::chrono::milliseconds last_wait{32};

class wait_for_memory
{
public:
    /// Waits, unless the waits of this process have taken too long already. Returns
    /// whether it waited.
    static bool wait(std::chrono::milliseconds time) noexcept
    {
        {
            const std::lock_guard lock{mutex};
            if (budget.left(wait_budget::clock::now()) < time)
                return false;
            budget.spend(time);
        }
        const ::timespec pause{0, std::chrono::nanoseconds{time}.count()};
        ::nanosleep(&pause, nullptr);
        return true;
    }

private:
    static inline constinit std::mutex mutex;
    static inline constinit wait_budget budget{16 * last_wait};
};

int setup_with_backoff(unsigned entries, abi::setup_params& params) noexcept
{
    const abi::setup_params request = params;
    int result = sys_setup(entries, params);
    const bool full = result == -ENOMEM || result == -EMFILE || result == -ENFILE;
    if (full && drop_spare_ring()) {
        params = request;
        result = sys_setup(entries, params);
    }
    for (auto time = first_wait; result == -ENOMEM && time <= last_wait; time *= 2) {
        if (!wait_for_memory::wait(time))
            break;
        params = request;
        result = sys_setup(entries, params);
    }
    return result;
}

abi::setup_params request_of(
    const ring_options& options,
    std::uint32_t flags,
    const abi::setup_params& memory) noexcept
{
    abi::setup_params params{};
    params.flags = flags;
    if ((flags & abi::setup_no_mmap) != 0) {
        params.sq_off.user_addr = memory.sq_off.user_addr;
        params.cq_off.user_addr = memory.cq_off.user_addr;
    }
    params.sq_thread_cpu = options.sq_thread_cpu;
    params.sq_thread_idle = options.sq_thread_idle_ms;
    if (options.cq_entries != 0) {
        params.flags |= abi::setup_cqsize;
        params.cq_entries = options.cq_entries;
    }
    if ((flags & abi::setup_attach_wq) != 0)
        params.wq_fd = static_cast<std::uint32_t>(options.attach_wq_fd);
    return params;
}

// Optional flags that can never go with the required ones must not cost the others a
// trial.
std::uint32_t usable_optional_flags(const ring_options& options) noexcept
{
    std::uint32_t optional = options.optional_flags & ~options.flags;
    for (const setup_flag_info& info : flag_table) {
        if ((options.flags & info.flag) != 0)
            optional &= ~info.excludes;
        if ((info.excludes & options.flags) != 0)
            optional &= ~info.flag;
    }
    return optional;
}

} // namespace

void give_back_index(const register_target& target) noexcept
{
    abi::rsrc_update update{};
    update.offset = static_cast<std::uint32_t>(target.fd());
    target.call(abi::register_op::unregister_ring_fds, &update, 1);
}

std::span<const setup_flag_info> setup_flag_table() noexcept { return flag_table; }

std::string setup_flag_names(std::uint32_t flags)
{
    std::string names;
    for (const setup_flag_info& info : flag_table) {
        if ((flags & info.flag) == 0)
            continue;
        if (!names.empty())
            names += ", ";
        names += info.name;
        flags &= ~info.flag;
    }
    if (flags != 0)
        names += (names.empty() ? "bit mask " : ", bit mask ") + std::to_string(flags);
    return names;
}

const setup_flag_info*
find_conflict(std::uint32_t required, std::uint32_t optional) noexcept
{
    for (const setup_flag_info& info : flag_table) {
        if ((required & info.flag) == 0)
            continue;
        if (info.needs_one_of != 0 && ((required | optional) & info.needs_one_of) == 0)
            return &info;
        if ((required & info.excludes) != 0)
            return &info;
    }
    return nullptr;
}

boost::system::error_code validate(const ring_options& options) noexcept
{
    std::uint32_t offered = 0;
    for (const setup_flag_info& info : flag_table)
        offered |= info.flag;
    if ((options.flags & ~offered) != 0)
        return make_error_code(errc::setup_flag_not_offered);
    if (find_conflict(options.flags, options.optional_flags) != nullptr)
        return make_error_code(errc::conflicting_setup_flags);
    if (const boost::system::error_code ec = validate_sizes(options))
        return ec;
    const bool lent = !options.ring_memory.empty() || !options.entry_memory.empty();
    if (lent && !usable_as_ring_memory(options))
        return make_error_code(errc::ring_memory_unusable);
    return {};
}

boost::system::error_code validate_sizes(const ring_options& options) noexcept
{
    const bool clamp = (options.flags & abi::setup_clamp) != 0;
    if (options.entries == 0 || (options.entries > abi::sq_entries_max && !clamp))
        return make_error_code(errc::entries_out_of_range);
    if (options.cq_entries == 0)
        return (options.flags & abi::setup_cqsize) != 0
                   ? make_error_code(errc::cq_entries_out_of_range)
                   : boost::system::error_code{};
    if (options.cq_entries > abi::cq_entries_max && !clamp)
        return make_error_code(errc::cq_entries_out_of_range);
    if (!clamp && std::bit_ceil(options.cq_entries) < std::bit_ceil(options.entries))
        return make_error_code(errc::cq_entries_out_of_range);
    return {};
}

int negotiate_setup(
    const ring_options& options,
    abi::setup_params& params,
    boost::system::error_code& ec) noexcept
{
    ec = validate(options);
    if (ec == make_error_code(errc::setup_flag_not_offered) &&
        (options.flags & ~probe_setup_flags()) != 0)
        ec = make_error_code(errc::unsupported_setup_flag);
    if (ec)
        return -1;
    std::uint32_t optional = usable_optional_flags(options);
    const abi::setup_params memory = params;
    for (;;) {
        params = request_of(options, options.flags | optional, memory);
        const int result = setup_with_backoff(options.entries, params);
        if (result >= 0)
            return result;
        if (result != -EINVAL || optional == 0) {
            ec = {-result, boost::system::system_category()};
            break;
        }
        // Flags are numbered in order of appearance: the highest bit is the newest flag.
        optional &= ~std::bit_floor(optional);
    }
    if (ec.value() == EINVAL && (options.flags & ~probe_setup_flags()) != 0)
        ec = make_error_code(errc::unsupported_setup_flag);
    return -1;
}

unsigned scratch_entries() noexcept
{
    const long cpus = std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1L, 256L);
    return std::bit_ceil(4 * static_cast<unsigned>(cpus));
}

std::uint32_t probe_setup_flags() noexcept
{
    abi::query_opcode answer{};
    if (query_kernel(answer))
        return static_cast<std::uint32_t>(answer.ring_setup_flags);
    return try_setup_flags();
}

bool query_kernel(abi::query_opcode& answer) noexcept
{
    // KERNEL 6.18: IORING_REGISTER_QUERY answers without a ring.
    abi::query_hdr query{};
    query.query_data = reinterpret_cast<std::uintptr_t>(&answer);
    query.query_op = abi::query_opcodes;
    query.size = sizeof answer;
    const auto opcode = static_cast<unsigned>(abi::register_op::query);
    return sys_register(-1, opcode, &query, 0) >= 0 && query.result >= 0;
}

std::uint32_t try_setup_flags() noexcept
{
    // The flag, and what the flag goes with. attach_wq needs a second ring; it
    // is older than r_disabled, which does not. no_mmap needs memory: without it a kernel
    // that knows the flag complains about the address.
    const unsigned entries = scratch_entries();
    std::uint32_t known = 0;
    for (const setup_flag_info& info : flag_table) {
        abi::setup_params params{};
        params.flags = info.flag | info.needs_one_of;
        if (info.flag == abi::setup_taskrun_flag)
            params.flags = info.flag | abi::setup_coop_taskrun;
        if (info.flag == abi::setup_cqsize)
            params.cq_entries = 2 * entries;
        const int result = sys_setup(entries, params);
        const unique_fd trial{result};
        if (trial || ((params.flags & abi::setup_no_mmap) != 0 && result == -EFAULT))
            known |= info.flag;
    }
    if ((known & abi::setup_r_disabled) != 0)
        known |= abi::setup_attach_wq;
    return known;
}

std::string running_kernel()
{
    ::utsname name{};
    if (::uname(&name) != 0)
        return "unknown";
    std::string release{name.release};
    return release.substr(0, release.find_first_not_of("0123456789."));
}

} // namespace asio_uring::detail
