// SPDX-License-Identifier: BSL-1.0
// Purpose: system calls that open, ask and read, and none that leaves the directory.

#include "document_root.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <unistd.h>

namespace http_server {
namespace {

// A FIFO in the served tree must not block the open.
constexpr int open_flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

boost::system::error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

} // namespace

open_file::~open_file()
{
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

boost::system::error_code open_file::refresh() noexcept
{
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) {
        return last_error();
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
    kind_ = S_ISREG(status.st_mode)   ? kind::regular
            : S_ISDIR(status.st_mode) ? kind::directory
                                      : kind::other;
    return {};
}

boost::system::error_code
open_file::read_exactly(std::uint64_t offset, std::span<char> buffer) const noexcept
{
    while (!buffer.empty()) {
        const ::ssize_t count = ::pread(
            descriptor_, buffer.data(), buffer.size(), static_cast<::off_t>(offset));
        if (count < 0 && errno != EINTR) {
            return last_error();
        }
        if (count == 0) {
            return {EIO, boost::system::system_category()}; // The file was cut meanwhile.
        }
        if (count > 0) {
            buffer = buffer.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
    }
    return {};
}

document_root::document_root(const std::filesystem::path& directory)
    : canonical_(std::filesystem::canonical(directory)),
      directory_(::open(canonical_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))
{
    if (!directory_.is_open()) {
        throw std::filesystem::filesystem_error(
            "cannot serve", canonical_, std::error_code(errno, std::system_category()));
    }
}

open_file
document_root::open(const std::string& relative, boost::system::error_code& error) const
{
    int descriptor = open_beneath(relative.empty() ? "." : relative);
    if (descriptor < 0 && (errno == EXDEV || errno == ENOSYS || errno == EPERM)) {
        descriptor = open_checked(relative);
    }
    open_file file(descriptor);
    error = file.is_open() ? file.refresh() : last_error();
    return file;
}

// One system call opens the file and proves that it is inside: no component, symbolic
// link or not, may leave the directory, whatever is renamed meanwhile.
int document_root::open_beneath(const std::string& relative) const noexcept
{
    ::open_how how = {};
    how.flags = static_cast<std::uint64_t>(open_flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(
        SYS_openat2, directory_.native_handle(), relative.c_str(), &how, sizeof(how)));
}

// Decides where openat2 does not: an absolute symbolic link may well lead to a place
// inside, and a sandbox may not know the call.
int document_root::open_checked(const std::string& relative) const
{
    std::error_code error;
    const auto path = std::filesystem::weakly_canonical(canonical_ / relative, error);
    if (error) {
        errno = error.value();
        return -1;
    }
    const auto [outside, rest] = std::ranges::mismatch(canonical_, path);
    if (outside != canonical_.end()) {
        errno = EACCES;
        return -1;
    }
    return ::open(path.c_str(), open_flags | O_NOFOLLOW);
}

} // namespace http_server
