// SPDX-License-Identifier: BSL-1.0
// Invariants that need more than one thread. ThreadSanitizer does not see the kernel's
// writes; the words shared with the kernel are atomic on our side.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/loopback.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>

#include <unistd.h>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using boost::system::error_code;
using tcp = asio_uring::ip::tcp;
using ring_timer = asio_uring::steady_timer;
using steady_clock = std::chrono::steady_clock;
using work_guard = asio::executor_work_guard<asio::io_context::executor_type>;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int scale = 1;
#else
constexpr int scale = 5;
#endif

/// What handlers found wrong. The framework's own checks are for one thread.
std::atomic<int> violations{0};

void expect(bool holds) { violations += holds ? 0 : 1; }

struct no_violations
{
    no_violations() { violations = 0; }
    ~no_violations() { BOOST_TEST(violations == 0); }
};

/// Threads that run a context until they are dismissed.
class run_threads
{
public:
    run_threads(asio::io_context& context, int count)
        : context_(context), work_(context.asio::io_context::get_executor())
    {
        for (int i = 0; i != count; ++i)
            threads_.emplace_back([this] {
                loop_scope scope;
                context_.run_for(60s);
            });
    }
    ~run_threads() { dismiss(); }

    /// Lets the threads end when the work is done, and waits for that.
    void dismiss()
    {
        work_.reset();
        for (std::thread& thread : threads_)
            thread.join();
        threads_.clear();
    }

private:
    asio::io_context& context_;
    work_guard work_;
    std::vector<std::thread> threads_;
};

template <typename T>
bool arrives(std::future<T>& future)
{
    return future.wait_for(wait_limit) == std::future_status::ready;
}

asio_uring::executor executor_of(asio_uring::io_context& context)
{
    return context.get_executor();
}

asio_uring::ring_options tiny_ring()
{
    asio_uring::ring_options options;
    options.entries = 4;
    return options;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(invariants_threads, no_violations)

// 10. No wake-up is lost

BOOST_AUTO_TEST_CASE(i10_every_post_ends_a_wait)
{
    for (const int threads : {1, 2}) {
        asio_uring::io_context context;
        run_threads runners(context, threads);
        for (int i = 0; i != 400 * scale; ++i) {
            std::promise<void> done;
            auto future = done.get_future();
            asio::post(context, [&] { done.set_value(); });
            BOOST_TEST_REQUIRE(arrives(future), "post " << i << " was lost");
        }
    }
}

BOOST_AUTO_TEST_CASE(i10_every_operation_started_elsewhere_ends_a_wait)
{
    for (const int threads : {1, 2}) {
        asio_uring::io_context context;
        run_threads runners(context, threads);
        for (int i = 0; i != 400 * scale; ++i) {
            auto future = asio_uring::async_submit(
                executor_of(context), asio_uring::op::nop{}, asio::use_future);
            BOOST_TEST_REQUIRE(arrives(future), "operation " << i << " was lost");
            future.get();
        }
    }
}

BOOST_AUTO_TEST_CASE(i10_new_earliest_timer_from_another_thread_shortens_a_wait)
{
    asio_uring::io_context context;
    ring_timer late(context, 1h);
    late.async_wait([](error_code) {});
    run_threads runners(context, 1);
    for (int i = 0; i != 100 * scale; ++i) {
        ring_timer early(context, 200us);
        auto future = early.async_wait(asio::use_future);
        BOOST_TEST_REQUIRE(arrives(future), "timer " << i << " came too late");
    }
    late.cancel();
}

BOOST_AUTO_TEST_CASE(i10_stop_ends_a_wait)
{
    asio_uring::io_context context;
    for (int i = 0; i != 50 * scale; ++i) {
        ring_timer late(context, 1h);
        late.async_wait([](error_code) {});
        std::promise<void> ended;
        auto future = ended.get_future();
        context.restart();
        std::thread runner([&] {
            context.run_for(60s);
            ended.set_value();
        });
        context.stop();
        const bool stopped = arrives(future);
        runner.join();
        BOOST_TEST_REQUIRE(stopped);
    }
}

BOOST_AUTO_TEST_CASE(i10_posts_from_many_threads_all_arrive)
{
    asio_uring::io_context context;
    constexpr int posters = 3;
    const int posts = 1000 * scale;
    std::atomic<int> handled{0};
    {
        run_threads runners(context, 2);
        std::vector<std::thread> threads;
        for (int i = 0; i != posters; ++i)
            threads.emplace_back([&] {
                for (int j = 0; j != posts; ++j)
                    asio::post(context, [&] { ++handled; });
            });
        for (std::thread& thread : threads)
            thread.join();
    }
    BOOST_TEST(handled == posters * posts);
}

// Two run threads

BOOST_AUTO_TEST_CASE(i10_long_handler_on_one_thread_stalls_nobody_else)
{
    asio_uring::io_context context;
    loopback<ring> connection(context);
    char byte = 0;
    std::promise<void> release;
    auto released = release.get_future().share();
    std::promise<void> entered;
    run_threads runners(context, 2);
    // The reads belong to the thread of the long handler, which started them.
    std::promise<void> first;
    asio::post(context, [&, released] {
        connection.socket.async_receive(
            asio::buffer(&byte, 1), [&](error_code, std::size_t) { first.set_value(); });
        entered.set_value();
        released.wait_for(wait_limit);
    });
    entered.get_future().wait();
    connection.remote.send("x");
    auto future = first.get_future();
    BOOST_TEST(arrives(future));
    for (int i = 0; i != 50; ++i) {
        auto received =
            connection.socket.async_receive(asio::buffer(&byte, 1), asio::use_future);
        connection.remote.send("y");
        BOOST_TEST_REQUIRE(arrives(received), "stalled behind the long handler");
    }
    release.set_value();
}

BOOST_AUTO_TEST_CASE(i10_handler_may_wait_for_what_it_started)
{
    asio_uring::io_context context;
    loopback_pair<ring> pair(context);
    run_threads runners(context, 2);
    for (int i = 0; i != 50; ++i) {
        std::promise<bool> result;
        asio::post(context, [&] {
            char byte = 0;
            auto received =
                pair.first.async_receive(asio::buffer(&byte, 1), asio::use_future);
            auto sent = pair.second.async_send(asio::buffer("x", 1), asio::use_future);
            const bool both = arrives(sent) && arrives(received);
            if (!both)
                pair.first.cancel();
            result.set_value(both);
        });
        BOOST_TEST_REQUIRE(result.get_future().get());
    }
}

BOOST_AUTO_TEST_CASE(starter_that_never_runs_the_context_may_end)
{
    asio_uring::io_context context;
    std::vector<std::unique_ptr<loopback<ring>>> connections;
    for (int i = 0; i != 40; ++i)
        connections.push_back(std::make_unique<loopback<ring>>(context));
    std::array<char, 40> bytes{};
    std::atomic<int> received{0};
    {
        run_threads runners(context, 2);
        std::thread([&] {
            for (std::size_t i = 0; i != bytes.size(); ++i)
                connections[i]->socket.async_receive(
                    asio::buffer(&bytes[i], 1),
                    [&](error_code ec, std::size_t) { received += ec ? 0 : 1; });
        }).join();
        for (auto& connection : connections)
            connection->remote.send("x");
    }
    BOOST_TEST(received == 40);
}

BOOST_AUTO_TEST_CASE(run_thread_that_ends_leaves_its_requests_to_the_others)
{
    asio_uring::io_context context;
    loopback<ring> connection(context);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    char byte = 0;
    auto received = std::make_shared<std::promise<error_code>>();
    auto accepted = std::make_shared<std::promise<error_code>>();
    std::thread([&] {
        connection.socket.async_receive(
            asio::buffer(&byte, 1),
            [received](error_code ec, std::size_t) { received->set_value(ec); });
        acceptor.async_accept(
            [accepted](error_code ec, tcp::socket) { accepted->set_value(ec); });
        context.poll();
    }).join();
    context.restart();
    run_threads runners(context, 1);
    connection.remote.send("x");
    peer client = start_connect(acceptor.local_endpoint());
    auto first = received->get_future();
    auto second = accepted->get_future();
    BOOST_TEST_REQUIRE((arrives(first) && arrives(second)));
    BOOST_TEST(!first.get());
    BOOST_TEST(!second.get());
    BOOST_TEST(byte == 'x');
#ifndef ASIO_URING_TEST_FAULTS // The thread may have submitted nothing.
    BOOST_TEST(asio_uring::counters(context).reissues >= 1u);
#endif
}

// 3 and 8. Nothing is lost where threads share the queues

BOOST_AUTO_TEST_CASE(i08_threads_share_a_tiny_queue)
{
    for (const unsigned entries : {2U, 4U, 256U}) {
        asio_uring::ring_options options;
        options.entries = entries;
        asio_uring::io_context context(options);
        const int rounds = 400 * scale;
        std::atomic<int> ended{0};
        std::atomic<int> left{rounds};
        std::function<void(error_code, int)> again = [&](error_code ec, int) {
            expect(!ec);
            ++ended;
            if (left.fetch_sub(1) > 0)
                for (int i = 0; i != 2; ++i)
                    asio_uring::async_submit(
                        executor_of(context),
                        asio_uring::op::nop{},
                        [&](error_code, int) { ++ended; });
            if (left > 0)
                asio_uring::async_submit(
                    executor_of(context), asio_uring::op::nop{}, again);
        };
        {
            run_threads runners(context, 2);
            for (int i = 0; i != 16; ++i)
                asio_uring::async_submit(
                    executor_of(context), asio_uring::op::nop{}, again);
        }
        BOOST_TEST(ended >= 3 * rounds);
        const auto counters = asio_uring::counters(context);
        BOOST_TEST(counters.operations == static_cast<std::uint64_t>(ended.load()));
    }
}

// 5. Storms of cancellation and of closing, with numbers that are reused at once

namespace {

/// A connection that receives its own byte only, is cancelled and closed at random, and
/// comes back under whatever number is free.
class storm : public std::enable_shared_from_this<storm>
{
public:
    storm(asio_uring::io_context& context, char tag, int rounds)
        : context_(context),
          strand_(asio::make_strand(executor_of(context))),
          timer_(context),
          random_(static_cast<std::minstd_rand::result_type>(tag)),
          tag_(tag),
          rounds_(rounds)
    {}

    void start()
    {
        asio::post(strand_, [self = shared_from_this()] { self->round(); });
    }

    int started() const { return started_; }
    int ended() const { return ended_; }

private:
    template <typename Function>
    auto on_strand(Function function)
    {
        return asio::bind_executor(
            strand_, [self = shared_from_this(), function](error_code ec, auto... rest) {
                ++self->ended_;
                function(*self, ec, rest...);
            });
    }

    void round()
    {
        if (rounds_-- == 0) {
            socket_.close();
            return;
        }
        if (!socket_.is_open())
            open();
        for (int i = 0; i != 3; ++i)
            receive();
        const std::string data(random_() % 4, tag_);
        if (!data.empty())
            expect(::send(far_.fd(), data.data(), data.size(), MSG_NOSIGNAL) > 0);
        // Racing with the arrival: a timer, and what it does to the operations.
        ++started_;
        timer_.expires_after(std::chrono::microseconds(random_() % 60));
        timer_.async_wait(on_strand([](storm& self, error_code) { self.disturb(); }));
    }

    void open()
    {
        int pair[2];
        expect(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        socket_.assign(asio::ip::tcp::v4(), pair[0]);
        far_ = peer(pair[1]);
    }

    void receive()
    {
        auto data = std::make_shared<std::array<char, 3>>();
        data->fill('.');
        ++started_;
        auto handler = on_strand([data](storm& self, error_code ec, std::size_t bytes) {
            const auto other = [&](char c) { return c != self.tag_ && c != '.'; };
            expect(std::none_of(data->begin(), data->end(), other));
            const auto written = std::count(data->begin(), data->end(), self.tag_);
            // What a cancelled read had brought is kept for the next one.
            expect(ec || static_cast<std::size_t>(written) == bytes);
            expect((!ec || ec == asio::error::operation_aborted));
        });
        socket_.async_receive(
            asio::buffer(*data), asio::bind_cancellation_slot(signal_.slot(), handler));
    }

    void disturb()
    {
        switch (random_() % 4) {
        case 0:
            signal_.emit(asio::cancellation_type::terminal);
            socket_.cancel();
            break;
        case 1:
            socket_.cancel();
            break;
        case 2:
            socket_.close();
            break;
        default:
            socket_ = tcp::socket(context_);
            break;
        }
        round();
    }

    asio_uring::io_context& context_;
    asio::strand<asio_uring::executor> strand_;
    tcp::socket socket_{context_};
    ring_timer timer_;
    asio::cancellation_signal signal_;
    peer far_;
    std::minstd_rand random_;
    const char tag_;
    int rounds_;
    int started_ = 0;
    int ended_ = 0;
};

} // namespace

BOOST_AUTO_TEST_CASE(i05_storm_of_closes_and_cancels_keeps_every_byte_at_home)
{
    for (const int threads : {1, 2})
        for (const bool tiny : {false, true}) {
            asio_uring::io_context context(
                tiny ? tiny_ring() : asio_uring::ring_options());
            std::vector<std::shared_ptr<storm>> storms;
            for (char tag = 'a'; tag != 'i'; ++tag) {
                storms.push_back(std::make_shared<storm>(context, tag, 150 * scale));
                storms.back()->start();
            }
            run_threads(context, threads).dismiss();
            BOOST_TEST(context.stopped());
            for (const auto& each : storms)
                BOOST_TEST(each->started() == each->ended());
        }
}

/// An address of this process's own, where nobody else's connections take a port.
asio::ip::address own_address()
{
    const auto id = static_cast<std::uint32_t>(::getpid());
    return asio::ip::address_v4(0x7f400000U | (id & 0x3fffffU));
}

// The request that holds the file open was submitted by another thread.
template <typename Object, typename Protocol, typename Start>
int refused_binds(Protocol protocol, Start start)
{
    asio_uring::io_context context;
    run_threads threads(context, 2);
    typename Protocol::endpoint place(own_address(), 0);
    int refused = 0;
    for (int i = 0; i != 60 * scale; ++i) {
        Object object(context, protocol);
        error_code ec;
        object.bind(place, ec);
        refused += ec ? 1 : 0;
        if (ec)
            object.bind({own_address(), 0});
        place = object.local_endpoint();
        start(object);
        asio::post(context.get_executor(), asio::use_future).get();
        object.close();
    }
    return refused;
}

BOOST_AUTO_TEST_CASE(address_of_a_closed_listener_is_free)
{
    const int refused =
        refused_binds<tcp::acceptor>(asio::ip::tcp::v4(), [](tcp::acceptor& acceptor) {
            acceptor.listen();
            acceptor.async_accept([](error_code, const auto&) {});
        });
    // A thread that gets no processor for long is not waited for.
    BOOST_TEST(refused <= scale);
}

BOOST_AUTO_TEST_CASE(address_of_a_closed_datagram_socket_is_free)
{
    using udp = asio_uring::ip::udp;
    std::array<char, 1> data;
    const int refused =
        refused_binds<udp::socket>(asio::ip::udp::v4(), [&](udp::socket& socket) {
            socket.async_receive(asio::buffer(data), [](error_code, std::size_t) {});
        });
    BOOST_TEST(refused <= scale);
}

// The thread that closes may not enter the ring, and the one that may waits in it.
BOOST_AUTO_TEST_CASE(single_issuer_receive_ends_when_another_thread_closes)
{
    using udp = asio_uring::ip::udp;
    asio_uring::io_context context(1, {.flags = asio_uring::abi::setup_single_issuer});
    run_threads runner(context, 1);
    for (int i = 0; i != 10 * scale; ++i) {
        udp::socket socket(context, {asio::ip::address_v4::loopback(), 0});
        std::promise<error_code> ended;
        std::future<error_code> end = ended.get_future();
        std::array<char, 1> data;
        asio::post(context.get_executor(), [&] {
            socket.async_receive(asio::buffer(data), [&](error_code ec, std::size_t) {
                ended.set_value(ec);
            });
        });
        asio::post(context.get_executor(), asio::use_future).get();
        socket.close();
        BOOST_TEST_REQUIRE(arrives(end));
        BOOST_TEST((end.get() == asio::error::operation_aborted));
    }
}

BOOST_AUTO_TEST_CASE(writes_before_a_close_all_go_whoever_waits_in_the_ring)
{
    using local = asio_uring::local::stream_protocol;
    using asio_uring::write_mode;
    for (const write_mode mode : {write_mode::at_once, write_mode::batched}) {
        asio_uring::io_context context(asio_uring::ring_options{.writes = mode});
        run_threads threads(context, 2);
        int cut = 0;
        for (int i = 0; i != 50 * scale; ++i) {
            std::array<int, 2> ends;
            BOOST_TEST_REQUIRE(
                ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
            peer remote(ends[1]);
            asio::post(context.get_executor(), [&context, descriptor = ends[0]] {
                local::socket socket(context, asio::local::stream_protocol(), descriptor);
                for (const char* part : {"aa", "bb", "cc"})
                    socket.async_write_some(
                        asio::buffer(part, 2), [](error_code, std::size_t) {});
                socket.close();
            });
            cut += remote.receive(7) == "aabbcc" ? 0 : 1;
        }
        BOOST_TEST(cut == 0);
    }
}

BOOST_AUTO_TEST_CASE(i06_context_destroyed_right_after_a_storm)
{
    for (int i = 0; i != 10 * scale; ++i) {
        auto context = std::make_unique<asio_uring::io_context>();
        std::vector<std::shared_ptr<storm>> storms;
        for (char tag = 'a'; tag != 'e'; ++tag) {
            storms.push_back(std::make_shared<storm>(*context, tag, 1'000'000));
            storms.back()->start();
        }
        std::vector<std::thread> threads;
        for (int j = 0; j != 2; ++j)
            threads.emplace_back([&] { context->run_for(5ms); });
        for (std::thread& thread : threads)
            thread.join();
        storms.clear();
        context.reset();
    }
}

// Timers raced by their own expiry

BOOST_AUTO_TEST_CASE(timers_cancelled_while_they_expire_end_once)
{
    asio_uring::io_context context;
    std::atomic<int> ended{0};
    const int rounds = 200 * scale;
    {
        run_threads runners(context, 2);
        for (int i = 0; i != rounds; ++i) {
            auto strand = asio::make_strand(executor_of(context));
            auto timer = std::make_shared<ring_timer>(context);
            asio::post(strand, [&ended, timer, strand] {
                timer->expires_after(10us);
                for (int j = 0; j != 3; ++j)
                    timer->async_wait(asio::bind_executor(
                        strand, [&ended, timer](error_code) { ++ended; }));
                asio::post(strand, [timer] { timer->cancel_one(); });
                asio::post(strand, [timer] { timer->expires_after(5us); });
            });
        }
    }
    BOOST_TEST(ended == 3 * rounds);
}

BOOST_AUTO_TEST_SUITE_END()
