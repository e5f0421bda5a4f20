// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Connections on which nothing happens after a first message.
//
//     idle_load --target PORT:PID --connections N
//
// Prints one line of JSON when all of them are there, with the memory that the server
// needs for each, and keeps them until it is ended.
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/transport.hpp"

#include <cstddef>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace {

// connect: with a message on each. Its reply tells that the server has accepted, so that
// its queue of connections is never full; and its next read waits by then.
void connect(unsigned short port, std::size_t count)
{
    for (std::size_t index = 0; index < count; ++index) {
        const int fd = bench::connect_to(bench::transport::tcp, port);
        char byte = 'i';
        bench::check(static_cast<int>(::send(fd, &byte, 1, MSG_NOSIGNAL)), "send");
        if (bench::check(static_cast<int>(::recv(fd, &byte, 1, 0)), "recv") != 1)
            bench::fail("the server closed an idle connection", ECONNRESET);
    }
}

long resident_bytes(int server)
{
    const std::string name = "/proc/" + std::to_string(server) + "/statm";
    std::FILE* const file = std::fopen(name.c_str(), "re");
    long pages = 0;
    if (file == nullptr || std::fscanf(file, "%*d %ld", &pages) != 1)
        bench::fail(name.c_str(), errno);
    std::fclose(file);
    return pages * ::sysconf(_SC_PAGESIZE);
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--target", "--connections", "--lifetime"});
    bench::bound_lifetime(options.integer("--lifetime", 7200));
    unsigned short port = 0;
    int server = 0;
    if (std::sscanf(options.text("--target", "").c_str(), "%hu:%d", &port, &server) != 2)
        bench::fail("--target", EINVAL);
    const auto count = static_cast<std::size_t>(options.integer("--connections", 1000));
    // What a server makes once for its first connections is no part of the figure.
    connect(port, 100);
    const long before = resident_bytes(server);
    connect(port, count);
    std::printf(
        "{\"bytes_per_connection\": %.1f}\n",
        static_cast<double>(resident_bytes(server) - before) /
            static_cast<double>(count));
    std::fflush(stdout);
    for (;;)
        ::pause();
}
