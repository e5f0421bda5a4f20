// SPDX-License-Identifier: BSL-1.0
// Purpose: content types by the end of a file's name.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace http_server {

/// The content type of a file by the end of its name.
inline std::string_view content_type(std::string_view path)
{
    struct entry
    {
        std::string_view extension;
        std::string_view type;
    };
    static constexpr auto entries = std::to_array<entry>({
        {"css", "text/css; charset=utf-8"},
        {"gif", "image/gif"},
        {"hpp", "text/plain; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"html", "text/html; charset=utf-8"},
        {"ico", "image/x-icon"},
        {"jpeg", "image/jpeg"},
        {"jpg", "image/jpeg"},
        {"js", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"md", "text/markdown; charset=utf-8"},
        {"mp4", "video/mp4"},
        {"pdf", "application/pdf"},
        {"png", "image/png"},
        {"svg", "image/svg+xml"},
        {"txt", "text/plain; charset=utf-8"},
        {"wasm", "application/wasm"},
        {"webp", "image/webp"},
        {"woff2", "font/woff2"},
        {"xml", "application/xml"},
    });

    const std::string_view name = path.substr(path.rfind('/') + 1);
    const auto dot = name.rfind('.');
    if (dot != std::string_view::npos) {
        const std::string_view extension = name.substr(dot + 1);
        const auto same_letter = [](char a, char b) {
            return a == (b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b);
        };
        for (const entry& known : entries) {
            if (std::ranges::equal(known.extension, extension, same_letter)) {
                return known.type;
            }
        }
    }
    return "application/octet-stream";
}

} // namespace http_server
