// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: files read, written and copied whole, in one call. Thread: as
// said at the functions. Lifetime: an operation owns its paths; buffers are the caller's.
#pragma once

#include <asio_uring/detail/context/copy_file_steps.hpp>
#include <asio_uring/detail/context/small_file.hpp>
#include <asio_uring/detail/context/write_file_steps.hpp>
#include <asio_uring/file_location.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace asio_uring {

/// How async_read_file() reads.
struct read_file_options
{
    /// How many bytes the file may have.
    std::size_t limit = std::numeric_limits<std::size_t>::max();

    /// A read that brings less than was asked for is not the end of the file, only one
    /// that brings nothing is. Files of some pseudo file systems are such. Those below
    /// /proc and /sys are known by their absolute path; one that is reached from a
    /// directory_handle, from the working directory or by a link has to be told of here.
    /// A second read of each file would tell as well, for a fifth of what a small file
    /// costs.
    bool read_until_empty = false;
};

namespace detail {

template <typename Sink, typename Executor, typename Token>
auto start_read_file(
    const Executor& executor,
    file_location&& at,
    const read_file_options& options,
    Token&& token,
    auto&&... sink)
{
    return boost::asio::async_initiate<Token, read_file_signature<Sink>>(
        initiate_read_file<Executor, Sink>(executor),
        token,
        std::move(at),
        bool(options.read_until_empty),
        std::forward<decltype(sink)>(sink)...);
}

} // namespace detail

/// Read a whole file into a string.
/**
 * On a ring a file below 64 KiB is one chain of three requests, which opens, reads and
 * closes it in a place of the ring's file table: no descriptor is made, and the requests
 * of many files enter the kernel together. A larger file is then read from its beginning,
 * by one request where the file system tells its size. A file that becomes longer or
 * shorter meanwhile is read until its end, as it is then. All files of a context that are
 * read at the same time share up to 64 places; further ones wait for a place.
 *
 * @param io_executor  The I/O executor. Its context's ring takes the requests; where
 * there is none yet, one with default options is made.
 * @param at           The file.
 * @param options      How to read it.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::string) @endcode
 * The string is empty where there is an error other than file_too_large.
 * @par Completion
 * When the file is closed. Never from within this function.
 * @par Executor
 * The handler runs on its associated executor, by default `io_executor`.
 * @par Object lifetimes
 * The operation owns its path. A directory_handle stays open until the handler is called.
 * @par Concurrency
 * Any thread may call this at any time. Files are read in any order.
 * @par Cancellation
 * terminal, partial and total end the read with operation_aborted. One that waits for a
 * place ends when it gets one.
 * @par Errors
 * Those of open(2), openat2(2) and read(2), for example is_a_directory; file_too_large
 * for a file of more bytes than the limit, of which the string has the first;
 * not_enough_memory; operation_aborted when cancelled.
 * @par Kernel
 * 6.1, as every ring of a context. Reads of what is not in the page cache of some file
 * systems run in a worker thread of the kernel.
 * @par Without a ring
 * A worker of the context opens, reads and closes the file, with the same result.
 * Cancellation ends a read that no worker has begun.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::string)) Token>
auto async_read_file(
    const Executor& io_executor,
    file_location at,
    const read_file_options& options,
    Token&& token)
{
    return detail::start_read_file<detail::string_sink>(
        io_executor,
        std::move(at),
        options,
        std::forward<Token>(token),
        std::size_t(options.limit));
}

/// The same, of a file of any size.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::string)) Token>
auto async_read_file(const Executor& io_executor, file_location at, Token&& token)
{
    const read_file_options options;
    return detail::start_read_file<detail::string_sink>(
        io_executor,
        std::move(at),
        options,
        std::forward<Token>(token),
        std::size_t(options.limit));
}

/// Read a whole file to the end of a buffer that grows.
/**
 * The same into a dynamic buffer, as boost::asio::dynamic_buffer() makes it of a string
 * or a vector. The completion signature differs, and the lifetime:
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::size_t) @endcode
 * How many bytes were added; 0 where there is an error other than file_too_large.
 * @par Object lifetimes
 * What the buffer refers to is the operation's until the handler is called. The buffer's
 * maximum is a limit as well.
 */
template <
    typename Executor,
    typename DynamicBuffer,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t)) Token>
requires(boost::asio::is_dynamic_buffer_v2<DynamicBuffer>::value) //
    auto async_read_file(
        const Executor& io_executor,
        file_location at,
        DynamicBuffer buffer,
        const read_file_options& options,
        Token&& token)
{
    return detail::start_read_file<detail::growing_sink<DynamicBuffer>>(
        io_executor,
        std::move(at),
        options,
        std::forward<Token>(token),
        std::move(buffer),
        std::size_t(options.limit));
}

/// The same, of a file of any size.
template <
    typename Executor,
    typename DynamicBuffer,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t)) Token>
requires(boost::asio::is_dynamic_buffer_v2<DynamicBuffer>::value) //
    auto async_read_file(
        const Executor& io_executor,
        file_location at,
        DynamicBuffer buffer,
        Token&& token)
{
    return async_read_file(
        io_executor,
        std::move(at),
        std::move(buffer),
        read_file_options(),
        std::forward<Token>(token));
}

/// Read the beginning of a file, as far as it fits into memory.
/**
 * The same into memory of the caller. The file is read until the memory is full or the
 * file ends; nothing tells whether it goes on.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::size_t) @endcode
 * How many bytes were read; 0 where there is an error.
 * @par Object lifetimes
 * The memory is the operation's until the handler is called.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t)) Token>
auto async_read_file(
    const Executor& io_executor,
    file_location at,
    boost::asio::mutable_buffer buffer,
    Token&& token)
{
    return detail::start_read_file<detail::fixed_sink>(
        io_executor,
        std::move(at),
        read_file_options(),
        std::forward<Token>(token),
        buffer);
}

/// How async_write_file() writes.
struct write_file_options
{
    /// What others may do with the file, less the process's umask. A file that had the
    /// name before does not hand its permissions on.
    std::filesystem::perms permissions = static_cast<std::filesystem::perms>(0666);

    /// The file and its name are on the disk when the handler is called.
    bool sync = true;

    /// A file that has the name is replaced; else the write ends with file_exists.
    bool replace = true;
};

namespace detail {

template <typename Executor, typename Token>
auto start_write_file(
    const Executor& executor,
    file_location&& at,
    boost::asio::const_buffer data,
    std::string&& content,
    const write_file_options& options,
    Token&& token)
{
    auto state =
        std::make_unique<write_file_state>(std::move(at), data, std::move(content));
    state->mode = static_cast<std::uint32_t>(options.permissions);
    state->sync = options.sync;
    state->replace = options.replace;
    return boost::asio::async_compose<Token, void_signature>(
        write_file_steps<Executor>(executor, std::move(state)), token, executor);
}

} // namespace detail

/// Write a whole file, never half of it.
/**
 * The content goes to a file with a name of its own in the same directory, which is
 * synced, renamed to the name of the file, and the directory is synced. At any time, also
 * after a crash, the name means all of the old content or all of the new one. After a
 * crash a file named .asio_uring-* may be left over. A symbolic link of that name is
 * replaced itself.
 *
 * @param io_executor  The I/O executor. Its context's ring takes the requests; where
 * there is none yet, one with default options is made.
 * @param at           The file.
 * @param data         Its new content.
 * @param options      How to write it.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code) @endcode
 * @par Completion
 * When the file has its name, with `sync` when that is on the disk. Never from within
 * this function.
 * @par Executor
 * The handler runs on its associated executor, by default `io_executor`.
 * @par Object lifetimes
 * The operation owns its path. The data is the operation's until the handler is called,
 * and a directory_handle stays open until then. Where the context is destroyed first, the
 * unfinished file is removed.
 * @par Concurrency
 * Any thread may call this at any time. Of two writes of one file the last to be renamed
 * stays.
 * @par Cancellation
 * terminal, partial and total end the write with operation_aborted, and remove the
 * unfinished file, as long as the file does not have its name. From then on the write
 * goes on to its end.
 * @par Errors
 * Those of open(2), write(2), fsync(2) and rename(2), for example no_space_on_device;
 * operation_aborted when cancelled. The unfinished file is removed. An error of the
 * directory's sync leaves the file with its new content.
 * @par Kernel
 * 6.1, as every ring of a context. Worker threads of the kernel carry out nearly all of
 * the requests; file_system.hpp says how many there may be.
 * @par Without a ring
 * Workers of the context make the same system calls, with the same result. Cancellation
 * then ends the write between two of them.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_write_file(
    const Executor& io_executor,
    file_location at,
    boost::asio::const_buffer data,
    const write_file_options& options,
    Token&& token)
{
    return detail::start_write_file(
        io_executor,
        std::move(at),
        data,
        std::string(),
        options,
        std::forward<Token>(token));
}

/// The same, with the default options.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_write_file(
    const Executor& io_executor,
    file_location at,
    boost::asio::const_buffer data,
    Token&& token)
{
    return async_write_file(
        io_executor,
        std::move(at),
        data,
        write_file_options(),
        std::forward<Token>(token));
}

/// The same, of a string that the operation owns.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_write_file(
    const Executor& io_executor,
    file_location at,
    std::string content,
    const write_file_options& options,
    Token&& token)
{
    return detail::start_write_file(
        io_executor,
        std::move(at),
        boost::asio::const_buffer(),
        std::move(content),
        options,
        std::forward<Token>(token));
}

/// The same, of a string that the operation owns, with the default options.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_write_file(
    const Executor& io_executor, file_location at, std::string content, Token&& token)
{
    return async_write_file(
        io_executor,
        std::move(at),
        std::move(content),
        write_file_options(),
        std::forward<Token>(token));
}

/// How async_copy_file() copies.
struct copy_file_options
{
    copy_existing existing = copy_existing::fail;
    copy_reflink reflink = copy_reflink::automatic;

    /// The copy is on the disk when the handler is called; its name may not be.
    bool sync = false;

    /// Is told, between two pieces of the file and at its end, how many bytes are copied
    /// and how many there are. It runs where the handler does.
    std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
};

/// Copy a file, as std::filesystem::copy_file does.
/**
 * The file systems share the blocks (FICLONE) or copy within themselves
 * (copy_file_range(2)) where they can; else the content is read and written. Holes of a
 * sparse file stay holes. The copy gets the permissions of the file.
 *
 * @param io_executor  The I/O executor.
 * @param from         The file; symbolic links are followed.
 * @param to           The new file.
 * @param options      How to copy it.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, bool) @endcode
 * The second argument says whether the file was copied. It is false, without an error,
 * where a file was there that the options leave.
 * @par Completion
 * When both files are closed. Never from within this function.
 * @par Executor
 * The handler runs on its associated executor, by default `io_executor`.
 * @par Object lifetimes
 * The operation owns its paths. A directory_handle stays open until the handler is
 * called. Where the context is destroyed first, a file that the copy made is removed.
 * @par Concurrency
 * Any thread may call this at any time. A context copies up to four files at the same
 * time.
 * @par Cancellation
 * terminal, partial and total end the copy between two pieces of up to 16 MiB, with
 * operation_aborted. A file that the copy made is removed; one that was there stays as
 * far as it is written over.
 * @par Errors
 * Those of open(2), copy_file_range(2), read(2) and write(2); file_exists where the
 * options say so, and where both names mean one file; is_a_directory, and not_supported
 * for what else is no file; operation_aborted when cancelled. What the copy made is
 * removed.
 * @par Kernel
 * 4.5. A worker of the context makes the system calls, with and without a ring, because
 * the kernel has no request for them.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, bool)) Token>
auto async_copy_file(
    const Executor& io_executor,
    file_location from,
    file_location to,
    const copy_file_options& options,
    Token&& token)
{
    const detail::copy_settings settings{options.existing, options.reflink, options.sync};
    return boost::asio::async_compose<Token, detail::bool_signature>(
        detail::copy_file_steps<Executor>(
            io_executor,
            std::make_unique<detail::file_copy>(std::move(from), std::move(to), settings),
            options.progress),
        token,
        io_executor);
}

/// The same, with the default options.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, bool)) Token>
auto async_copy_file(
    const Executor& io_executor, file_location from, file_location to, Token&& token)
{
    return async_copy_file(
        io_executor,
        std::move(from),
        std::move(to),
        copy_file_options(),
        std::forward<Token>(token));
}

} // namespace asio_uring
