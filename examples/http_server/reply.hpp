// SPDX-License-Identifier: BSL-1.0
// Purpose: which answer a request gets.
#pragma once

#include "document_root.hpp"
#include "mime.hpp"
#include "path.hpp"
#include "range.hpp"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace http_server {

namespace http = boost::beast::http;

using request = http::request<http::empty_body>;

/// An answer: the header, and where its body comes from, a text or a part of a file.
struct reply
{
    http::response<http::buffer_body> header;
    std::string text;
    bool is_file = false;
    open_file file;
    std::uint64_t offset = 0; // of the part of the file not yet sent
    std::uint64_t rest = 0;   // bytes of it
};

inline reply make_text_reply(http::status status, std::string_view detail = {})
{
    reply answer;
    answer.header.result(status);
    answer.header.set(http::field::content_type, "text/plain; charset=utf-8");
    answer.text = std::to_string(static_cast<unsigned>(status)) + ' ';
    answer.text += http::obsolete_reason(status);
    if (!detail.empty()) {
        answer.text.append(": ").append(detail);
    }
    answer.text += '\n';
    answer.header.content_length(answer.text.size());
    return answer;
}

inline reply make_error_reply(const boost::system::error_code& error)
{
    switch (error.value()) {
    case EACCES:
    case EPERM:
        return make_text_reply(http::status::forbidden);
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case ENXIO: // a socket, or a device that is not there
        return make_text_reply(http::status::not_found);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return make_text_reply(http::status::service_unavailable);
    default:
        return make_text_reply(http::status::internal_server_error, error.message());
    }
}

/// The answer to "/dir" where that is a directory: the links in its index need "/dir/".
inline reply make_redirect(std::string_view target)
{
    const std::string_view path = path_part(target);
    // One leading slash only: "//name/" would send the client to the host "name".
    std::string location = "/";
    location.append(path.substr(std::min(path.find_first_not_of('/'), path.size())));
    location += '/';
    reply answer = make_text_reply(http::status::moved_permanently);
    answer.header.set(http::field::location, location);
    return answer;
}

inline reply make_file_reply(const request& asked, open_file file, std::string_view name)
{
    const std::uint64_t size = file.size();
    byte_range range{byte_range::outcome::whole, 0, size};
    // A range counts for GET only. If-Range names a version of the file, and this server
    // gives out no names for versions: it cannot match, so the whole file is the answer.
    if (asked.method() == http::verb::get && asked.count(http::field::if_range) == 0) {
        range = parse_range(asked[http::field::range], size);
    }
    if (range.kind == byte_range::outcome::unsatisfiable) {
        reply answer = make_text_reply(http::status::range_not_satisfiable);
        answer.header.set(http::field::content_range, "bytes */" + std::to_string(size));
        return answer;
    }

    reply answer;
    answer.header.set(http::field::content_type, content_type(name));
    answer.header.set(http::field::accept_ranges, "bytes");
    answer.header.content_length(range.length);
    if (range.kind == byte_range::outcome::part) {
        answer.header.result(http::status::partial_content);
        answer.header.set(
            http::field::content_range,
            "bytes " + std::to_string(range.offset) + '-' +
                std::to_string(range.offset + range.length - 1) + '/' +
                std::to_string(size));
    }
    answer.is_file = true;
    answer.file = std::move(file);
    answer.offset = range.offset;
    answer.rest = range.length;
    return answer;
}

/// Decides what a request gets. Nothing is sent and no content is read here.
inline reply make_reply(const document_root& root, const request& asked)
{
    if (asked.method() != http::verb::get && asked.method() != http::verb::head) {
        reply answer = make_text_reply(http::status::method_not_allowed);
        answer.header.set(http::field::allow, "GET, HEAD");
        return answer;
    }
    if (asked.version() >= 11 && asked.count(http::field::host) != 1) {
        return make_text_reply(http::status::bad_request, "one Host header, please");
    }
    auto target = parse_target(asked.target());
    if (!target) {
        return make_text_reply(http::status::bad_request, "malformed target");
    }
    if (target->directory) {
        target->relative += target->relative.empty() ? "index.html" : "/index.html";
    }
    boost::system::error_code error;
    open_file file = root.open(target->relative, error);
    if (error) {
        return make_error_reply(error);
    }
    if (file.is_directory() && !target->directory) {
        return make_redirect(asked.target());
    }
    if (!file.is_regular()) {
        return make_text_reply(http::status::not_found);
    }
    return make_file_reply(asked, std::move(file), target->relative);
}

} // namespace http_server
