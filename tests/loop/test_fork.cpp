// SPDX-License-Identifier: BSL-1.0
// A context goes on in the child of a fork, with a ring of its own, and the parent's is
// not disturbed.
#include "../support/backend.hpp"
#include "../support/destroy_everywhere.hpp"
#include "../support/drive.hpp"
#include "../support/loopback.hpp"

#include <asio_uring/file_slot.hpp>
#include <asio_uring/link.hpp>
#include <asio_uring/op.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>

#include <unistd.h>

namespace asio_uring::test {

// For the names of a data-driven test.
inline std::ostream& operator<<(std::ostream& stream, context_kind kind)
{
    return stream << name_of(kind);
}

} // namespace asio_uring::test

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using boost::system::error_code;

// A ring socket of any context, and its peer.
struct connection
{
    explicit connection(asio::io_context& context) : socket(context)
    {
        listener server;
        socket.connect(server.endpoint());
        remote = server.accept();
    }

    asio_uring::ip::tcp::socket socket;
    peer remote;
};

enum class child_status : int
{
    good = 0,
    no_timer = 1,
    no_readiness = 2,
    no_bytes = 3,
    still_working = 4,
};

// What was pending goes on in the child, and new operations work. No test macros here;
// the parent judges.
child_status use_in_child(
    asio::io_context& context,
    connection& link,
    const bool& expired,
    const bool& readable)
{
    char byte = 0;
    std::size_t received = 0;
    link.remote.send("x");
    context.restart();
    context.run_for(wait_limit);
    if (!context.stopped())
        return child_status::still_working;
    if (!expired)
        return child_status::no_timer;
    if (!readable)
        return child_status::no_readiness;
    link.socket.async_receive(
        asio::buffer(&byte, 1), [&](error_code, std::size_t size) { received = size; });
    context.restart();
    context.run_for(wait_limit);
    return received == 1 ? child_status::good : child_status::no_bytes;
}

BOOST_DATA_TEST_CASE(
    fork_child_goes_on_with_a_ring_of_its_own,
    boost::unit_test::data::make({false, true}),
    attached)
{
    asio::io_context context;
    if (!attached)
        asio_uring::use_ring(context);
    const asio::steady_timer stock(context);
    connection link(context);
    bool expired = false;
    bool readable = false;
    asio_uring::steady_timer timer(context, 20ms);
    timer.async_wait([&](error_code ec) { expired = !ec; });
    // A wait takes nothing from the socket, so parent and child both see it end.
    link.socket.async_wait(
        asio::socket_base::wait_read, [&](error_code ec) { readable = !ec; });
    turn(context);

    context.notify_fork(asio::execution_context::fork_prepare);
    const pid_t child = ::fork();
    BOOST_TEST_REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(20);
        context.notify_fork(asio::execution_context::fork_child);
        ::_exit(static_cast<int>(use_in_child(context, link, expired, readable)));
    }
    context.notify_fork(asio::execution_context::fork_parent);
    int status = 0;
    BOOST_TEST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST_REQUIRE(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == static_cast<int>(child_status::good));
    // The child has taken what it saw.
    link.remote.send("y");
    finish(context);
    BOOST_TEST(expired);
    BOOST_TEST(readable);
}

// One request of every kind that takes something, and a timer of every clock.
class takers
{
public:
    static constexpr int requests = 5;
    static constexpr int timers = 3;

    explicit takers(asio::io_context& context)
        : link_(context),
          acceptor_(context, {asio::ip::address_v4::loopback(), 0}),
          receiver_(context, {asio::ip::address_v4::loopback(), 0}),
          sender_(context, asio::ip::udp::v4()),
          reader_(context),
          writer_(context),
          local_(context),
          far_local_(context),
          steady_(context, 20ms),
          system_(context, 20ms),
          precise_(context, 20ms)
    {
        asio::connect_pipe(reader_, writer_);
        asio::local::connect_pair(local_, far_local_);
    }

    void start()
    {
        const auto took = [this](error_code ec, std::size_t size) {
            taken += !ec && size == 1;
            aborted += ec == asio::error::operation_aborted;
        };
        link_.socket.async_receive(asio::buffer(&data_[0], 1), took);
        receiver_.async_receive_from(asio::buffer(&data_[1], 1), from_, took);
        reader_.async_read_some(asio::buffer(&data_[2], 1), took);
        local_.async_receive(asio::buffer(&data_[3], 1), took);
        acceptor_.async_accept(
            [took](error_code ec, const auto&) { took(ec, std::size_t{1}); });
        const auto expires = [this](error_code ec) { expired += !ec; };
        steady_.async_wait(expires);
        system_.async_wait(expires);
        precise_.async_wait(expires);
    }

    void cancel()
    {
        link_.socket.cancel();
        receiver_.cancel();
        reader_.cancel();
        local_.cancel();
        acceptor_.cancel();
    }

    void close()
    {
        link_.socket.close();
        receiver_.close();
        reader_.close();
        local_.close();
        acceptor_.close();
    }

    /// Something to take for each; returns the client of the acceptor.
    peer feed()
    {
        link_.remote.send("x");
        sender_.send_to(asio::buffer("x", 1), receiver_.local_endpoint());
        asio::write(writer_, asio::buffer("x", 1));
        asio::write(far_local_, asio::buffer("x", 1));
        return start_connect(acceptor_.local_endpoint());
    }

    int taken = 0;
    int aborted = 0;
    int expired = 0;

private:
    connection link_;
    asio_uring::ip::tcp::acceptor acceptor_;
    asio_uring::ip::udp::socket receiver_;
    asio_uring::ip::udp::socket sender_;
    asio::ip::udp::endpoint from_;
    asio_uring::readable_pipe reader_;
    asio_uring::writable_pipe writer_;
    asio_uring::local::stream_protocol::socket local_;
    asio_uring::local::stream_protocol::socket far_local_;
    asio_uring::steady_timer steady_;
    asio_uring::system_timer system_;
    asio_uring::high_resolution_timer precise_;
    char data_[4] = {};
};

/// Whatever a child did with its copies, the parent's operations go on.
void expect_all_taken(takers& work, asio::io_context& context)
{
    const peer client = work.feed();
    finish(context);
    BOOST_TEST(work.taken == takers::requests);
    BOOST_TEST(work.expired == takers::timers);
}

/// The child's result, -1 if it died.
int result_of(pid_t child)
{
    int status = 0;
    const bool ended = ::waitpid(child, &status, 0) == child && WIFEXITED(status);
    return ended ? WEXITSTATUS(status) : -1;
}

/// Runs the function in a child process; returns its result, -1 if the child died.
template <typename Function>
int in_child(asio::io_context& context, Function function, const auto& in_parent)
{
    context.notify_fork(asio::execution_context::fork_prepare);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        context.notify_fork(asio::execution_context::fork_child);
        ::_exit(function());
    }
    context.notify_fork(asio::execution_context::fork_parent);
    in_parent();
    return result_of(child);
}

/// The same in a child that the context is not told of.
template <typename Function>
int in_unannounced_child(Function function)
{
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        ::_exit(function());
    }
    return result_of(child);
}

void run_bounded(asio::io_context& context)
{
    context.restart();
    context.run_for(wait_limit);
}

// The parent gives up its requests, so what comes after that is the child's alone.
BOOST_DATA_TEST_CASE(
    fork_child_takes_over_what_the_parent_cancels,
    boost::unit_test::data::make(all_context_kinds),
    kind)
{
    const auto context = make_context(kind);
    takers work(*context);
    auto [parent_end, child_end] = plain_pair();
    work.start();
    turn(*context);
    const int result = in_child(
        *context,
        [&, end = child_end.fd()] {
            char go = 0;
            if (!ready(end, POLLIN) || ::recv(end, &go, 1, 0) != 1)
                return 1;
            const peer client = work.feed();
            run_bounded(*context);
            if (!context->stopped())
                return 2;
            if (work.taken != takers::requests || work.aborted != 0)
                return 3;
            return work.expired == takers::timers ? 0 : 4;
        },
        [&] {
            work.cancel();
            finish(*context);
            parent_end.send("x");
        });
    BOOST_TEST(result == 0);
    BOOST_TEST(work.aborted == takers::requests);
    BOOST_TEST(work.taken == 0);
    BOOST_TEST(work.expired == takers::timers);
}

// A child that ends its context in order takes nothing away from the parent.
BOOST_DATA_TEST_CASE(
    fork_child_destroys_its_context,
    boost::unit_test::data::make(all_context_kinds),
    kind)
{
    auto context = make_context(kind);
    auto work = std::make_unique<takers>(*context);
    work->start();
    turn(*context);
    const int result = in_child(
        *context,
        [&] {
            work.reset();
            context.reset();
            return 0;
        },
        [] {});
    BOOST_TEST(result == 0);
    expect_all_taken(*work, *context);
}

// A place that is lent is lent in the child as well, and empty.
BOOST_DATA_TEST_CASE(
    fork_child_uses_the_places_it_was_lent,
    boost::unit_test::data::make(all_context_kinds),
    kind)
{
    const auto context = make_context(kind);
    asio_uring::file_slot kept(*context);
    std::optional<asio_uring::file_slot> given_back(std::in_place, *context);
    const auto open_and_read = [&](std::uint32_t slot) {
        int error = -1;
        char byte = 0;
        asio_uring::async_submit(
            context->get_executor(),
            asio_uring::link(
                asio_uring::op::openat{.path = "/dev/null", .slot = slot},
                asio_uring::op::on_slot(
                    slot, asio_uring::op::read{.data = &byte, .size = 1})),
            [&](error_code, const auto& results) {
                error = (results[0].error ? results[0] : results[1]).error.value();
            });
        run_bounded(*context);
        return error;
    };
    const int announced = in_child(
        *context, [&] { return open_and_read(kept.index()); }, [] {});
    BOOST_TEST(announced == 0);
    const int late = in_unannounced_child([&] {
        const std::uint32_t index = given_back->index();
        given_back.reset();
        context->notify_fork(asio::execution_context::fork_child);
        const asio_uring::file_slot again(*context);
        return again.index() == index ? open_and_read(index) : 1;
    });
    BOOST_TEST(late == 0);
    BOOST_TEST(open_and_read(kept.index()) == 0);
}

// The child inherits the descriptor of the ring, whose end the parent waits for.
BOOST_AUTO_TEST_CASE(i06_single_issuer_context_ends_while_a_child_lives)
{
    auto context = make_context(context_kind::single_issuer);
    auto token = std::make_shared<int>(0);
    std::optional<connection> link(std::in_place, *context);
    std::promise<void> ran;
    std::promise<void> leave;
    std::thread runner([&] {
        char byte = 0;
        link->socket.async_receive(
            asio::buffer(&byte, 1), [token](error_code, std::size_t) {});
        turn(*context);
        ran.set_value();
        leave.get_future().wait_for(wait_limit);
    });
    ran.get_future().wait();
    auto [parent_end, child_end] = plain_pair();
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        char byte = 0;
        ::close(parent_end.fd());
        ::_exit(::read(child_end.fd(), &byte, 1) == 0 ? 0 : 1);
    }
    const auto begin = std::chrono::steady_clock::now();
    link.reset();
    context.reset();
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 4s));
    BOOST_TEST(token.use_count() == 1);
    parent_end = peer();
    BOOST_TEST(result_of(child) == 0);
    leave.set_value();
    runner.join();
}

// The threads that ran the context are the parent's. The child runs it on its own.
BOOST_AUTO_TEST_CASE(fork_child_of_a_context_that_several_threads_ran)
{
    asio_uring::io_context context;
    takers work(context);
    work.start();
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] { context.run_for(1ms); });
    for (std::thread& thread : threads)
        thread.join();
    const int result = in_child(
        context,
        [&] {
            work.cancel();
            run_bounded(context);
            return work.aborted == takers::requests && work.expired == takers::timers ? 0
                                                                                      : 1;
        },
        [] {});
    BOOST_TEST(result == 0);
    const peer client = work.feed();
    finish(context);
    BOOST_TEST(work.taken == takers::requests);
}

// As a child does that leaves by exit(), with its static objects, or closes what it
// inherited before another program takes its place.
BOOST_DATA_TEST_CASE(
    unannounced_fork_child_may_end_its_context,
    boost::unit_test::data::make(all_context_kinds),
    kind)
{
    auto context = make_context(kind);
    auto work = std::make_unique<takers>(*context);
    work->start();
    turn(*context);
    const int result = in_unannounced_child([&] {
        work->cancel();
        work.reset();
        context.reset();
        return 0;
    });
    BOOST_TEST(result == 0);
    expect_all_taken(*work, *context);
}

BOOST_AUTO_TEST_CASE(unannounced_fork_child_is_told_when_it_runs_the_context)
{
    asio_uring::io_context context;
    takers work(context);
    work.start();
    turn(context);
    const int result = in_unannounced_child([&] {
        try {
            run_bounded(context);
        }
        catch (const boost::system::system_error& error) {
            return error.code() == make_error_code(asio_uring::errc::fork_not_announced)
                       ? 0
                       : 1;
        }
        return 2;
    });
    BOOST_TEST(result == 0);
    const peer client = work.feed();
    finish(context);
    BOOST_TEST(work.taken == takers::requests);
}

// What the child closed before it told the context ends there; the rest goes on.
BOOST_AUTO_TEST_CASE(fork_child_announced_after_it_closed_something_goes_on)
{
    asio_uring::io_context context;
    takers closed(context);
    takers kept(context);
    closed.start();
    kept.start();
    turn(context);
    const int result = in_unannounced_child([&] {
        closed.close();
        context.notify_fork(asio::execution_context::fork_child);
        kept.cancel();
        run_bounded(context);
        if (closed.aborted != takers::requests)
            return 1;
        return kept.aborted == takers::requests ? 0 : 2;
    });
    BOOST_TEST(result == 0);
    const peer clients[] = {closed.feed(), kept.feed()};
    finish(context);
    BOOST_TEST(closed.taken == takers::requests);
    BOOST_TEST(kept.taken == takers::requests);
}

} // namespace
