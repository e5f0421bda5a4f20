// SPDX-License-Identifier: BSL-1.0
// A program on somebody else's libraries, which bring the header and the library along.

#include <boost/asio/steady_timer.hpp>

#include <iostream>

#ifndef ASIO_URING_DROP_IN
#    error "the exported library did not bring drop_in.hpp"
#endif

bool has_ring();
bool opens_a_socket();

int main()
{
    const bool passed = opens_a_socket();
    std::cout << (has_ring() ? "ring: yes\n" : "ring: none\n");
    std::cout << (passed ? "ok" : "failed") << "\n";
    return passed ? 0 : 1;
}
