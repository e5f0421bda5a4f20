#include "names.hpp"
#include "setup.hpp"

#include <asio_uring/error.hpp>
#include <asio_uring/kernel_features.hpp>
#include <asio_uring/ring/syscall.hpp>
#include <asio_uring/ring/unique_fd.hpp>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <mutex>
#include <optional>
#include <ostream>
#include <utility>

namespace asio_uring {

namespace {

std::bitset<256> probe_opcodes(int fd) noexcept
{
    struct
    {
        abi::probe head;
        std::array<abi::probe_op, 256> operations;
    } answer{};
    std::bitset<256> known;
    const auto opcode = static_cast<unsigned>(abi::register_op::probe);
    if (detail::sys_register(fd, opcode, &answer, 256) < 0)
        return known;
    for (std::size_t index = 0; index != answer.head.ops_len; ++index) {
        const abi::probe_op& operation = answer.operations[index];
        known[operation.op] = (operation.flags & abi::op_supported) != 0;
    }
    return known;
}

// An enter that submits nothing and waits for nothing fails on a flag the kernel does not
// know, and only on that.
std::uint32_t probe_enter_flags(int fd, std::uint32_t setup_flags) noexcept
{
    std::uint32_t known = abi::enter_getevents;
    for (const detail::flag_info& info : detail::enter_flag_table) {
        if (info.flag == abi::enter_getevents || info.flag == abi::enter_registered_ring)
            continue;
        if (detail::sys_enter(fd, 0, 0, info.flag, nullptr, 0) >= 0)
            known |= info.flag;
    }
    // KERNEL 5.18: registered ring indices came together with SETUP_SUBMIT_ALL. The flag
    // cannot be tried with a plain descriptor.
    if ((setup_flags & abi::setup_submit_all) != 0)
        known |= abi::enter_registered_ring;
    return known;
}

std::pair<unsigned, unsigned> version_of(std::string_view release) noexcept
{
    std::pair<unsigned, unsigned> version{0, 0};
    const char* end = release.data() + release.size();
    const auto major = std::from_chars(release.data(), end, version.first);
    if (major.ptr != end && *major.ptr == '.')
        std::from_chars(major.ptr + 1, end, version.second);
    return version;
}

unsigned count_register_opcodes(std::string_view release) noexcept
{
    abi::query_opcode answer{};
    if (detail::query_kernel(answer))
        return answer.nr_register_opcodes;
    unsigned count = 0;
    for (const detail::opcode_info& info : detail::register_table) {
        if (version_of(info.first_kernel) <= version_of(release))
            ++count;
    }
    return count;
}

void append_row(
    std::string& text, std::string_view name, bool has, std::string_view first)
{
    text += "  ";
    text += name;
    text.append(name.size() < 24 ? 24 - name.size() : 1, ' ');
    text += has ? "yes  " : "no   ";
    text += first;
    text += '\n';
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
    abi::setup_params params{};
    const detail::unique_fd scratch{detail::negotiate_setup(
        {.entries = 1, .optional_flags = 0}, params, result.error_)};
    if (result.error_)
        return result;
    result.features_ = params.features;
    result.opcodes_ = probe_opcodes(scratch.get());
    result.setup_flags_ = detail::probe_setup_flags();
    result.enter_flags_ = probe_enter_flags(scratch.get(), result.setup_flags_);
    result.register_count_ = count_register_opcodes(result.release_);
    return result;
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
    return static_cast<unsigned>(code) < register_count_;
}

bool kernel_features::supports_setup(std::uint32_t flags) const noexcept
{
    return (setup_flags_ & flags) == flags;
}

bool kernel_features::supports_enter(std::uint32_t flags) const noexcept
{
    return (enter_flags_ & flags) == flags;
}

bool kernel_features::supports_feature(std::uint32_t bits) const noexcept
{
    return (features_ & bits) == bits;
}

std::string kernel_features::to_string() const
{
    std::string text = "io_uring of kernel " + release_ + ": ";
    if (error_)
        return text + explain_setup_error(error_, {.entries = 1}) + '\n';
    text += "available\noperations\n";
    for (std::size_t index = 0; index != detail::opcode_table.size(); ++index) {
        const detail::opcode_info& info = detail::opcode_table[index];
        append_row(text, info.name, opcodes_[index], info.first_kernel);
    }
    text += "register calls\n";
    for (unsigned index = 0; index != detail::register_table.size(); ++index) {
        const detail::opcode_info& info = detail::register_table[index];
        append_row(text, info.name, index < register_count_, info.first_kernel);
    }
    text += "setup flags\n";
    for (const detail::setup_flag_info& info : detail::setup_flag_table())
        append_row(text, info.name, supports_setup(info.flag), info.first_kernel);
    text += "enter flags\n";
    for (const detail::flag_info& info : detail::enter_flag_table)
        append_row(text, info.name, supports_enter(info.flag), info.first_kernel);
    text += "features\n";
    for (const detail::flag_info& info : detail::feature_table)
        append_row(text, info.name, supports_feature(info.flag), info.first_kernel);
    return text;
}

std::ostream& operator<<(std::ostream& stream, const kernel_features& features)
{
    return stream << features.to_string();
}

} // namespace asio_uring
