// SPDX-License-Identifier: BSL-1.0
#include "sqe_fields.hpp"

#include <asio_uring/detail/request/file_sink.hpp>

#include <sys/stat.h>

namespace asio_uring::detail {

namespace {

unique_fd open_for_worker(place& at, int flags)
{
    abi::open_how how = at.how(flags | O_CLOEXEC, 0);
    if (how.resolve == 0)
        return unique_fd(
            ::openat(at.directory(), at.name(), static_cast<int>(how.flags)));
    return unique_fd(static_cast<int>(
        ::syscall(SYS_openat2, at.directory(), at.name(), &how, sizeof how)));
}

} // namespace

int call_read_file(place& at, file_sink& sink)
{
    // Opening a pipe would wait for whoever writes to it. Files do not mind the flag.
    const unique_fd file = open_for_worker(at, O_RDONLY | O_NONBLOCK);
    struct ::stat found = {};
    if (!file || ::fstat(file.get(), &found) < 0)
        return -errno;
    while (!sink.is_full() && !sink.is_over()) {
        const boost::asio::mutable_buffer room = sink.room(
            next_read(sink.filled(), static_cast<std::uint64_t>(found.st_size)));
        const auto got = ::read(file.get(), room.data(), room.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        sink.commit(static_cast<std::size_t>(got));
    }
    return 0;
}

} // namespace asio_uring::detail
