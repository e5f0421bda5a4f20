// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: files read and written whole, in one call. Thread: as said at
// the functions. Lifetime: an operation owns its path; buffers are the caller's.
#pragma once

#include <asio_uring/detail/context/read_file_steps.hpp>
#include <asio_uring/file_location.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>

#include <cstddef>
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
    /// that brings nothing is. Files of some pseudo file systems are such; those below
    /// /proc and /sys are known by their path.
    bool read_until_empty = false;
};

namespace detail {

template <typename Sink, typename Signature, typename Executor, typename Token>
auto start_read_file(
    const Executor& executor,
    file_location&& at,
    const read_file_options& options,
    Token&& token,
    auto&&... sink)
{
    using state = read_file_state<Sink>;
    return boost::asio::async_compose<Token, Signature>(
        read_file_steps<Executor, Sink>(
            executor,
            std::make_unique<state>(
                std::move(at),
                options.read_until_empty,
                std::forward<decltype(sink)>(sink)...)),
        token,
        executor);
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
    using signature = void(boost::system::error_code, std::string);
    return detail::start_read_file<detail::string_sink, signature>(
        io_executor, std::move(at), options, std::forward<Token>(token), options.limit);
}

/// The same, of a file of any size.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::string)) Token>
auto async_read_file(const Executor& io_executor, file_location at, Token&& token)
{
    return async_read_file(
        io_executor, std::move(at), read_file_options(), std::forward<Token>(token));
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
    using signature = void(boost::system::error_code, std::size_t);
    return detail::start_read_file<detail::growing_sink<DynamicBuffer>, signature>(
        io_executor,
        std::move(at),
        options,
        std::forward<Token>(token),
        std::move(buffer),
        options.limit);
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
    using signature = void(boost::system::error_code, std::size_t);
    return detail::start_read_file<detail::fixed_sink, signature>(
        io_executor,
        std::move(at),
        read_file_options(),
        std::forward<Token>(token),
        buffer);
}

} // namespace asio_uring
