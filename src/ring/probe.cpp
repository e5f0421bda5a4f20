// SPDX-License-Identifier: BSL-1.0

#include "probe.hpp"

#include "names.hpp"

#include <asio_uring/detail/ring/syscall.hpp>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <utility>

namespace asio_uring::detail {

namespace {

std::pair<unsigned, unsigned> version_of(std::string_view release) noexcept
{
    std::pair<unsigned, unsigned> version{0, 0};
    const char* end = release.data() + release.size();
    const auto major = std::from_chars(release.data(), end, version.first);
    if (major.ptr != end && *major.ptr == '.')
        std::from_chars(major.ptr + 1, end, version.second);
    return version;
}

bool knows_register_call(int ring_fd, unsigned index) noexcept
{
    const register_info& info = register_table[index];
    // Aligned, and in the first page, which nobody maps: the kernel cannot read it.
    const auto* const bad_address = reinterpret_cast<const void*>(sizeof(std::uint64_t));
    const auto* const argument =
        info.argument == register_info::argument::none ? nullptr : bad_address;
    // These two are made without a ring.
    const bool ringless =
        index == static_cast<unsigned>(abi::register_op::send_msg_ring) ||
        index == static_cast<unsigned>(abi::register_op::query);
    const int result = sys_register(ringless ? -1 : ring_fd, index, argument, info.count);
    return result != -EINVAL && result != -ENOSYS;
}

} // namespace

std::bitset<256> probe_opcodes(int ring_fd) noexcept
{
    struct
    {
        abi::probe head;
        std::array<abi::probe_op, 256> operations;
    } answer{};
    std::bitset<256> known;
    const auto opcode = static_cast<unsigned>(abi::register_op::probe);
    if (sys_register(ring_fd, opcode, &answer, 256) < 0)
        return known;
    for (std::size_t index = 0; index != answer.head.ops_len; ++index) {
        const abi::probe_op& operation = answer.operations[index];
        known[operation.op] = (operation.flags & abi::op_supported) != 0;
    }
    return known;
}

std::bitset<64> try_register_calls(int ring_fd, const std::bitset<256>& opcodes) noexcept
{
    using enum abi::register_op;
    const auto bit = [](abi::register_op code) { return static_cast<std::size_t>(code); };

    std::bitset<64> known;
    if (opcodes.none())
        return known; // a policy forbids io_uring_register itself
    for (unsigned index = 0; index != register_table.size(); ++index)
        known[index] = knows_register_call(ring_fd, index);

    // These fail in the same way whether they are known or not, so what came with them
    // speaks for them.
    known[bit(unregister_personality)] = known[bit(personality)];
    known[bit(unregister_iowq_aff)] = known[bit(iowq_aff)];
    known[bit(zcrx_ifq)] = opcodes[static_cast<std::size_t>(abi::opcode::recv_zc)];
    return known;
}

// An enter that submits nothing and waits for nothing fails on a flag the kernel does not
// know, and only on that.
std::uint32_t try_enter_flags(int ring_fd, std::uint32_t setup_flags) noexcept
{
    std::uint32_t known = abi::enter_getevents;
    for (const flag_info& info : enter_flag_table) {
        if (info.flag == abi::enter_getevents || info.flag == abi::enter_registered_ring)
            continue;
        if (sys_enter(ring_fd, 0, 0, info.flag, nullptr, 0) >= 0)
            known |= info.flag;
    }
    // KERNEL 5.18: registered ring indices came together with SETUP_SUBMIT_ALL. The flag
    // cannot be tried with a plain descriptor.
    if ((setup_flags & abi::setup_submit_all) != 0)
        known |= abi::enter_registered_ring;
    return known;
}

std::uint8_t sqe_flags_of(std::uint32_t features) noexcept
{
    // Every kernel with the features a ring here needs (5.11) has the first six.
    std::uint8_t known = abi::sqe_fixed_file | abi::sqe_io_drain | abi::sqe_io_link |
                         abi::sqe_io_hardlink | abi::sqe_async | abi::sqe_buffer_select;
    if ((features & abi::feat_cqe_skip) != 0)
        known |= abi::sqe_cqe_skip_success;
    return known;
}

bool is_at_least(std::string_view release, std::string_view first_kernel) noexcept
{
    return version_of(first_kernel) <= version_of(release);
}

} // namespace asio_uring::detail
