// SPDX-License-Identifier: BSL-1.0
// Executors other than an io_context's: pools, the system context, strands; what the
// concurrency hint decides; and handlers that throw while several threads run.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <vector>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using asio::ip::tcp;
using boost::system::error_code;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

using pool_executor = asio::thread_pool::executor_type;

/// Asio's front ends on one type of executor.
template <typename Executor>
struct objects
{
    using executor = Executor;
    using socket = asio::basic_stream_socket<tcp, Executor>;
    using acceptor = asio::basic_socket_acceptor<tcp, Executor>;
    using timer = asio::basic_waitable_timer<
        std::chrono::steady_clock,
        asio::wait_traits<std::chrono::steady_clock>,
        Executor>;
};

#ifdef ASIO_URING_DROP_IN
using executors = std::tuple<
    asio::any_io_executor,
    pool_executor,
    asio::strand<pool_executor>,
    asio::strand<asio::any_io_executor>>;
#else
using executors = std::tuple<
    asio::any_io_executor,
    pool_executor,
    asio::strand<pool_executor>,
    asio::strand<asio::any_io_executor>,
    asio_uring::ring_executor<asio::any_io_executor>,
    asio_uring::ring_executor<pool_executor>,
    asio_uring::ring_executor<asio::strand<pool_executor>>,
    asio_uring::ring_executor<asio::strand<asio::any_io_executor>>>;
#endif

template <typename Executor>
struct is_strand : std::false_type
{};
template <typename Inner>
struct is_strand<asio::strand<Inner>> : std::true_type
{};
template <typename Inner>
struct is_strand<asio_uring::ring_executor<Inner>> : is_strand<Inner>
{};

template <typename Executor, typename Context>
Executor executor_of(Context& context)
{
    if constexpr (std::is_constructible_v<Executor, asio::strand<pool_executor>>)
        return Executor(asio::make_strand(context.get_executor()));
    else if constexpr (is_strand<Executor>::value)
        return Executor(asio::make_strand(asio::any_io_executor(context.get_executor())));
    else
        return Executor(context.get_executor());
}

/// Waits for a future no longer than the limit.
template <typename T>
bool arrives(std::future<T>& future)
{
    return future.wait_for(wait_limit) == std::future_status::ready;
}

/// One side of a conversation of fixed messages. It keeps itself alive by its handlers.
template <typename Executor>
class talker : public std::enable_shared_from_this<talker<Executor>>
{
public:
    talker(typename objects<Executor>::socket socket, bool first, int rounds)
        : socket_(std::move(socket)),
          idle_(socket_.get_executor()),
          first_(first),
          left_(rounds)
    {}

    std::future<int> start()
    {
        auto future = done_.get_future();
        asio::dispatch(socket_.get_executor(), [self = this->shared_from_this()] {
            self->idle_.expires_after(wait_limit);
            self->idle_.async_wait([](error_code) {});
            self->next();
        });
        return future;
    }

private:
    void next()
    {
        if (left_ == 0) {
            idle_.cancel();
            done_.set_value(good_);
            return;
        }
        --left_;
        if (first_)
            write([](talker& self) { self.read([](talker& me) { me.next(); }); });
        else
            read([](talker& self) { self.write([](talker& me) { me.next(); }); });
    }

    template <typename Next>
    void write(Next then)
    {
        asio::async_write(
            socket_,
            asio::buffer(message_),
            [self = this->shared_from_this(), then](error_code ec, std::size_t) {
                self->step(ec, then);
            });
    }

    template <typename Next>
    void read(Next then)
    {
        asio::async_read(
            socket_,
            asio::buffer(received_),
            [self = this->shared_from_this(), then](error_code ec, std::size_t) {
                self->good_ += !ec && self->received_ == self->message_;
                self->step(ec, then);
            });
    }

    template <typename Next>
    void step(error_code ec, Next then)
    {
        overlaps += inside_.fetch_add(1) != 0;
        if (ec)
            left_ = 0;
        then(*this);
        --inside_;
    }

public:
    /// Handlers of one conversation that ran at the same time as another of it.
    static inline std::atomic<int> overlaps{0};

private:
    typename objects<Executor>::socket socket_;
    typename objects<Executor>::timer idle_;
    std::array<char, 64> message_{'m', 'e'};
    std::array<char, 64> received_{};
    std::atomic<int> inside_{0};
    std::promise<int> done_;
    bool first_;
    int left_;
    int good_ = 0;
};

/// Conversations over accepted connections on an executor of any kind of context.
template <typename Executor, typename Context>
void hold_conversations(Context& context, int count, int rounds)
{
    using kinds = objects<Executor>;
    typename kinds::acceptor acceptor(executor_of<Executor>(context), any_port);
    std::vector<std::future<int>> ends;
    for (int i = 0; i < count; ++i) {
        typename kinds::socket accepted(executor_of<Executor>(context));
        typename kinds::socket connecting(executor_of<Executor>(context));
        auto is_accepted = acceptor.async_accept(accepted, asio::use_future);
        auto is_connected =
            connecting.async_connect(acceptor.local_endpoint(), asio::use_future);
        BOOST_TEST_REQUIRE(arrives(is_accepted));
        BOOST_TEST_REQUIRE(arrives(is_connected));
        is_accepted.get();
        is_connected.get();
        for (bool first : {true, false}) {
            auto side = std::make_shared<talker<Executor>>(
                first ? std::move(connecting) : std::move(accepted), first, rounds);
            ends.push_back(side->start());
        }
    }
    for (auto& end : ends) {
        BOOST_TEST_REQUIRE(arrives(end));
        BOOST_TEST(end.get() == rounds);
    }
    if (is_strand<Executor>::value)
        BOOST_TEST(talker<Executor>::overlaps == 0);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_executors)

BOOST_AUTO_TEST_CASE_TEMPLATE(pool_runs_conversations, Executor, executors)
{
    asio::thread_pool pool(3);
    hold_conversations<Executor>(pool, 6, 20);
    pool.join();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pool_of_one_thread_runs_conversations, Executor, executors)
{
    asio::thread_pool pool(1);
    hold_conversations<Executor>(pool, 3, 10);
    pool.join();
}

// The system context lives until the program ends, and so does the ring it is given.
BOOST_AUTO_TEST_CASE_TEMPLATE(system_executor_runs_conversations, Backend, backends)
{
    struct
    {
        asio::system_executor get_executor() const { return {}; }
    } system;
    hold_conversations<typename Backend::any_executor>(system, 4, 10);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(attached_thread_helps_a_pool, Executor, executors)
{
    asio::thread_pool pool(1);
    // The pool's own thread is held up, so the one that joins it does the work.
    typename objects<Executor>::timer timer(executor_of<Executor>(pool), 1ms);
    std::atomic<bool> expired{false};
    std::promise<void> held;
    std::promise<void> go;
    auto is_held = held.get_future();
    asio::post(pool, [&, gate = go.get_future().share()] {
        held.set_value();
        gate.wait_for(wait_limit);
    });
    BOOST_TEST_REQUIRE(arrives(is_held));
    timer.async_wait([&](error_code) {
        expired = true;
        go.set_value();
        pool.stop();
    });
    pool.attach();
    BOOST_TEST(expired);
    pool.join();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stopped_pool_destroys_what_is_pending, Executor, executors)
{
    auto token = std::make_shared<int>(0);
    peer remote;
    {
        asio::thread_pool pool(2);
        typename objects<Executor>::acceptor acceptor(
            executor_of<Executor>(pool), any_port);
        auto data = std::make_shared<std::array<char, 8>>();
        auto socket = std::make_shared<typename objects<Executor>::socket>(
            executor_of<Executor>(pool));
        listener server;
        socket->connect(server.endpoint());
        remote = server.accept();
        auto timer = std::make_shared<typename objects<Executor>::timer>(
            executor_of<Executor>(pool), 1h);
        acceptor.async_accept([token](error_code, auto) {});
        socket->async_read_some(
            asio::buffer(*data), [token, data, socket](error_code, std::size_t) {});
        timer->async_wait([token, timer](error_code) {});
        std::promise<void> turned;
        auto is_turned = turned.get_future();
        asio::post(pool, [&] { turned.set_value(); });
        BOOST_TEST_REQUIRE(arrives(is_turned));
        pool.stop();
        pool.join();
        BOOST_TEST(token.use_count() == 4);
    }
    BOOST_TEST(token.use_count() == 1);
    BOOST_TEST(remote.at_end());
}

BOOST_AUTO_TEST_CASE(hint_decides_how_completions_are_told)
{
    const auto flags_of = [](asio::execution_context& context) {
        return asio_uring::status(context).setup_flags &
               asio_uring::abi::setup_coop_taskrun;
    };
    for (int hint :
         {1, BOOST_ASIO_CONCURRENCY_HINT_UNSAFE, BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO})
    {
        asio_uring::io_context context(hint);
        BOOST_TEST(flags_of(context) != 0u, "hint " << hint);
    }
    // Boost 1.87 to 1.89 take SAFE for a promise of one thread.
    constexpr int safe = BOOST_VERSION < 108700 || BOOST_VERSION >= 109000
                             ? BOOST_ASIO_CONCURRENCY_HINT_SAFE
                             : BOOST_ASIO_CONCURRENCY_HINT_DEFAULT;
    for (int hint : {0, 2, safe}) {
        asio_uring::io_context context(hint);
        BOOST_TEST(flags_of(context) == 0u, "hint " << hint);
    }
    for (std::size_t threads : {1u, 2u}) {
        asio::thread_pool pool(threads);
        asio_uring::use_ring(pool);
        BOOST_TEST((flags_of(pool) != 0u) == (threads == 1));
        pool.join();
    }
}

BOOST_AUTO_TEST_CASE(single_issuer_ring_serves_a_pool_of_one)
{
    asio::thread_pool pool(1);
    asio_uring::ring_options options;
    options.flags = asio_uring::abi::setup_single_issuer;
    asio_uring::use_ring(pool, options);
    hold_conversations<asio_uring::ring_executor<pool_executor>>(pool, 3, 10);
    pool.join();
}

// The error that run() throws on the second thread would end the program there.
BOOST_AUTO_TEST_CASE(single_issuer_ring_is_refused_where_several_threads_run)
{
    const asio_uring::ring_options options{.flags = asio_uring::abi::setup_single_issuer};
    const auto error_of = [&](auto& context, asio_uring::fallback policy) {
        try {
            asio_uring::use_ring(context, options, policy);
        }
        catch (const boost::system::system_error& error) {
            return error.code();
        }
        return error_code();
    };
    const error_code expected = make_error_code(asio_uring::errc::several_threads);
    for (const auto policy :
         {asio_uring::fallback::allowed, asio_uring::fallback::forbidden}) {
        asio::thread_pool pool(2);
        asio::thread_pool many;
        BOOST_TEST(error_of(pool, policy) == expected);
        BOOST_TEST(error_of(many, policy) == expected);
        BOOST_TEST(
            error_of(
                asio::query(asio::system_executor(), asio::execution::context), policy) ==
            expected);
        // It is as it was, and takes a ring of the usual kind.
        asio_uring::use_ring(pool);
        hold_conversations<asio_uring::ring_executor<pool_executor>>(pool, 2, 5);
        pool.join();
    }
    BOOST_TEST(expected.message().find("one thread") != std::string::npos);
    // The program decides which threads run an io_context.
    asio::io_context usual;
    asio::io_context promised(1);
    asio::execution_context& unknown = promised;
    BOOST_TEST(!error_of(usual, asio_uring::fallback::forbidden));
    BOOST_TEST(!error_of(unknown, asio_uring::fallback::forbidden));
}

// UNSAFE hints: one thread at a time, and with UNSAFE_IO others may post.
BOOST_AUTO_TEST_CASE_TEMPLATE(post_reaches_an_unsafe_io_context, Backend, backends)
{
    typename Backend::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO);
    auto link = std::make_unique<loopback<Backend>>(context);
    char data[4];
    std::size_t got = 0;
    link->socket.async_read_some(
        asio::buffer(data), [&](error_code, std::size_t size) { got = size; });
    std::atomic<int> posted{0};
    constexpr int count = 50;
    std::thread other([&] {
        for (int i = 0; i < count; ++i) {
            std::promise<void> ran;
            auto has_run = ran.get_future();
            asio::post(context, [&] {
                ++posted;
                ran.set_value();
            });
            has_run.wait_for(wait_limit);
        }
        asio::post(context, [&] { link->remote.send("x"); });
    });
    finish(context);
    other.join();
    BOOST_TEST(posted == count);
    BOOST_TEST(got == 1u);
}

// An exception of a handler leaves run() of the thread that ran it; every handler still
// runs once, and every other operation goes on.
BOOST_AUTO_TEST_CASE_TEMPLATE(throwing_handlers_lose_nothing, Backend, backends)
{
    typename Backend::io_context context;
    std::vector<std::unique_ptr<loopback<Backend>>> links;
    std::vector<std::unique_ptr<steady_timer<Backend>>> timers;
    constexpr std::size_t count = 40;
    std::array<std::atomic<int>, count> reads{};
    std::atomic<int> expired{0};
    std::atomic<int> strange{0};
    std::vector<char> data(count);
    for (std::size_t i = 0; i < count; ++i) {
        links.push_back(std::make_unique<loopback<Backend>>(context));
        links[i]->socket.async_read_some(
            asio::buffer(&data[i], 1), [&, i](error_code ec, std::size_t size) {
                ++reads[i];
                strange += ec || size != 1;
                throw std::runtime_error("from a read");
            });
        timers.push_back(std::make_unique<steady_timer<Backend>>(
            context, std::chrono::microseconds(i * 50)));
        timers.back()->async_wait([&](error_code) {
            ++expired;
            throw std::runtime_error("from a timer");
        });
        links[i]->remote.send("x");
    }
    std::atomic<int> caught{0};
    const auto run = [&] {
        for (;;) {
            try {
                context.run_for(wait_limit);
                return;
            }
            catch (const std::runtime_error&) {
                ++caught;
            }
        }
    };
    std::thread other(run);
    run();
    other.join();
    BOOST_TEST(context.stopped());
    for (auto& each : reads)
        BOOST_TEST(each == 1);
    BOOST_TEST(expired == static_cast<int>(count));
    BOOST_TEST(caught == 2 * static_cast<int>(count));
    BOOST_TEST(strange == 0);
}

BOOST_AUTO_TEST_SUITE_END()
