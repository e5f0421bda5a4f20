// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Connections on which nothing happens after a first message, and the memory
// that a server needs for each. Thread: one. Lifetime: ends the program on any error.
#pragma once

#include "support/process.hpp"
#include "support/transport.hpp"

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include <sys/socket.h>

#include <unistd.h>

namespace bench {

class idle_connections
{
public:
    idle_connections(transport kind, unsigned short port, pid_t server, std::size_t count)
    {
        if (count == 0)
            return;
        // What a server makes once for its first connections is no part of the figure.
        add(kind, port, warm_up);
        const long before = resident_bytes(server);
        add(kind, port, count);
        bytes_ = static_cast<double>(resident_bytes(server) - before) /
                 static_cast<double>(count);
    }

    idle_connections(const idle_connections&) = delete;
    idle_connections& operator=(const idle_connections&) = delete;

    ~idle_connections()
    {
        for (const int fd : fds_)
            ::close(fd);
    }

    double bytes_per_connection() const noexcept { return bytes_; }

private:
    static constexpr std::size_t warm_up = 100;

    // add: with a message on each. Its reply tells that the server has accepted, so that
    // its queue of connections is never full; and its next read waits by then.
    void add(transport kind, unsigned short port, std::size_t count)
    {
        for (std::size_t index = 0; index < count; ++index) {
            const int fd = fds_.emplace_back(connect_to(kind, port));
            char byte = 'i';
            check(static_cast<int>(::send(fd, &byte, 1, MSG_NOSIGNAL)), "send");
            if (check(static_cast<int>(::recv(fd, &byte, 1, MSG_WAITALL)), "recv") != 1)
                fail("the server closed an idle connection", ECONNRESET);
        }
    }

    static long resident_bytes(pid_t server)
    {
        const std::string name = "/proc/" + std::to_string(server) + "/statm";
        std::FILE* const file = std::fopen(name.c_str(), "re");
        long pages = 0;
        if (file == nullptr || std::fscanf(file, "%*d %ld", &pages) != 1)
            fail(name.c_str(), errno);
        std::fclose(file);
        return pages * ::sysconf(_SC_PAGESIZE);
    }

    std::vector<int> fds_;
    double bytes_ = 0;
};

} // namespace bench
