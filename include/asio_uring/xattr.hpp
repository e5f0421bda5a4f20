// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: extended attributes of files with any completion token. Thread:
// as said at the functions. Lifetime: an operation owns its path, its name and its value.
#pragma once

#include <asio_uring/detail/context/file_steps.hpp>
#include <asio_uring/detail/request/file_xattr.hpp>
#include <asio_uring/file_location.hpp>

#include <boost/asio/async_result.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace asio_uring {

/**
 * @file
 * What file_system.hpp says of its functions holds for these. They follow symbolic links.
 * A location that starts from a directory_handle is reached through /proc. A worker of
 * the context lists and removes attributes, because the kernel has no request for it.
 */

/// Get an attribute of a file, as getxattr(2) does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The file.
 * @param name         The attribute, for example "user.mime_type".
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::string) @endcode
 * @par Errors
 * no_message_available (ENODATA) where the file has no such attribute; not_supported
 * where the file system has none.
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::string)) Token>
auto async_get_xattr(
    const Executor& io_executor, file_location at, std::string name, Token&& token)
{
    using signature = void(boost::system::error_code, std::string);
    return detail::start_file_request<detail::get_xattr_request, signature>(
        io_executor, std::forward<Token>(token), std::move(at), std::move(name));
}

/// What async_set_xattr() expects.
enum class xattr_mode : std::uint8_t
{
    create_or_replace = 0,
    create = 1,  ///< fails with file_exists where the file has the attribute
    replace = 2, ///< fails with no_message_available where the file lacks it
};

/// Set an attribute of a file, as setxattr(2) does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The file.
 * @param name         The attribute.
 * @param value        Its new value, any bytes.
 * @param mode         What is expected to be there.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_set_xattr(
    const Executor& io_executor,
    file_location at,
    std::string name,
    std::string value,
    xattr_mode mode,
    Token&& token)
{
    return detail::start_file_request<detail::set_xattr_request, detail::void_signature>(
        io_executor,
        std::forward<Token>(token),
        std::move(at),
        std::move(name),
        std::move(value),
        static_cast<int>(mode));
}

/// The same, with xattr_mode::create_or_replace.
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_set_xattr(
    const Executor& io_executor,
    file_location at,
    std::string name,
    std::string value,
    Token&& token)
{
    return async_set_xattr(
        io_executor,
        std::move(at),
        std::move(name),
        std::move(value),
        xattr_mode::create_or_replace,
        std::forward<Token>(token));
}

/// List the names of a file's attributes, as listxattr(2) does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The file.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code, std::vector<std::string>) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(
        void(boost::system::error_code, std::vector<std::string>)) Token>
auto async_list_xattr(const Executor& io_executor, file_location at, Token&& token)
{
    using signature = void(boost::system::error_code, std::vector<std::string>);
    return detail::start_file_request<detail::list_xattrs_request, signature>(
        io_executor, std::forward<Token>(token), std::move(at));
}

/// Remove an attribute of a file, as removexattr(2) does.
/**
 * @param io_executor  The I/O executor.
 * @param at           The file.
 * @param name         The attribute.
 * @param token        Completion token.
 *
 * @par Completion signature
 * @code void(boost::system::error_code) @endcode
 */
template <
    typename Executor,
    BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code)) Token>
auto async_remove_xattr(
    const Executor& io_executor, file_location at, std::string name, Token&& token)
{
    return detail::
        start_file_request<detail::remove_xattr_request, detail::void_signature>(
            io_executor, std::forward<Token>(token), std::move(at), std::move(name));
}

} // namespace asio_uring
