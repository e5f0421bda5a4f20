// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a transcript of handlers: which one ran, its error by
// name, its bytes, in order. Thread: one at a time. Lifetime: outlives the handlers it
// makes.
#pragma once

#include "drive.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace asio_uring::test {

/// Names an error. The comparison is exact: same value and same category.
inline std::string text(const boost::system::error_code& ec)
{
    namespace error = boost::asio::error;
    static const std::pair<boost::system::error_code, const char*> names[] = {
        {error::eof, "eof"},
        {error::not_found, "not_found"},
        {error::already_open, "already_open"},
        {error::operation_aborted, "operation_aborted"},
        {error::bad_descriptor, "bad_descriptor"},
        {error::connection_refused, "connection_refused"},
        {error::connection_reset, "connection_reset"},
        {error::connection_aborted, "connection_aborted"},
        {error::broken_pipe, "broken_pipe"},
        {error::invalid_argument, "invalid_argument"},
        {error::would_block, "would_block"},
        {error::timed_out, "timed_out"},
        {error::not_connected, "not_connected"},
        {error::already_connected, "already_connected"},
        {error::already_started, "already_started"},
        {error::in_progress, "in_progress"},
        {error::address_in_use, "address_in_use"},
        {error::fault, "fault"},
        {error::operation_not_supported, "operation_not_supported"},
        {error::not_socket, "not_socket"},
        {error::no_protocol_option, "no_protocol_option"},
        {error::no_descriptors, "no_descriptors"},
    };
    if (!ec)
        return "ok";
    for (const auto& [known, name] : names) {
        if (ec == known)
            return name;
    }
    return std::string(ec.category().name()) + ':' + std::to_string(ec.value());
}

/// Collects lines. Handlers made here refer to the recorder, which outlives them.
class recorder
{
public:
    recorder() = default;
    recorder(const recorder&) = delete;
    recorder& operator=(const recorder&) = delete;

    /// A line written by the test itself.
    void note(std::string_view line)
    {
        if (!lines_.empty())
            lines_ += "; ";
        lines_ += line;
        ++count_;
    }

    /// A line written by a handler; one called outside the loop is marked.
    void handled(std::string line)
    {
        if (!loop_scope::inside())
            line = "INLINE " + line;
        note(line);
    }

    /// A handler of signature void(error_code, size_t).
    auto io(std::string name)
    {
        return [this,
                name = std::move(name)](boost::system::error_code ec, std::size_t bytes) {
            handled(name + ' ' + text(ec) + ' ' + std::to_string(bytes));
        };
    }

    /// A handler of signature void(error_code).
    auto done(std::string name)
    {
        return [this, name = std::move(name)](boost::system::error_code ec) {
            handled(name + ' ' + text(ec));
        };
    }

    /// A transfer handler whose line names the size only when it is not the expected one.
    auto done_with_size(std::string name, std::size_t expected)
    {
        return [this, name = std::move(name), expected](
                   boost::system::error_code ec, std::size_t bytes) {
            handled(name + ' ' + text(ec) + (bytes == expected ? "" : " wrong size"));
        };
    }

    std::size_t count() const { return count_; }

    /// Everything so far on one line; the recorder starts afresh.
    std::string take()
    {
        count_ = 0;
        return std::exchange(lines_, {});
    }

private:
    std::string lines_;
    std::size_t count_ = 0;
};

} // namespace asio_uring::test
