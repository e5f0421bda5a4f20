// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: all that a descriptor takes, and all that it gives, by
// plain system calls. Thread: any. Lifetime: the descriptors are the caller's.
#pragma once

#include "loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

/// Writes until the kernel takes no more and returns how much that was. REQUIRES: what is
/// written stays on this machine, in a pipe or a local socket, where a refusal is final
/// until somebody reads; `fill` is for TCP.
inline std::size_t fill_descriptor(int fd)
{
    static const char zeros[4096] = {};
    const int flags = ::fcntl(fd, F_GETFL);
    ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    std::size_t total = 0;
    for (;;) {
        auto step = ::write(fd, zeros, sizeof(zeros));
        if (step <= 0)
            break;
        total += static_cast<std::size_t>(step);
    }
    ::fcntl(fd, F_SETFL, flags);
    return total;
}

/// Exactly so many bytes, fewer only at the end.
inline std::string read_whole(int fd, std::size_t size)
{
    std::string data(size, '\0');
    std::size_t got = 0;
    while (got < size) {
        BOOST_TEST_REQUIRE(ready(fd, POLLIN), "nothing arrived");
        auto step = ::read(fd, data.data() + got, size - got);
        if (step <= 0)
            break;
        got += static_cast<std::size_t>(step);
    }
    data.resize(got);
    return data;
}

} // namespace asio_uring::test
