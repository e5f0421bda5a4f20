// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column raw_epoll: the UDP echo server as one writes it in C style: receive
// and send until nothing is there, then wait in epoll.
//
//     --trigger level|edge   how epoll reports the socket (default level)
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/transport.hpp"

#include <cstddef>

#include <sys/epoll.h>

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--trigger"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    const int socket = bench::serve_on(bench::transport::udp, SOCK_NONBLOCK);
    const int poller = bench::check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    epoll_event event{};
    event.events = EPOLLIN;
    if (options.text("--trigger", "level") == "edge")
        event.events |= EPOLLET;
    bench::check(::epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event), "epoll_ctl");
    char buffer[bench::connection_buffer_size];
    for (;;) {
        ::epoll_wait(poller, &event, 1, -1);
        for (;;) {
            sockaddr_in sender{};
            socklen_t size = sizeof sender;
            auto* const generic = reinterpret_cast<sockaddr*>(&sender);
            const ssize_t received =
                ::recvfrom(socket, buffer, sizeof buffer, 0, generic, &size);
            if (received < 0)
                break;
            if (received == 0)
                bench::count_connection();
            else
                ::sendto(
                    socket, buffer, static_cast<std::size_t>(received), 0, generic, size);
        }
    }
}
