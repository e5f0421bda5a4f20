// SPDX-License-Identifier: BSL-1.0
// Purpose: from the target of a request to a path below the served directory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace http_server {

/// A request target, decoded: where the file is below the served directory.
struct target_path
{
    std::string relative;   // no leading or trailing '/'; empty for the root
    bool directory = false; // the target ends with '/'
};

/// Decodes %XX; nothing for a truncated or malformed escape or a zero byte.
inline std::optional<std::string> percent_decode(std::string_view text)
{
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') {
            return c - '0';
        }
        const char lower = static_cast<char>(c | 0x20);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    };
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char byte = text[i];
        if (byte == '%') {
            if (text.size() - i < 3) {
                return std::nullopt;
            }
            const int high = digit(text[i + 1]);
            const int low = digit(text[i + 2]);
            if (high < 0 || low < 0) {
                return std::nullopt;
            }
            byte = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (byte == '\0') {
            return std::nullopt;
        }
        result.push_back(byte);
    }
    return result;
}

/// The path part of a target in origin form ("/a?b") or absolute form ("http://h/a?b").
inline std::string_view path_part(std::string_view target)
{
    constexpr std::string_view scheme = "http://";
    if (target.starts_with(scheme)) {
        const auto slash = target.find('/', scheme.size());
        target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
    return target.substr(0, target.find_first_of("?#"));
}

/// Turns a request target into a path below the served directory; nothing when the target
/// is malformed or has a ".." segment.
/**
 * The segments are read after decoding, so "%2e%2e" and "%2f" hide nothing. Clients
 * remove dot segments before they send a request (RFC 3986, 5.2.4): one that arrives is
 * refused even where it would stay inside.
 */
inline std::optional<target_path> parse_target(std::string_view target)
{
    const std::string_view encoded = path_part(target);
    if (!encoded.starts_with('/')) {
        return std::nullopt;
    }
    const auto decoded = percent_decode(encoded);
    if (!decoded) {
        return std::nullopt;
    }
    target_path result;
    result.directory = decoded->ends_with('/');
    for (std::size_t begin = 1; begin < decoded->size();) {
        const std::size_t end = std::min(decoded->find('/', begin), decoded->size());
        const auto segment = std::string_view(*decoded).substr(begin, end - begin);
        if (segment == "..") {
            return std::nullopt;
        }
        if (!segment.empty() && segment != ".") {
            result.relative += result.relative.empty() ? "" : "/";
            result.relative += segment;
        }
        begin = end + 1;
    }
    return result;
}

} // namespace http_server
