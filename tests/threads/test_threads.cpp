// SPDX-License-Identifier: BSL-1.0
// More than one thread: where a loop runs, who starts, who cancels, who wakes.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using asio::ip::tcp;
using boost::system::error_code;
using steady_clock = std::chrono::steady_clock;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// Threads that run one context until it is out of work; joined by `join`.
template <typename Context>
class runners
{
public:
    runners(Context& context, std::size_t count) : context_(context)
    {
        context.restart();
        for (std::size_t i = 0; i < count; ++i)
            threads_.emplace_back([this] { handlers_ += context_.run_for(wait_limit); });
    }
    runners(const runners&) = delete;
    runners& operator=(const runners&) = delete;
    ~runners() { join(); }

    /// The number of handlers that ran. Fails if the work did not end in time.
    std::size_t join()
    {
        for (auto& thread : threads_)
            thread.join();
        if (!threads_.empty())
            BOOST_TEST(context_.stopped(), "the context still has work after the limit");
        threads_.clear();
        return handlers_;
    }

private:
    Context& context_;
    std::atomic<std::size_t> handlers_{0};
    std::vector<std::thread> threads_;
};

/// Waits for a future no longer than the limit.
template <typename T>
bool arrives(std::future<T>& future)
{
    return future.wait_for(wait_limit) == std::future_status::ready;
}

/// Runs a function on a thread of its own and waits for its end.
template <typename Function>
void on_a_thread(Function function)
{
    std::thread(std::move(function)).join();
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_threads)

BOOST_AUTO_TEST_CASE_TEMPLATE(post_from_a_thread_wakes_the_loop, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    std::promise<void> running;
    auto is_running = running.get_future();
    char data[4];
    std::size_t posted = 0;
    constexpr std::size_t count = 200;

    link.socket.async_read_some(asio::buffer(data), [](error_code, std::size_t) {});
    asio::post(context, [&] { running.set_value(); });
    runners loop(context, 1);
    BOOST_TEST_REQUIRE(arrives(is_running));
    // Each post waits for the previous one, so each finds the loop asleep or about to be.
    for (std::size_t i = 0; i < count; ++i) {
        std::promise<void> done;
        auto is_done = done.get_future();
        asio::post(context, [&] {
            ++posted;
            done.set_value();
        });
        BOOST_TEST_REQUIRE(arrives(is_done));
    }
    asio::post(context, [&] { link.socket.close(); });
    BOOST_TEST(loop.join() == count + 3);
    BOOST_TEST(posted == count);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stop_from_a_thread_ends_the_wait, Backend, backends)
{
    typename Backend::io_context context;
    auto guard = asio::make_work_guard(context);
    std::promise<void> running;
    auto is_running = running.get_future();

    asio::post(context, [&] { running.set_value(); });
    auto begin = steady_clock::now();
    runners loop(context, 2);
    BOOST_TEST_REQUIRE(arrives(is_running));
    context.stop();
    BOOST_TEST(loop.join() == 1u);
    BOOST_TEST((steady_clock::now() - begin < wait_limit));
}

// Each handler has a thread of its own, whichever threads the operations began in.
BOOST_AUTO_TEST_CASE_TEMPLATE(handlers_that_wait_for_each_other_end, Backend, backends)
{
    for (const std::size_t count : {2U, 4U}) {
        typename Backend::io_context context;
        std::vector<std::unique_ptr<loopback_pair<Backend>>> links;
        for (std::size_t i = 0; i != count; ++i)
            links.push_back(std::make_unique<loopback_pair<Backend>>(context));
        std::vector<std::array<char, 8>> data(count);
        std::vector<std::atomic<std::size_t>> arrived(20);
        std::vector<std::promise<void>> all(arrived.size());
        std::atomic<std::size_t> late = 0;
        std::vector<std::shared_future<void>> all_here;
        for (std::promise<void>& each : all)
            all_here.push_back(each.get_future().share());
        const std::function<void(std::size_t, std::size_t)> read =
            [&](std::size_t link, std::size_t round) {
                links[link]->first.async_read_some(
                    asio::buffer(data[link]), [&, link, round](error_code, std::size_t) {
                        if (++arrived[round] == count)
                            all[round].set_value();
                        late += all_here[round].wait_for(wait_limit) !=
                                std::future_status::ready;
                        if (round + 1 != arrived.size()) {
                            read(link, round + 1);
                            ::send(
                                links[link]->second.native_handle(),
                                "x",
                                1,
                                MSG_NOSIGNAL);
                        }
                    });
            };
        for (std::size_t link = 0; link != count; ++link) {
            read(link, 0);
            ::send(links[link]->second.native_handle(), "x", 1, MSG_NOSIGNAL);
        }
        runners loop(context, count);
        BOOST_TEST(loop.join() == count * arrived.size());
        BOOST_TEST(late == 0u);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(run_on_another_thread_later, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string data(4, '.');
    std::string lines;

    // The request is made and submitted by a thread that ends; a second one completes it.
    on_a_thread([&] {
        link.socket.async_read_some(asio::buffer(data), log.io("read"));
        turn(context);
    });
    on_a_thread([&] {
        loop_scope scope;
        context.restart();
        link.remote.send("abcd");
        context.run_for(wait_limit);
    });
    BOOST_TEST(context.stopped());
    BOOST_TEST(log.take() == "read ok 4");
    BOOST_TEST(data == "abcd");
    for (int i = 0; i < 5; ++i) {
        on_a_thread([&] {
            link.socket.async_write_some(asio::buffer("x", 1), log.io("write"));
            loop_scope scope;
            context.restart();
            context.run_for(wait_limit);
        });
    }
    finish(context);
    BOOST_TEST(
        log.take() == "write ok 1; write ok 1; write ok 1; write ok 1; write ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(thread_that_starts_operations_may_end, Backend, backends)
{
    typename Backend::io_context context;
    std::vector<std::unique_ptr<loopback<Backend>>> links;
    typename Backend::acceptor acceptor(context, any_port);
    steady_timer<Backend> timer(context);
    std::atomic<int> reads{0};
    std::atomic<int> others{0};
    std::atomic<int> failures{0};
    constexpr std::size_t count = 20;
    char data[count];
    for (std::size_t i = 0; i < count; ++i)
        links.push_back(std::make_unique<loopback<Backend>>(context));

    on_a_thread([&] {
        for (std::size_t i = 0; i < count; ++i) {
            links[i]->socket.async_read_some(
                asio::buffer(&data[i], 1), [&](error_code ec, std::size_t n) {
                    ++reads;
                    failures += ec || n != 1;
                });
        }
        acceptor.async_accept([&](error_code ec, auto) {
            ++others;
            failures += bool(ec);
        });
        timer.expires_after(5ms);
        timer.async_wait([&](error_code ec) {
            ++others;
            failures += bool(ec);
        });
        context.poll();
    });
    runners loop(context, 1);
    for (auto& link : links)
        link->remote.send("x");
    peer client = start_connect(acceptor.local_endpoint());
    loop.join();

    BOOST_TEST(reads == static_cast<int>(count));
    BOOST_TEST(others == 2);
    BOOST_TEST(failures == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    operations_started_beside_a_sleeping_loop, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    auto guard = asio::make_work_guard(context);
    runners loop(context, 1);
    constexpr int rounds = 100;
    char in[4];

    for (int i = 0; i < rounds; ++i) {
        auto read = link.socket.async_read_some(asio::buffer(in), asio::use_future);
        link.remote.send("ping");
        BOOST_TEST_REQUIRE(arrives(read));
        BOOST_TEST(read.get() == 4u);
        auto write =
            link.socket.async_write_some(asio::buffer("pong", 4), asio::use_future);
        BOOST_TEST_REQUIRE(arrives(write));
        BOOST_TEST(write.get() == 4u);
        BOOST_TEST(link.remote.receive(4) == "pong");
    }
    guard.reset();
    loop.join();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    earlier_timer_from_a_thread_shortens_the_wait, Backend, backends)
{
    typename Backend::io_context context;
    steady_timer<Backend> late(context, 1h);
    std::promise<void> running;
    auto is_running = running.get_future();
    late.async_wait([](error_code) {});
    asio::post(context, [&] { running.set_value(); });
    runners loop(context, 1);
    BOOST_TEST_REQUIRE(arrives(is_running));

    for (int i = 0; i < 20; ++i) {
        steady_timer<Backend> early(context, 1ms);
        auto expired = early.async_wait(asio::use_future);
        BOOST_TEST_REQUIRE(arrives(expired), "the wait was not shortened");
        expired.get();
    }
    asio::post(context, [&] { late.cancel(); });
    loop.join();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_threads_share_a_conversation, Backend, backends)
{
    typename Backend::io_context context;
    loopback_pair<Backend> link(context);
    std::string out(std::size_t{4} << 20, 'x');
    std::string in(out.size(), '.');
    std::atomic<int> failures{0};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<char>(i * 31 + i / 4096);

    asio::async_write(link.first, asio::buffer(out), [&](error_code ec, std::size_t n) {
        failures += ec || n != out.size();
    });
    asio::async_read(link.second, asio::buffer(in), [&](error_code ec, std::size_t n) {
        failures += ec || n != in.size();
    });
    runners loop(context, 2);
    loop.join();

    BOOST_TEST(failures == 0);
    BOOST_TEST((in == out));
}

namespace {

/// An echo of fixed messages; both directions stay within one strand of handlers.
template <typename Backend>
struct echo
{
    explicit echo(typename Backend::io_context& context) : link(context) {}

    void run(int rounds)
    {
        left = rounds;
        step();
    }

    void step()
    {
        if (left-- == 0)
            return;
        asio::async_write(link.first, asio::buffer(out), [this](error_code, std::size_t) {
            receive();
        });
    }

    void receive()
    {
        asio::async_read(
            link.second, asio::buffer(in), [this](error_code ec, std::size_t n) {
                good += !ec && n == in.size() && in == out;
                step();
            });
    }

    loopback_pair<Backend> link;
    std::array<char, 64> out{1, 2, 3};
    std::array<char, 64> in{};
    int left = 0;
    int good = 0;
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(two_threads_run_many_conversations, Backend, backends)
{
    typename Backend::io_context context;
    std::vector<std::unique_ptr<echo<Backend>>> echoes;
    constexpr int rounds = 50;

    for (int i = 0; i < 16; ++i)
        echoes.push_back(std::make_unique<echo<Backend>>(context));
    for (auto& each : echoes)
        each->run(rounds);
    runners loop(context, 2);
    loop.join();

    for (auto& each : echoes)
        BOOST_TEST(each->good == rounds);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(strand_keeps_handlers_apart, Backend, backends)
{
    typename Backend::io_context context;
    auto strand = asio::make_strand(Backend::get_executor(context));
    std::vector<std::unique_ptr<loopback<Backend>>> links;
    constexpr std::size_t count = 16;
    constexpr int rounds = 20;
    char data[count];
    int calls = 0;
    std::atomic<int> inside{0};
    std::atomic<int> overlaps{0};
    std::function<void(std::size_t, int)> read = [&](std::size_t i, int left) {
        if (left == 0)
            return;
        links[i]->socket.async_read_some(
            asio::buffer(&data[i], 1),
            asio::bind_executor(strand, [&, i, left](error_code, std::size_t) {
                overlaps += inside.fetch_add(1) != 0;
                ++calls;
                read(i, left - 1);
                --inside;
            }));
    };

    for (std::size_t i = 0; i < count; ++i) {
        links.push_back(std::make_unique<loopback<Backend>>(context));
        links[i]->remote.send(std::string(rounds, 'x'));
        read(i, rounds);
    }
    runners loop(context, 3);
    loop.join();
    BOOST_TEST(calls == static_cast<int>(count) * rounds);
    BOOST_TEST(overlaps == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timers_under_two_threads_each_end_once, Backend, backends)
{
    typename Backend::io_context context;
    constexpr int count = 500;
    std::atomic<int> expired{0};
    std::atomic<int> aborted{0};
    std::vector<std::unique_ptr<steady_timer<Backend>>> timers;

    for (int i = 0; i < count; ++i) {
        timers.push_back(std::make_unique<steady_timer<Backend>>(
            context, std::chrono::microseconds(i * 13 % 4000)));
        timers.back()->async_wait([&](error_code ec) { ++(ec ? aborted : expired); });
    }
    runners loop(context, 2);
    std::size_t cancelled = 0;
    // Distinct objects may be used from any thread; only this one touches these timers.
    for (int i = 0; i < count; i += 2)
        cancelled += timers[static_cast<std::size_t>(i)]->cancel();
    loop.join();

    BOOST_TEST(aborted == static_cast<int>(cancelled));
    BOOST_TEST(expired == count - aborted);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancellation_races_with_completion, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    auto strand = asio::make_strand(Backend::get_executor(context));
    std::atomic<std::size_t> received{0};
    std::atomic<int> ends{0};
    std::atomic<int> strange{0};
    constexpr int rounds = 300;
    char data[4];
    asio::cancellation_signal signal;
    std::function<void(int)> read = [&](int left) {
        if (left == 0)
            return;
        link.socket.async_read_some(
            asio::buffer(data, 1),
            asio::bind_cancellation_slot(
                signal.slot(),
                asio::bind_executor(strand, [&, left](error_code ec, std::size_t n) {
                    strange +=
                        ec ? (ec != asio::error::operation_aborted || n != 0) : n != 1;
                    received += n;
                    ++ends;
                    read(left - 1);
                })));
        // The signal, the close of the race and the read are all used within the strand.
        asio::post(strand, [&] { signal.emit(asio::cancellation_type::terminal); });
    };

    asio::post(strand, [&] { read(rounds); });
    std::size_t sent = 0;
    {
        runners loop(context, 2);
        for (; sent < 100; ++sent)
            link.remote.send("x");
        loop.join();
    }
    BOOST_TEST(ends == rounds);
    BOOST_TEST(strange == 0);
    // No byte is lost: what the reads did not report is still in the stream.
    std::string rest(sent, '.');
    link.socket.non_blocking(true);
    error_code ec;
    std::size_t left = 0;
    while (received + left < sent && ready(link.socket.native_handle(), POLLIN)) {
        left += link.socket.read_some(asio::buffer(rest), ec);
        if (ec)
            break;
    }
    BOOST_TEST(received + left == sent);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(close_races_with_completion, Backend, backends)
{
    constexpr int rounds = 60;
    typename Backend::io_context context;
    std::atomic<int> ends{0};
    std::atomic<int> strange{0};
    auto guard = asio::make_work_guard(context);
    runners loop(context, 2);

    for (int i = 0; i < rounds; ++i) {
        auto link = std::make_shared<loopback<Backend>>(context);
        auto strand = asio::make_strand(Backend::get_executor(context));
        std::promise<void> closed;
        auto is_closed = closed.get_future();
        asio::post(strand, [&ends, &strange, link, strand] {
            auto data = std::make_shared<std::array<char, 4>>();
            link->socket.async_read_some(
                asio::buffer(*data),
                asio::bind_executor(
                    strand, [&ends, &strange, link, data](error_code ec, std::size_t n) {
                        ++ends;
                        strange += ec ? (ec != asio::error::operation_aborted || n != 0)
                                      : n != 1;
                    }));
        });
        if (i % 3 != 0)
            link->remote.send("x");
        asio::post(strand, [link, &closed] {
            link->socket.close();
            closed.set_value();
        });
        BOOST_TEST_REQUIRE(arrives(is_closed));
    }
    guard.reset();
    loop.join();
    BOOST_TEST(ends == rounds);
    BOOST_TEST(strange == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    context_destroyed_after_threads_left_work, Backend, backends)
{
    auto token = std::make_shared<int>(0);
    {
        typename Backend::io_context context;
        std::vector<std::unique_ptr<loopback<Backend>>> links;
        std::vector<std::unique_ptr<steady_timer<Backend>>> timers;
        constexpr std::size_t count = 50;
        char data[count];
        for (std::size_t i = 0; i < count; ++i) {
            links.push_back(std::make_unique<loopback<Backend>>(context));
            timers.push_back(std::make_unique<steady_timer<Backend>>(context, 1h));
        }
        // Half of the operations are submitted by threads that are gone, half are not.
        for (std::size_t first : {std::size_t{0}, count / 2}) {
            on_a_thread([&] {
                for (std::size_t i = first; i < first + count / 2; ++i) {
                    links[i]->socket.async_read_some(
                        asio::buffer(&data[i], 1), [token](error_code, std::size_t) {});
                    timers[i]->async_wait([token](error_code) {});
                }
                if (first == 0)
                    context.poll();
            });
        }
        BOOST_TEST(token.use_count() == 1 + 2 * static_cast<long>(count));
    }
    BOOST_TEST(token.use_count() == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_contexts_talk_on_two_threads, Backend, backends)
{
    typename Backend::io_context first;
    typename Backend::io_context second;
    typename Backend::acceptor acceptor(first, any_port);
    typename Backend::socket client(second);
    std::optional<typename Backend::socket> accepted;
    std::string in(100000, '.');
    std::string out(100000, 'o');
    std::atomic<int> failures{0};

    acceptor.async_accept(second, [&](error_code ec, typename Backend::socket socket) {
        failures += bool(ec);
        accepted.emplace(std::move(socket));
        asio::async_read(
            *accepted, asio::buffer(in), [&](error_code read, std::size_t n) {
                failures += read || n != in.size();
            });
    });
    client.async_connect(acceptor.local_endpoint(), [&](error_code ec) {
        failures += bool(ec);
        asio::async_write(
            client, asio::buffer(out), [&](error_code written, std::size_t n) {
                failures += written || n != out.size();
            });
    });
    auto guard = asio::make_work_guard(second);
    runners loop_two(second, 1);
    {
        runners loop_one(first, 1);
        loop_one.join();
    }
    guard.reset();
    loop_two.join();
    BOOST_TEST(failures == 0);
    BOOST_TEST(in == out);
}

BOOST_AUTO_TEST_SUITE_END()
