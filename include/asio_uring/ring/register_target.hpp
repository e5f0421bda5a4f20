// Layer: ring. Purpose: where register calls go: a ring's descriptor as the objects that
// own a registration keep it. Thread: as the ring's. Lifetime: a plain value; good while
// the ring is open, also after the ring was moved.
#ifndef ASIO_URING_RING_REGISTER_TARGET_HPP
#define ASIO_URING_RING_REGISTER_TARGET_HPP

#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/syscall.hpp>

#include <cerrno>
#include <cstdint>

#include <sys/types.h>

#include <unistd.h>

namespace asio_uring::detail {

/// Names one ring to io_uring_register. Objects that own a registration hold one of these
/// instead of a pointer, because a ring may be moved. The ring must outlive them.
class register_target
{
public:
    register_target() noexcept = default;

    /// `opcode_bits` is or-ed into every opcode: abi::register_use_registered_ring when
    /// `fd` is an index and not a descriptor.
    explicit register_target(int fd, std::uint32_t opcode_bits = 0) noexcept
        : fd_{fd}, opcode_bits_{opcode_bits}, process_{::getpid()}
    {}

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }

    /// Whether fd() is a registered index, not a descriptor.
    bool is_index() const noexcept { return opcode_bits_ != 0; }

    /// The kernel's answer: zero or more, or -errno; -EBADF without a ring.
    int call(unsigned opcode, const void* argument, unsigned count) const noexcept
    {
        // Descriptor -1 is not an error to the kernel: some calls need no ring.
        if (fd_ < 0)
            return -EBADF;
        return sys_register(fd_, opcode | opcode_bits_, argument, count);
    }
    int call(abi::register_op opcode, const void* argument, unsigned count) const noexcept
    {
        return call(static_cast<unsigned>(opcode), argument, count);
    }

    /// Whether this process made the registration. A child of fork() shares the kernel's
    /// ring with its parent and must not take the parent's registrations back.
    bool is_ours() const noexcept { return fd_ >= 0 && process_ == ::getpid(); }

private:
    int fd_ = -1;
    std::uint32_t opcode_bits_ = 0;
    pid_t process_ = 0;
};

} // namespace asio_uring::detail

#endif // ASIO_URING_RING_REGISTER_TARGET_HPP
