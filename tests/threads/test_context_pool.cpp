// SPDX-License-Identifier: BSL-1.0
// A context for each of several threads: objects stay with theirs, connections are
// spread, and the pool ends in order whatever is under way.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/loopback.hpp"

#include <asio_uring/context_pool.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sched.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using asio_uring::context_pool;
using boost::system::error_code;
using tcp = asio_uring::ip::tcp;
using socket_type = tcp::socket_on<asio_uring::executor>;

const asio::ip::tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// The thread that runs an executor's context.
std::thread::id thread_of(asio_uring::executor executor)
{
    auto answer =
        asio::post(executor, asio::use_future([] { return std::this_thread::get_id(); }));
    BOOST_TEST_REQUIRE((answer.wait_for(wait_limit) == std::future_status::ready));
    return answer.get();
}

/// Sends back what one connection brings, on the context that accepted it.
struct session : std::enable_shared_from_this<session>
{
    explicit session(socket_type&& made) : socket(std::move(made)) {}

    void read()
    {
        socket.async_read_some(
            asio::buffer(data),
            [self = shared_from_this()](error_code ec, std::size_t size) {
                if (!ec)
                    self->write(size);
            });
    }

    void write(std::size_t size)
    {
        asio::async_write(
            socket,
            asio::buffer(data, size),
            [self = shared_from_this()](error_code ec, std::size_t) {
                if (!ec)
                    self->read();
            });
    }

    socket_type socket;
    std::array<char, 64> data{};
};

/// An echo server on a pool, and who served whom.
class server
{
public:
    explicit server(context_pool& pool)
        : acceptors_(asio_uring::listen_on_all(pool, any_port))
    {
        for (auto& acceptor : acceptors_)
            asio::post(acceptor.get_executor(), [&] { accept(acceptor); });
    }

    asio::ip::tcp::endpoint endpoint() { return acceptors_.front().local_endpoint(); }

    std::size_t listeners() const { return acceptors_.size(); }

    std::size_t threads()
    {
        const std::lock_guard lock(mutex_);
        return threads_.size();
    }

private:
    using acceptor_type = tcp::acceptor_on<asio_uring::executor>;

    void accept(acceptor_type& acceptor)
    {
        acceptor.async_accept(
            acceptor.get_executor(), [&](error_code ec, socket_type socket) {
                if (ec)
                    return;
                {
                    const std::lock_guard lock(mutex_);
                    threads_.insert(std::this_thread::get_id());
                }
                std::make_shared<session>(std::move(socket))->read();
                accept(acceptor);
            });
    }

    std::vector<acceptor_type> acceptors_;
    std::mutex mutex_;
    std::set<std::thread::id> threads_;
};

/// One round trip of a client of its own. A read with a time limit of the socket would
/// end early for each ring of an earlier pool that the kernel takes away meanwhile.
std::string round_trip(const asio::ip::tcp::endpoint& endpoint)
{
    asio::io_context context;
    asio::ip::tcp::socket client(context);
    client.connect(endpoint);
    peer near(client.release());
    near.send("hello");
    return near.receive(5);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_context_pool)

BOOST_AUTO_TEST_CASE(context_has_a_thread_of_its_own)
{
    context_pool pool({.size = 3});
    std::set<std::thread::id> threads;
    for (std::size_t i = 0; i != pool.size(); ++i) {
        const auto first = thread_of(pool.context(i).get_executor());
        BOOST_TEST((first == thread_of(pool.context(i).get_executor())));
        threads.insert(first);
    }
    BOOST_TEST(threads.size() == 3u);
    BOOST_TEST(threads.count(std::this_thread::get_id()) == 0u);
}

BOOST_AUTO_TEST_CASE(pool_of_no_given_size_has_a_context_for_each_processor)
{
    ::cpu_set_t set;
    BOOST_TEST_REQUIRE(::sched_getaffinity(0, sizeof(set), &set) == 0);
    const context_pool pool;
    BOOST_TEST(pool.size() == static_cast<std::size_t>(CPU_COUNT(&set)));
}

BOOST_AUTO_TEST_CASE(pinned_thread_may_use_one_processor)
{
    context_pool pool({.size = 3, .pinned = true});
    for (std::size_t i = 0; i != pool.size(); ++i) {
        auto count = asio::post(pool.context(i), asio::use_future([] {
                                    ::cpu_set_t set;
                                    ::sched_getaffinity(0, sizeof(set), &set);
                                    return CPU_COUNT(&set);
                                }));
        BOOST_TEST_REQUIRE((count.wait_for(wait_limit) == std::future_status::ready));
        BOOST_TEST(count.get() == 1);
    }
}

BOOST_AUTO_TEST_CASE(executors_come_in_turn_and_stay_with_a_thread_of_the_pool)
{
    context_pool pool({.size = 2});
    const auto first = pool.next();
    const auto second = pool.next();
    BOOST_TEST((first != second));
    BOOST_TEST((pool.next() == first));
    auto here = asio::post(second, asio::use_future([&] { return pool.here(); }));
    BOOST_TEST_REQUIRE((here.wait_for(wait_limit) == std::future_status::ready));
    BOOST_TEST((here.get() == second));
    BOOST_TEST((pool.here() == second), "in turn, from a thread of nobody's");
}

BOOST_AUTO_TEST_CASE(pool_serves_by_a_listener_on_each_context)
{
    context_pool pool({.size = 2});
    server echo(pool);
    BOOST_TEST(echo.listeners() == 2u);
    // Each connection goes to either with the same chance.
    for (int i = 0; i != 200 && echo.threads() != 2; ++i)
        BOOST_TEST_REQUIRE(round_trip(echo.endpoint()) == "hello");
    BOOST_TEST(echo.threads() == 2u);
    pool.stop();
    pool.join();
}

BOOST_AUTO_TEST_CASE(pool_serves_on_single_issuer_rings)
{
    context_pool pool(
        {.size = 2, .ring = {.flags = asio_uring::abi::setup_single_issuer}});
    server echo(pool);
    for (int i = 0; i != 8; ++i)
        BOOST_TEST(round_trip(echo.endpoint()) == "hello");
    pool.stop();
    pool.join();
}

BOOST_AUTO_TEST_CASE(acceptor_hands_sockets_over_in_turn)
{
    context_pool pool({.size = 2});
    tcp::acceptor_on<asio_uring::executor> acceptor(pool.context(0), any_port);
    std::set<std::thread::id> threads;
    for (int i = 0; i != 2; ++i) {
        auto accepted = acceptor.async_accept(pool.next(), asio::use_future);
        asio::io_context context;
        asio::ip::tcp::socket client(context);
        client.connect(acceptor.local_endpoint());
        BOOST_TEST_REQUIRE((accepted.wait_for(wait_limit) == std::future_status::ready));
        auto socket = accepted.get();
        threads.insert(thread_of(socket.get_executor()));
    }
    BOOST_TEST(threads.size() == 2u);
}

BOOST_AUTO_TEST_CASE(join_waits_for_the_work_of_each_context)
{
    context_pool pool({.size = 2});
    std::array<int, 2> hops{};
    std::array<std::function<void()>, 2> hop;
    for (std::size_t i = 0; i != 2; ++i) {
        hop[i] = [&, i] {
            if (++hops[i] != 100)
                asio::post(pool.context(i), hop[i]);
        };
        asio::post(pool.context(i), hop[i]);
    }
    pool.join();
    BOOST_TEST(hops[0] == 100);
    BOOST_TEST(hops[1] == 100);
}

BOOST_AUTO_TEST_CASE(pool_destroyed_with_handlers_that_own_objects_of_other_contexts)
{
    context_pool pool({.size = 3});
    std::vector<std::shared_ptr<socket_type>> sockets;
    for (std::size_t i = 0; i != pool.size(); ++i) {
        auto socket = std::make_shared<socket_type>(
            pool.context(i), asio::ip::tcp::endpoint(asio::ip::tcp::v4(), 0));
        const auto next = pool.context((i + 1) % pool.size()).get_executor();
        auto timer = std::make_shared<
            asio_uring::basic_timer<std::chrono::steady_clock, asio_uring::executor>>(
            next, 1h);
        timer->async_wait([timer, socket](error_code) {});
        asio::post(next, [socket] {});
    }
}

BOOST_AUTO_TEST_SUITE_END()
