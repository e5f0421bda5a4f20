// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: what the running kernel's io_uring offers, found by asking it.
// Thread: a plain value; the static functions from any thread. Lifetime: none.
#pragma once

#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/config.hpp>

#include <boost/system/error_code.hpp>

#include <bitset>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace asio_uring {

/// "splice" for abi::opcode::splice; empty for a number without a name.
ASIO_URING_DECL std::string_view opcode_name(abi::opcode code) noexcept;

/// "5.7" for abi::opcode::splice: the first mainline kernel that has it.
ASIO_URING_DECL std::string_view opcode_first_kernel(abi::opcode code) noexcept;

/// One thing a kernel may offer. The texts live as long as the program.
struct kernel_feature
{
    std::string_view group;        ///< "operations", "setup flags", "timeout flags"...
    std::string_view name;         ///< as in namespace abi, less the prefix of its group
    std::string_view first_kernel; ///< "5.19": the first mainline kernel that has it
    bool present = false;          ///< the running kernel has it
    /// Nothing shows it but the version the kernel calls itself. A kernel that took the
    /// feature over from a newer one has it in spite of `present` being false.
    bool derived = false;
};

/// What the running kernel's io_uring offers.
///
/// Kernels of 6.18 and newer are asked; on older ones everything that can be tried is
/// tried on a scratch ring. Nothing comes from the headers of the machine the library was
/// built on. Flags of single operations can be neither asked for nor tried: they follow
/// from what came with them, or else from the kernel's version.
class ASIO_URING_DECL kernel_features
{
public:
    /// Asks the kernel now. Costs a few dozen system calls and some small rings, one
    /// after the other.
    static kernel_features probe();

    /// Asks the kernel once per process and remembers the answer. A refusal that can
    /// pass, such as a full descriptor table, is not remembered.
    static kernel_features running();

    /// Whether a ring can be created at all; if not, error() says why.
    bool available() const noexcept { return !error_; }
    boost::system::error_code error() const noexcept { return error_; }

    /// Whether the kernel answered for itself (6.18) and nothing had to be tried.
    bool asked() const noexcept { return asked_; }

    bool supports(abi::opcode code) const noexcept;
    bool supports(abi::register_op code) const noexcept;

    /// Whether all of the given flags (abi::setup_*, enter_*, sqe_*, feat_*) are known.
    bool supports_setup(std::uint32_t flags) const noexcept;
    bool supports_enter(std::uint32_t flags) const noexcept;
    bool supports_sqe(std::uint8_t flags) const noexcept;
    bool supports_feature(std::uint32_t bits) const noexcept;

    std::uint32_t setup_flags() const noexcept { return setup_flags_; }
    std::uint32_t enter_flags() const noexcept { return enter_flags_; }
    std::uint8_t sqe_flags() const noexcept { return sqe_flags_; }
    std::uint32_t features() const noexcept { return features_; }

    /// "6.18.1", as the kernel calls itself.
    const std::string& release() const noexcept { return release_; }

    /// Everything the library knows of, group by group, whether the kernel has it or not.
    std::vector<kernel_feature> table() const;

    /// The table as text; without a ring, why there is none and what helps.
    std::string to_string() const;

private:
    void try_everything(int ring_fd);

    std::string release_;
    boost::system::error_code error_;
    std::bitset<256> opcodes_;
    std::bitset<64> register_calls_;
    std::uint32_t setup_flags_ = 0;
    std::uint32_t enter_flags_ = 0;
    std::uint32_t features_ = 0;
    std::uint8_t sqe_flags_ = 0;
    bool asked_ = false;
};

ASIO_URING_DECL std::ostream&
operator<<(std::ostream& stream, const kernel_features& features);

} // namespace asio_uring
