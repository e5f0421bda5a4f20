// SPDX-License-Identifier: BSL-1.0
// Benchmarks, column raw_epoll: the bulk server as one writes it in C style: whoever can
// go on receives and sends, once each in turn; epoll waits where nobody can.
//
//     --trigger level|edge   how epoll reports a connection (default level)
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/stream.hpp"
#include "support/transport.hpp"

#include <cstddef>
#include <memory>
#include <vector>

#include <sys/epoll.h>

namespace {

struct connection
{
    int fd = -1;
};

class server
{
public:
    explicit server(bool edge)
        : edge_(edge),
          poller_(bench::check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
          input_(bench::stream_buffer_size),
          output_(bench::stream_buffer_size, bench::stream_byte)
    {
        listener_.fd = bench::serve_on(bench::transport::tcp, SOCK_NONBLOCK);
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    }

    [[noreturn]] void run()
    {
        epoll_event events[128];
        for (;;) {
            const int count = ::epoll_wait(poller_, events, 128, -1);
            for (int index = 0; index < count; ++index) {
                auto& owner = *static_cast<connection*>(events[index].data.ptr);
                if (&owner == &listener_)
                    accept_one();
                else if (!(edge_ ? exhaust(owner) : step(owner, events[index].events)))
                    end(owner);
            }
        }
    }

private:
    enum class result
    {
        moved,
        waits,
        ended,
    };

    static result of(ssize_t size)
    {
        if (size > 0)
            return result::moved;
        return size < 0 && errno == EAGAIN ? result::waits : result::ended;
    }

    result receive(const connection& owner)
    {
        return of(::recv(owner.fd, input_.data(), input_.size(), 0));
    }

    result send(const connection& owner)
    {
        return of(::send(owner.fd, output_.data(), output_.size(), MSG_NOSIGNAL));
    }

    // step: one of each that epoll says can go on.
    bool step(const connection& owner, unsigned events)
    {
        if ((events & EPOLLIN) != 0 && receive(owner) == result::ended)
            return false;
        if ((events & EPOLLOUT) != 0 && send(owner) == result::ended)
            return false;
        return (events & (EPOLLERR | EPOLLHUP)) == 0;
    }

    // exhaust: until neither can go on, or for so long that the others wait.
    bool exhaust(connection& owner)
    {
        result in = result::moved;
        result out = result::moved;
        for (int turn = 0; turn < 16; ++turn) {
            if (in == result::moved)
                in = receive(owner);
            if (out == result::moved)
                out = send(owner);
            if (in == result::ended || out == result::ended)
                return false;
            if (in == result::waits && out == result::waits)
                return true;
        }
        // A change of the watch raises the edge again.
        watch(EPOLL_CTL_MOD, owner, EPOLLIN | EPOLLOUT | EPOLLET);
        return true;
    }

    void watch(int operation, connection& owner, unsigned events)
    {
        epoll_event event{};
        event.events = events;
        event.data.ptr = &owner;
        bench::check(::epoll_ctl(poller_, operation, owner.fd, &event), "epoll_ctl");
    }

    void accept_one()
    {
        const int fd =
            ::accept4(listener_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        bench::count_connection();
        auto owner = std::make_unique<connection>();
        owner->fd = fd;
        watch(
            EPOLL_CTL_ADD,
            *owner.release(),
            EPOLLIN | EPOLLOUT | (edge_ ? static_cast<unsigned>(EPOLLET) : 0u));
    }

    static void end(connection& owner)
    {
        ::close(owner.fd);
        delete &owner;
    }

    bool edge_;
    int poller_;
    connection listener_;
    std::vector<char> input_;
    std::vector<char> output_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--trigger"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    server(options.text("--trigger", "level") == "edge").run();
}
