// SPDX-License-Identifier: BSL-1.0
#include <asio_uring/detail/request/watch_table.hpp>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <sys/inotify.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>

namespace asio_uring::detail {

namespace {

constexpr std::uint32_t watched = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE |
                                  IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_DELETE_SELF | IN_EXCL_UNLINK;

/// The end of a directory stream.
struct stream_closer
{
    void operator()(::DIR* stream) const noexcept { ::closedir(stream); }
};

struct found
{
    std::string name;
    bool is_directory;
};

bool is_directory(int directory, const ::dirent& entry) noexcept
{
    if (entry.d_type != DT_UNKNOWN)
        return entry.d_type == DT_DIR;
    struct ::stat status = {};
    return ::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(status.st_mode);
}

/// Whether an error says that there is no such directory any more. Its events say so too.
bool is_gone(int error) noexcept { return error == -ENOENT || error == -ENOTDIR; }

/// What is in a directory, as far as it can be read. Returns 0 or a negated errno.
int list(const std::string& path, std::vector<found>& names)
{
    const std::unique_ptr<::DIR, stream_closer> stream(::opendir(path.c_str()));
    if (!stream)
        return -errno;
    for (;;) {
        errno = 0; // the end of a directory leaves it so
        const ::dirent* const entry = ::readdir(stream.get());
        if (entry == nullptr)
            return -errno;
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..")
            names.push_back(
                {std::string(name), is_directory(::dirfd(stream.get()), *entry)});
    }
}

bool is_below(const std::string& path, const std::string& top) noexcept
{
    return path.starts_with(top) &&
           (path.size() == top.size() || path[top.size()] == '/');
}

std::string joined(const std::string& directory, std::string_view name)
{
    std::string path = directory;
    if (!path.ends_with('/'))
        path += '/';
    return path.append(name);
}

} // namespace

int watch_table::add(const std::string& path, bool recursive)
{
    if (const int error = watch_one(path, recursive, true); error < 0)
        return error;
    return recursive ? walk(path, false) : 0;
}

// Under the lock, so that no event of the watch is read before its path is known.
int watch_table::watch_one(const std::string& path, bool recursive, bool is_root)
{
    const std::uint32_t below = IN_ONLYDIR | IN_DONT_FOLLOW;
    const std::lock_guard lock(mutex_);
    const int added = ::inotify_add_watch(
        inotify_.get(), path.c_str(), watched | (is_root ? 0 : below));
    if (added < 0)
        return -errno;
    watch& at = watches_[added];
    at = {path, recursive || at.recursive, is_root || at.is_root};
    return 0;
}

/// Watches all directories below one that is watched. Tells what is in them if asked.
/// What fails keeps nothing from the others; the first error is the result.
int watch_table::walk(const std::string& top, bool tells)
{
    std::vector<std::string> left{top};
    int first_error = 0;
    const auto note = [&](int error) {
        if (error < 0 && !is_gone(error) && first_error == 0)
            first_error = error;
    };
    while (!left.empty()) {
        const std::string directory = std::move(left.back());
        left.pop_back();
        std::vector<found> names;
        // What cannot be read may hold directories that nobody watches then.
        note(list(directory, names));
        for (const found& entry : names) {
            std::string path = joined(directory, entry.name);
            if (tells) {
                const std::lock_guard lock(mutex_);
                if (told_.insert(path).second)
                    push(
                        watch_change::created,
                        entry.is_directory ? IN_ISDIR : 0,
                        path,
                        0);
            }
            if (!entry.is_directory)
                continue;
            const int error = watch_one(path, true, false);
            if (error != -EACCES)
                note(error);
            if (error == 0)
                left.push_back(std::move(path));
        }
    }
    return first_error;
}

bool watch_table::needs_scan() const
{
    const std::lock_guard lock(mutex_);
    return !unseen_.empty();
}

bool watch_table::take_unseen(unseen& directory)
{
    const std::lock_guard lock(mutex_);
    if (unseen_.empty())
        return false;
    directory = std::move(unseen_.front());
    unseen_.pop_front();
    return true;
}

// Behind one that cannot be watched the others stay for the next call.
int watch_table::scan()
{
    for (unseen directory; take_unseen(directory);) {
        const int error = watch_one(directory.path, true, directory.is_root);
        if (is_gone(error) || error == -EACCES)
            continue;
        if (error < 0)
            return error;
        if (const int result = walk(directory.path, directory.tells); result < 0)
            return result;
    }
    return 0;
}

bool watch_table::has_events() const
{
    const std::lock_guard lock(mutex_);
    return !events_.empty();
}

bool watch_table::pop(watch_event& event)
{
    const std::lock_guard lock(mutex_);
    if (events_.empty())
        return false;
    event = std::move(events_.front());
    events_.pop_front();
    return true;
}

void watch_table::take(const char* data, std::size_t size)
{
    const std::lock_guard lock(mutex_);
    for (std::size_t at = 0; at + sizeof(::inotify_event) <= size;) {
        ::inotify_event event;
        std::memcpy(&event, data + at, sizeof event);
        // The name is padded with zeros.
        const char* const name = data + at + sizeof event;
        take_one(event, std::string_view(name, ::strnlen(name, event.len)));
        at += sizeof event + event.len;
    }
    forget_moved();
}

void watch_table::take_one(const ::inotify_event& event, std::string_view name)
{
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
        push(watch_change::events_dropped, 0, {}, 0);
        // Directories may have come that nobody told of.
        for (const auto& [number, at] : watches_)
            if (at.recursive && at.is_root)
                unseen_.push_back({.path = at.path, .tells = false, .is_root = true});
        return;
    }
    const auto found = watches_.find(event.wd);
    if (found == watches_.end())
        return;
    if ((event.mask & IN_IGNORED) != 0) {
        const watch gone = std::move(found->second);
        watches_.erase(found);
        if (gone.is_root)
            push(watch_change::unwatched, 0, gone.path, 0);
        return;
    }
    // The parent of a directory that is not a root tells of it by name.
    if (name.empty() && !found->second.is_root)
        return;
    const watch at = found->second; // the table may change
    take_named(at, event, name.empty() ? std::string(at.path) : joined(at.path, name));
}

void watch_table::take_named(
    const watch& at, const ::inotify_event& event, std::string&& path)
{
    const std::uint32_t mask = event.mask;
    if (at.recursive && (mask & IN_ISDIR) != 0)
        take_directory(event, path);
    if ((mask & IN_CREATE) != 0) {
        if (told_.erase(path) == 0)
            push(watch_change::created, mask, std::move(path), 0);
        return;
    }
    if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0)
        told_.erase(path);
    constexpr std::pair<std::uint32_t, watch_change> changes[] = {
        {IN_DELETE, watch_change::removed},
        {IN_MODIFY, watch_change::modified},
        {IN_CLOSE_WRITE, watch_change::closed},
        {IN_ATTRIB, watch_change::attributes},
        {IN_MOVED_FROM, watch_change::moved_away},
        {IN_MOVED_TO, watch_change::moved_here}};
    for (const auto& [bit, change] : changes)
        if ((mask & bit) != 0)
            return push(change, mask, std::move(path), event.cookie);
}

/// A directory has come, gone or moved below a recursive watch.
void watch_table::take_directory(const ::inotify_event& event, const std::string& path)
{
    // A look that found the directory has looked into it as well. A second look would
    // tell again of what has come meanwhile and was told by an event.
    if ((event.mask & IN_CREATE) != 0 && !told_.contains(path))
        unseen_.push_back({.path = path, .tells = true, .is_root = false});
    if ((event.mask & IN_MOVED_FROM) != 0)
        moved_.emplace(event.cookie, path);
    if ((event.mask & IN_MOVED_TO) == 0)
        return;
    const auto from = moved_.find(event.cookie);
    if (from == moved_.end())
        return unseen_.push_back({.path = path, .tells = true, .is_root = false});
    rename_below(from->second, path);
    moved_.erase(from);
}

void watch_table::push(
    watch_change change, std::uint32_t mask, std::string path, unsigned move)
{
    events_.push_back({change, (mask & IN_ISDIR) != 0, std::move(path), move});
}

void watch_table::rename_below(const std::string& from, const std::string& to)
{
    for (auto& [number, at] : watches_)
        if (is_below(at.path, from))
            at.path = to + at.path.substr(from.size());
}

// A directory whose move has no second half has left what is watched.
void watch_table::forget_moved()
{
    for (const auto& [move, path] : moved_)
        forget_below(path);
    moved_.clear();
}

void watch_table::forget_below(const std::string& path)
{
    for (auto at = watches_.begin(); at != watches_.end();) {
        const bool goes = is_below(at->second.path, path) && !at->second.is_root;
        if (goes)
            ::inotify_rm_watch(inotify_.get(), at->first);
        at = goes ? watches_.erase(at) : std::next(at);
    }
}

} // namespace asio_uring::detail
