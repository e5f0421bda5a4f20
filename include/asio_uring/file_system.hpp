// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: the file system with any completion token: names, links,
// directories, and what is known of a file. Thread: as said at the functions. Lifetime:
// an operation owns its paths.
#pragma once

#include <asio_uring/detail/context/file_steps.hpp>
#include <asio_uring/detail/request/file_calls.hpp>
#include <asio_uring/file_location.hpp>
#include <asio_uring/file_status.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/compose.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace asio_uring {

/**
 * @file
 * All functions of this header have these in common.
 *
 * @par Completion
 * When the request has ended. Never from within the function.
 * @par Executor
 * The handler runs on its associated executor, by default `io_executor`, which is an
 * executor of an io_context or thread pool. Its context's ring takes the requests; where
 * there is none yet, one with default options is made.
 * @par Object lifetimes
 * The operation owns its paths and all else it was given. A directory_handle stays open
 * until the handler is called.
 * @par Concurrency
 * Any thread may call any of them at any time. The kernel carries out independent
 * requests in any order.
 * @par Cancellation
 * terminal, partial and total end a request that has not begun. One that has begun
 * reports what it did, and an operation of several requests ends between two of them.
 * @par Errors
 * Those of the system call, which compare equal to the values of std::errc;
 * operation_aborted when cancelled. Where a location is restricted, those of
 * asio_uring::resolve as well.
 * @par Kernel
 * 6.1, as every ring of a context. The kernel carries out nearly all of these requests in
 * a worker thread of its own. The first ring of a thread bounds their number: as many as
 * its ring_options::entries, at most four per processor.
 * @par Without a ring
 * A worker of the context makes the same system calls, with the same results; docs/
 * fallback.md. Also with a ring a worker makes those that the kernel has no request for:
 * async_read_link, async_list_directory, and on a restricted location every call except
 * async_open and async_open_directory.
 */

/// What to do with the last name of a path where it is a symbolic link.
enum class last_link : bool
{
    stay,   ///< the link itself is meant
    follow, ///< the file that the link leads to is meant
};

/// Ask what the file system knows of a file, as stat(2) does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The file.
 * @param link         Which file is meant where it is a symbolic link.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, asio_uring::file_status) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, file_status)) Token>
auto async_stat(
    const Executor& io_executor, file_location at, last_link link, Token&& token)
{
    using signature = void(boost::system::error_code, file_status);
    return detail::start_file_request<detail::stat_request, signature>(
        io_executor,
        std::forward<Token>(token),
        std::move(at),
        link == last_link::follow);
}

/// The same, of the file that a symbolic link leads to.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, file_status)) Token>
auto async_stat(const Executor& io_executor, file_location at, Token&& token)
{
    return async_stat(
        io_executor, std::move(at), last_link::follow, std::forward<Token>(token));
}

/// What async_rename() does where the new name exists.
enum class rename_mode : std::uint8_t
{
    replace = 0,    ///< the file of that name is removed, in one step with the renaming
    no_replace = 1, ///< fails with file_exists
    exchange = 2,   ///< both exist, and swap their names in one step
};

/// Give a file another name, as std::filesystem::rename and renameat2(2) do.
/**
 * @param io_executor  The I/O executor.
 * @param from         The name it has; a symbolic link is renamed itself.
 * @param to           The name it gets.
 * @param mode         What happens to a file that has the new name.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_rename(
    const Executor& io_executor,
    file_location from,
    file_location to,
    rename_mode mode,
    Token&& token)
{
    return detail::start_file_request<detail::rename_request, detail::void_signature>(
        io_executor,
        std::forward<Token>(token),
        std::move(from),
        std::move(to),
        static_cast<std::uint32_t>(mode));
}

/// The same, with rename_mode::replace.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_rename(
    const Executor& io_executor, file_location from, file_location to, Token&& token)
{
    return async_rename(
        io_executor,
        std::move(from),
        std::move(to),
        rename_mode::replace,
        std::forward<Token>(token));
}

/// Remove a file, a symbolic link or an empty directory, as std::filesystem::remove does.
/**
 * @param io_executor  The I/O executor.
 * @param at           What to remove.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, bool) @endcode
 * The second argument says whether something was removed. It is false, without an error,
 * where nothing has that name.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, bool)) Token>
auto async_remove(const Executor& io_executor, file_location at, Token&& token)
{
    return boost::asio::async_compose<Token, detail::bool_signature>(
        detail::remove_steps<Executor>(io_executor, std::move(at)), token, io_executor);
}

/// Make a directory, as std::filesystem::create_directory does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The new directory.
 * @param permissions  What others may do with it, less the process's umask.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, bool) @endcode
 * The second argument says whether a directory was made. It is false, without an error,
 * where there is one; what is no directory is an error, file_exists.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, bool)) Token>
auto async_create_directory(
    const Executor& io_executor,
    file_location at,
    std::filesystem::perms permissions,
    Token&& token)
{
    return boost::asio::async_compose<Token, detail::bool_signature>(
        detail::create_directory_steps<Executor>(
            io_executor, std::move(at), static_cast<std::uint32_t>(permissions)),
        token,
        io_executor);
}

/// The same, with all permissions that the process's umask leaves.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, bool)) Token>
auto async_create_directory(const Executor& io_executor, file_location at, Token&& token)
{
    return async_create_directory(
        io_executor,
        std::move(at),
        std::filesystem::perms::all,
        std::forward<Token>(token));
}

/// Make a directory and all that are missing above it, as
/// std::filesystem::create_directories does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The new directory.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, bool) @endcode
 * The second argument says whether the last directory was made. It is false, without an
 * error, where there is one; a part of the path that is no directory is an error,
 * not_a_directory. Directories that were made before an error stay.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, bool)) Token>
auto async_create_directories(
    const Executor& io_executor, file_location at, Token&& token)
{
    return boost::asio::async_compose<Token, detail::bool_signature>(
        detail::create_directories_steps<Executor>(
            io_executor,
            std::move(at),
            static_cast<std::uint32_t>(std::filesystem::perms::all)),
        token,
        io_executor);
}

/// Make a symbolic link, as std::filesystem::create_symlink does.
/**
 * @param io_executor  The I/O executor.
 * @param target       What the link says. Nothing checks it.
 * @param at           The new link.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_create_symlink(
    const Executor& io_executor, std::string target, file_location at, Token&& token)
{
    return detail::start_file_request<detail::symlink_request, detail::void_signature>(
        io_executor, std::forward<Token>(token), std::move(at), std::move(target));
}

/// Give a file one more name, as std::filesystem::create_hard_link does.
/**
 * @param io_executor  The I/O executor.
 * @param from         A name of the file; a symbolic link gets the second name itself.
 * @param to           The new name.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_create_hard_link(
    const Executor& io_executor, file_location from, file_location to, Token&& token)
{
    return detail::start_file_request<detail::link_request, detail::void_signature>(
        io_executor, std::forward<Token>(token), std::move(from), std::move(to));
}

/// Read what a symbolic link says, as std::filesystem::read_symlink does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The link.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::filesystem::path) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(
        void(boost::system::error_code, std::filesystem::path)) Token>
auto async_read_link(const Executor& io_executor, file_location at, Token&& token)
{
    using signature = void(boost::system::error_code, std::filesystem::path);
    return detail::start_file_request<detail::read_link_request, signature>(
        io_executor, std::forward<Token>(token), std::move(at));
}

/// Read the names in a directory.
/**
 * @param io_executor  The I/O executor.
 * @param at           The directory; the path "." from a directory_handle means itself.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::vector<directory_entry>) @endcode
 * The entries come in the order of the file system, without "." and "..". One that is
 * made or removed meanwhile may be among them or not.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(
        void(boost::system::error_code, std::vector<directory_entry>)) Token>
auto async_list_directory(const Executor& io_executor, file_location at, Token&& token)
{
    using signature = void(boost::system::error_code, std::vector<directory_entry>);
    return detail::start_file_request<detail::list_directory_request, signature>(
        io_executor, std::forward<Token>(token), std::move(at));
}

/// Open a directory for paths to start from.
/**
 * @param io_executor  The I/O executor.
 * @param at           The directory.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, asio_uring::directory_handle) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, directory_handle))
        Token>
auto async_open_directory(const Executor& io_executor, file_location at, Token&& token)
{
    using signature = void(boost::system::error_code, directory_handle);
    constexpr int flags = O_PATH | O_DIRECTORY;
    return detail::start_file_request<detail::open_request<directory_handle>, signature>(
        io_executor, std::forward<Token>(token), std::move(at), flags, std::uint32_t{0});
}

/// Open a file, as open(2) does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The file.
 * @param flags        O_* of open(2); O_CLOEXEC is added.
 * @param permissions  What others may do with a file that it makes, less the process's
 * umask.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, int) @endcode
 * The second argument is the descriptor, which is the program's to close; -1 with an
 * error. Where the context is destroyed before the handler is called, the library closes
 * it.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, int)) Token>
auto async_open(
    const Executor& io_executor,
    file_location at,
    int flags,
    std::filesystem::perms permissions,
    Token&& token)
{
    const bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    const auto mode = makes ? static_cast<std::uint32_t>(permissions) : 0U;
    using signature = void(boost::system::error_code, int);
    return detail::start_file_request<detail::open_request<int>, signature>(
        io_executor, std::forward<Token>(token), std::move(at), flags, mode);
}

/// The same; a file that it makes may be read and written by all whom the process's umask
/// leaves.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, int)) Token>
auto async_open(const Executor& io_executor, file_location at, int flags, Token&& token)
{
    constexpr auto permissions = static_cast<std::filesystem::perms>(0666);
    return async_open(
        io_executor, std::move(at), flags, permissions, std::forward<Token>(token));
}

} // namespace asio_uring
