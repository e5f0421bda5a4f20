// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column raw_epoll: the stream echo server as one writes it in C style, an
// epoll loop with one receive and one send per message.
//
//     --trigger level|edge   how epoll reports a connection (default level)
//     --transport tcp|local  TCP over loopback (default), or a local stream
#include "support/arguments.hpp"
#include "support/deliberate_loss.hpp"
#include "support/process.hpp"
#include "support/transport.hpp"

#include <cstddef>

#include <sys/epoll.h>

namespace {

struct connection
{
    explicit connection(int descriptor) : fd(descriptor) {}

    int fd;
    std::size_t begin = 0; // of the bytes received and not yet sent
    std::size_t end = 0;
    char buffer[bench::connection_buffer_size];
};

class server
{
public:
    server(bench::transport kind, bool edge_triggered)
        : poller_(bench::check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
          trigger_(edge_triggered ? static_cast<unsigned>(EPOLLET) : 0u),
          listener_(bench::serve_on(kind, SOCK_NONBLOCK)),
          kind_(kind)
    {
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    }

    [[noreturn]] void run()
    {
        epoll_event events[128];
        for (;;) {
            const int count = ::epoll_wait(poller_, events, 128, -1);
            if (count < 0 && errno != EINTR)
                bench::fail("epoll_wait", errno);
            for (int index = 0; index < count; ++index) {
                auto* const owner = static_cast<connection*>(events[index].data.ptr);
                if (owner == &listener_) {
                    accept_one();
                }
                else if (!serve(*owner, events[index].events)) {
                    ::close(owner->fd);
                    delete owner;
                }
            }
        }
    }

private:
    void watch(int operation, connection& owner, unsigned events)
    {
        epoll_event event{};
        event.events = events;
        event.data.ptr = &owner;
        bench::check(::epoll_ctl(poller_, operation, owner.fd, &event), "epoll_ctl");
    }

    // flush: sends what is there. False when the connection is gone.
    bool flush(connection& owner, bool was_waiting)
    {
        const ssize_t sent = ::send(
            owner.fd, owner.buffer + owner.begin, owner.end - owner.begin, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        owner.begin += sent < 0 ? 0 : static_cast<std::size_t>(sent);
        const bool waiting = owner.begin != owner.end;
        if (waiting != was_waiting)
            watch(EPOLL_CTL_MOD, owner, (waiting ? EPOLLOUT : EPOLLIN) | trigger_);
        return true;
    }

    // serve: one receive is enough unless the buffer was filled: more bytes raise a level
    // that stands, and an edge that comes with them.
    bool serve(connection& owner, unsigned events)
    {
        if ((events & EPOLLOUT) != 0)
            return flush(owner, true);
        do {
            const ssize_t received =
                ::recv(owner.fd, owner.buffer, sizeof owner.buffer, 0);
            if (received <= 0)
                return received < 0 && errno == EAGAIN;
            bench::deliberate_loss();
            owner.begin = 0;
            owner.end = static_cast<std::size_t>(received);
            if (!flush(owner, false))
                return false;
        } while (owner.end == sizeof owner.buffer && owner.begin == owner.end);
        return true;
    }

    void accept_one()
    {
        const int fd =
            ::accept4(listener_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == ECONNABORTED)
                return;
            bench::fail("accept4", errno);
        }
        bench::count_connection();
        if (kind_ == bench::transport::tcp)
            bench::set_no_delay(fd);
        watch(EPOLL_CTL_ADD, *new connection(fd), EPOLLIN | trigger_);
    }

    int poller_;
    unsigned trigger_;
    connection listener_;
    bench::transport kind_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--trigger", "--transport"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    const bool edge_triggered = options.text("--trigger", "level") == "edge";
    server(bench::transport_of(options), edge_triggered).run();
}
