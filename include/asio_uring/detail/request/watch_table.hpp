// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: which directories an inotify descriptor watches under which
// paths, and the events that came and nobody has taken. Thread: any, each call by itself;
// what walks a tree is for a worker. Lifetime: owns the inotify descriptor.
//
// A directory that is made below a watched one is watched only after its event was read.
// What was made in it before that has no event, so scan() looks for it and tells of it;
// what the kernel tells as well is then dropped once.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/config.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

struct inotify_event;

namespace asio_uring {

/// What happened to a file or directory.
enum class watch_change : std::uint8_t
{
    created,
    removed,
    modified,       ///< its content was written or cut
    closed,         ///< it was closed by someone who could write to it
    attributes,     ///< its permissions, times or links
    moved_away,     ///< it no longer has this name
    moved_here,     ///< it has this name now
    unwatched,      ///< what was watched is gone: removed, or its file system unmounted
    events_dropped, ///< the kernel had no room for more events: look for yourself
};

/// One thing that a directory_watcher has seen.
struct watch_event
{
    watch_change change = watch_change::events_dropped;
    bool is_directory = false;
    /// The path that was given to async_watch(), and the name below it.
    std::filesystem::path path{};
    /// Not 0 for the two events of one move, which have the same.
    std::uint32_t move = 0;

    friend bool operator==(const watch_event&, const watch_event&) = default;
};

namespace detail {

class ASIO_URING_DECL watch_table
{
public:
    /// REQUIRES: a non-blocking inotify descriptor.
    explicit watch_table(unique_fd inotify) noexcept : inotify_(std::move(inotify)) {}

    int descriptor() const noexcept { return inotify_.get(); }

    /// Watches a file or directory, with all directories below it if asked. For a worker;
    /// returns 0 or a negated errno. May throw std::bad_alloc.
    int add(const std::string& path, bool recursive);

    /// Takes what was read from the descriptor.
    void take(const char* data, std::size_t size);

    /// Whether directories have come that scan() has to look into.
    bool needs_scan() const;

    /// Watches new directories and tells what is in them. As add(); behind an error
    /// needs_scan() tells whether there are more.
    int scan();

    /// The next event. Returns false where there is none.
    bool pop(watch_event& event);

    /// Whether there is one.
    bool has_events() const;

private:
    struct watch
    {
        std::string path;
        bool recursive;
        bool is_root;
    };

    struct unseen
    {
        std::string path;
        bool tells;
        bool is_root; // which may be a symbolic link
    };

    int watch_one(const std::string& path, bool recursive, bool is_root);
    int walk(const std::string& top, bool tells);
    bool take_unseen(unseen& directory);
    void take_one(const ::inotify_event& event, std::string_view name);
    void take_named(const watch& at, const ::inotify_event& event, std::string&& path);
    void push(watch_change change, std::uint32_t mask, std::string path, unsigned move);
    void take_directory(const ::inotify_event& event, const std::string& path);
    void rename_below(const std::string& from, const std::string& to);
    void forget_moved();
    void forget_below(const std::string& path);

    unique_fd inotify_;
    mutable std::mutex mutex_;
    std::unordered_map<int, watch> watches_;
    std::deque<watch_event> events_;
    std::deque<unseen> unseen_;
    // What scan() has told, and the kernel may tell again.
    std::unordered_set<std::string> told_;
    // The directories that have moved away within what was read, by the move.
    std::unordered_map<std::uint32_t, std::string> moved_;
};

} // namespace detail
} // namespace asio_uring
