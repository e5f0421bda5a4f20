// SPDX-License-Identifier: BSL-1.0

#include "names.hpp"
#include "probe.hpp"
#include "setup.hpp"

#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/kernel_features.hpp>

#include <cerrno>
#include <cstddef>
#include <mutex>
#include <optional>
#include <ostream>

namespace asio_uring {

namespace {

/// The first `count` bits, as many as there are.
template <std::size_t Size>
std::bitset<Size> first_bits(std::size_t count) noexcept
{
    return count >= Size ? ~std::bitset<Size>{} : ~(~std::bitset<Size>{} << count);
}

bool has(const kernel_features& kernel, const detail::part_info& part)
{
    switch (part.by) {
    case detail::sign::opcode:
        return kernel.supports(static_cast<abi::opcode>(part.value));
    case detail::sign::register_call:
        return kernel.supports(static_cast<abi::register_op>(part.value));
    case detail::sign::setup_flag:
        return kernel.supports_setup(part.value);
    case detail::sign::feature:
        return kernel.supports_feature(part.value);
    case detail::sign::version:
        break;
    }
    return kernel.available() && detail::is_at_least(kernel.release(), part.first_kernel);
}

void append_row(std::string& text, const kernel_feature& row)
{
    constexpr std::size_t name_width = 30;
    text += "  ";
    text += row.name;
    text.append(row.name.size() < name_width ? name_width - row.name.size() : 1, ' ');
    text += row.first_kernel;
    text.append(row.first_kernel.size() < 6 ? 6 - row.first_kernel.size() : 1, ' ');
    text += row.present ? "yes" : "no";
    text += row.derived ? " (by version)\n" : "\n";
}

} // namespace

std::string_view opcode_name(abi::opcode code) noexcept
{
    const auto index = static_cast<std::size_t>(code);
    return index < abi::opcode_count ? detail::opcode_table[index].name : "";
}

std::string_view opcode_first_kernel(abi::opcode code) noexcept
{
    const auto index = static_cast<std::size_t>(code);
    return index < abi::opcode_count ? detail::opcode_table[index].first_kernel : "";
}

kernel_features kernel_features::probe()
{
    kernel_features result;
    result.release_ = detail::running_kernel();
    // Some register calls are refused on rings that complete in any thread.
    constexpr std::uint32_t own_thread =
        abi::setup_single_issuer | abi::setup_defer_taskrun;
    abi::setup_params params{};
    const detail::unique_fd scratch{detail::negotiate_setup(
        {.entries = detail::scratch_entries(), .optional_flags = own_thread},
        params,
        result.error_)};
    if (result.error_)
        return result;
    result.features_ = params.features;
    result.opcodes_ = detail::probe_opcodes(scratch.get());
    abi::query_opcode answer{};
    result.asked_ = detail::query_kernel(answer);
    if (!result.asked_) {
        result.try_everything(scratch.get());
        return result;
    }
    result.register_calls_ = first_bits<64>(answer.nr_register_opcodes);
    result.setup_flags_ = static_cast<std::uint32_t>(answer.ring_setup_flags);
    result.enter_flags_ = static_cast<std::uint32_t>(answer.enter_flags);
    result.sqe_flags_ = static_cast<std::uint8_t>(answer.sqe_flags);
    return result;
}

void kernel_features::try_everything(int ring_fd)
{
    setup_flags_ = detail::try_setup_flags();
    enter_flags_ = detail::try_enter_flags(ring_fd, setup_flags_);
    sqe_flags_ = detail::sqe_flags_of(features_);
    register_calls_ = detail::try_register_calls(ring_fd, opcodes_);
}

kernel_features kernel_features::running()
{
    static std::mutex mutex;
    static std::optional<kernel_features> answer; // guarded by mutex
    const std::lock_guard lock{mutex};
    if (answer)
        return *answer;
    kernel_features now = probe();
    const int error = now.error_.value();
    if (!now.error_ || error == ENOSYS || error == EPERM)
        answer = now;
    return now;
}

bool kernel_features::supports(abi::opcode code) const noexcept
{
    return opcodes_[static_cast<std::size_t>(code)];
}

bool kernel_features::supports(abi::register_op code) const noexcept
{
    const auto index = static_cast<std::size_t>(code);
    return index < register_calls_.size() && register_calls_[index];
}

bool kernel_features::supports_setup(std::uint32_t flags) const noexcept
{
    return (setup_flags_ & flags) == flags;
}

bool kernel_features::supports_enter(std::uint32_t flags) const noexcept
{
    return (enter_flags_ & flags) == flags;
}

bool kernel_features::supports_sqe(std::uint8_t flags) const noexcept
{
    return (sqe_flags_ & flags) == flags;
}

bool kernel_features::supports_feature(std::uint32_t bits) const noexcept
{
    return (features_ & bits) == bits;
}

std::vector<kernel_feature> kernel_features::table() const
{
    std::vector<kernel_feature> rows;
    for (std::size_t index = 0; index != detail::opcode_table.size(); ++index) {
        const detail::opcode_info& info = detail::opcode_table[index];
        rows.push_back({"operations", info.name, info.first_kernel, opcodes_[index]});
    }
    for (std::size_t index = 0; index != detail::register_table.size(); ++index) {
        const detail::register_info& info = detail::register_table[index];
        rows.push_back(
            {"register calls", info.name, info.first_kernel, register_calls_[index]});
    }
    for (const detail::setup_flag_info& info : detail::setup_flag_table())
        rows.push_back(
            {"setup flags", info.name, info.first_kernel, supports_setup(info.flag)});
    for (const detail::flag_info& info : detail::enter_flag_table)
        rows.push_back(
            {"enter flags", info.name, info.first_kernel, supports_enter(info.flag)});
    for (const detail::flag_info& info : detail::sqe_flag_table) {
        const bool known = supports_sqe(static_cast<std::uint8_t>(info.flag));
        rows.push_back({"entry flags", info.name, info.first_kernel, known});
    }
    for (const detail::flag_info& info : detail::feature_table)
        rows.push_back(
            {"feature bits", info.name, info.first_kernel, supports_feature(info.flag)});
    for (const detail::part_info& info : detail::part_table) {
        const bool derived = info.by == detail::sign::version;
        rows.push_back(
            {info.group, info.name, info.first_kernel, has(*this, info), derived});
    }
    return rows;
}

std::string kernel_features::to_string() const
{
    std::string text = "io_uring of kernel " + release_ + ": ";
    if (error_)
        return text +
               explain_setup_error(error_, {.entries = detail::scratch_entries()}) + '\n';
    text += "available\n";
    std::string_view group;
    for (const kernel_feature& row : table()) {
        if (row.group != group) {
            group = row.group;
            text += group;
            text += '\n';
        }
        append_row(text, row);
    }
    return text;
}

std::ostream& operator<<(std::ostream& stream, const kernel_features& features)
{
    return stream << features.to_string();
}

} // namespace asio_uring
