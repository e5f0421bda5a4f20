// SPDX-License-Identifier: BSL-1.0
// A chat server: what one client says on a line, all others read. One line of code, the
// second `using`, puts it on the ring.
//
// Shows: a queue per client. A slow client holds nobody up, and is dismissed when it has
// fallen too far behind.
//
// Run:    chat_server --port N    serves until Ctrl-C; try `nc localhost N`
// Prints: listening on 127.0.0.1:N, and at its end lines and dismissed clients

#include "support/endpoint.hpp"
#include "support/exhaustion.hpp"
#include "support/options.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio_uring::ip::tcp;
using boost::system::error_code;

using line_ptr = std::shared_ptr<const std::string>;

constexpr std::size_t line_size_max = 4096;
constexpr std::size_t backlog_bytes_max = 1 << 20;

/// What a line costs the client that has not taken it yet. A line of one byte is mostly
/// the string, its control block and the place in the queue.
std::size_t cost_of(const line_ptr& line)
{
    constexpr std::size_t control_block = 32;
    return line->capacity() + sizeof(std::string) + control_block + sizeof(line_ptr);
}

class client;

struct room
{
    std::set<std::shared_ptr<client>> clients;
    std::uint64_t lines = 0;
    std::uint64_t dismissed = 0;

    void say(const client& from, const line_ptr& line);
};

class client : public std::enable_shared_from_this<client>
{
public:
    client(tcp::socket socket, room& joined) : socket_(std::move(socket)), room_(joined)
    {}

    void start()
    {
        room_.clients.insert(shared_from_this());
        tell(std::make_shared<const std::string>("welcome\n"));
        read();
    }

    /// Returns false for a client that does not keep up.
    bool tell(line_ptr line)
    {
        backlog_bytes_ += cost_of(line);
        backlog_.push_back(std::move(line));
        if (backlog_.size() == 1) {
            write();
        }
        return backlog_bytes_ <= backlog_bytes_max;
    }

    void leave()
    {
        room_.clients.erase(shared_from_this());
        error_code ignored;
        socket_.close(ignored);
    }

private:
    void read()
    {
        auto input = asio::dynamic_buffer(input_, line_size_max);
        const auto got = [this, self = shared_from_this()](error_code ec, auto size) {
            if (ec) {
                return leave();
            }
            room_.say(*this, std::make_shared<const std::string>(input_, 0, size));
            input_.erase(0, size);
            read();
        };
        asio::async_read_until(socket_, input, '\n', got);
    }

    void write()
    {
        const auto sent = [this, self = shared_from_this()](error_code ec, std::size_t) {
            if (ec) {
                return leave();
            }
            backlog_bytes_ -= cost_of(backlog_.front());
            backlog_.pop_front();
            if (!backlog_.empty()) {
                write();
            }
        };
        asio::async_write(socket_, asio::buffer(*backlog_.front()), sent);
    }

    tcp::socket socket_;
    room& room_;
    std::string input_;
    std::deque<line_ptr> backlog_;
    std::size_t backlog_bytes_ = 0;
};

void room::say(const client& from, const line_ptr& line)
{
    ++lines;
    for (auto next = clients.begin(); next != clients.end();) {
        const auto each = *next++; // Leaving removes it from the set.
        if (each.get() == &from || each->tell(line)) {
            continue;
        }
        ++dismissed;
        each->leave();
    }
}

class door
{
public:
    door(tcp::acceptor acceptor, room& joined)
        : acceptor_(std::move(acceptor)), pause_(acceptor_.get_executor()), room_(joined)
    {}

    tcp::endpoint local_endpoint() const { return acceptor_.local_endpoint(); }

    void accept()
    {
        acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
            if (example::is_exhausted(ec)) {
                pause_.expires_after(example::exhaustion_pause);
                return pause_.async_wait([this](error_code) { accept(); });
            }
            if (!ec) {
                // A small buffer in the kernel: what waits for a client waits in its
                // queue here, where it is counted.
                socket.set_option(asio::socket_base::send_buffer_size(1 << 16), ec);
                std::make_shared<client>(std::move(socket), room_)->start();
            }
            accept();
        });
    }

private:
    tcp::acceptor acceptor_;
    asio_uring::steady_timer pause_;
    room& room_;
};

} // namespace

int main(int argc, char** argv)
{
    tcp::endpoint endpoint = example::loopback(7000);
    example::options options("chat_server", "A chat server, one line a message.");
    example::add_endpoint(options, endpoint);
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        // Declared first, so destroyed last: the clients in the room have its sockets.
        asio_uring::io_context context(1);
        room lobby;
        door entrance(tcp::acceptor(context, endpoint), lobby);
        entrance.accept();
        asio::signal_set signals(context, SIGINT, SIGTERM);
        signals.async_wait([&](error_code, int) { context.stop(); });
        std::cout << "listening on " << entrance.local_endpoint() << std::endl;
        context.run();
        std::cout << "lines=" << lobby.lines << " dismissed=" << lobby.dismissed << '\n';
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "chat_server: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
