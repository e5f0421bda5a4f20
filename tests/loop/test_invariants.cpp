// SPDX-License-Identifier: BSL-1.0
// The invariants of docs/invariants.md on the real kernel; each case carries the number
// of the one it is about.
#include "../support/backend.hpp"
#include "../support/counting_allocator.hpp"
#include "../support/drive.hpp"
#include "../support/loopback.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
namespace data = boost::unit_test::data;
using boost::system::error_code;
using tcp = asio_uring::ip::tcp;
using steady_clock = std::chrono::steady_clock;
using ring_timer = asio_uring::steady_timer;

constexpr auto wait_read = asio::socket_base::wait_read;
const asio::ip::tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// How far an operation has come when its object is closed.
enum stage
{
    claimed,   ///< its request was filled and not yet submitted
    submitted, ///< its request waits in the kernel
    queued,    ///< it found no room in the submission queue
};

constexpr stage all_stages[] = {claimed, submitted, queued};

asio_uring::ring_options small_ring()
{
    asio_uring::ring_options options;
    options.entries = 4;
    return options;
}

asio_uring::ring_options single_issuer()
{
    asio_uring::ring_options options;
    options.flags = asio_uring::abi::setup_single_issuer;
    return options;
}

/// A context, and the means to bring an operation to a stage.
struct staged_context
{
    asio_uring::io_context context{small_ring()};
    tcp::socket filler{context};
    char sink[16];

    staged_context()
    {
        listener server;
        filler.connect(server.endpoint());
        far_filler = server.accept();
    }

    /// Fills the submission queue from a thread that may not submit.
    void occupy_queue()
    {
        for (int i = 0; i != 8; ++i)
            filler.async_wait(wait_read, [](error_code) {});
    }

    peer far_filler;
};

/// A plain descriptor with the given number, and its other end.
std::pair<peer, peer> take_number(int number)
{
    auto [near, far] = plain_pair();
    if (near.fd() == number)
        return {std::move(near), std::move(far)};
    if (far.fd() == number)
        return {std::move(far), std::move(near)};
    peer copy(::fcntl(near.fd(), F_DUPFD_CLOEXEC, number));
    BOOST_TEST_REQUIRE(copy.fd() == number, "the number is not free");
    near.close();
    return {std::move(copy), std::move(far)};
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_invariants)

// 1. From claim to commit is one step

BOOST_AUTO_TEST_CASE(i01_failing_initiation_leaves_no_request)
{
    asio_uring::io_context context(1);
    loopback<ring> connection(context);
    char data[4];
    const auto before = asio_uring::counters(context);
    // A handler whose copy fails on its way into the operation.
    struct throwing_handler
    {
        bool armed;
        explicit throwing_handler(bool throws) : armed(throws) {}
        throwing_handler(const throwing_handler& other) : armed(other.armed)
        {
            if (armed)
                throw std::bad_alloc();
        }
        void operator()(error_code, std::size_t) const {}
    };
    const throwing_handler thrown(true);
    BOOST_CHECK_THROW(
        connection.socket.async_receive(asio::buffer(data), thrown), std::bad_alloc);
    turn(context);
    const auto after = asio_uring::counters(context);
    BOOST_TEST(after.operations == before.operations);
    finish(context);
}

// 4. No handler runs inside a call of the program

BOOST_AUTO_TEST_CASE(i04_no_handler_runs_inside_a_call_or_a_destructor)
{
    recorder log;
    {
        asio_uring::io_context context(1);
        loopback<ring> connection(context);
        connection.remote.send("data");
        std::array<char, 4> data;
        connection.socket.async_receive(asio::buffer(data), log.io("receive"));
        connection.socket.async_receive(asio::buffer(data, 0), log.io("empty"));
        connection.socket.async_send(asio::buffer("x", 1), log.io("send"));
        BOOST_TEST(log.take() == "");
        finish(context);
        BOOST_TEST(log.count() == 3u);
        log.take();
        connection.socket.async_receive(asio::buffer(data), log.io("receive"));
        ring_timer timer(context, 1h);
        timer.async_wait(log.done("timer"));
        turn(context);
        timer.cancel();
        connection.socket.cancel();
        connection.socket.async_receive(asio::buffer(data), log.io("receive"));
        connection.socket.close();
        connection.socket.async_receive(asio::buffer(data), log.io("closed"));
        BOOST_TEST(log.take() == "");
        timer.async_wait(log.done("never"));
        timer.expires_after(-1s);
        timer.async_wait(log.done("never"));
    }
    BOOST_TEST(log.take() == "");
}

// 5. After close() no request acts on a reused number

BOOST_DATA_TEST_CASE(
    i05_close_in_flight_next_descriptor_untouched, data::make(all_stages), reached)
{
    staged_context staged;
    recorder log;
    loopback<ring> connection(staged.context);
    const int number = connection.socket.native_handle();
    std::array<char, 16> buffer;
    buffer.fill('.');
    if (reached == queued)
        staged.occupy_queue();
    connection.socket.async_receive(asio::buffer(buffer), log.io("receive"));
    connection.socket.async_receive(asio::buffer(buffer), log.io("behind"));
    connection.socket.async_wait(wait_read, log.done("wait"));
    if (reached == submitted)
        turn(staged.context);
    connection.socket.close();
    BOOST_TEST(connection.remote.at_end(), "the peer does not see the end at once");

    auto [next, far] = take_number(number);
    far.send("for the next one");
    staged.filler.cancel();
    finish(staged.context);
    const std::string lines = log.take();
    BOOST_TEST(lines.find("wait operation_aborted") != std::string::npos, lines);
    const auto receive = lines.find("receive operation_aborted 0");
    const auto behind = lines.find("behind operation_aborted 0");
    BOOST_TEST((receive < behind && behind != std::string::npos), lines);
    BOOST_TEST(next.receive(16) == "for the next one");
    BOOST_TEST(std::string(buffer.begin(), buffer.end()) == std::string(16, '.'));
}

BOOST_DATA_TEST_CASE(
    i05_close_of_an_acceptor_next_listener_untouched, data::make(all_stages), reached)
{
    staged_context staged;
    recorder log;
    tcp::acceptor acceptor(staged.context, any_port);
    const int number = acceptor.native_handle();
    tcp::socket accepted(staged.context);
    if (reached == queued)
        staged.occupy_queue();
    acceptor.async_accept(accepted, log.done("accept"));
    if (reached == submitted)
        turn(staged.context);
    acceptor.close();

    listener next;
    peer held;
    if (next.fd() != number) {
        held = peer(::fcntl(next.fd(), F_DUPFD_CLOEXEC, number));
        BOOST_TEST_REQUIRE(held.fd() == number);
    }
    peer client = start_connect(next.endpoint());
    staged.filler.cancel();
    finish(staged.context);
    BOOST_TEST(log.take() == "accept operation_aborted");
    BOOST_TEST(!accepted.is_open());
    BOOST_TEST(next.accept().fd() >= 0);
}

BOOST_DATA_TEST_CASE(
    i05_close_of_a_blocked_sender_next_descriptor_untouched,
    data::make(all_stages),
    reached)
{
    staged_context staged;
    recorder log;
    loopback<ring> connection(staged.context);
    const int number = connection.socket.native_handle();
    const std::size_t before = fill(connection.socket);
    const std::string text(1024, 's');
    if (reached == queued)
        staged.occupy_queue();
    connection.socket.async_send(asio::buffer(text), log.io("send"));
    if (reached == submitted)
        turn(staged.context);
    connection.socket.close();
    auto [next, far] = take_number(number);
    staged.filler.cancel();
    finish(staged.context);
    BOOST_TEST(log.take() == "send operation_aborted 0");
    BOOST_TEST(far.drain() == 0u);
    BOOST_TEST(connection.remote.receive(before + 1).size() == before);
}

BOOST_AUTO_TEST_CASE(i05_cancel_then_close_lets_the_peer_see_the_end_at_once)
{
    for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
        asio_uring::io_context context(hint);
        recorder log;
        loopback<ring> connection(context);
        char byte;
        connection.socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
        turn(context);
        connection.socket.cancel();
        connection.socket.close();
        BOOST_TEST(connection.remote.at_end());
        finish(context);
        BOOST_TEST(log.take() == "receive operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE(i05_destroyed_socket_lets_the_peer_see_the_end_at_once)
{
    asio_uring::io_context context(1);
    recorder log;
    peer remote;
    char byte;
    {
        loopback<ring> connection(context);
        connection.socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
        turn(context);
        remote = std::move(connection.remote);
    }
    BOOST_TEST(remote.at_end());
    finish(context);
    BOOST_TEST(log.take() == "receive operation_aborted 0");
}

// The context is run by a thread that went elsewhere; another one closes.
BOOST_AUTO_TEST_CASE(i05_close_while_nobody_runs_lets_the_peer_see_the_end_at_once)
{
    for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
        asio_uring::io_context context(hint);
        recorder log;
        loopback<ring> connection(context);
        char byte;
        std::promise<void> ran;
        std::promise<void> leave;
        std::thread runner([&] {
            connection.socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
            turn(context);
            ran.set_value();
            leave.get_future().wait_for(wait_limit);
        });
        ran.get_future().wait();
        connection.socket.close();
        BOOST_TEST(connection.remote.at_end());
        leave.set_value();
        runner.join();
        finish(context);
        BOOST_TEST(log.take() == "receive operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE(i05_released_descriptor_belongs_to_the_caller_alone)
{
    asio_uring::io_context context(1);
    recorder log;
    loopback<ring> connection(context);
    std::array<char, 4> buffer{'.', '.', '.', '.'};
    connection.socket.async_receive(asio::buffer(buffer), log.io("receive"));
    turn(context);
    peer mine(connection.socket.release());
    connection.remote.send("mine");
    BOOST_TEST(mine.receive(4) == "mine");
    finish(context);
    BOOST_TEST(log.take() == "receive operation_aborted 0");
    BOOST_TEST(buffer[0] == '.');
}

// 7. Handler memory is returned before the handler runs

BOOST_AUTO_TEST_CASE(i07_memory_is_returned_before_the_upcall)
{
    asio_uring::io_context context(1);
    loopback_pair<ring> pair(context);
    ring_timer timer(context);
    handler_memory receive_memory;
    handler_memory send_memory;
    handler_memory timer_memory;
    int rounds = 0;
    char in = 0;
    std::function<void()> round = [&] {
        timer.expires_after(0s);
        timer.async_wait(
            asio::bind_allocator(handler_allocator(timer_memory), [&](error_code) {
                BOOST_TEST(!timer_memory.in_use());
                pair.first.async_receive(
                    asio::buffer(&in, 1),
                    asio::bind_allocator(
                        handler_allocator(receive_memory), [&](error_code, std::size_t) {
                            BOOST_TEST(!receive_memory.in_use());
                            if (++rounds != 10)
                                round();
                        }));
                pair.second.async_send(
                    asio::buffer("x", 1),
                    asio::bind_allocator(
                        handler_allocator(send_memory), [&](error_code, std::size_t) {
                            BOOST_TEST(!send_memory.in_use());
                        }));
            }));
    };
    round();
    finish(context);
    for (const handler_memory* memory : {&receive_memory, &send_memory, &timer_memory}) {
        BOOST_TEST(memory->allocations() == 10u);
        BOOST_TEST(memory->misses() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(steady_state_allocates_nothing)
{
    asio_uring::io_context context(1);
    loopback_pair<ring> pair(context);
    ring_timer timer(context);
    int rounds = 0;
    std::uint64_t start = 0;
    std::uint64_t end = 1;
    std::array<char, 64> in;
    std::array<char, 64> out{};
    const std::array<asio::mutable_buffer, 2> halves{
        asio::buffer(in.data(), 32), asio::buffer(in.data() + 32, 32)};
    // More than usual, as the head of an HTTP message has them.
    std::array<asio::const_buffer, 16> pieces;
    for (std::size_t i = 0; i != pieces.size(); ++i)
        pieces[i] = asio::buffer(out.data() + 4 * i, 4);
    asio::cancellation_signal signal;

    struct step
    {
        std::function<void()>* next;
        void operator()(error_code, std::size_t) const { (*next)(); }
        void operator()(error_code) const { (*next)(); }
    };
    std::function<void()> next;
    next = [&] {
        // Warm: every cache has its memory.
        if (rounds == 64)
            start = heap_allocations();
        if (++rounds == 1024) {
            // Here, because the checks that follow allocate for their loggers.
            end = heap_allocations();
            return;
        }
        switch (rounds % 8) {
        case 0:
            pair.second.async_send(asio::buffer(out), step{&next});
            break;
        case 4:
            pair.second.async_send(pieces, step{&next});
            break;
        case 1:
        case 5:
            pair.first.async_receive(
                asio::buffer(in),
                asio::bind_cancellation_slot(signal.slot(), step{&next}));
            break;
        case 2:
        case 6:
            timer.expires_after(0s);
            timer.async_wait(step{&next});
            break;
        default:
            pair.second.send(asio::buffer(out));
            pair.first.async_receive(halves, step{&next});
            break;
        }
    };
    rounds = 3;
    next();
    finish(context);
    BOOST_TEST(rounds == 1024);
    BOOST_TEST(end == start);
}

// 9. Buffers are the caller's once the handler was called

BOOST_AUTO_TEST_CASE(i09_buffer_is_not_written_after_its_handler_was_called)
{
    asio_uring::io_context context(1);
    recorder log;
    loopback<ring> connection(context);
    std::array<char, 8> buffer;
    buffer.fill('.');
    connection.socket.async_receive(asio::buffer(buffer), log.io("receive"));
    turn(context);
    connection.socket.cancel();
    finish(context);
    BOOST_TEST(log.take() == "receive operation_aborted 0");
    connection.remote.send("late");
    turn(context);
    BOOST_TEST(buffer[0] == '.');
    connection.socket.async_receive(asio::buffer(buffer), log.io("receive"));
    finish(context);
    BOOST_TEST(log.take() == "receive ok 4");
    BOOST_TEST(std::string(buffer.data(), 4) == "late");
}

// 10. No wait is too long

// More operations than the submission queue holds, started before anybody runs the
// context.
BOOST_AUTO_TEST_CASE(i10_operations_started_before_the_first_run_all_reach_the_kernel)
{
    for (const bool attached : {false, true}) {
        asio::io_context context;
        if (attached)
            asio::steady_timer first(context);
        asio_uring::use_ring(context, small_ring());
        auto [near, far] = plain_pair();
        std::vector<tcp::socket> sockets;
        std::vector<peer> others;
        int received = 0;
        char bytes[20];
        for (char& byte : bytes) {
            auto [mine, other] = plain_pair();
            sockets.emplace_back(context, tcp::v4(), mine.release());
            others.push_back(std::move(other));
            sockets.back().async_receive(
                asio::buffer(&byte, 1), [&](error_code, std::size_t) { ++received; });
        }
        // Only the one that came last gets something.
        others.back().send("x");
        run_until(context, [&] { return received == 1; });
        asio::post(context, [&] { ++received; });
        run_until(context, [&] { return received == 2; });
        for (peer& other : others)
            other.close();
        finish(context);
        BOOST_TEST(received == 21);
    }
}

BOOST_AUTO_TEST_CASE(i10_post_ends_the_first_wait_however_full_the_queue_is)
{
    asio_uring::io_context context(small_ring());
    loopback<ring> connection(context);
    for (int i = 0; i != 20; ++i)
        connection.socket.async_wait(wait_read, [](error_code) {});
    std::thread poster([&] {
        // Wherever the runner is by now, the post has to reach it.
        std::this_thread::yield();
        asio::post(context, [&] { connection.socket.cancel(); });
    });
    BOOST_TEST(finish(context) == 21u);
    poster.join();
}

BOOST_AUTO_TEST_CASE(i10_timers_end_waits_in_every_mode)
{
    for (const bool attached : {false, true}) {
        asio::io_context context;
        if (attached)
            asio::steady_timer first(context);
        asio_uring::use_ring(context);
        ring_timer late(context, 1h);
        ring_timer early(context, 1ms);
        asio_uring::system_timer other_clock(context, 2ms);
        asio::steady_timer stock(context, 3ms);
        int expired = 0;
        const auto count = [&](error_code ec) { expired += ec ? 0 : 1; };
        late.async_wait(count);
        early.async_wait(count);
        other_clock.async_wait(count);
        stock.async_wait([&](error_code ec) {
            count(ec);
            late.cancel();
        });
        finish(context);
        BOOST_TEST(expired == 3);
    }
}

BOOST_AUTO_TEST_CASE(many_timers_expire_in_order_and_cancel_exactly)
{
    asio_uring::io_context context(1);
    std::vector<std::unique_ptr<ring_timer>> timers;
    const auto start = steady_clock::now();
    auto last = steady_clock::time_point::min();
    int expired = 0;
    int aborted = 0;
    for (int i = 0; i != 2000; ++i) {
        const auto when = start + std::chrono::microseconds((i * 7919) % 20000);
        timers.push_back(std::make_unique<ring_timer>(context, when));
        timers.back()->async_wait([&, when](error_code ec) {
            if (ec) {
                ++aborted;
                return;
            }
            ++expired;
            BOOST_TEST((when >= last));
            BOOST_TEST((steady_clock::now() >= when));
            last = when;
        });
    }
    for (std::size_t i = 0; i < timers.size(); i += 4)
        BOOST_TEST(timers[i]->cancel() == 1u);
    finish(context);
    BOOST_TEST(expired == 1500);
    BOOST_TEST(aborted == 500);
}

BOOST_AUTO_TEST_SUITE_END()

// A context that an earlier object gave a reactor

BOOST_AUTO_TEST_SUITE(test_attached)

struct attached_fixture
{
    attached_fixture()
    {
        first.async_wait([this](error_code) { ++stock_waits; });
    }

    asio::io_context context;
    asio::steady_timer first{context, 1ms};
    int stock_waits = 0;
    recorder log;
};

BOOST_FIXTURE_TEST_CASE(first_redirected_object_attaches_the_ring, attached_fixture)
{
    listener server;
    tcp::socket socket(context);
    socket.connect(server.endpoint());
    peer remote = server.accept();
    BOOST_TEST((asio_uring::status(context).mode == asio_uring::ring_mode::attached));
    std::array<char, 8> data;
    socket.async_receive(asio::buffer(data), log.io("receive"));
    socket.async_send(asio::buffer("out"), log.io("send"));
    run_until(context, [&] { return log.count() == 1; });
    BOOST_TEST(log.take() == "send ok 4");
    remote.send("in");
    finish(context);
    BOOST_TEST(log.take() == "receive ok 2");
    BOOST_TEST(stock_waits == 1);
    // The send was done at once.
    BOOST_TEST(asio_uring::counters(context).operations == 1u);
}

BOOST_FIXTURE_TEST_CASE(attached_ring_works_off_bursts_and_closes, attached_fixture)
{
    asio_uring::use_ring(context, small_ring());
    listener server;
    tcp::socket socket(context);
    socket.connect(server.endpoint());
    peer remote = server.accept();
    int waits = 0;
    for (int i = 0; i != 50; ++i)
        socket.async_wait(wait_read, [&](error_code ec) { waits += ec ? 0 : 1; });
    remote.send("x");
    finish(context);
    BOOST_TEST(waits == 50);
    char byte;
    socket.receive(asio::buffer(&byte, 1));
    socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
    turn(context);
    socket.close();
    BOOST_TEST(remote.at_end());
    finish(context);
    BOOST_TEST(log.take() == "receive operation_aborted 0");
}

BOOST_FIXTURE_TEST_CASE(attached_ring_is_woken_from_other_threads, attached_fixture)
{
    asio_uring::use_ring(context);
    listener server;
    tcp::socket socket(context);
    socket.connect(server.endpoint());
    peer remote = server.accept();
    auto work = asio::make_work_guard(context);
    char byte;
    remote.send("x");
    std::thread starter(
        [&] { socket.async_receive(asio::buffer(&byte, 1), log.io("receive")); });
    run_until(context, [&] { return log.count() == 1; });
    starter.join();
    BOOST_TEST(log.take() == "receive ok 1");
}

/// What poll() returns around a read that waits, a read that ends, and one that is
/// cancelled.
template <typename Socket>
std::vector<std::size_t> counts_of_polls()
{
    asio::io_context context(1);
    const asio::signal_set first(context, SIGUSR2);
    Socket near(context);
    Socket far(context);
    asio::local::connect_pair(near, far);
    std::array<char, 8> data;
    std::vector<std::size_t> counts;
    const auto read = [&] {
        near.async_read_some(asio::buffer(data), [](error_code, std::size_t) {});
    };
    const auto poll = [&] {
        context.restart();
        counts.push_back(context.poll());
    };
    poll();
    read();
    poll();
    far.write_some(asio::buffer("x", 1));
    poll();
    read();
    poll();
    near.cancel();
    poll();
    poll();
    return counts;
}

BOOST_AUTO_TEST_CASE(attached_context_counts_handlers_as_asio_does)
{
    const auto expected = counts_of_polls<asio::local::stream_protocol::socket>();
    BOOST_TEST(
        counts_of_polls<asio_uring::local::stream_protocol::socket>() == expected,
        boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

// The ring of one thread

BOOST_AUTO_TEST_SUITE(test_single_issuer)

BOOST_AUTO_TEST_CASE(run_on_a_second_thread_is_refused_and_the_first_goes_on)
{
    asio_uring::io_context context(1, single_issuer());
    recorder log;
    loopback<ring> connection(context);
    char byte;
    connection.socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
    turn(context);
    bool refused = false;
    // Both threads live, so that their marks differ.
    std::thread([&] {
        try {
            context.restart();
            context.run_for(1s);
        }
        catch (const boost::system::system_error& e) {
            refused = e.code() == make_error_code(asio_uring::errc::wrong_thread);
        }
    }).join();
    BOOST_TEST(refused);
    connection.remote.send("x");
    finish(context);
    BOOST_TEST(log.take() == "receive ok 1");
}

BOOST_AUTO_TEST_CASE(polling_makes_progress)
{
    asio_uring::io_context context(1, single_issuer());
    recorder log;
    loopback<ring> connection(context);
    char byte;
    connection.socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
    turn(context);
    connection.remote.send("x");
    const auto limit = steady_clock::now() + wait_limit;
    while (log.count() == 0 && steady_clock::now() < limit)
        turn(context);
    BOOST_TEST(log.take() == "receive ok 1");
}

BOOST_AUTO_TEST_CASE(close_lets_the_peer_see_the_end_at_once)
{
    asio_uring::io_context context(1, single_issuer());
    recorder log;
    loopback<ring> connection(context);
    char byte;
    connection.socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
    turn(context);
    connection.socket.close();
    BOOST_TEST(connection.remote.at_end());
    finish(context);
    BOOST_TEST(log.take() == "receive operation_aborted 0");
}

BOOST_AUTO_TEST_CASE(made_here_and_run_elsewhere)
{
    asio_uring::io_context context(1, single_issuer());
    recorder log;
    loopback<ring> connection(context);
    char byte;
    connection.socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
    connection.remote.send("x");
    std::thread([&] { finish(context); }).join();
    BOOST_TEST(log.take() == "receive ok 1");
}

// The runner is gone, or still there, when another thread destroys the context.
BOOST_AUTO_TEST_CASE(i06_destroyed_on_another_thread_than_it_ran_on)
{
    for (const bool runner_lives : {false, true}) {
        auto context = std::make_unique<asio_uring::io_context>(1, single_issuer());
        auto token = std::make_shared<int>(0);
        auto buffer = std::make_shared<std::array<char, 64>>();
        std::optional<loopback<ring>> connection(*context);
        std::promise<void> ran;
        std::promise<void> leave;
        std::thread runner([&] {
            connection->socket.async_receive(
                asio::buffer(*buffer),
                [token, buffer](error_code, std::size_t) { ++*token; });
            turn(*context);
            ran.set_value();
            if (runner_lives)
                leave.get_future().wait_for(wait_limit);
        });
        ran.get_future().wait();
        if (!runner_lives)
            runner.join();
        peer remote = std::move(connection->remote);
        connection.reset();
        context.reset();
        BOOST_TEST(token.use_count() == 1);
        BOOST_TEST(*token == 0);
        BOOST_TEST(remote.at_end());
        if (runner_lives) {
            leave.set_value();
            runner.join();
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

// Threads that come and go, one at a time

BOOST_AUTO_TEST_SUITE(test_hand_over)

BOOST_AUTO_TEST_CASE(requests_of_an_ended_thread_are_issued_again)
{
    for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
        asio_uring::io_context context(hint);
        recorder log;
        loopback<ring> connection(context);
        asio_uring::ip::udp::socket socket(
            context, {asio::ip::address_v4::loopback(), 0});
        char byte = 0;
        char datagram = 0;
        std::thread([&] {
            connection.socket.async_receive(asio::buffer(&byte, 1), log.io("receive"));
            socket.async_receive(asio::buffer(&datagram, 1), log.io("datagram"));
            turn(context);
        }).join();
        BOOST_TEST(log.take() == "");
        connection.remote.send("x");
        run_until(context, [&] { return log.count() == 1; });
        BOOST_TEST(log.take() == "receive ok 1");
        BOOST_TEST(byte == 'x');
        socket.send_to(asio::buffer("d", 1), socket.local_endpoint());
        finish(context);
        BOOST_TEST(log.take() == "datagram ok 1");
        BOOST_TEST(datagram == 'd');
        BOOST_TEST(asio_uring::counters(context).reissues >= 2u);
    }
}

BOOST_AUTO_TEST_CASE(splice_of_an_ended_thread_is_issued_again)
{
    asio_uring::io_context context;
    recorder log;
    const pipe_pair from = make_pipe();
    const pipe_pair to = make_pipe();
    std::thread([&] {
        asio_uring::async_splice(
            context.get_executor(),
            from.out.get(),
            -1,
            to.in.get(),
            -1,
            100,
            log.io("splice"));
        turn(context);
    }).join();
    BOOST_TEST(log.take() == "");
    BOOST_TEST(::write(from.in.get(), "data", 4) == 4);
    finish(context);
    BOOST_TEST(log.take() == "splice ok 4");
}

BOOST_AUTO_TEST_CASE(timers_and_wakes_follow_the_thread_that_runs)
{
    for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
        asio_uring::io_context context(hint);
        auto work = asio::make_work_guard(context);
        // Each thread lives on while the next one runs the context.
        std::vector<std::thread> runners;
        std::promise<void> leave;
        std::shared_future<void> left = leave.get_future().share();
        for (int i = 0; i != 4; ++i) {
            std::promise<bool> ran;
            ring_timer timer(context, 1ms);
            runners.emplace_back([&] {
                bool expired = false;
                bool posted = false;
                timer.async_wait([&](error_code) {
                    expired = true;
                    std::thread([&] {
                        asio::post(context, [&] { posted = true; });
                    }).join();
                });
                run_until(context, [&] { return expired && posted; });
                ran.set_value(expired && posted);
                left.wait_for(wait_limit);
            });
            // The runner uses the framework's checks, so this thread makes none
            // meanwhile.
            const bool served = ran.get_future().get();
            BOOST_TEST(served);
        }
        leave.set_value();
        for (std::thread& runner : runners)
            runner.join();
    }
}

BOOST_AUTO_TEST_SUITE_END()
