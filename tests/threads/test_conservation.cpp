// SPDX-License-Identifier: BSL-1.0
// Operations are cancelled at random while several threads run the context. Whatever a
// cancelled operation would have taken goes to the next one: nothing is lost, nothing
// comes twice, nothing overtakes, and each handler is called once. The variable
// ASIO_URING_TEST_THREADS says how many threads.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/from_environment.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <poll.h>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;

const std::size_t thread_count = from_environment("ASIO_URING_TEST_THREADS", 3);
constexpr std::size_t link_count = 4;
constexpr auto whole_limit = 4 * wait_limit;

/// Runs the context by several threads until it is out of work. False after the limit.
template <typename Context>
bool run_by_threads(Context& context)
{
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i != thread_count; ++i)
        threads.emplace_back([&] { context.run_for(whole_limit); });
    for (std::thread& each : threads)
        each.join();
    return context.stopped();
}

/// Waits for another thread, so that the next step finds it waiting. False if it does not
/// come so far.
template <typename Predicate>
bool await(Predicate predicate)
{
    const auto limit = std::chrono::steady_clock::now() + wait_limit;
    while (!predicate() && std::chrono::steady_clock::now() < limit)
        std::this_thread::yield();
    return predicate();
}

/// What the operations of all objects of a test came to.
struct account
{
    std::atomic<std::size_t> started{0};
    std::atomic<std::size_t> ended{0};
    std::atomic<std::size_t> aborted{0};
    std::atomic<std::size_t> mistakes{0};

    void expect(bool holds)
    {
        if (!holds)
            ++mistakes;
    }

    void check() const
    {
        BOOST_TEST(mistakes == 0u);
        BOOST_TEST(started == ended);
        // On a busy machine all may have come before its cancellation.
        BOOST_WARN(aborted != 0u);
    }
};

/// Starts operations of one object in its strand, and now and then cancels one.
template <typename Backend, typename Object>
class canceller
{
    using strand_type = asio::strand<typename Backend::executor>;

public:
    canceller(typename Backend::io_context& context, account& totals, unsigned seed)
        : object(context),
          strand_(Backend::get_executor(context)),
          timer_(context),
          totals_(totals),
          random_(seed)
    {}

    std::size_t pick(std::size_t count) { return random_() % count; }

    /// `start` gets a handler; `done` is called when it is, in the strand.
    template <typename Start, typename Done>
    void begin(Start start, Done done)
    {
        struct state
        {
            asio::cancellation_signal signal;
            bool ended = false;
        };
        auto op = std::make_shared<state>();
        ++totals_.started;
        start(asio::bind_executor(
            strand_,
            asio::bind_cancellation_slot(
                op->signal.slot(), [this, op, done](error_code ec, std::size_t n = 0) {
                    ++totals_.ended;
                    totals_.expect(!op->ended && strand_.running_in_this_thread());
                    op->ended = true;
                    if (ec == asio::error::operation_aborted) {
                        ++totals_.aborted;
                        totals_.expect(n == 0);
                    }
                    done(ec, n);
                })));
        cancel_later([op] {
            if (!op->ended)
                op->signal.emit(asio::cancellation_type::terminal);
        });
    }

    void in_strand(std::function<void()> call) { asio::post(strand_, std::move(call)); }
    void expect(bool holds) { totals_.expect(holds); }

    Object object;

private:
    template <typename Signal>
    void cancel_later(Signal signal)
    {
        switch (pick(8)) {
        case 0:
            return in_strand([this] { object.cancel(); });
        case 1:
            return in_strand(signal);
        case 2:
            timer_.expires_after(std::chrono::microseconds(pick(50)));
            return timer_.async_wait(
                asio::bind_executor(strand_, [signal](error_code) { signal(); }));
        default:
            return;
        }
    }

    strand_type strand_;
    steady_timer<Backend> timer_;
    account& totals_;
    std::mt19937 random_;
};

unsigned random_seed()
{
    const auto seed = from_environment("ASIO_URING_MODEL_SEED", std::random_device{}());
    BOOST_TEST_MESSAGE("ASIO_URING_MODEL_SEED=" << seed);
    return static_cast<unsigned>(seed);
}

/// The byte of a stream at a place.
char byte_at(std::size_t place) { return static_cast<char>(place * 131 + place / 251); }

/// One end of a stream: it writes and reads so many bytes.
template <typename Backend>
class stream_end
{
    using socket_type = asio::
        basic_stream_socket<asio::local::stream_protocol, typename Backend::executor>;

public:
    static constexpr std::size_t total = 300'000;

    stream_end(
        typename Backend::io_context& context,
        account& totals,
        unsigned seed,
        unique_fd fd)
        : driver_(context, totals, seed)
    {
        driver_.object.assign(asio::local::stream_protocol(), fd.release());
        driver_.in_strand([this] {
            read();
            write();
        });
    }

    bool done() const { return received_ == total && sent_ == total; }

private:
    void read()
    {
        in_.assign(1 + driver_.pick(5000), '\0');
        driver_.begin(
            [this](auto&& handler) {
                driver_.object.async_read_some(
                    asio::buffer(in_), std::forward<decltype(handler)>(handler));
            },
            [this](const error_code& ec, std::size_t n) {
                driver_.expect(!ec || ec == asio::error::operation_aborted);
                for (std::size_t i = 0; i != n; ++i)
                    driver_.expect(in_[i] == byte_at(received_ + i));
                received_ += n;
                if (received_ < total)
                    read();
            });
    }

    void write()
    {
        out_.resize(std::min(total - sent_, 1 + driver_.pick(20'000)));
        for (std::size_t i = 0; i != out_.size(); ++i)
            out_[i] = byte_at(sent_ + i);
        driver_.begin(
            [this](auto&& handler) {
                driver_.object.async_write_some(
                    asio::buffer(out_), std::forward<decltype(handler)>(handler));
            },
            [this](const error_code& ec, std::size_t n) {
                driver_.expect(!ec || ec == asio::error::operation_aborted);
                sent_ += n;
                if (sent_ < total)
                    write();
            });
    }

    std::string in_;
    std::string out_;
    std::size_t received_ = 0;
    std::size_t sent_ = 0;
    canceller<Backend, socket_type> driver_;
};

/// Receives numbered datagrams until the last one.
template <typename Backend>
class datagram_reader
{
    using socket_type = asio::
        basic_datagram_socket<asio::local::datagram_protocol, typename Backend::executor>;

public:
    static constexpr int total = 2000;

    datagram_reader(
        typename Backend::io_context& context,
        account& totals,
        unsigned seed,
        unique_fd fd)
        : driver_(context, totals, seed)
    {
        driver_.object.assign(asio::local::datagram_protocol(), fd.release());
        driver_.in_strand([this] { read(); });
    }

    /// Any thread may ask.
    int received() const { return received_; }

private:
    void read()
    {
        driver_.begin(
            [this](auto&& handler) {
                driver_.object.async_receive(
                    asio::buffer(&number_, sizeof(number_)),
                    std::forward<decltype(handler)>(handler));
            },
            [this](const error_code& ec, std::size_t n) {
                driver_.expect(ec || (n == sizeof(number_) && number_ == received_));
                received_ += ec ? 0 : 1;
                if (received_ < total)
                    read();
            });
    }

    int number_ = -1;
    std::atomic<int> received_{0};
    canceller<Backend, socket_type> driver_;
};

/// Accepts so many connections.
template <typename Backend>
class accepting
{
public:
    static constexpr std::size_t total = 100;

    accepting(typename Backend::io_context& context, account& totals, unsigned seed)
        : driver_(context, totals, seed), peer_(context)
    {
        driver_.object.open(asio::ip::tcp::v4());
        driver_.object.bind({asio::ip::address_v4::loopback(), 0});
        driver_.object.listen();
        driver_.in_strand([this] { accept(); });
    }

    asio::ip::tcp::endpoint endpoint() { return driver_.object.local_endpoint(); }
    /// Any thread may ask.
    std::size_t accepted() const { return accepted_; }

private:
    void accept()
    {
        driver_.begin(
            [this](auto&& handler) {
                driver_.object.async_accept(
                    peer_, std::forward<decltype(handler)>(handler));
            },
            [this](const error_code& ec, std::size_t) {
                if (!ec) {
                    ++accepted_;
                    peer_.close();
                }
                if (accepted_ < total)
                    accept();
            });
    }

    std::atomic<std::size_t> accepted_{0};
    canceller<Backend, typename Backend::acceptor> driver_;
    typename Backend::socket peer_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_conservation)

BOOST_AUTO_TEST_CASE_TEMPLATE(
    bytes_under_random_cancels_come_once_and_in_order, Backend, backends)
{
    typename Backend::io_context context;
    account totals;
    unsigned seed = random_seed();
    std::vector<std::unique_ptr<stream_end<Backend>>> ends;
    for (std::size_t i = 0; i != link_count; ++i) {
        fd_pair pair = socket_pair();
        for (unique_fd* fd : {&pair.first, &pair.second})
            ends.push_back(std::make_unique<stream_end<Backend>>(
                context, totals, seed++, std::move(*fd)));
    }

    BOOST_TEST(run_by_threads(context));
    for (const auto& end : ends)
        BOOST_TEST(end->done());
    totals.check();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    datagrams_under_random_cancels_come_once_and_in_order, Backend, backends)
{
    typename Backend::io_context context;
    account totals;
    fd_pair pair = socket_pair(SOCK_DGRAM);
    datagram_reader<Backend> reader(
        context, totals, random_seed(), std::move(pair.second));

    std::thread sender([&reader, fd = pair.first.get()] {
        constexpr int burst = 5;
        for (int i = 0; i != datagram_reader<Backend>::total && ready(fd, POLLOUT);) {
            i += ::send(fd, &i, sizeof(i), MSG_DONTWAIT) == sizeof(i) ? 1 : 0;
            if (i % burst == 0 && !await([&] { return reader.received() >= i; }))
                return;
        }
    });
    const bool finished = run_by_threads(context);
    sender.join();

    BOOST_TEST(finished);
    BOOST_TEST(reader.received() == reader.total);
    totals.check();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    connections_under_random_cancels_are_each_accepted_once, Backend, backends)
{
    typename Backend::io_context context;
    account totals;
    accepting<Backend> server(context, totals, random_seed());

    std::thread clients([&server, endpoint = server.endpoint()] {
        constexpr std::size_t burst = 2;
        for (std::size_t i = 0; i != accepting<Backend>::total; ++i) {
            if (i % burst == 0 && !await([&] { return server.accepted() >= i; }))
                return;
            connect_result(endpoint);
        }
    });
    const bool finished = run_by_threads(context);
    clients.join();

    BOOST_TEST(finished);
    BOOST_TEST(server.accepted() == server.total);
    totals.check();
}

BOOST_AUTO_TEST_SUITE_END()
