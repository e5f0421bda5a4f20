// SPDX-License-Identifier: BSL-1.0
// Purpose: the Range header.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace http_server {

/// Part of a file to send.
struct byte_range
{
    enum class outcome
    {
        whole,         // no range, or one this server ignores: send everything
        part,          // offset and length say which
        unsatisfiable, // outside the file
    };

    outcome kind = outcome::whole;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// Digits only; a number too large for the type becomes its maximum. Nothing when the
/// text is not a number.
inline std::optional<std::uint64_t> parse_position(std::string_view text)
{
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (text.empty() || result.ptr != end) {
        return std::nullopt;
    }
    return result.ec == std::errc{} ? value : std::numeric_limits<std::uint64_t>::max();
}

/// Reads a Range header (RFC 9110, 14.1.2) against a file of `size` bytes.
/**
 * One range is served. Several ranges, other units and malformed headers are ignored,
 * which the RFC allows: the whole file answers any of them.
 */
inline byte_range parse_range(std::string_view header, std::uint64_t size)
{
    using enum byte_range::outcome;
    const byte_range everything{whole, 0, size};

    constexpr std::string_view unit = "bytes=";
    if (!header.starts_with(unit)) {
        return everything;
    }
    header.remove_prefix(unit.size());
    const auto dash = header.find('-');
    if (dash == std::string_view::npos) {
        return everything;
    }
    const std::string_view first_text = header.substr(0, dash);
    const std::string_view last_text = header.substr(dash + 1);
    const auto first = parse_position(first_text);
    const auto last = parse_position(last_text);

    if (first_text.empty() && last) {
        const std::uint64_t length = std::min(*last, size);
        return {length == 0 ? unsatisfiable : part, size - length, length};
    }
    if (!first || (!last && !last_text.empty()) || (last && *last < *first)) {
        return everything;
    }
    if (*first >= size) {
        return {unsatisfiable, 0, 0};
    }
    const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
    return {part, *first, end - *first + 1};
}

} // namespace http_server
