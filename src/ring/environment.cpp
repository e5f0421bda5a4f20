// SPDX-License-Identifier: BSL-1.0

#include "setup.hpp"
#include "system.hpp"

#include <asio_uring/detail/ring/availability.hpp>
#include <asio_uring/ring/environment.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <array>
#include <ostream>

namespace asio_uring {

using detail::limit_text;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

std::size_t whole_pages(std::size_t bytes) noexcept
{
    constexpr std::size_t page = 4096;
    return (bytes + page - 1) / page * page;
}

// The kernel locks the map of both rings and the map of the entries, in whole pages.
std::size_t locked_bytes(const abi::setup_params& params) noexcept
{
    const std::size_t cqe_size = sizeof(abi::cqe)
                                 << ((params.flags & abi::setup_cqe32) != 0 ? 1 : 0);
    const std::size_t sqe_size = sizeof(abi::sqe)
                                 << ((params.flags & abi::setup_sqe128) != 0 ? 1 : 0);
    std::size_t rings = params.cq_off.cqes + params.cq_entries * cqe_size;
    if ((params.flags & abi::setup_no_sqarray) == 0)
        rings = std::max(
            rings, params.sq_off.array + params.sq_entries * sizeof(std::uint32_t));
    return whole_pages(rings) + whole_pages(params.sq_entries * sqe_size);
}

ring_cost cost_of(const ring_options& options, boost::system::error_code& ec)
{
    ring_cost cost;
    {
        abi::setup_params params{};
        const detail::unique_fd scratch{detail::negotiate_setup(options, params, ec)};
        if (ec)
            return cost;
        cost.sq_entries = params.sq_entries;
        cost.cq_entries = params.cq_entries;
        cost.setup_flags = params.flags;
        cost.locked_bytes = locked_bytes(params);
    }
    constexpr int tries = 8;
    cost.time = nanoseconds::max();
    for (int count = 0; count != tries; ++count) {
        const auto start = steady_clock::now();
        {
            const ring one = ring::create(options, ec);
            if (!ec && count == 0)
                ec = detail::try_out(one);
        }
        if (ec)
            return {};
        cost.time = std::min<nanoseconds>(cost.time, steady_clock::now() - start);
    }
    return cost;
}

void ask_for_workers(environment& found, const ring_options& options)
{
    boost::system::error_code ec;
    ring scratch = ring::create(options, ec);
    std::array<unsigned, 2> workers{0, 0}; // zeros change nothing
    if (ec ||
        scratch.register_call(abi::register_op::iowq_max_workers, workers.data(), 2) < 0)
        return;
    found.bounded_workers = workers[0];
    found.unbounded_workers = workers[1];
}

std::string limit_line(const char* name, const resource_limit& limit, const char* unit)
{
    return std::string{name} + limit_text(limit.soft, unit) + " (at most " +
           limit_text(limit.hard, unit) + ")";
}

std::string optional_text(const auto& value)
{
    return value ? std::to_string(*value) : "unknown";
}

const char* seccomp_text(seccomp_mode mode) noexcept
{
    switch (mode) {
    case seccomp_mode::off:
        return "off";
    case seccomp_mode::strict:
        return "strict: no system calls but read, write and exit";
    case seccomp_mode::filter:
        return "a filter decides on system calls";
    case seccomp_mode::unknown:
        break;
    }
    return "unknown";
}

std::string cost_text(const environment& found)
{
    const ring_cost& cost = found.cost;
    const auto tenths = cost.time.count() / 100;
    const std::uint64_t fit = found.rings_within_limit();
    return "  entries " + std::to_string(cost.sq_entries) + ", completions " +
           std::to_string(cost.cq_entries) + ", setup flags [" +
           detail::setup_flag_names(cost.setup_flags) +
           "]\n  cost: " + std::to_string(cost.locked_bytes / 1024) +
           " KiB of locked memory, " + std::to_string(tenths / 10) + '.' +
           std::to_string(tenths % 10) + " us to create and destroy\n  room: " +
           (fit == resource_limit::unlimited
                ? "locked memory does not limit their number"
                : std::to_string(fit) + " such rings within the memory-lock limit, if "
                                        "the user locks nothing else") +
           '\n';
}

} // namespace

std::uint64_t environment::rings_within_limit() const noexcept
{
    if (memory_lock_ignored || locked_memory.soft == resource_limit::unlimited)
        return resource_limit::unlimited;
    return locked_memory.soft / std::max<std::size_t>(cost.locked_bytes, 1);
}

environment environment::inspect(const ring_options& options)
{
    environment found;
    found.kernel = kernel_features::probe();
    found.locked_memory = detail::limit_of(detail::limit::locked_memory);
    found.descriptors = detail::limit_of(detail::limit::descriptors);
    found.processes = detail::limit_of(detail::limit::processes);
    found.memory_lock_ignored = detail::has_capability(detail::cap_ipc_lock);
    const auto disabled = detail::number_in("/proc/sys/kernel/io_uring_disabled");
    if (disabled)
        found.io_uring_disabled = static_cast<int>(*disabled);
    found.io_uring_group = detail::number_in("/proc/sys/kernel/io_uring_group");
    found.seccomp = detail::seccomp_of_thread();
    if (detail::environment_choice() == detail::ring_choice::off)
        found.error = make_error_code(errc::switched_off);
    else
        found.cost = cost_of(options, found.error);
    if (found.error)
        found.explanation = explain_setup_error(found.error, options);
    else
        ask_for_workers(found, options);
    return found;
}

std::string environment::verdict() const
{
    if (has_ring())
        return "ring: yes, a context gets one (kernel " + kernel.release() + ")\n";
    return "ring: none, a context runs on Asio's own epoll reactor, or throws where it "
           "was told to (kernel " +
           kernel.release() + ")\n  " + explanation + '\n';
}

std::string environment::to_string() const
{
    std::string text = verdict();
    if (has_ring())
        text += cost_text(*this);
    text += "limits\n";
    text += limit_line("  locked memory   ", locked_memory, " bytes");
    text += memory_lock_ignored ? ", ignored with CAP_IPC_LOCK\n" : "\n";
    text += limit_line("  descriptors     ", descriptors, "") + '\n';
    text += limit_line("  processes       ", processes, "") + '\n';
    text += "  kernel workers  " + optional_text(bounded_workers) + " bounded, " +
            optional_text(unbounded_workers) + " unbounded\n";
    text += "policy\n";
    text += "  kernel.io_uring_disabled  " + optional_text(io_uring_disabled) + '\n';
    text += "  kernel.io_uring_group     " + optional_text(io_uring_group) + '\n';
    text += std::string{"  seccomp                   "} + seccomp_text(seccomp) + '\n';
    return text;
}

std::ostream& operator<<(std::ostream& stream, const environment& found)
{
    return stream << found.to_string();
}

} // namespace asio_uring
