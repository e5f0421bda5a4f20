// SPDX-License-Identifier: BSL-1.0
#include <asio_uring/detail/request/file_position.hpp>

#include <cerrno>

#include <sys/stat.h>

#include <fcntl.h>

namespace asio_uring::detail {

// What somebody else has moved meanwhile stays as it is. At an ordinary end of the file
// the kernel has moved the position, and no call goes to the file system.
void file_position::move(int descriptor, std::size_t moved) const noexcept
{
    const int caller_errno = errno;
    const auto has_position = [&] {
        struct ::stat found = {};
        return ::fstat(descriptor, &found) == 0 &&
               (S_ISREG(found.st_mode) || S_ISBLK(found.st_mode));
    };
    if (::lseek(descriptor, 0, SEEK_CUR) == before_ && has_position()) {
        const bool appends = (::fcntl(descriptor, F_GETFL) & O_APPEND) != 0;
        ::lseek(
            descriptor,
            appends ? 0 : before_ + static_cast<::off_t>(moved),
            appends ? SEEK_END : SEEK_SET);
    }
    errno = caller_errno;
}

} // namespace asio_uring::detail
