// SPDX-License-Identifier: BSL-1.0
// Purpose: the options of an example program that say where its server is.
#pragma once

#include "options.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>

namespace example {

/// A port of the loopback address, where no other machine reaches the program.
inline boost::asio::ip::tcp::endpoint loopback(std::uint16_t port)
{
    return {boost::asio::ip::address_v4::loopback(), port};
}

/// --address and --port; the endpoint holds their defaults and then their values.
inline void add_endpoint(options& all, boost::asio::ip::tcp::endpoint& endpoint)
{
    const auto store_address = [&endpoint](const std::string& given) {
        boost::system::error_code error;
        const auto address = boost::asio::ip::make_address(given, error);
        endpoint.address(error ? endpoint.address() : address);
        return !error;
    };
    const auto store_port = [&endpoint](const std::string& given) {
        const auto port = to_number<std::uint16_t>(given, 0, 65535);
        endpoint.port(port.value_or(endpoint.port()));
        return port.has_value();
    };
    all.value(
        "address",
        "A",
        "an IP address",
        endpoint.address().to_string(),
        store_address,
        "IP address of the server");
    all.value(
        "port",
        "N",
        "a number from 0 to 65535",
        std::to_string(endpoint.port()),
        store_port,
        "port of the server; with 0 the system chooses a free one");
}

} // namespace example
