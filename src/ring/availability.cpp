// SPDX-License-Identifier: BSL-1.0

#include "setup.hpp"

#include <asio_uring/detail/ring/availability.hpp>
#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>

namespace asio_uring::detail {

namespace {

struct memory
{
    std::mutex mutex;
    refusal refused; // guarded by mutex
};

// Never destroyed: a context may be made by the destructor of another static object.
memory& remembered()
{
    static auto* const instance = new memory;
    return *instance;
}

bool is_final(const boost::system::error_code& ec) noexcept
{
    if (ec.category() == error_category())
        return ec == make_error_code(errc::kernel_too_old) ||
               ec == make_error_code(errc::entry_forbidden);
    return ec.value() == ENOSYS || ec.value() == EPERM || ec.value() == EACCES;
}

// KERNEL 6.1: SENDMSG_ZC is the youngest operation of the oldest kernel whose io_uring
// has all the loop is built on; a kernel with parts of a later one has it as well.
constexpr auto floor_operation = abi::opcode::sendmsg_zc;

template <typename Mode>
struct named_mode
{
    std::string_view name;
    Mode mode;
};

// What a variable of the environment says. Whoever sets it means to change something, and
// must not be left to think so.
template <typename Mode>
std::optional<Mode>
choice_of(const char* variable, named_mode<Mode> usual, named_mode<Mode> other)
{
    const char* const value = ::secure_getenv(variable);
    const std::string_view text = value != nullptr ? value : "";
    for (const named_mode<Mode>& each : {usual, other}) {
        if (text == each.name)
            return each.mode;
    }
    if (!text.empty())
        std::fprintf(
            stderr,
            "asio_uring: %s=%s is not known and changes nothing; it is \"%s\" or "
            "\"%s\"\n",
            variable,
            value,
            usual.name.data(),
            other.name.data());
    return std::nullopt;
}

// The same for a number.
std::optional<unsigned> number_of(const char* variable, const char* unit)
{
    const char* const value = ::secure_getenv(variable);
    const std::string_view text = value != nullptr ? value : "";
    unsigned number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number);
    if (!text.empty() && error == std::errc() && end == text.data() + text.size())
        return number;
    if (!text.empty())
        std::fprintf(
            stderr,
            "asio_uring: %s=%s is not known and changes nothing; it is a number of %s\n",
            variable,
            value,
            unit);
    return std::nullopt;
}

struct operation_probe
{
    abi::probe head;
    std::array<abi::probe_op, abi::opcode_count> operations;
};

} // namespace

ring_choice environment_choice() noexcept
{
    static const ring_choice choice = [] {
        const char* value = ::secure_getenv("ASIO_URING");
        const std::string_view text = value != nullptr ? value : "";
        if (text == "off" || text == "0")
            return ring_choice::off;
        if (text == "require")
            return ring_choice::require;
        // Whoever sets it means to change something, and must not be left to think so.
        if (!text.empty() && text != "auto")
            std::fprintf(
                stderr,
                "asio_uring: ASIO_URING=%s is not known and changes nothing; it is "
                "\"off\", \"require\" or \"auto\"\n",
                value);
        return ring_choice::automatic;
    }();
    return choice;
}

std::optional<write_mode> environment_writes() noexcept
{
    static const auto choice = choice_of<write_mode>(
        "ASIO_URING_WRITES",
        {"at-once", write_mode::at_once},
        {"batched", write_mode::batched});
    return choice;
}

std::optional<read_mode> environment_reads() noexcept
{
    static const auto choice = choice_of<read_mode>(
        "ASIO_URING_READS",
        {"request", read_mode::by_request},
        {"readiness", read_mode::by_readiness});
    return choice;
}

std::optional<unsigned> environment_spin() noexcept
{
    static const auto choice = number_of("ASIO_URING_SPIN", "microseconds");
    return choice;
}

refusal make_refusal(const boost::system::error_code& reason, const ring_options& options)
{
    return {reason, explain_setup_error(reason, options)};
}

refusal environment_refusal()
{
    if (environment_choice() != ring_choice::off)
        return {};
    return make_refusal(make_error_code(errc::switched_off), {});
}

refusal valgrind_refusal()
{
    // Valgrind loads a library of its own before all others, whatever its tool is.
    static const bool under_valgrind = [] {
        const char* const loaded = std::getenv("LD_PRELOAD");
        return loaded != nullptr &&
               std::string_view(loaded).find("vgpreload_core") != std::string_view::npos;
    }();
    return under_valgrind ? make_refusal(make_error_code(errc::valgrind), {}) : refusal();
}

refusal known_refusal()
{
    if (refusal off = environment_refusal(); off.reason)
        return off;
    memory& known = remembered();
    const std::lock_guard lock{known.mutex};
    return known.refused;
}

void remember(const refusal& refused)
{
    if (!is_final(refused.reason))
        return;
    memory& known = remembered();
    const std::lock_guard lock{known.mutex};
    known.refused = refused;
}

boost::system::error_code misuse_of(const ring_options& options) noexcept
{
    // The thread that made a ring is not the only one that enters and closes that of a
    // context.
    if (options.close_descriptor || (options.flags & abi::setup_registered_fd_only) != 0)
        return make_error_code(errc::no_ring_descriptor);
    return validate(options);
}

boost::system::error_code try_out(const ring& made) noexcept
{
    const auto forbidden = [](int result) {
        return result == -EPERM || result == -EACCES || result == -ENOSYS;
    };
    // A ring that waits to be enabled answers with EBADFD, which is an answer as well.
    const int fd = made.native_handle();
    if (forbidden(sys_enter(fd, 0, 0, 0, nullptr, 0)))
        return make_error_code(errc::entry_forbidden);
    operation_probe answer{};
    const int probed = sys_register(
        fd, static_cast<unsigned>(abi::register_op::probe), &answer, abi::opcode_count);
    if (forbidden(probed))
        return make_error_code(errc::entry_forbidden);
    if (probed < 0)
        return make_error_code(errc::kernel_too_old);
    const std::size_t listed =
        std::min<std::size_t>(answer.head.ops_len, answer.operations.size());
    return judge_operations(std::span(answer.operations).first(listed));
}

boost::system::error_code judge_operations(std::span<const abi::probe_op> listed) noexcept
{
    constexpr auto index = static_cast<std::size_t>(floor_operation);
    if (index < listed.size() && (listed[index].flags & abi::op_supported) != 0)
        return {};
    return make_error_code(errc::kernel_too_old);
}

} // namespace asio_uring::detail
