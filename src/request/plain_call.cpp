// SPDX-License-Identifier: BSL-1.0
#include "quiet_signals.hpp"
#include "sqe_fields.hpp"

#include <asio_uring/detail/request/plain_call.hpp>

#include <array>
#include <cstddef>
#include <cstdio>

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::detail {

namespace {

using abi::opcode;
using abi::sqe;

int do_nop(const sqe& s) noexcept
{
    if ((s.nop_flags & abi::nop_file) != 0 && ::fcntl(s.fd, F_GETFD) < 0)
        return -errno;
    return (s.nop_flags & abi::nop_inject_result) != 0 ? number(s.len) : 0;
}

int do_transfer(const sqe& s) noexcept { return transfer(s, number(s.rw_flags)); }

/// Opening a pipe or a terminal waits for whoever is at its other end, so it is opened
/// without waiting and made a waiting one afterwards, as a ring does.
template <typename Open>
int open_without_waiting(std::uint64_t flags, Open open) noexcept
{
    if ((flags & (O_NONBLOCK | O_PATH)) != 0)
        return answer(open(flags));
    const int made = answer(open(flags | O_NONBLOCK));
    if (made == -EAGAIN) // a lease, which its holder gives up within seconds
        return answer(open(flags));
    if (made >= 0)
        ::fcntl(made, F_SETFL, ::fcntl(made, F_GETFL) & ~O_NONBLOCK);
    return made;
}

int do_openat(const sqe& s) noexcept
{
    return open_without_waiting(s.open_flags, [&](std::uint64_t flags) {
        return ::openat(
            s.fd,
            pointer<const char>(s.addr),
            static_cast<int>(flags),
            static_cast<::mode_t>(s.len));
    });
}

int do_openat2(const sqe& s) noexcept
{
    abi::open_how how = *pointer<const abi::open_how>(s.addr2);
    return open_without_waiting(how.flags, [&](std::uint64_t flags) {
        how.flags = flags;
        return ::syscall(
            SYS_openat2, s.fd, pointer<const char>(s.addr), &how, sizeof(how));
    });
}

int do_close(const sqe& s) noexcept { return answer(::close(s.fd)); }

int do_statx(const sqe& s) noexcept
{
    return answer(::statx(
        s.fd,
        pointer<const char>(s.addr),
        number(s.statx_flags),
        s.len,
        pointer<struct ::statx>(s.addr2)));
}

// No call syncs a range of a file's data and its size; all of the file is more.
int do_fsync(const sqe& s) noexcept
{
    if ((s.fsync_flags & ~abi::fsync_datasync) != 0)
        return -EINVAL;
    return answer(s.fsync_flags != 0 ? ::fdatasync(s.fd) : ::fsync(s.fd));
}

int do_sync_file_range(const sqe& s) noexcept
{
    return answer(
        ::sync_file_range(s.fd, static_cast<::off_t>(s.off), s.len, s.sync_range_flags));
}

int do_fallocate(const sqe& s) noexcept
{
    return answer(::fallocate(
        s.fd, number(s.len), static_cast<::off_t>(s.off), static_cast<::off_t>(s.addr)));
}

int do_ftruncate(const sqe& s) noexcept
{
    return answer(::ftruncate(s.fd, static_cast<::off_t>(s.off)));
}

int do_fadvise(const sqe& s) noexcept
{
    const std::uint64_t size = s.addr != 0 ? s.addr : s.len;
    // Its result is the error itself.
    return -::posix_fadvise(
        s.fd,
        static_cast<::off_t>(s.off),
        static_cast<::off_t>(size),
        number(s.fadvise_advice));
}

int do_madvise(const sqe& s) noexcept
{
    const std::uint64_t size = s.off != 0 ? s.off : s.len;
    return answer(::madvise(
        pointer<void>(s.addr), static_cast<std::size_t>(size), number(s.fadvise_advice)));
}

int do_renameat(const sqe& s) noexcept
{
    return answer(::renameat2(
        s.fd,
        pointer<const char>(s.addr),
        number(s.len),
        pointer<const char>(s.addr2),
        s.rename_flags));
}

int do_unlinkat(const sqe& s) noexcept
{
    return answer(::unlinkat(s.fd, pointer<const char>(s.addr), number(s.unlink_flags)));
}

int do_mkdirat(const sqe& s) noexcept
{
    return answer(
        ::mkdirat(s.fd, pointer<const char>(s.addr), static_cast<::mode_t>(s.len)));
}

int do_symlinkat(const sqe& s) noexcept
{
    return answer(
        ::symlinkat(pointer<const char>(s.addr), s.fd, pointer<const char>(s.addr2)));
}

int do_linkat(const sqe& s) noexcept
{
    return answer(::linkat(
        s.fd,
        pointer<const char>(s.addr),
        number(s.len),
        pointer<const char>(s.addr2),
        number(s.hardlink_flags)));
}

int do_setxattr(const sqe& s) noexcept
{
    return answer(::setxattr(
        pointer<const char>(s.addr3),
        pointer<const char>(s.addr),
        pointer<const void>(s.addr2),
        s.len,
        number(s.xattr_flags)));
}

int do_fsetxattr(const sqe& s) noexcept
{
    return answer(::fsetxattr(
        s.fd,
        pointer<const char>(s.addr),
        pointer<const void>(s.addr2),
        s.len,
        number(s.xattr_flags)));
}

int do_getxattr(const sqe& s) noexcept
{
    return answer(::getxattr(
        pointer<const char>(s.addr3),
        pointer<const char>(s.addr),
        pointer<void>(s.addr2),
        s.len));
}

int do_fgetxattr(const sqe& s) noexcept
{
    return answer(
        ::fgetxattr(s.fd, pointer<const char>(s.addr), pointer<void>(s.addr2), s.len));
}

int do_pipe(const sqe& s) noexcept
{
    return answer(::pipe2(pointer<int>(s.addr), number(s.pipe_flags)));
}

int do_socket(const sqe& s) noexcept
{
    return answer(::socket(s.fd, static_cast<int>(s.off), number(s.len)));
}

int do_bind(const sqe& s) noexcept
{
    return answer(::bind(
        s.fd, pointer<const ::sockaddr>(s.addr), static_cast<::socklen_t>(s.addr2)));
}

int do_listen(const sqe& s) noexcept { return answer(::listen(s.fd, number(s.len))); }

int do_shutdown(const sqe& s) noexcept { return answer(::shutdown(s.fd, number(s.len))); }

int do_epoll_ctl(const sqe& s) noexcept
{
    return answer(::epoll_ctl(
        s.fd, number(s.len), static_cast<int>(s.off), pointer<::epoll_event>(s.addr)));
}

int queued_bytes(int fd, unsigned long request) noexcept
{
    int bytes = 0;
    return ::ioctl(fd, request, &bytes) < 0 ? -errno : bytes;
}

int do_socket_command(const sqe& s) noexcept
{
    const auto level = number(s.sockopt.level);
    const auto name = number(s.sockopt.optname);
    ::socklen_t size = s.optlen;
    switch (static_cast<abi::socket_op>(s.cmd_op)) {
    case abi::socket_op::siocinq:
        return queued_bytes(s.fd, FIONREAD);
    case abi::socket_op::siocoutq:
        return queued_bytes(s.fd, TIOCOUTQ);
    case abi::socket_op::getsockopt:
        if (::getsockopt(s.fd, level, name, pointer<void>(s.optval), &size) < 0)
            return -errno;
        return static_cast<int>(size);
    case abi::socket_op::setsockopt:
        return answer(
            ::setsockopt(s.fd, level, name, pointer<const void>(s.optval), size));
    case abi::socket_op::getsockname:
        return answer((s.optlen != 0 ? &::getpeername : &::getsockname)(
            s.fd, pointer<::sockaddr>(s.addr), pointer<::socklen_t>(s.addr3)));
    default:
        return -EOPNOTSUPP;
    }
}

/// Fields that hold an address which the C library takes for granted.
enum address_fields : unsigned
{
    none = 0,
    in_addr = 1,
    in_addr2 = 2,
    in_addr3 = 4,
};

struct call
{
    int (*function)(const sqe&) noexcept = nullptr;
    unsigned addresses = none;

    bool lacks_address(const sqe& s) const noexcept
    {
        return ((addresses & in_addr) != 0 && s.addr == 0) ||
               ((addresses & in_addr2) != 0 && s.addr2 == 0) ||
               ((addresses & in_addr3) != 0 && s.addr3 == 0);
    }
};

constexpr auto calls = [] {
    std::array<call, abi::opcode_count> table{};
    const auto set = [&](opcode code, auto function, unsigned addresses = none) {
        table[static_cast<std::size_t>(code)] = {function, addresses};
    };
    set(opcode::nop, &do_nop);
    set(opcode::read, &do_transfer);
    set(opcode::write, &do_transfer);
    set(opcode::readv, &do_transfer);
    set(opcode::writev, &do_transfer);
    set(opcode::openat, &do_openat, in_addr);
    set(opcode::openat2, &do_openat2, in_addr | in_addr2);
    set(opcode::close, &do_close);
    set(opcode::statx, &do_statx, in_addr);
    set(opcode::fsync, &do_fsync);
    set(opcode::sync_file_range, &do_sync_file_range);
    set(opcode::fallocate, &do_fallocate);
    set(opcode::ftruncate, &do_ftruncate);
    set(opcode::fadvise, &do_fadvise);
    set(opcode::madvise, &do_madvise);
    set(opcode::renameat, &do_renameat, in_addr | in_addr2);
    set(opcode::unlinkat, &do_unlinkat, in_addr);
    set(opcode::mkdirat, &do_mkdirat, in_addr);
    set(opcode::symlinkat, &do_symlinkat, in_addr | in_addr2);
    set(opcode::linkat, &do_linkat, in_addr | in_addr2);
    set(opcode::setxattr, &do_setxattr, in_addr | in_addr3);
    set(opcode::fsetxattr, &do_fsetxattr, in_addr);
    set(opcode::getxattr, &do_getxattr, in_addr | in_addr3);
    set(opcode::fgetxattr, &do_fgetxattr, in_addr);
    set(opcode::pipe, &do_pipe);
    set(opcode::socket, &do_socket);
    set(opcode::bind, &do_bind);
    set(opcode::listen, &do_listen);
    set(opcode::shutdown, &do_shutdown);
    set(opcode::epoll_ctl, &do_epoll_ctl);
    set(opcode::uring_cmd, &do_socket_command);
    return table;
}();

/// The reactor waits for one way at a time, and for what comes with data or room.
bool polls_one_way(std::uint32_t events) noexcept
{
    const bool input = (events & poll_input) != 0;
    const bool output = (events & poll_output) != 0;
    constexpr std::uint32_t known =
        poll_input | poll_output | POLLRDHUP | POLLERR | POLLHUP;
    return input != output && (events & ~known) == 0;
}

bool is_message(opcode code) noexcept
{
    return code == opcode::recvmsg || code == opcode::sendmsg ||
           code == opcode::sendmsg_zc;
}

bool takes_slot(opcode code) noexcept
{
    return code == opcode::openat || code == opcode::openat2 || code == opcode::close ||
           code == opcode::socket || code == opcode::pipe || code == opcode::accept;
}

/// The opcode of a function, which no kernel knows.
constexpr std::uint8_t function_code = 255;
static_assert(abi::opcode_count <= function_code);

} // namespace

void prepare_function(sqe& s, plain_function function, void* argument) noexcept
{
    s.opcode = function_code;
    s.addr = reinterpret_cast<std::uintptr_t>(function);
    s.addr2 = reinterpret_cast<std::uintptr_t>(argument);
}

int plain_call(const sqe& s) noexcept
{
    const errno_guard guard;
    if (s.opcode == function_code)
        return reinterpret_cast<plain_function>(s.addr)(pointer<void>(s.addr2));
    const call known = s.opcode < calls.size() ? calls[s.opcode] : call();
    if (known.function == nullptr)
        return -EOPNOTSUPP;
    if (known.lacks_address(s))
        return -EFAULT;
    int result = known.function(s);
    // A descriptor whose close was interrupted is closed.
    while (result == -EINTR && code_of(s) != opcode::close)
        result = known.function(s);
    return result;
}

int quiet_plain_call(const sqe& s) noexcept
{
    const errno_guard guard;
    quiet_signals signals;
    return signals.note(plain_call(s));
}

bool needs_ring(const sqe& s) noexcept
{
    if ((s.flags & (abi::sqe_fixed_file | abi::sqe_buffer_select)) != 0)
        return true;
    if (takes_slot(code_of(s)) && s.file_index != 0)
        return true;
    switch (code_of(s)) {
    case opcode::nop:
        return (s.nop_flags &
                (abi::nop_fixed_file | abi::nop_fixed_buffer | abi::nop_cqe32)) != 0;
    case opcode::accept:
        return (s.ioprio & abi::accept_multishot) != 0;
    case opcode::recv:
    case opcode::recvmsg:
    case opcode::send:
    case opcode::sendmsg:
    case opcode::send_zc:
    case opcode::sendmsg_zc:
        return (s.ioprio & ~(abi::recvsend_poll_first | abi::send_zc_report_usage)) !=
                   0 ||
               (is_message(code_of(s)) && (s.msg_flags & MSG_WAITALL) != 0);
    case opcode::poll_add:
        return s.len != 0 || !polls_one_way(s.poll32_events);
    case opcode::splice:
    case opcode::tee:
        return (s.splice_flags & abi::splice_f_fd_in_fixed) != 0;
    default:
        return false;
    }
}

} // namespace asio_uring::detail
