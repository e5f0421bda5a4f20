// SPDX-License-Identifier: BSL-1.0
// Benchmarks. The one request of http-64 and http-file, and its answers, byte for byte,
// as the load compares them. Thread: any. Lifetime: static.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bench {

inline constexpr std::string_view http_request = "GET / HTTP/1.1\r\n"
                                                 "Host: localhost\r\n"
                                                 "User-Agent: bench\r\n"
                                                 "Accept: */*\r\n"
                                                 "\r\n";

inline constexpr std::string_view http_body = "Hello, world!\n";

inline constexpr std::string_view http_reply = "HTTP/1.1 200 OK\r\n"
                                               "Server: bench\r\n"
                                               "Content-Type: text/plain\r\n"
                                               "Content-Length: 14\r\n"
                                               "\r\n"
                                               "Hello, world!\n";

// http_file_reply: with the file of so many bytes that file_prepare makes, all of them 0.
inline std::string http_file_reply(std::size_t size)
{
    return "HTTP/1.1 200 OK\r\n"
           "Server: bench\r\n"
           "Content-Type: text/plain\r\n"
           "Content-Length: " +
           std::to_string(size) + "\r\n\r\n" + std::string(size, '\0');
}

} // namespace bench
