// SPDX-License-Identifier: BSL-1.0
// Benchmarks. TCP echo server over Asio's objects, run by several threads: one context
// for all of them, or a context for each. The backend's header names the context and the
// socket types; nothing else differs between the columns.
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/processors.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <backend.hpp>

namespace {

using boost::system::error_code;

// Owned by the handler of its one pending operation, so no two threads use it at a time.
struct session
{
    explicit session(bench::stream_socket&& peer) : socket(std::move(peer)) {}

    bench::stream_socket socket;
    std::array<char, bench::connection_buffer_size> buffer;
};

using session_ptr = std::unique_ptr<session>;

void read_next(session_ptr owner);

void write_back(session_ptr owner, std::size_t size)
{
    session& connection = *owner;
    boost::asio::async_write(
        connection.socket,
        boost::asio::buffer(connection.buffer, size),
        [owner = std::move(owner)](error_code ec, std::size_t) mutable {
            if (!ec)
                read_next(std::move(owner));
        });
}

void read_next(session_ptr owner)
{
    session& connection = *owner;
    connection.socket.async_read_some(
        boost::asio::buffer(connection.buffer),
        [owner = std::move(owner)](error_code ec, std::size_t size) mutable {
            if (!ec)
                write_back(std::move(owner), size);
        });
}

using contexts = std::vector<std::unique_ptr<bench::io_context>>;

// Connections go to the contexts in turn.
class server
{
public:
    explicit server(contexts& all)
        : contexts_(all),
          acceptor_(
              all.front()->get_executor(), {boost::asio::ip::address_v4::loopback(), 0})
    {
        bench::announce_port(acceptor_.local_endpoint().port());
        accept_next();
    }

private:
    void accept_next()
    {
        bench::io_context& next = *contexts_[turn_++ % contexts_.size()];
        auto peer = std::make_shared<bench::stream_socket>(next.get_executor());
        acceptor_.async_accept(*peer, [this, peer](error_code ec) {
            if (ec)
                bench::fail("accept", ec.value());
            bench::count_connection();
            peer->set_option(boost::asio::ip::tcp::no_delay(true));
            read_next(std::make_unique<session>(std::move(*peer)));
            accept_next();
        });
    }

    contexts& contexts_;
    std::size_t turn_ = 0;
    bench::acceptor acceptor_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--lifetime", "--connection-limit", "--threads", "--contexts"});
    bench::begin_server(
        options.integer("--lifetime", 600), options.integer("--connection-limit", -1));
    bench::use_all_processors();
    const long long thread_count = options.integer("--threads", 2);
    const long long context_count = options.integer("--contexts", 1);
    // The hint is what Asio's documentation recommends: the number of running threads.
    const int hint = context_count == 1 ? static_cast<int>(thread_count) : 1;
    contexts all;
    std::vector<boost::asio::executor_work_guard<bench::executor>> guards;
    for (long long index = 0; index != context_count; ++index) {
        all.push_back(std::make_unique<bench::io_context>(hint));
        guards.emplace_back(bench::executor(all.back()->get_executor()));
    }
    const server echo(all);
    std::vector<std::thread> threads;
    for (std::size_t index = 1; index != static_cast<std::size_t>(thread_count); ++index)
        threads.emplace_back([&context = *all[index % all.size()]] { context.run(); });
    all.front()->run();
    for (std::thread& thread : threads)
        thread.join();
}
