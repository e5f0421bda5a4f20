// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: contexts that get no ring in a process where others do,
// and what holds a worker of theirs up. Thread: the test's own. Lifetime: as said at
// each.
#pragma once

#include "../support/drive.hpp"

#include <asio_uring/detail/ring/availability.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/status.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include <sys/resource.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

/// Makes contexts with and without a cause for complaint, so that
/// UndefinedBehaviorSanitizer knows their types: it looks at each type the first time, by
/// way of a pipe.
inline void show_types_to_the_sanitizer()
{
    const boost::system::error_code full{EMFILE, boost::system::system_category()};
    detail::remember(detail::make_refusal(full, ring_options()));
    BOOST_TEST_REQUIRE(!detail::known_refusal().reason);
    asio_uring::io_context context;
    BOOST_TEST_REQUIRE((status(context).mode != ring_mode::none));
}

/// Runs `make` where no descriptor is left for a ring.
template <typename Make>
auto without_descriptors(Make make)
{
    show_types_to_the_sanitizer();
    ::rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next = ::dup(0);
    ::close(next);
    const ::rlimit full{static_cast<::rlim_t>(next), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &full);
    auto made = make();
    ::setrlimit(RLIMIT_NOFILE, &before);
    return made;
}

/// A context that has fallen back.
inline std::unique_ptr<asio_uring::io_context>
context_without_ring(int hint = BOOST_ASIO_CONCURRENCY_HINT_SAFE)
{
    auto made = without_descriptors(
        [&] { return std::make_unique<asio_uring::io_context>(hint); });
    BOOST_TEST_REQUIRE((status(*made).mode == ring_mode::fallback));
    return made;
}

/// A file that nobody can open until it is released: whoever tries waits in openat(2).
class held_file
{
public:
    explicit held_file(const std::string& path) : path_(path)
    {
        // The kernel tells the holder by a signal that somebody waits.
        std::signal(SIGIO, SIG_IGN);
        file_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        holds_ = ::fcntl(file_.get(), F_SETLEASE, F_WRLCK) == 0;
    }
    held_file(const held_file&) = delete;
    held_file& operator=(const held_file&) = delete;
    ~held_file() { release(); }

    /// Not every file system has leases.
    explicit operator bool() const { return holds_; }
    const char* path() const { return path_.c_str(); }

    /// Whether somebody waits, at the latest after a while.
    bool is_awaited() const
    {
        const auto deadline = std::chrono::steady_clock::now() + wait_limit;
        while (::fcntl(file_.get(), F_GETLEASE) == F_WRLCK) {
            if (std::chrono::steady_clock::now() > deadline)
                return false;
            std::this_thread::yield();
        }
        return true;
    }

    void release() { ::fcntl(file_.get(), F_SETLEASE, F_UNLCK); }

private:
    std::string path_;
    detail::unique_fd file_;
    bool holds_ = false;
};

inline std::size_t entries_of(const char* folder)
{
    using iterator = std::filesystem::directory_iterator;
    return static_cast<std::size_t>(std::distance(iterator(folder), iterator()));
}

inline std::size_t thread_count() { return entries_of("/proc/self/task"); }
inline std::size_t descriptor_count() { return entries_of("/proc/self/fd"); }

} // namespace asio_uring::test
