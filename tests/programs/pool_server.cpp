// SPDX-License-Identifier: BSL-1.0
// A server on a thread pool, with a strand for each connection and one for what all of
// them share; stock types, moved onto the ring by CMake. A request is a line; the answer
// is the line, and how many requests there have been.
//
// Run:    pool_server            serves until SIGTERM
// Prints: listening on 127.0.0.1:PORT, and at its end the number of requests

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using strand = asio::strand<asio::thread_pool::executor_type>;

// Used on its strand only.
struct shared_count
{
    explicit shared_count(asio::thread_pool& pool) : executor(pool.get_executor()) {}

    strand executor;
    std::uint64_t requests = 0;
};

// Its members are used on the strand of its socket only.
class session : public std::enable_shared_from_this<session>
{
public:
    session(tcp::socket socket, shared_count& total)
        : socket_(std::move(socket)), idle_(socket_.get_executor()), total_(total)
    {}

    void start()
    {
        asio::dispatch(
            socket_.get_executor(), [self = shared_from_this()] { self->read(); });
    }

private:
    void read()
    {
        idle_.expires_after(std::chrono::seconds(30));
        idle_.async_wait([self = shared_from_this()](error_code ec) {
            if (!ec)
                self->socket_.close(ec);
        });
        asio::async_read_until(
            socket_,
            asio::dynamic_buffer(input_),
            '\n',
            [self = shared_from_this()](error_code ec, std::size_t size) {
                if (ec)
                    self->idle_.cancel();
                else
                    self->count(size);
            });
    }

    void count(std::size_t size)
    {
        answer_ = input_.substr(0, size - 1);
        input_.erase(0, size);
        asio::post(total_.executor, [self = shared_from_this()] {
            const std::uint64_t number = ++self->total_.requests;
            asio::post(self->socket_.get_executor(), [self, number] {
                self->answer_ += ' ' + std::to_string(number) + '\n';
                self->write();
            });
        });
    }

    void write()
    {
        asio::async_write(
            socket_,
            asio::buffer(answer_),
            [self = shared_from_this()](error_code ec, std::size_t) {
                if (!ec)
                    self->read();
            });
    }

    tcp::socket socket_;
    asio::steady_timer idle_;
    shared_count& total_;
    std::string input_;
    std::string answer_;
};

void accept(asio::thread_pool& pool, tcp::acceptor& acceptor, shared_count& total)
{
    acceptor.async_accept(
        asio::make_strand(pool), [&](error_code ec, tcp::socket socket) {
            if (ec == asio::error::operation_aborted)
                return;
            if (!ec)
                std::make_shared<session>(std::move(socket), total)->start();
            accept(pool, acceptor, total);
        });
}

} // namespace

int main()
{
    asio::thread_pool pool(3);
    shared_count total(pool);
    tcp::acceptor acceptor(
        asio::make_strand(pool), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const auto endpoint = acceptor.local_endpoint();
    asio::post(acceptor.get_executor(), [&] { accept(pool, acceptor, total); });
    asio::signal_set signals(acceptor.get_executor(), SIGINT, SIGTERM);
    signals.async_wait([&](error_code, int) { acceptor.close(); });
    std::cout << "listening on " << endpoint << std::endl;
    // Connections that are open end by themselves, and the pool with the last of them.
    pool.join();
    std::cout << "requests=" << total.requests << '\n';
    return EXIT_SUCCESS;
}
