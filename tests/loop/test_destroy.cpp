// SPDX-License-Identifier: BSL-1.0
// Every scenario is run again with its context destroyed after each of its handlers.
#include "../support/destroy_everywhere.hpp"
#include "../support/loopback.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using boost::system::error_code;
using tcp = asio_uring::ip::tcp;
using ring_timer = asio_uring::steady_timer;
using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;

const asio::ip::tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// Two sockets on the ring, connected with each other.
struct connection
{
    explicit connection(asio::io_context& context) : first(context), second(context)
    {
        listener server;
        first.connect(server.endpoint());
        second.assign(asio::ip::tcp::v4(), server.accept().release());
    }

    tcp::socket first;
    tcp::socket second;
};

/// Starts a coroutine that owns what it uses.
template <typename Coroutine>
void launch(asio::io_context& context, witness& seen, Coroutine coroutine)
{
    asio::co_spawn(
        context,
        [coroutine, token = seen.token(), &seen]() -> awaitable<void> {
            co_await coroutine();
            seen.step();
        },
        [token = seen.token()](std::exception_ptr error) {
            if (error)
                std::rethrow_exception(error);
        });
}

/// Reads and sends back until the end.
struct echo_session : std::enable_shared_from_this<echo_session>
{
    echo_session(tcp::socket&& from, witness& seen_by)
        : socket(std::move(from)), seen(seen_by)
    {}

    void start()
    {
        auto self = shared_from_this();
        socket.async_read_some(
            asio::buffer(data),
            [self, token = seen.token()](error_code ec, std::size_t size) {
                self->seen.step();
                if (ec)
                    return;
                asio::async_write(
                    self->socket,
                    asio::buffer(self->data, size),
                    [self, token](error_code failed, std::size_t) {
                        self->seen.step();
                        if (!failed)
                            self->start();
                    });
            });
    }

    tcp::socket socket;
    std::array<char, 512> data;
    witness& seen;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_destroy)

BOOST_AUTO_TEST_CASE(echo_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            auto pair = std::make_shared<connection>(context);
            std::make_shared<echo_session>(std::move(pair->second), seen)->start();
            launch(context, seen, [pair, &seen]() -> awaitable<void> {
                std::string in(300, ' ');
                for (int round = 0; round != 3; ++round) {
                    co_await asio::async_write(
                        pair->first, asio::buffer(std::string(300, 'e')), use_awaitable);
                    co_await asio::async_read(
                        pair->first, asio::buffer(in), use_awaitable);
                }
                seen.complete();
            });
            return pair;
        });
}

BOOST_AUTO_TEST_CASE(connect_and_accept_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            auto acceptor = std::make_shared<tcp::acceptor>(context, any_port);
            auto accepted = std::make_shared<std::vector<tcp::socket>>();
            for (int i = 0; i != 2; ++i)
                acceptor->async_accept([accepted, acceptor, &seen, token = seen.token()](
                                           error_code ec, tcp::socket peer) {
                    seen.step();
                    if (!ec)
                        accepted->push_back(std::move(peer));
                });
            launch(context, seen, [acceptor, &context, &seen]() -> awaitable<void> {
                tcp::socket client(context);
                co_await client.async_connect(acceptor->local_endpoint(), use_awaitable);
                tcp::socket other(context);
                co_await other.async_connect(acceptor->local_endpoint(), use_awaitable);
                co_await client.async_send(asio::buffer("x", 1), use_awaitable);
                seen.complete();
            });
            return acceptor;
        });
}

BOOST_AUTO_TEST_CASE(timers_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            auto timers = std::make_shared<std::vector<ring_timer>>();
            for (int i = 0; i != 6; ++i)
                timers->emplace_back(context, std::chrono::microseconds(200 * i));
            timers->emplace_back(context, 1h);
            auto left = std::make_shared<int>(8);
            const auto count = [left, &seen, token = seen.token()](error_code) {
                seen.step();
                if (--*left == 0)
                    seen.complete();
            };
            for (ring_timer& timer : *timers)
                timer.async_wait(count);
            timers->at(3).async_wait([count, timers](error_code ec) {
                timers->back().cancel();
                count(ec);
            });
            return nullptr;
        });
}

BOOST_AUTO_TEST_CASE(read_until_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            auto pair = std::make_shared<connection>(context);
            launch(context, seen, [pair, &context]() -> awaitable<void> {
                ring_timer pause(context);
                for (const char* piece : {"one", " line", " in", " pieces\n"}) {
                    co_await pair->second.async_send(
                        asio::buffer(std::string(piece)), use_awaitable);
                    pause.expires_after(100us);
                    co_await pause.async_wait(use_awaitable);
                }
            });
            launch(context, seen, [pair, &seen]() -> awaitable<void> {
                std::string line;
                co_await asio::async_read_until(
                    pair->first, asio::dynamic_buffer(line), '\n', use_awaitable);
                BOOST_TEST(line == "one line in pieces\n");
                seen.complete();
            });
            return pair;
        });
}

BOOST_AUTO_TEST_CASE(splice_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            struct relay : connection
            {
                explicit relay(asio::io_context& on) : connection(on)
                {
                    int ends[2];
                    BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
                    pipe[0] = peer(ends[0]);
                    pipe[1] = peer(ends[1]);
                }
                std::array<peer, 2> pipe;
            };
            auto all = std::make_shared<relay>(context);
            launch(context, seen, [all, &context, &seen]() -> awaitable<void> {
                const asio_uring::executor executor(context.get_executor());
                BOOST_TEST(::write(all->pipe[1].fd(), "through a pipe", 14) == 14);
                std::size_t moved = 0;
                while (moved != 14)
                    moved += co_await asio_uring::async_splice(
                        executor,
                        all->pipe[0].fd(),
                        -1,
                        all->first.native_handle(),
                        -1,
                        14 - moved,
                        use_awaitable);
                std::string in(14, ' ');
                co_await asio::async_read(all->second, asio::buffer(in), use_awaitable);
                BOOST_TEST(in == "through a pipe");
                seen.complete();
            });
            // A second one that waits for good: the pipe never gets anything.
            asio_uring::async_splice(
                asio_uring::executor(context.get_executor()),
                all->pipe[0].fd(),
                -1,
                all->second.native_handle(),
                -1,
                0,
                [all, &seen, token = seen.token()](error_code, std::size_t) {
                    seen.step();
                });
            return nullptr;
        });
}

BOOST_AUTO_TEST_CASE(cancellation_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            struct state : connection
            {
                using connection::connection;
                asio::cancellation_signal signals[4];
                std::array<char, 4> data;
                int ended = 0;
            };
            auto all = std::make_shared<state>(context);
            for (asio::cancellation_signal& signal : all->signals)
                all->first.async_receive(
                    asio::buffer(all->data),
                    asio::bind_cancellation_slot(
                        signal.slot(),
                        [all, &seen, token = seen.token()](error_code ec, std::size_t) {
                            seen.step();
                            BOOST_TEST(ec == asio::error::operation_aborted);
                            if (++all->ended == 4)
                                seen.complete();
                        }));
            launch(context, seen, [all, &context]() -> awaitable<void> {
                ring_timer pause(context);
                for (asio::cancellation_signal& signal : all->signals) {
                    pause.expires_after(100us);
                    co_await pause.async_wait(use_awaitable);
                    signal.emit(asio::cancellation_type::terminal);
                }
            });
            return nullptr;
        });
}

BOOST_AUTO_TEST_CASE(close_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            auto pair = std::make_shared<connection>(context);
            auto data = std::make_shared<std::array<char, 4>>();
            auto left = std::make_shared<int>(12);
            for (int i = 0; i != 6; ++i) {
                const auto count =
                    [=, &seen, token = seen.token()](error_code ec, auto...) {
                        seen.step();
                        BOOST_TEST(ec == asio::error::operation_aborted);
                        if (--*left == 0)
                            seen.complete();
                    };
                pair->first.async_receive(asio::buffer(*data), count);
                pair->first.async_wait(asio::socket_base::wait_read, count);
            }
            auto timer = std::make_shared<ring_timer>(context, 200us);
            timer->async_wait([pair, timer, &seen, token = seen.token()](error_code) {
                seen.step();
                pair->first.close();
            });
            return pair;
        });
}

BOOST_AUTO_TEST_CASE(pipes_and_datagrams_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            struct state
            {
                explicit state(asio::io_context& owner)
                    : reader(owner),
                      writer(owner),
                      datagrams(
                          owner,
                          asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0))
                {
                    asio_uring::connect_pipe(reader, writer);
                }

                asio_uring::readable_pipe reader;
                asio_uring::writable_pipe writer;
                asio_uring::ip::udp::socket datagrams;
                asio::ip::udp::endpoint sender;
                std::array<char, 100'000> data;
            };
            auto all = std::make_shared<state>(context);
            launch(context, seen, [all]() -> awaitable<void> {
                // More than the pipe holds.
                co_await asio::async_write(
                    all->writer, asio::buffer(all->data), use_awaitable);
                const auto to = all->datagrams.local_endpoint();
                co_await all->datagrams.async_send_to(
                    asio::buffer(all->data, 8), to, use_awaitable);
            });
            launch(context, seen, [all, &seen]() -> awaitable<void> {
                std::vector<char> sink(all->data.size());
                co_await all->reader.async_read_some(null_buffers(), use_awaitable);
                co_await asio::async_read(all->reader, asio::buffer(sink), use_awaitable);
                co_await all->datagrams.async_wait(
                    asio::socket_base::wait_read, use_awaitable);
                co_await all->datagrams.async_receive_from(
                    asio::buffer(sink), all->sender, use_awaitable);
                all->reader.close();
                seen.complete();
            });
            return nullptr;
        });
}

BOOST_AUTO_TEST_CASE(raw_requests_destroyed_after_each_step)
{
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            auto pair = std::make_shared<connection>(context);
            launch(context, seen, [pair, &context, &seen]() -> awaitable<void> {
                const asio_uring::executor executor(context.get_executor());
                for (int i = 0; i != 4; ++i)
                    co_await asio_uring::async_submit(
                        executor, asio_uring::op::nop{}, use_awaitable);
                const asio_uring::op::poll_add writable{
                    .fd = pair->first.native_handle(), .events = POLLOUT};
                const int events =
                    co_await asio_uring::async_submit(executor, writable, use_awaitable);
                BOOST_TEST((events & POLLOUT) != 0);
                seen.complete();
            });
            asio_uring::async_submit(
                asio_uring::executor(context.get_executor()),
                asio_uring::op::poll_add{
                    .fd = pair->first.native_handle(), .events = POLLIN},
                [pair, &seen, token = seen.token()](error_code, int) { seen.step(); });
            return nullptr;
        });
}

BOOST_AUTO_TEST_CASE(datagrams_destroyed_after_each_step)
{
    using udp = asio_uring::ip::udp;
    struct ends
    {
        explicit ends(asio::io_context& context)
            : first(context, {asio::ip::address_v4::loopback(), 0}),
              second(context, {asio::ip::address_v4::loopback(), 0})
        {}

        udp::socket first;
        udp::socket second;
        asio::ip::udp::endpoint from;
    };
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            auto pair = std::make_shared<ends>(context);
            launch(context, seen, [pair]() -> awaitable<void> {
                std::string data(100, ' ');
                error_code ec;
                while (!ec) {
                    const std::size_t size = co_await pair->second.async_receive_from(
                        asio::buffer(data),
                        pair->from,
                        redirect_error(use_awaitable, ec));
                    co_await pair->second.async_send_to(
                        asio::buffer(data, size),
                        pair->from,
                        redirect_error(use_awaitable, ec));
                }
            });
            launch(context, seen, [pair, &seen]() -> awaitable<void> {
                std::string in(100, ' ');
                co_await pair->first.async_connect(
                    pair->second.local_endpoint(), use_awaitable);
                for (int round = 0; round != 3; ++round) {
                    co_await pair->first.async_send(
                        asio::buffer("ping", 4), use_awaitable);
                    co_await pair->first.async_receive(asio::buffer(in), use_awaitable);
                }
                seen.complete();
            });
            return pair;
        });
}

// A chain: this end of a local pair, its other end, a pipe, a descriptor.
BOOST_AUTO_TEST_CASE(descriptors_destroyed_after_each_step)
{
    struct chain
    {
        explicit chain(asio::io_context& context)
            : near(context), far(context), writer(context), reader(context)
        {
            asio::local::connect_pair(near, far);
            asio_uring::readable_pipe end(context);
            asio::connect_pipe(end, writer);
            reader.assign(end.release());
        }

        asio_uring::local::stream_protocol::socket near;
        asio_uring::local::stream_protocol::socket far;
        asio_uring::writable_pipe writer;
        asio_uring::posix::stream_descriptor reader;
    };
    destroy_everywhere(
        [](asio::io_context& context, witness& seen) -> std::shared_ptr<void> {
            auto links = std::make_shared<chain>(context);
            launch(context, seen, [links]() -> awaitable<void> {
                std::string data(1000, ' ');
                for (;;) {
                    error_code ec;
                    const std::size_t size = co_await links->far.async_read_some(
                        asio::buffer(data), redirect_error(use_awaitable, ec));
                    if (ec)
                        break;
                    co_await asio::async_write(
                        links->writer, asio::buffer(data, size), use_awaitable);
                }
                links->writer.close();
            });
            launch(context, seen, [links, &seen]() -> awaitable<void> {
                std::string data(3000, 'd');
                co_await asio::async_write(
                    links->near, asio::buffer(data), use_awaitable);
                links->near.shutdown(asio::socket_base::shutdown_send);
                co_await links->reader.async_wait(
                    asio::posix::descriptor_base::wait_read, use_awaitable);
                error_code ec;
                std::size_t size = 0;
                while (!ec)
                    size += co_await links->reader.async_read_some(
                        asio::buffer(data), redirect_error(use_awaitable, ec));
                BOOST_TEST(size == data.size());
                BOOST_TEST((ec == asio::error::eof));
                seen.complete();
            });
            return links;
        });
}

namespace {

// A service of the program's that keeps objects. Asio shuts services down in the reverse
// order of their creation, and destroys them afterwards in the same order.
class keeper : public asio::execution_context::service
{
public:
    using key_type = keeper;
    static inline asio::execution_context::id id;

    explicit keeper(asio::execution_context& context) : service(context) {}

    void keep(std::shared_ptr<void> objects) { objects_ = std::move(objects); }

private:
    void shutdown() override { objects_.reset(); }

    std::shared_ptr<void> objects_;
};

} // namespace

// The objects go before the ring has ended its operations, or after.
BOOST_AUTO_TEST_CASE(i06_objects_end_with_a_service_made_before_or_after_the_ring)
{
    for (const context_kind kind : all_context_kinds) {
        for (const bool before : {false, true}) {
            // These contexts have their ring from the start.
            if (before && kind != context_kind::usual && kind != context_kind::attached)
                continue;
            BOOST_TEST_CONTEXT(name_of(kind) << ", before " << before)
            {
                witness seen;
                {
                    auto context = before ? std::make_unique<asio::io_context>()
                                          : make_context(kind);
                    if (before)
                        asio::use_service<keeper>(*context);
                    if (before && kind == context_kind::attached)
                        asio::steady_timer(*context).cancel();
                    auto link = std::make_shared<connection>(*context);
                    auto timer = std::make_shared<ring_timer>(*context, 1h);
                    auto& service = asio::use_service<keeper>(*context);
                    auto data = std::make_shared<std::array<char, 16>>();
                    for (int i = 0; i != 3; ++i)
                        link->first.async_receive(
                            asio::buffer(*data), [data, token = seen.token()](auto&&...) {
                                BOOST_TEST(false, "a handler ran");
                            });
                    timer->async_wait([token = seen.token()](error_code) {});
                    service.keep(
                        std::make_shared<std::pair<decltype(link), decltype(timer)>>(
                            link, timer));
                    link.reset();
                    timer.reset();
                    turn(*context);
                }
                BOOST_TEST(seen.handlers_alive() == 0);
            }
        }
    }
}

// Thousands of operations at every place where one can stand.
BOOST_AUTO_TEST_CASE(i06_context_destroyed_with_thousands_of_operations_in_flight)
{
    constexpr int connections = 50;
    constexpr int waits = 80;
    constexpr int transfers = 10;
    for (const context_kind kind : all_context_kinds) {
        for (const bool data_arrived : {false, true}) {
            BOOST_TEST_CONTEXT(name_of(kind) << ", data arrived " << data_arrived)
            {
                auto context = make_context(kind);
                witness seen;
                std::vector<std::unique_ptr<connection>> pairs;
                std::array<char, 16> data;
                bool ran = false;
                const auto handler = [&ran, token = seen.token()](auto&&...) {
                    ran = true;
                };
                for (int i = 0; i != connections; ++i) {
                    pairs.push_back(std::make_unique<connection>(*context));
                    tcp::socket& socket = pairs.back()->first;
                    for (int j = 0; j != waits; ++j)
                        socket.async_wait(asio::socket_base::wait_read, handler);
                    for (int j = 0; j != transfers; ++j) {
                        socket.async_receive(asio::buffer(data), handler);
                        pairs.back()->second.async_receive(asio::buffer(data), handler);
                    }
                    if (i == connections / 2)
                        turn(*context);
                }
                BOOST_TEST(
                    seen.handlers_alive() >= connections * (waits + 2 * transfers));
                if (data_arrived)
                    for (auto& pair : pairs)
                        pair->second.send(asio::buffer(data));
                pairs.clear();
                context.reset();
                BOOST_TEST(!ran);
                BOOST_TEST(seen.handlers_alive() == 1);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
