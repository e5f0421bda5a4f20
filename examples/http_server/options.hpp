// SPDX-License-Identifier: BSL-1.0
// Purpose: what a user can choose.
#pragma once

#include "../support/endpoint.hpp"
#include "../support/options.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace http_server {

struct options
{
    std::string directory = ".";
    boost::asio::ip::tcp::endpoint endpoint = example::loopback(8080);
    std::chrono::seconds idle_timeout{30};
    bool self_test = false;
};

/// Makes the members of `chosen` options of the command line.
inline void add_options(example::options& all, options& chosen)
{
    const auto store_seconds = [&chosen](const std::string& given) {
        const auto seconds = example::to_number<std::uint16_t>(given, 1, 65535);
        chosen.idle_timeout =
            seconds ? std::chrono::seconds(*seconds) : chosen.idle_timeout;
        return seconds.has_value();
    };
    all.text("serve", "DIR", chosen.directory, "directory to serve");
    example::add_endpoint(all, chosen.endpoint);
    all.value(
        "idle-timeout",
        "N",
        "a number of seconds from 1 to 65535",
        std::to_string(chosen.idle_timeout.count()),
        store_seconds,
        "seconds after which a silent or stuck connection is closed");
    all.flag("self-test", chosen.self_test, "serve a client of this process, and end");
}

} // namespace http_server
