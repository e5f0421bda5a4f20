// Layer: ring. Purpose: what the running kernel's io_uring offers, found by asking it.
// Thread: a plain value; the static functions from any thread. Lifetime: none.
#ifndef ASIO_URING_KERNEL_FEATURES_HPP
#define ASIO_URING_KERNEL_FEATURES_HPP

#include <asio_uring/ring/abi.hpp>

#include <boost/system/error_code.hpp>

#include <bitset>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace asio_uring {

/// "splice" for abi::opcode::splice; empty for a number without a name.
std::string_view opcode_name(abi::opcode code) noexcept;

/// "5.7" for abi::opcode::splice: the first mainline kernel that has it.
std::string_view opcode_first_kernel(abi::opcode code) noexcept;

/// What the running kernel's io_uring offers.
///
/// Everything is found by trial on a scratch ring, never from the headers of the machine
/// the library was built on. Register calls alone cannot be tried: below kernel 6.18,
/// which can be asked, they follow from the kernel's version.
class kernel_features
{
public:
    /// Asks the kernel now. Costs a few system calls and one small ring.
    static kernel_features probe();

    /// Asks the kernel once per process and remembers the answer. A refusal that can
    /// pass, such as a full descriptor table, is not remembered.
    static kernel_features running();

    /// Whether a ring can be created at all; if not, error() says why.
    bool available() const noexcept { return !error_; }
    boost::system::error_code error() const noexcept { return error_; }

    bool supports(abi::opcode code) const noexcept;
    bool supports(abi::register_op code) const noexcept;

    /// Whether all of the given flags (abi::setup_*, enter_*, feat_*) are known.
    bool supports_setup(std::uint32_t flags) const noexcept;
    bool supports_enter(std::uint32_t flags) const noexcept;
    bool supports_feature(std::uint32_t bits) const noexcept;

    std::uint32_t setup_flags() const noexcept { return setup_flags_; }
    std::uint32_t enter_flags() const noexcept { return enter_flags_; }
    std::uint32_t features() const noexcept { return features_; }

    /// "6.18.1", as the kernel calls itself.
    const std::string& release() const noexcept { return release_; }

    /// A table of everything the library knows: name, whether the kernel has it, and the
    /// first kernel that does.
    std::string to_string() const;

private:
    std::string release_;
    boost::system::error_code error_;
    std::bitset<256> opcodes_;
    std::uint32_t setup_flags_ = 0;
    std::uint32_t enter_flags_ = 0;
    std::uint32_t features_ = 0;
    unsigned register_count_ = 0;
};

std::ostream& operator<<(std::ostream& stream, const kernel_features& features);

} // namespace asio_uring

#endif // ASIO_URING_KERNEL_FEATURES_HPP
