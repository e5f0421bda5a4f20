// SPDX-License-Identifier: BSL-1.0
#include "quiet_signals.hpp"
#include "sqe_fields.hpp"

#include <asio_uring/detail/request/plain_call.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>

#include <cstddef>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::detail {

namespace {

using abi::opcode;
using abi::sqe;

/// Whether the program takes "not now" for an answer.
bool asks_not_to_wait(const sqe& s) noexcept
{
    switch (code_of(s)) {
    case opcode::accept:
        return (s.ioprio & abi::accept_dontwait) != 0;
    case opcode::recv:
    case opcode::recvmsg:
    case opcode::send:
    case opcode::sendmsg:
    case opcode::send_zc:
    case opcode::sendmsg_zc:
        return (s.msg_flags & MSG_DONTWAIT) != 0;
    case opcode::splice:
    case opcode::tee:
        return (s.splice_flags & SPLICE_F_NONBLOCK) != 0;
    default:
        return is_transfer(code_of(s)) && (s.rw_flags & RWF_NOWAIT) != 0;
    }
}

void make_non_blocking(int descriptor) noexcept
{
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

// The flag of splice(2) tells pipes not to wait, and a file on a disk does not.
void make_splice_end_non_blocking(int descriptor) noexcept
{
    struct ::stat info = {};
    if (::fstat(descriptor, &info) == 0 && !S_ISFIFO(info.st_mode) &&
        !S_ISREG(info.st_mode))
        make_non_blocking(descriptor);
}

int message_flags(const sqe& s) noexcept { return number(s.msg_flags) | MSG_DONTWAIT; }

int attempt_accept(const sqe& s) noexcept
{
    return answer(::accept4(
        s.fd,
        pointer<::sockaddr>(s.addr),
        pointer<::socklen_t>(s.addr2),
        number(s.accept_flags)));
}

// Asked again, the kernel says how the connection that is being made has ended.
int attempt_connect(const sqe& s) noexcept
{
    const int result = answer(::connect(
        s.fd, pointer<const ::sockaddr>(s.addr), static_cast<::socklen_t>(s.addr2)));
    return result == -EINPROGRESS || result == -EALREADY ? would_wait : result;
}

int attempt_recv(const sqe& s) noexcept
{
    return answer(::recv(s.fd, pointer<void>(s.addr), s.len, message_flags(s)));
}

int attempt_recvmsg(const sqe& s) noexcept
{
    return answer(::recvmsg(s.fd, pointer<::msghdr>(s.addr), message_flags(s)));
}

int attempt_send(const sqe& s) noexcept
{
    return answer(::sendto(
        s.fd,
        pointer<const void>(s.addr),
        s.len,
        message_flags(s) | MSG_NOSIGNAL,
        pointer<const ::sockaddr>(s.addr2),
        s.addr_len));
}

int attempt_sendmsg(const sqe& s) noexcept
{
    return answer(::sendmsg(
        s.fd, pointer<const ::msghdr>(s.addr), message_flags(s) | MSG_NOSIGNAL));
}

/// The offset of an end, or none for its own position.
class end_offset
{
public:
    explicit end_offset(std::uint64_t offset) noexcept
        : value_(static_cast<::loff_t>(offset)), is_given_(offset != abi::offset_current)
    {}

    ::loff_t* get() noexcept { return is_given_ ? &value_ : nullptr; }

private:
    ::loff_t value_;
    bool is_given_;
};

int attempt_splice(const sqe& s) noexcept
{
    quiet_signals guard;
    const unsigned flags = s.splice_flags | SPLICE_F_NONBLOCK;
    if (code_of(s) == opcode::tee)
        return guard.note(answer(::tee(s.splice_fd_in, s.fd, s.len, flags)));
    end_offset in(s.splice_off_in);
    end_offset out(s.off);
    return guard.note(
        answer(::splice(s.splice_fd_in, in.get(), s.fd, out.get(), s.len, flags)));
}

int attempt_poll(const sqe& s) noexcept
{
    ::pollfd one{.fd = s.fd, .events = static_cast<short>(s.poll32_events), .revents = 0};
    const int ready = answer(::poll(&one, 1, 0));
    if (ready <= 0)
        return ready < 0 ? ready : -EAGAIN;
    return (one.revents & POLLNVAL) != 0 ? -EBADF : one.revents;
}

int attempt_epoll_wait(const sqe& s) noexcept
{
    const int events =
        answer(::epoll_wait(s.fd, pointer<::epoll_event>(s.addr), number(s.len), 0));
    return events == 0 ? -EAGAIN : events;
}

bool is_empty(const transfer_buffers& buffers) noexcept
{
    for (int i = 0; i != buffers.count(); ++i)
        if (buffers.data()[i].iov_len != 0)
            return false;
    return true;
}

int transfer_on_socket(const sqe& s) noexcept
{
    const transfer_buffers buffers(s);
    if (s.off != 0 && s.off != abi::offset_current)
        return -ESPIPE;
    ::msghdr message{};
    message.msg_iov = const_cast<::iovec*>(buffers.data());
    message.msg_iovlen = static_cast<std::size_t>(buffers.count());
    if (!is_read(code_of(s)))
        return answer(::sendmsg(s.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
    return is_empty(buffers) ? 0 : answer(::recvmsg(s.fd, &message, MSG_DONTWAIT));
}

/// The type of a socket, or -1.
int socket_type(int descriptor) noexcept
{
    int type = 0;
    ::socklen_t size = sizeof(type);
    return ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 ? type : -1;
}

bool keeps_no_boundaries(int descriptor) noexcept
{
    const int type = socket_type(descriptor);
    return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

int attempt_transfer(const sqe& s) noexcept
{
    if (socket_type(s.fd) >= 0)
        return transfer_on_socket(s);
    quiet_signals guard;
    const int flags = number(s.rw_flags);
    int result = transfer(s, flags | RWF_NOWAIT);
    // Not every kind of file has the flag in every kernel.
    if (result == -EOPNOTSUPP && !asks_not_to_wait(s)) {
        make_non_blocking(s.fd);
        result = transfer(s, flags);
    }
    return guard.note(result);
}

int attempt_once(const sqe& s) noexcept
{
    switch (code_of(s)) {
    case opcode::accept:
        return attempt_accept(s);
    case opcode::connect:
        return attempt_connect(s);
    case opcode::recv:
        return attempt_recv(s);
    case opcode::recvmsg:
        return attempt_recvmsg(s);
    case opcode::send:
    case opcode::send_zc:
        return attempt_send(s);
    case opcode::sendmsg:
    case opcode::sendmsg_zc:
        return attempt_sendmsg(s);
    case opcode::splice:
    case opcode::tee:
        return attempt_splice(s);
    case opcode::poll_add:
        return attempt_poll(s);
    case opcode::epoll_wait:
        return attempt_epoll_wait(s);
    default:
        return is_transfer(code_of(s)) ? attempt_transfer(s) : -EOPNOTSUPP;
    }
}

// Asks the kernel as the ring would: what no epoll set takes cannot be waited for.
bool is_pollable(int descriptor) noexcept
{
    const unique_fd set(::epoll_create1(EPOLL_CLOEXEC));
    ::epoll_event event{};
    return !set || ::epoll_ctl(set.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

// A file system that is far away is not asked; where the call is forbidden, it has to be.
::mode_t type_of(int descriptor) noexcept
{
    struct ::statx info = {};
    constexpr int from_memory = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    if (::statx(descriptor, "", from_memory, STATX_TYPE, &info) == 0)
        return info.stx_mode & S_IFMT;
    struct ::stat old = {};
    return ::fstat(descriptor, &old) == 0 ? old.st_mode & S_IFMT : S_IFREG;
}

} // namespace

int plain_attempt(const sqe& s) noexcept
{
    const errno_guard guard;
    int result = attempt_once(s);
    while (result == -EINTR)
        result = attempt_once(s);
    // A local socket whose peer has no room for a connection tells nobody when it has.
    const bool may_wait = code_of(s) != opcode::connect && !asks_not_to_wait(s);
    return result == -EAGAIN && may_wait ? would_wait : result;
}

void prepare_ends(const sqe& s) noexcept
{
    const errno_guard guard;
    switch (code_of(s)) {
    case opcode::accept:
    case opcode::connect:
        return make_non_blocking(s.fd);
    case opcode::splice:
    case opcode::tee:
        make_splice_end_non_blocking(s.fd);
        return make_splice_end_non_blocking(s.splice_fd_in);
    default:
        return;
    }
}

bool takes_the_rest(sqe& s, int result) noexcept
{
    const errno_guard guard;
    const opcode code = code_of(s);
    const bool one_buffer =
        code == opcode::recv || code == opcode::send || code == opcode::send_zc;
    if (!one_buffer || (s.msg_flags & MSG_WAITALL) == 0 || result <= 0 ||
        static_cast<std::uint32_t>(result) >= s.len || !keeps_no_boundaries(s.fd))
        return false;
    s.addr += static_cast<std::uint32_t>(result);
    s.len -= static_cast<std::uint32_t>(result);
    return true;
}

call_ends ends_of(const sqe& s) noexcept
{
    switch (code_of(s)) {
    case opcode::poll_add:
        if ((s.poll32_events & poll_output) != 0)
            return {.output = s.fd};
        return {.input = s.fd};
    case opcode::splice:
    case opcode::tee:
        return {.input = s.splice_fd_in, .output = s.fd};
    case opcode::connect:
    case opcode::send:
    case opcode::sendmsg:
    case opcode::send_zc:
    case opcode::sendmsg_zc:
    case opcode::write:
    case opcode::writev:
        return {.output = s.fd};
    default:
        return {.input = s.fd};
    }
}

bool can_wait(const sqe& s) noexcept
{
    const errno_guard guard;
    ::pollfd one{};
    switch (type_of(s.fd)) {
    case S_IFBLK:
    case S_IFDIR:
        return false;
    case S_IFREG:
        // Some files of /proc and its like have to be waited for.
        one.fd = s.fd;
        one.events = is_read(code_of(s)) ? POLLIN : POLLOUT;
        return ::poll(&one, 1, 0) == 0;
    case S_IFIFO:
    case S_IFSOCK:
        return true;
    default:
        return is_pollable(s.fd);
    }
}

} // namespace asio_uring::detail
