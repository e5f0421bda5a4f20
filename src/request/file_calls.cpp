// SPDX-License-Identifier: BSL-1.0
#include "sqe_fields.hpp"

#include <asio_uring/detail/request/file_calls.hpp>
#include <asio_uring/detail/request/file_status.hpp>

#include <climits>
#include <cstring>
#include <memory>

#include <sys/xattr.h>

#include <dirent.h>

namespace asio_uring::detail {

namespace {

/// The end of a directory stream.
struct stream_closer
{
    void operator()(::DIR* stream) const noexcept { ::closedir(stream); }
};

// The kernel keeps no longer value and no longer list of names.
constexpr std::size_t xattr_size_max = 65536;

std::filesystem::file_type type_of(const ::dirent& entry) noexcept
{
    if (entry.d_type == DT_UNKNOWN)
        return std::filesystem::file_type::unknown;
    return file_type_of(static_cast<unsigned>(DTTOIF(entry.d_type)));
}

bool is_dot(const char* name) noexcept
{
    return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

/// The path of a file for the calls that take no directory, narrowed where it has to be.
int xattr_path(place& at, bool restricted, std::string& path)
{
    if (restricted)
        if (const int error = at.narrow_to_file(true); error < 0)
            return error;
    path = at.path_by_proc();
    return 0;
}

} // namespace

int call_read_link(place& at, bool restricted, std::string& target)
{
    if (restricted)
        if (const int error = at.narrow_to_directory(); error < 0)
            return error;
    target.resize(PATH_MAX);
    const auto size =
        ::readlinkat(at.directory(), at.name(), target.data(), target.size());
    if (size < 0)
        return -errno;
    target.resize(static_cast<std::size_t>(size));
    return 0;
}

int call_list_directory(place& at, std::vector<directory_entry>& entries)
{
    abi::open_how how = at.how(O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    unique_fd fd;
    if (how.resolve == 0)
        fd.reset(::openat(at.directory(), at.name(), static_cast<int>(how.flags)));
    else
        fd.reset(static_cast<int>(
            ::syscall(SYS_openat2, at.directory(), at.name(), &how, sizeof how)));
    if (!fd)
        return -errno;
    const std::unique_ptr<::DIR, stream_closer> stream(::fdopendir(fd.get()));
    if (!stream)
        return -errno;
    static_cast<void>(fd.release());
    for (;;) {
        errno = 0;
        const ::dirent* const entry = ::readdir(stream.get());
        if (entry == nullptr)
            return -errno;
        if (!is_dot(entry->d_name))
            entries.push_back({entry->d_name, type_of(*entry), entry->d_ino});
    }
}

int call_list_xattrs(place& at, bool restricted, std::vector<std::string>& names)
{
    std::string path;
    if (const int error = xattr_path(at, restricted, path); error < 0)
        return error;
    const auto list = std::make_unique<char[]>(xattr_size_max);
    const auto size = ::listxattr(path.c_str(), list.get(), xattr_size_max);
    if (size < 0)
        return -errno;
    for (const char* name = list.get(); name < list.get() + size;) {
        names.emplace_back(name);
        name += names.back().size() + 1;
    }
    return 0;
}

int call_get_xattr(place& at, bool restricted, const char* name, std::string& value)
{
    std::string path;
    if (const int error = xattr_path(at, restricted, path); error < 0)
        return error;
    const auto found = std::make_unique<char[]>(xattr_size_max);
    const auto size = ::getxattr(path.c_str(), name, found.get(), xattr_size_max);
    if (size < 0)
        return -errno;
    value.assign(found.get(), static_cast<std::size_t>(size));
    return 0;
}

int call_set_xattr(
    place& at, bool restricted, const char* name, const std::string& value, int flags)
{
    std::string path;
    if (const int error = xattr_path(at, restricted, path); error < 0)
        return error;
    return answer(::setxattr(path.c_str(), name, value.data(), value.size(), flags));
}

int call_remove_xattr(place& at, bool restricted, const char* name)
{
    std::string path;
    if (const int error = xattr_path(at, restricted, path); error < 0)
        return error;
    return answer(::removexattr(path.c_str(), name));
}

} // namespace asio_uring::detail
