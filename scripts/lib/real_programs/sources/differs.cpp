// SPDX-License-Identifier: BSL-1.0
//
// A program that is the same with and without the ring, or not: a macro says how.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdlib>
#include <cstring>
#include <iostream>

#if defined(NOT_MOVED) && defined(ASIO_URING_DROP_IN)
#    error "this program cannot be moved"
#endif

int main()
{
    const char* set = std::getenv("ASIO_URING");
    [[maybe_unused]] const bool ring = set && std::strcmp(set, "require") == 0;
    [[maybe_unused]] const bool off = set && std::strcmp(set, "off") == 0;
#if !defined(WITHOUT_CONTEXT)
    boost::asio::io_context context;
    boost::asio::steady_timer timer(context, std::chrono::milliseconds(1));
    timer.async_wait([](auto) {});
    context.run();
#endif
#if defined(PRINTS_MORE_ON_THE_RING)
    std::cout << (ring ? "more\n" : "");
#elif defined(PRINTS_MORE_SWITCHED_OFF)
    std::cout << (off ? "more\n" : "");
#elif defined(PRINTS_NOTHING_ON_THE_RING)
    if (ring)
        return 0;
#elif defined(FAILS_EVERYWHERE)
    return 0;
#endif
    std::cout << "ticked" << std::endl;
#if defined(ENDS_OTHERWISE_ON_THE_RING)
    return ring ? 3 : 0;
#endif
}
