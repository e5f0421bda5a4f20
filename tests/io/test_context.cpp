// SPDX-License-Identifier: BSL-1.0
// The loop and its clock: running, stopping, counting, tearing down; waitable timers.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_serial_port.hpp>
#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using asio::ip::tcp;
using boost::system::error_code;
using socket_base = asio::socket_base;
using steady_clock = std::chrono::steady_clock;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// Counts how many copies of a handler are alive and how many calls were made.
struct handler_count
{
    std::shared_ptr<int> token = std::make_shared<int>(0);

    auto handler()
    {
        return [token = token](auto&&...) { ++*token; };
    }
    long alive() const { return token.use_count() - 1; }
    int calls() const { return *token; }
};

template <typename Executor>
using timer_over =
    asio::basic_waitable_timer<steady_clock, asio::wait_traits<steady_clock>, Executor>;

} // namespace

BOOST_AUTO_TEST_SUITE(test_context)

BOOST_AUTO_TEST_CASE_TEMPLATE(run_without_work_returns_at_once, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::socket socket(context);

    BOOST_TEST(context.run() == 0u);
    BOOST_TEST(context.stopped());
    context.restart();
    BOOST_TEST(!context.stopped());
    BOOST_TEST(context.poll() == 0u);
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(transfers_use_the_ring_where_promised, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1ms);
    char data[4];
    constexpr std::uint64_t rounds = 10;

    for (std::uint64_t i = 0; i < rounds; ++i) {
        link.socket.async_read_some(asio::buffer(data), log.io("read"));
        turn(context);
        link.remote.send("x");
        finish(context);
    }
    timer.async_wait(log.done("timer"));
    finish(context);

    auto counters = asio_uring::counters(context);
    const auto status = asio_uring::status(context);
    if (uses_ring<Backend>()) {
        BOOST_TEST((status.mode == asio_uring::ring_mode::reactor));
        BOOST_TEST(counters.operations >= rounds);
        BOOST_TEST(counters.sqes >= rounds);
        BOOST_TEST(counters.cqes >= rounds);
        BOOST_TEST(counters.enters >= 1u);
    }
    else
        BOOST_TEST(counters.enters == 0u);
    if (Backend::on_ring && ring_is_forbidden()) {
        BOOST_TEST((status.mode == asio_uring::ring_mode::fallback));
        BOOST_TEST(status.reason.value() == EPERM);
        BOOST_TEST(setup_fails_with(EPERM));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(run_counts_each_handler, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1ms);
    char data[4];

    asio::post(context, [&] { log.note("post"); });
    link.socket.async_write_some(asio::buffer("x", 1), log.io("write"));
    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    timer.async_wait(log.done("timer"));
    link.remote.send("y");

    BOOST_TEST(finish(context) == 4u);
    BOOST_TEST(log.count() == 4u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(run_one_runs_one, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    loop_scope scope;
    char data[2][1];

    link.remote.send("ab");
    BOOST_TEST(ready(link.socket.native_handle(), POLLIN));
    link.socket.async_read_some(asio::buffer(data[0]), log.io("r0"));
    link.socket.async_read_some(asio::buffer(data[1]), log.io("r1"));
    BOOST_TEST(context.run_one() == 1u);
    BOOST_TEST(log.take() == "r0 ok 1");
    BOOST_TEST(!context.stopped());
    BOOST_TEST(context.run_one_for(wait_limit) == 1u);
    BOOST_TEST(log.take() == "r1 ok 1");
    BOOST_TEST(context.run_one() == 0u);
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(poll_runs_what_is_ready, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];

    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    BOOST_TEST(turn(context) == 0u);
    BOOST_TEST(!context.stopped());
    link.remote.send("x");
    BOOST_TEST(turn_until(context, 1) == 1u);
    BOOST_TEST(log.take() == "read ok 1");
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(poll_one_runs_one_of_several, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    loop_scope scope;

    asio::post(context, [&] { log.note("a"); });
    asio::post(context, [&] { log.note("b"); });
    BOOST_TEST(context.poll_one() == 1u);
    BOOST_TEST(log.take() == "a");
    BOOST_TEST(context.poll_one() == 1u);
    BOOST_TEST(log.take() == "b");
    BOOST_TEST(context.poll_one() == 0u);
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(poll_takes_many_ready_operations, Backend, backends)
{
    typename Backend::io_context context;
    std::vector<std::unique_ptr<loopback<Backend>>> links;
    std::size_t calls = 0;
    constexpr std::size_t count = 60;
    char data[count][1];

    for (std::size_t i = 0; i < count; ++i) {
        links.push_back(std::make_unique<loopback<Backend>>(context));
        links[i]->socket.async_read_some(
            asio::buffer(data[i]), [&](error_code, std::size_t) { ++calls; });
    }
    BOOST_TEST(turn(context) == 0u);
    for (auto& link : links)
        link->remote.send("x");
    BOOST_TEST(turn_until(context, count) == count);
    BOOST_TEST(calls == count);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(run_for_returns_when_time_is_up, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];

    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    auto begin = steady_clock::now();
    BOOST_TEST(context.run_for(20ms) == 0u);
    auto spent = steady_clock::now() - begin;
    BOOST_TEST((spent >= 20ms));
    BOOST_TEST((spent < 2s));
    BOOST_TEST(!context.stopped());
    BOOST_TEST(context.run_one_for(1ms) == 0u);
    BOOST_TEST(context.run_until(steady_clock::now() + 1ms) == 0u);
    BOOST_TEST(context.run_until(steady_clock::now() - 1s) == 0u);
    link.remote.send("x");
    BOOST_TEST(finish(context) == 1u);
    BOOST_TEST(log.take() == "read ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stop_keeps_pending_for_later, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    loop_scope scope;
    char data[4];

    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    asio::post(context, [&] { context.stop(); });
    asio::post(context, [&] { log.note("after stop"); });
    BOOST_TEST(context.run() == 1u);
    BOOST_TEST(context.stopped());
    link.remote.send("x");
    BOOST_TEST(context.run() == 0u);
    BOOST_TEST(context.poll() == 0u);
    BOOST_TEST(context.run_for(wait_limit) == 0u);
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(finish(context) == 2u);
    BOOST_TEST(log.take() == "after stop; read ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stop_from_a_transfer_handler, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    loop_scope scope;
    char data[2][1];

    link.socket.async_read_some(asio::buffer(data[0]), [&](error_code ec, std::size_t n) {
        log.io("first")(ec, n);
        context.stop();
    });
    link.socket.async_read_some(asio::buffer(data[1]), log.io("second"));
    turn(context);
    link.remote.send("ab");
    BOOST_TEST(context.run_for(wait_limit) == 1u);
    BOOST_TEST(context.stopped());
    BOOST_TEST(log.take() == "first ok 1");
    finish(context);
    BOOST_TEST(log.take() == "second ok 1");
}

// As a stock context has no reactor before an object needs one. A thread that sleeps in
// the ring has to be woken through the kernel.
BOOST_AUTO_TEST_CASE(context_with_handlers_alone_does_not_enter_its_ring)
{
    asio_uring::io_context context(1);
    const auto guard = asio::make_work_guard(context);
    BOOST_TEST(context.run_for(1ms) == 0u);
    asio::post(context, [] {});
    BOOST_TEST(context.run_for(1ms) == 1u);
    BOOST_TEST(asio_uring::counters(context).enters == 0u);
    const bool ring = asio_uring::status(context).mode == asio_uring::ring_mode::reactor;

    asio_uring::steady_timer timer(context);
    BOOST_TEST(context.run_for(1ms) == 0u);
    BOOST_TEST((asio_uring::counters(context).enters > 0) == ring);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(work_guard_keeps_running, Backend, backends)
{
    typename Backend::io_context context;
    auto guard = asio::make_work_guard(context);
    steady_timer<Backend> timer(context, 1ms);

    timer.async_wait([&](error_code) { asio::post(context, [&] { guard.reset(); }); });
    BOOST_TEST(finish(context) == 2u);
    context.restart();
    auto again = asio::make_work_guard(Backend::get_executor(context));
    BOOST_TEST(context.poll() == 0u);
    BOOST_TEST(!context.stopped());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(post_defer_dispatch_order, Backend, backends)
{
    typename Backend::io_context context;
    auto executor = Backend::get_executor(context);
    recorder log;

    asio::dispatch(executor, [&] { log.note("outside"); });
    BOOST_TEST(log.count() == 0u);
    asio::post(executor, [&] {
        asio::post(executor, [&] { log.note("post"); });
        asio::defer(executor, [&] { log.note("defer"); });
        asio::dispatch(executor, [&] { log.note("dispatch"); });
        log.note("body");
        BOOST_TEST(executor.running_in_this_thread());
    });
    finish(context);

    BOOST_TEST(log.take() == "outside; dispatch; body; post; defer");
    BOOST_TEST(!executor.running_in_this_thread());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    handler_exception_leaves_run_and_nothing_else, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1ms);
    char data[3][1];

    link.socket.async_read_some(asio::buffer(data[0]), [&](error_code, std::size_t) {
        log.note("throws");
        throw std::runtime_error("from a handler");
    });
    link.socket.async_read_some(asio::buffer(data[1]), log.io("second"));
    timer.async_wait([&](error_code) {
        log.note("timer throws");
        throw std::logic_error("from a timer");
    });
    turn(context);
    link.remote.send("ab");
    BOOST_CHECK_THROW(context.run(), std::runtime_error);
    BOOST_TEST(!context.stopped());
    int logic_errors = 0;
    try {
        finish(context);
    }
    catch (const std::logic_error&) {
        ++logic_errors;
    }
    finish(context);

    BOOST_TEST(logic_errors == 1);
    BOOST_TEST(log.count() == 3u);
    BOOST_TEST(log.take().starts_with("throws; "));
    link.remote.send("c");
    link.socket.async_read_some(asio::buffer(data[2]), log.io("third"));
    finish(context);
    BOOST_TEST(log.take() == "third ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nested_poll_inside_a_handler, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[2][1];

    link.socket.async_read_some(asio::buffer(data[0]), [&](error_code, std::size_t) {
        log.note("outer");
        link.remote.send("b");
        BOOST_TEST(ready(link.socket.native_handle(), POLLIN));
        link.socket.async_read_some(asio::buffer(data[1]), log.io("inner"));
        while (log.count() < 2 && context.run_one_for(wait_limit) == 1)
            continue;
        log.note("outer ends");
    });
    link.remote.send("a");
    finish(context);

    BOOST_TEST(log.take() == "outer; inner ok 1; outer ends");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    destroyed_context_destroys_handlers_without_calls, Backend, backends)
{
    for (bool submitted : {false, true}) {
        handler_count count;
        char data[16];
        {
            typename Backend::io_context context;
            loopback<Backend> link(context);
            typename Backend::acceptor acceptor(context, any_port);
            typename Backend::socket accepted(context);
            steady_timer<Backend> timer(context, 1h);
            fill(link.socket);
            link.socket.async_read_some(asio::buffer(data), count.handler());
            link.socket.async_read_some(asio::buffer(data), count.handler());
            link.socket.async_write_some(asio::buffer("x", 1), count.handler());
            link.socket.async_wait(socket_base::wait_error, count.handler());
            asio::async_read(link.socket, asio::buffer(data), count.handler());
            acceptor.async_accept(accepted, count.handler());
            acceptor.async_accept(
                [handler = count.handler()](error_code, auto) { handler(); });
            timer.async_wait(count.handler());
            asio::post(context, count.handler());
            if (submitted)
                BOOST_TEST(turn(context) == 1u);
            BOOST_TEST(count.alive() == (submitted ? 8 : 9));
        }
        BOOST_TEST(count.alive() == 0);
        BOOST_TEST(count.calls() == (submitted ? 1 : 0));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    destroyed_context_frees_objects_owned_by_handlers, Backend, backends)
{
    constexpr int links = 200;
    for (stage when : stages) {
        std::weak_ptr<loopback<Backend>> last;
        std::vector<peer> peers;
        int calls = 0;
        {
            typename Backend::io_context context;
            for (int i = 0; i < links; ++i) {
                auto link = std::make_shared<loopback<Backend>>(context);
                auto data = std::make_shared<std::string>(64, '.');
                auto buffer = asio::buffer(*data);
                last = link;
                peers.push_back(std::move(link->remote));
                auto timer = std::make_shared<steady_timer<Backend>>(context, 1h);
                link->socket.async_read_some(
                    buffer, [&calls, link, data](error_code, std::size_t) { ++calls; });
                timer->async_wait([&calls, link, timer](error_code) { ++calls; });
            }
            reach(context, when);
            peers.front().send("late");
        }
        BOOST_TEST(last.expired());
        BOOST_TEST(calls == 0);
        BOOST_TEST(peers.back().at_end());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    destroyed_context_drops_completed_but_not_run, Backend, backends)
{
    handler_count count;
    char data[16];
    {
        typename Backend::io_context context;
        loopback<Backend> link(context);
        link.remote.send("x");
        BOOST_TEST(ready(link.socket.native_handle(), POLLIN));
        link.socket.async_read_some(asio::buffer(data), count.handler());
        asio::post(context, [&] { context.stop(); });
        link.socket.async_write_some(asio::buffer("x", 1), count.handler());
        context.run_one();
    }
    BOOST_TEST(count.alive() == 0);
    BOOST_TEST(count.calls() <= 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(context_destroyed_after_each_step, Backend, backends)
{
    // A small echo conversation; the context ends after `steps` handlers.
    bool finished = false;
    std::size_t next = 0;
    while (!finished) {
        const std::size_t steps = next++;
        BOOST_TEST_REQUIRE(steps < 100u);
        std::string data(4, '.');
        typename Backend::io_context context;
        typename Backend::acceptor acceptor(context, any_port);
        typename Backend::socket server(context);
        typename Backend::socket client(context);
        steady_timer<Backend> guard(context, wait_limit);
        guard.async_wait([](error_code) {});
        acceptor.async_accept(server, [&](error_code) {
            asio::async_read(
                server, asio::buffer(data), [&](error_code, std::size_t size) {
                    asio::async_write(
                        server, asio::buffer(data, size), [&](error_code, std::size_t) {
                            server.close();
                        });
                });
        });
        char back[5];
        client.async_connect(acceptor.local_endpoint(), [&](error_code) {
            client.async_send(asio::buffer("ping", 4), [&](error_code, std::size_t) {
                asio::async_read(
                    client, asio::buffer(back), [&](error_code, std::size_t) {
                        finished = true;
                        guard.cancel();
                    });
            });
        });
        for (std::size_t i = 0; i < steps && !finished; ++i)
            context.run_one_for(wait_limit);
    }
    BOOST_TEST(finished);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_contexts_are_separate, Backend, backends)
{
    typename Backend::io_context first;
    typename Backend::io_context second;
    loopback<Backend> a(first);
    loopback<Backend> b(second);
    recorder log;
    char data[2][4];

    a.socket.async_read_some(asio::buffer(data[0]), log.io("a"));
    b.socket.async_read_some(asio::buffer(data[1]), log.io("b"));
    a.remote.send("1");
    b.remote.send("22");
    finish(first);
    BOOST_TEST(log.take() == "a ok 1");
    finish(second);
    BOOST_TEST(log.take() == "b ok 2");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_contexts_come_and_go, Backend, backends)
{
    for (int i = 0; i < 50; ++i) {
        typename Backend::io_context context;
        loopback<Backend> link(context);
        std::size_t got = 0;
        char data[4];
        link.socket.async_read_some(
            asio::buffer(data), [&](error_code, std::size_t n) { got = n; });
        link.remote.send("x");
        finish(context);
        BOOST_TEST(got == 1u);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(concurrency_hints_are_accepted, Backend, backends)
{
    for (int hint :
         {1,
          2,
          BOOST_ASIO_CONCURRENCY_HINT_UNSAFE,
          BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO,
          BOOST_ASIO_CONCURRENCY_HINT_SAFE})
    {
        typename Backend::io_context context(hint);
        loopback<Backend> link(context);
        steady_timer<Backend> timer(context, 1ms);
        recorder log;
        char data[4];

        link.socket.async_read_some(asio::buffer(data), log.io("read"));
        timer.async_wait([&](error_code ec) {
            log.done("timer")(ec);
            link.remote.send("x");
        });
        finish(context);
        BOOST_TEST(log.take() == "timer ok; read ok 1");
    }
}

/// The set of signals that goes with a backend's objects.
template <typename Backend>
using signal_set = asio::basic_signal_set<std::conditional_t<
    std::is_same_v<Backend, ring>,
    asio_uring::signal_set::executor_type,
    asio::any_io_executor>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(signal_set_made_first_waits_in_the_ring, Backend, backends)
{
    asio::io_context context(1);
    signal_set<Backend> signals(context, SIGUSR1);
    typename Backend::socket socket(context);
    recorder log;
    using asio_uring::ring_mode;
    const ring_mode expected = !Backend::on_ring     ? ring_mode::none
                               : ring_is_forbidden() ? ring_mode::fallback
                                                     : ring_mode::reactor;
    BOOST_TEST(asio_uring::status(context).mode == expected);

    signals.async_wait([&](error_code ec, int number) {
        log.done(number == SIGUSR1 ? "signal" : "wrong signal")(ec);
    });
    turn(context);
    std::raise(SIGUSR1);
    finish(context);
    signals.async_wait([&](error_code ec, int) { log.done("second")(ec); });
    signals.cancel();
    finish(context);
    BOOST_TEST(log.take() == "signal ok; second operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(serial_port_made_first_leaves_the_ring, Backend, backends)
{
    using port_type =
        asio::basic_serial_port<typename signal_set<Backend>::executor_type>;
    asio::io_context context(1);
    port_type port(context);
    typename Backend::socket socket(context);
    BOOST_TEST(
        (asio_uring::status(context).mode == asio_uring::ring_mode::reactor) ==
        uses_ring<Backend>());
    error_code ec;
    port.open("/dev/null", ec);
    BOOST_TEST(static_cast<bool>(ec));
    port_type moved(std::move(port));
    BOOST_TEST(!moved.is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stock_objects_share_the_loop, Backend, backends)
{
    typename Backend::io_context context;
    asio::steady_timer timer(context, 1ms);
    asio::signal_set signals(context, SIGUSR1);
    tcp::resolver resolver(context);
    asio::ip::udp::socket receiver(
        context, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
    loopback<Backend> link(context);
    recorder log;
    char data[2][8];

    timer.async_wait([&](error_code ec) {
        log.done("timer")(ec);
        resolver.async_resolve("127.0.0.1", "80", [&](error_code result, auto) {
            log.done("resolver")(result);
            std::raise(SIGUSR1);
        });
    });
    signals.async_wait([&](error_code ec, int number) {
        log.done(number == SIGUSR1 ? "signal" : "wrong signal")(ec);
        asio::ip::udp::socket sender(context, asio::ip::udp::v4());
        sender.send_to(asio::buffer("datagram", 8), receiver.local_endpoint());
    });
    receiver.async_receive(asio::buffer(data[0]), [&](error_code ec, std::size_t n) {
        log.io("datagram")(ec, n);
        link.remote.send("end");
    });
    link.socket.async_read_some(asio::buffer(data[1]), log.io("read"));
    finish(context);

    BOOST_TEST(
        log.take() == "timer ok; resolver ok; signal ok; datagram ok 8; read ok 3");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stock_objects_first_then_ours, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    asio::steady_timer timer(context, 1ms);
    timer.async_wait(log.done("stock timer"));
    turn(context);
    loopback<Backend> link(context);
    char data[8];

    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    run_until(context, [&] { return log.count() == 1; });
    link.remote.send("x");
    finish(context);

    BOOST_TEST(log.take() == "stock timer ok; read ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stock_timer_alone_ends_a_wait, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    asio::steady_timer timer(context, 5ms);
    char data[8];

    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    timer.async_wait([&](error_code ec) {
        log.done("timer")(ec);
        link.socket.cancel();
    });
    finish(context);

    BOOST_TEST(log.take() == "timer ok; read operation_aborted 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(strand_of_the_executor_serialises, Backend, backends)
{
    typename Backend::io_context context;
    auto strand = asio::make_strand(Backend::get_executor(context));
    asio::basic_stream_socket<tcp, asio::strand<typename Backend::executor>> socket(
        strand);
    listener server;
    recorder log;

    socket.async_connect(server.endpoint(), [&](error_code ec) {
        log.done("connect")(ec);
        BOOST_TEST(strand.running_in_this_thread());
    });
    finish(context);
    BOOST_TEST(log.take() == "connect ok");
}

#if BOOST_VERSION >= 109000
// Asio's reactor can wait for timers by a timeout of its own; the ring is attached then.
BOOST_AUTO_TEST_CASE(reactor_that_waits_for_timers_itself_keeps_the_wait)
{
    asio::io_context context(asio::config_from_string("reactor.use_timerfd=0"));
    listener server;
    asio_uring::ip::tcp::socket socket(context);
    if (uses_ring<ring>())
        BOOST_TEST((asio_uring::status(context).mode == asio_uring::ring_mode::attached));
    socket.connect(server.endpoint());
    peer remote = server.accept();
    steady_timer<stock> first(context, 1ms);
    steady_timer<ring> second(context, 2ms);
    recorder log;
    char data[4];
    socket.async_read_some(asio::buffer(data), log.io("read"));
    first.async_wait(log.done("stock timer"));
    second.async_wait([&](error_code ec) {
        log.done("timer")(ec);
        remote.send("x");
    });
    finish(context);
    BOOST_TEST(log.take() == "stock timer ok; timer ok; read ok 1");
}
#endif

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(test_timer)

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_expires_after_its_duration, Backend, backends)
{
    auto [context, timer, log] = fixture<Backend, steady_timer>();

    auto begin = steady_clock::now();
    BOOST_TEST(timer.expires_after(10ms) == 0u);
    timer.async_wait(log.done("timer"));
    log.note("started");
    finish(context);
    auto spent = steady_clock::now() - begin;

    BOOST_TEST(log.take() == "started; timer ok");
    BOOST_TEST((spent >= 10ms));
    BOOST_TEST((spent < 2s));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_constructors_set_the_expiry, Backend, backends)
{
    typename Backend::io_context context;
    auto executor = Backend::get_executor(context);
    auto when = steady_clock::now() + 1h;
    steady_timer<Backend> plain(context);
    steady_timer<Backend> of_executor(executor);
    steady_timer<Backend> at(context, when);
    steady_timer<Backend> executor_at(executor, when);
    steady_timer<Backend> after(context, 1h);
    steady_timer<Backend> executor_after(executor, 1h);

    BOOST_TEST((plain.expiry() == steady_clock::time_point()));
    BOOST_TEST((of_executor.expiry() == steady_clock::time_point()));
    BOOST_TEST((at.expiry() == when));
    BOOST_TEST((executor_at.expiry() == when));
    BOOST_TEST((after.expiry() >= when));
    BOOST_TEST((executor_after.expiry() >= when));
    BOOST_TEST((at.get_executor() == executor));
    recorder log;
    plain.async_wait(log.done("never set"));
    finish(context);
    BOOST_TEST(log.take() == "never set ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_in_the_past_completes_at_once, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    steady_timer<Backend> timer(context);
    auto wait = [&](const char* name) {
        timer.async_wait(log.done(name));
        log.note("started");
        finish(context);
    };

    timer.expires_after(0s), wait("zero");
    timer.expires_after(-1s), wait("negative");
    timer.expires_at(steady_clock::time_point()), wait("epoch");
    timer.expires_at(steady_clock::time_point::min()), wait("min");
    timer.expires_after(steady_clock::duration::min()), wait("shortest");

    BOOST_TEST(
        log.take() == "started; zero ok; started; negative ok; started; epoch ok; "
                      "started; min ok; started; shortest ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_at_the_end_of_time_waits, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    steady_timer<Backend> timer(context);
    steady_timer<Backend> soon(context);

    timer.expires_after(steady_clock::duration::max());
    BOOST_TEST((timer.expiry() == steady_clock::time_point::max()));
    timer.async_wait(log.done("longest"));
    BOOST_TEST(turn(context) == 0u);
    BOOST_TEST(context.run_for(2ms) == 0u);
    BOOST_TEST(timer.expires_at(steady_clock::time_point::max()) == 1u);
    timer.async_wait(log.done("max"));
    soon.expires_after(1ms);
    soon.async_wait(log.done("soon"));
    run_until(context, [&] { return log.count() == 2; });
    timer.cancel();
    finish(context);

    BOOST_TEST(log.take() == "longest operation_aborted; soon ok; max operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_cancel_counts_the_waits, Backend, backends)
{
    for (stage when : stages) {
        auto [context, timer, log] = fixture<Backend, steady_timer>(1h);

        BOOST_TEST(timer.cancel() == 0u);
        timer.async_wait(log.done("w0"));
        timer.async_wait(log.done("w1"));
        reach(context, when);
        BOOST_TEST(timer.cancel() == 2u);
        BOOST_TEST(timer.cancel() == 0u);
        log.note("cancelled");
        finish(context);
        BOOST_TEST(log.take() == "cancelled; w0 operation_aborted; w1 operation_aborted");
        BOOST_TEST(timer.cancel() == 0u);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_cancel_one_takes_the_oldest, Backend, backends)
{
    auto [context, timer, log] = fixture<Backend, steady_timer>(1h);

    for (int i = 0; i < 3; ++i)
        timer.async_wait(log.done("w" + std::to_string(i)));
    BOOST_TEST(timer.cancel_one() == 1u);
    turn(context);
    BOOST_TEST(log.take() == "w0 operation_aborted");
    BOOST_TEST(timer.cancel_one() == 1u);
    BOOST_TEST(timer.cancel_one() == 1u);
    BOOST_TEST(timer.cancel_one() == 0u);
    finish(context);
    BOOST_TEST(log.take() == "w1 operation_aborted; w2 operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_new_expiry_aborts_waits, Backend, backends)
{
    auto [context, timer, log] = fixture<Backend, steady_timer>(1h);

    timer.async_wait(log.done("first"));
    turn(context);
    BOOST_TEST(timer.expires_after(1ms) == 1u);
    timer.async_wait(log.done("second"));
    finish(context);
    timer.expires_after(1h);
    timer.async_wait(log.done("third"));
    BOOST_TEST(timer.expires_at(steady_clock::now()) == 1u);
    timer.async_wait(log.done("fourth"));
    finish(context);

    BOOST_TEST(
        log.take() == "first operation_aborted; second ok; "
                      "third operation_aborted; fourth ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_expired_cannot_be_cancelled, Backend, backends)
{
    auto [context, timer, log] = fixture<Backend, steady_timer>(1ms);

    timer.async_wait(log.done("wait"));
    finish(context);
    BOOST_TEST(timer.cancel() == 0u);
    finish(context);
    BOOST_TEST(log.take() == "wait ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_several_waits_complete_in_order, Backend, backends)
{
    auto [context, timer, log] = fixture<Backend, steady_timer>(2ms);

    for (int i = 0; i < 5; ++i)
        timer.async_wait(log.done("w" + std::to_string(i)));
    BOOST_TEST(finish(context) == 5u);

    BOOST_TEST(log.take() == "w0 ok; w1 ok; w2 ok; w3 ok; w4 ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timers_complete_in_order_of_expiry, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    std::vector<steady_timer<Backend>> timers;
    auto base = steady_clock::now();
    constexpr int order[] = {5, 2, 8, 1, 9, 3, 7, 0, 6, 4};

    for (int place : order) {
        timers.emplace_back(context, base + std::chrono::microseconds(place * 200));
        timers.back().async_wait(log.done(std::to_string(place)));
    }
    finish(context);

    BOOST_TEST(
        log.take() == "0 ok; 1 ok; 2 ok; 3 ok; 4 ok; 5 ok; 6 ok; 7 ok; 8 ok; 9 ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_timers_all_expire_or_abort, Backend, backends)
{
    typename Backend::io_context context;
    constexpr std::size_t count = 2000;
    std::vector<steady_timer<Backend>> timers;
    std::size_t expired = 0;
    std::size_t aborted = 0;
    auto base = steady_clock::now();

    timers.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        bool cancelled = i % 3 == 0;
        timers.emplace_back(
            context,
            base + (cancelled ? std::chrono::microseconds(1h)
                              : std::chrono::microseconds(i * 7 % 5000)));
        timers[i].async_wait([&](error_code ec) { ++(ec ? aborted : expired); });
    }
    turn(context);
    for (std::size_t i = 0; i < count; i += 3)
        BOOST_TEST(timers[i].cancel() == 1u);
    finish(context);

    BOOST_TEST(aborted == (count + 2) / 3);
    BOOST_TEST(expired == count - aborted);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_of_same_expiry_is_past_cancelling, Backend, backends)
{
    typename Backend::io_context context;
    auto when = steady_clock::now() + 2ms;
    steady_timer<Backend> a(context, when);
    steady_timer<Backend> b(context, when);
    recorder log;
    std::size_t cancelled = 0;

    // Both waits end in the same turn, so the first handler comes too late for the
    // second.
    a.async_wait([&](error_code ec) {
        log.done("timer")(ec);
        cancelled += b.cancel();
    });
    b.async_wait([&](error_code ec) {
        log.done("timer")(ec);
        cancelled += a.cancel();
    });
    finish(context);

    BOOST_TEST(log.take() == "timer ok; timer ok");
    BOOST_TEST(cancelled == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_cancelled_by_a_transfer, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1h);
    char data[4];

    timer.async_wait(log.done("timer"));
    link.socket.async_read_some(asio::buffer(data), [&](error_code ec, std::size_t n) {
        log.io("read")(ec, n);
        BOOST_TEST(timer.cancel() == 1u);
        log.note("cancelled");
    });
    turn(context);
    link.remote.send("x");
    finish(context);

    BOOST_TEST(log.take() == "read ok 1; cancelled; timer operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_rearmed_in_its_handler, Backend, backends)
{
    typename Backend::io_context context;
    steady_timer<Backend> timer(context);
    int ticks = 0;
    struct ticker
    {
        steady_timer<Backend>& timer;
        int& ticks;
        void operator()(error_code ec)
        {
            if (ec || ++ticks == 10)
                return;
            timer.expires_at(timer.expiry() + 1ms);
            timer.async_wait(*this);
        }
    };

    auto begin = steady_clock::now();
    timer.expires_after(1ms);
    timer.async_wait(ticker{timer, ticks});
    BOOST_TEST(finish(context) == 10u);
    BOOST_TEST(ticks == 10);
    BOOST_TEST((steady_clock::now() - begin >= 10ms));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_moved_takes_its_waits_along, Backend, backends)
{
    for (stage when : stages) {
        auto [context, timer, log] = fixture<Backend, steady_timer>(1h);
        steady_timer<Backend> target(context, 1h);
        auto expiry = timer.expiry();

        timer.async_wait(log.done("w0"));
        timer.async_wait(log.done("w1"));
        target.async_wait(log.done("target"));
        reach(context, when);
        steady_timer<Backend> moved(std::move(timer));
        BOOST_TEST((moved.expiry() == expiry));
        BOOST_TEST(moved.cancel_one() == 1u);
        turn(context);
        BOOST_TEST(log.take() == "w0 operation_aborted");
        target = std::move(moved);
        turn(context);
        BOOST_TEST(log.take() == "target operation_aborted");
        BOOST_TEST((target.expiry() == expiry));
        BOOST_TEST(target.cancel() == 1u);
        finish(context);
        BOOST_TEST(log.take() == "w1 operation_aborted");

        timer.expires_after(1ms);
        timer.async_wait(log.done("used again"));
        finish(context);
        BOOST_TEST(log.take() == "used again ok");
    }
}

// Executors of one service: a move like any other.
BOOST_AUTO_TEST_CASE_TEMPLATE(timer_converted_takes_its_waits_along, Backend, backends)
{
    using any_timer = timer_over<typename Backend::any_executor>;
    for (stage when : stages) {
        auto [context, first, log] = fixture<Backend, steady_timer>(1h);
        steady_timer<Backend> second(context, 1ms);
        const auto expiry = first.expiry();

        first.async_wait(log.done("first"));
        second.async_wait(log.done("second"));
        reach(context, when);
        any_timer target(std::move(first));
        BOOST_TEST((target.expiry() == expiry));
        BOOST_TEST(target.cancel() == 1u);
        target.async_wait(log.done("target"));
        turn(context);
        BOOST_TEST(log.take() == "first operation_aborted");
        target = std::move(second);
        turn_until(context, 2);
        BOOST_TEST(log.take() == "target operation_aborted; second ok");
        finish(context);
    }
}

// A timer whose executor takes it to Asio's own service, and from there to the ring.
BOOST_AUTO_TEST_CASE_TEMPLATE(
    timer_converted_keeps_its_expiry_wherever_it_goes, Backend, backends)
{
    using stock_timer = timer_over<asio::any_io_executor>;
    using any_timer = timer_over<typename Backend::any_executor>;
    const bool same_service = std::is_base_of_v<stock, Backend>;
    for (stage when : stages) {
        auto [context, timer, log] = fixture<Backend, steady_timer>(1h);
        const auto expiry = timer.expiry();
        const auto move_and_see = [&](auto& target, auto& source, auto&& move) {
            source.async_wait(log.done("wait"));
            reach(context, when);
            move();
            BOOST_TEST((target.expiry() == expiry));
            BOOST_TEST((source.expiry() == steady_clock::time_point()));
            BOOST_TEST(target.cancel() == (same_service ? 1u : 0u));
            turn(context);
            BOOST_TEST(log.take() == "wait operation_aborted");
        };

        std::optional<stock_timer> away;
        std::optional<any_timer> back;
        timer.async_wait(log.done("wait"));
        reach(context, when);
        away.emplace(Backend::leave(timer));
        back.emplace(std::move(*away));
        BOOST_TEST((back->expiry() == expiry));
        back->cancel();
        turn(context);
        BOOST_TEST(log.take() == "wait operation_aborted");

        move_and_see(*away, *back, [&] { *away = Backend::leave(*back); });
        move_and_see(*back, *away, [&] { *back = std::move(*away); });
        move_and_see(*away, *back, [&] { away.emplace(Backend::leave(*back)); });
        move_and_see(*back, *away, [&] { back.emplace(std::move(*away)); });

        // All three are fit for use, wherever they wait.
        const auto fires = [&](auto& moved) {
            moved.expires_after(1ms);
            moved.async_wait(log.done("timer"));
            finish(context);
            return log.take() == "timer ok";
        };
        BOOST_TEST(fires(timer));
        BOOST_TEST(fires(*away));
        BOOST_TEST(fires(*back));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    timer_converted_leaves_nothing_with_its_context, Backend, backends)
{
    handler_count handlers;
    {
        typename Backend::io_context context;
        steady_timer<Backend> timer(context, 1h);
        timer_over<asio::any_io_executor> away(Backend::leave(timer));
        timer_over<asio::any_io_executor> other(context, 1h);
        timer_over<typename Backend::any_executor> back(std::move(other));
        other.expires_after(1h);
        away.async_wait(handlers.handler());
        other.async_wait(handlers.handler());
        back.async_wait(handlers.handler());
        turn(context);
        BOOST_TEST(handlers.alive() == 3);
    }
    BOOST_TEST(handlers.alive() == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_moved_still_expires, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    std::vector<steady_timer<Backend>> timers;

    for (int i = 0; i < 20; ++i) {
        timers.emplace_back(context, 1ms);
        timers.back().async_wait(log.done("t"));
    }
    BOOST_TEST(finish(context) == 20u);
    BOOST_TEST(log.take().find("aborted") == std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_destroyed_aborts_waits, Backend, backends)
{
    typename Backend::io_context context;
    recorder log;
    {
        steady_timer<Backend> timer(context, 1h);
        timer.async_wait(log.done("wait"));
        turn(context);
    }
    log.note("destroyed");
    finish(context);
    BOOST_TEST(log.take() == "destroyed; wait operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    timer_new_earliest_in_handler_is_honoured, Backend, backends)
{
    auto [context, late, log] = fixture<Backend, steady_timer>(1h);
    steady_timer<Backend> early(context);

    late.async_wait(log.done("late"));
    turn(context);
    asio::post(context, [&] {
        early.expires_after(1ms);
        early.async_wait([&](error_code ec) {
            log.done("early")(ec);
            late.cancel();
        });
    });
    finish(context);
    BOOST_TEST(log.take() == "early ok; late operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_poll_runs_expired, Backend, backends)
{
    auto [context, timer, log] = fixture<Backend, steady_timer>(1ms);

    timer.async_wait(log.done("wait"));
    timer.wait();
    BOOST_TEST(turn(context) == 1u);
    BOOST_TEST(log.take() == "wait ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timer_sync_wait_blocks_until_expiry, Backend, backends)
{
    typename Backend::io_context context;
    steady_timer<Backend> timer(context);
    error_code ec = asio::error::fault;

    auto begin = steady_clock::now();
    timer.expires_after(3ms);
    timer.wait(ec);
    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST((steady_clock::now() - begin >= 3ms));
    timer.wait();
    timer.expires_after(-1s);
    timer.wait(ec);
    BOOST_TEST(text(ec) == "ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timers_of_every_clock_expire, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::template timer<std::chrono::system_clock> system(context, 2ms);
    typename Backend::template timer<std::chrono::high_resolution_clock> fine(
        context, 4ms);
    steady_timer<Backend> steady(context, 6ms);
    typename Backend::template timer<std::chrono::system_clock> never(context, 1h);
    recorder log;

    // Each clock has its own order, and what has expired together comes in any order.
    steady.async_wait([&](error_code ec) {
        log.done("steady")(ec);
        never.cancel();
    });
    fine.async_wait(log.done("fine"));
    system.async_wait(log.done("system"));
    never.async_wait(log.done("never"));
    finish(context);
    BOOST_TEST(log.count() == 4u);
    std::string lines = log.take();
    for (const char* line :
         {"steady ok", "fine ok", "system ok", "never operation_aborted"})
        BOOST_TEST(lines.find(line) != std::string::npos, lines);

    BOOST_TEST(system.expires_at(std::chrono::system_clock::now() + 1ms) == 0u);
    system.wait();
    system.async_wait(log.done("past"));
    finish(context);
    BOOST_TEST(log.take() == "past ok");
    never.expires_at(std::chrono::system_clock::time_point::max());
    never.async_wait(log.done("max"));
    turn(context);
    BOOST_TEST(never.cancel() == 1u);
    finish(context);
    BOOST_TEST(log.take() == "max operation_aborted");
}

#if !defined(BOOST_ASIO_NO_DEPRECATED) && BOOST_VERSION < 108700
BOOST_AUTO_TEST_CASE_TEMPLATE(timer_deprecated_members_work, Backend, backends)
{
    auto [context, timer, log] = fixture<Backend, steady_timer>();
    error_code ec;

    timer.expires_from_now(1h, ec);
    BOOST_TEST((timer.expires_from_now() > 59min));
    BOOST_TEST((timer.expires_at() == timer.expiry()));
    timer.async_wait(log.done("wait"));
    BOOST_TEST(timer.cancel_one(ec) == 1u);
    BOOST_TEST(timer.cancel(ec) == 0u);
    timer.expires_at(steady_clock::now(), ec);
    BOOST_TEST(text(ec) == "ok");
    timer.async_wait(log.done("again"));
    finish(context);
    BOOST_TEST(log.take() == "wait operation_aborted; again ok");
}
#endif

BOOST_AUTO_TEST_SUITE_END()
