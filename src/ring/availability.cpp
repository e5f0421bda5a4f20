// SPDX-License-Identifier: BSL-1.0

#include "setup.hpp"

#include <asio_uring/detail/ring/availability.hpp>
#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string_view>

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
    static const std::optional<write_mode> choice = []() -> std::optional<write_mode> {
        const char* value = ::secure_getenv("ASIO_URING_WRITES");
        const std::string_view text = value != nullptr ? value : "";
        if (text == "batched")
            return write_mode::batched;
        if (text == "at-once")
            return write_mode::at_once;
        if (!text.empty())
            std::fprintf(
                stderr,
                "asio_uring: ASIO_URING_WRITES=%s is not known and changes nothing; it "
                "is \"batched\" or \"at-once\"\n",
                value);
        return std::nullopt;
    }();
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
