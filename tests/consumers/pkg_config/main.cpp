// SPDX-License-Identifier: BSL-1.0
// A program of someone else that uses no CMake and no Asio: the ring layer alone.

#include <asio_uring/ring/ring.hpp>

#include <iostream>

int main()
{
    boost::system::error_code ec;
    const auto ring = asio_uring::ring::create({.entries = 4}, ec);
    std::cout << (ring.is_open() ? "ok" : "no ring here: " + ec.message()) << "\n";
    return ring.is_open() || ec ? 0 : 1;
}
