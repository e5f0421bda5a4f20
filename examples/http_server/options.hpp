// SPDX-License-Identifier: BSL-1.0

#pragma once

#include <boost/asio/ip/address.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace http_server {

struct options
{
    std::filesystem::path directory = ".";
    boost::asio::ip::address address = boost::asio::ip::address_v4::loopback();
    std::uint16_t port = 8080; // 0: the system chooses
    std::chrono::seconds idle_timeout{30};
    bool help = false;
    bool self_test = false;
};

inline constexpr std::string_view usage =
    R"(Usage: http_server [--serve DIR] [--port N] [--address A] [--idle-timeout SECONDS]
  --serve         directory to serve (default: the current one)
  --port          port to listen on, 0 lets the system choose (default: 8080)
  --address       IP address to listen on (default: 127.0.0.1)
  --idle-timeout  a silent or stuck connection is closed after this (default: 30)
  --self-test     serve a few files to a client in this process, check, and end
)";

inline std::uint16_t
parse_number(std::string_view name, std::string_view text, std::uint16_t smallest)
{
    std::uint16_t value = 0;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc{} || result.ptr != end || value < smallest) {
        throw std::invalid_argument(
            std::string(name) + ": '" + std::string(text) + "' is not allowed");
    }
    return value;
}

inline void apply_option(options& result, std::string_view name, std::string_view value)
{
    if (name == "--serve") {
        result.directory = value;
    }
    else if (name == "--address") {
        boost::system::error_code error;
        result.address = boost::asio::ip::make_address(std::string(value), error);
        if (error) {
            throw std::invalid_argument(
                "--address: '" + std::string(value) + "' is not an IP address");
        }
    }
    else if (name == "--port") {
        result.port = parse_number(name, value, 0);
    }
    else if (name == "--idle-timeout") {
        result.idle_timeout = std::chrono::seconds(parse_number(name, value, 1));
    }
    else {
        throw std::invalid_argument("unknown option '" + std::string(name) + "'");
    }
}

/// Reads `--name value` and `--name=value`; throws std::invalid_argument with a sentence
/// for the user.
inline options parse_options(int argc, const char* const* argv)
{
    options result;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--help" || argument == "-h") {
            result.help = true;
            return result;
        }
        if (argument == "--self-test") {
            result.self_test = true;
            continue;
        }
        const auto equals = argument.find('=');
        if (equals != std::string_view::npos) {
            apply_option(result, argument.substr(0, equals), argument.substr(equals + 1));
        }
        else if (i + 1 < argc) {
            apply_option(result, argument, argv[++i]);
        }
        else {
            throw std::invalid_argument("'" + std::string(argument) + "' needs a value");
        }
    }
    return result;
}

} // namespace http_server
