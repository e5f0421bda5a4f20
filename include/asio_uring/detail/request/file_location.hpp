// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: where a file is: a path, the directory that it starts from,
// and which ways the kernel may go. Thread: values, one thread at a time. Lifetime: a
// location owns its path; the directory that it names is the caller's.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/config.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>

namespace asio_uring {

/// A directory that is held open, from which paths start.
/**
 * The object owns its descriptor, and closes it. The descriptor names the directory
 * itself: it goes on to do so when the directory is renamed or removed.
 *
 * @par Thread safety
 * Distinct objects: safe. Shared object: unsafe, except that any number of operations may
 * start from it at the same time.
 */
class directory_handle
{
public:
    using native_handle_type = int;

    /// Holds no directory.
    directory_handle() noexcept = default;

    /// Takes over a descriptor of a directory; O_PATH | O_DIRECTORY is enough.
    explicit directory_handle(native_handle_type descriptor) noexcept : fd_(descriptor) {}

    /// Whether the object holds a directory.
    bool is_open() const noexcept { return static_cast<bool>(fd_); }

    /// The descriptor, or -1.
    native_handle_type native_handle() const noexcept { return fd_.get(); }

    /// Gives the descriptor to the caller.
    native_handle_type release() noexcept { return fd_.release(); }

    /// Closes the descriptor. REQUIRES: no operation that starts from it is outstanding.
    void close() noexcept { fd_.reset(); }

private:
    detail::unique_fd fd_;
};

/// Which ways the kernel may go from a directory to a file; openat2(2) has the details.
/**
 * The values may be joined by `|`. A path that leaves the permitted ways ends with
 * cross_device_link (beneath, no_other_mount) or too_many_symbolic_link_levels
 * (no_symlinks, no_magic_links).
 */
enum class resolve : std::uint8_t
{
    anywhere = 0,
    no_other_mount = 0x01, ///< stays on the mount of the directory
    no_magic_links = 0x02, ///< follows no link of /proc to an open file
    no_symlinks = 0x04,    ///< follows no symbolic link
    beneath = 0x08,        ///< an absolute path, or one that leaves the directory, fails
    in_root = 0x10, ///< the directory is the root: absolute paths and `..` end there
};

constexpr resolve operator|(resolve a, resolve b) noexcept
{
    return static_cast<resolve>(
        static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}

/// A path, and where it starts.
/**
 * The functions of the file system take one wherever they take a path. It is made of a
 * path alone, which starts as all paths do, or of a directory_handle and a path:
 *
 * @code
 * async_stat(executor, "/etc/hosts", token);
 * async_stat(executor, {root, "index.html", asio_uring::resolve::beneath}, token);
 * @endcode
 *
 * A file server opens its root once, and gives `beneath` or `in_root` with each path that
 * a client sent: then no `..`, no absolute path and no link leads out of the root, also
 * where somebody moves directories meanwhile.
 *
 * @par Object lifetimes
 * The location owns the path, and an operation owns its location. The directory_handle
 * stays open until the handler of the operation is called.
 */
class file_location
{
public:
    file_location(const char* path) : path_(path) {}
    file_location(std::string path) noexcept : path_(std::move(path)) {}
    file_location(std::string_view path) : path_(path) {}
    file_location(const std::filesystem::path& path) : path_(path.native()) {}

    file_location(
        const directory_handle& from,
        std::string path,
        resolve ways = resolve::anywhere) noexcept
        : path_(std::move(path)), directory_(from.native_handle()), ways_(ways)
    {}

    const std::string& path() const noexcept { return path_; }

    /// The descriptor of the directory, or AT_FDCWD.
    int directory() const noexcept { return directory_; }

    resolve ways() const noexcept { return ways_; }

    /// Another path from the same directory.
    file_location with_path(std::string path) const
    {
        file_location other(std::move(path));
        other.directory_ = directory_;
        other.ways_ = ways_;
        return other;
    }

    bool is_restricted() const noexcept { return ways_ != resolve::anywhere; }

private:
    std::string path_;
    int directory_ = AT_FDCWD;
    resolve ways_ = resolve::anywhere;
};

} // namespace asio_uring
