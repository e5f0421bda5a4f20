// SPDX-License-Identifier: BSL-1.0
// Urgent data on a stream with other operations pending: it ends no wait for readability,
// and it comes through to a program that waits for it.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <functional>
#include <string>

#include <sys/socket.h>

namespace {

using namespace asio_uring::test;
using asio::socket_base;
using boost::system::error_code;

/// A connection of which one end receives urgent data.
template <typename Backend>
struct urgent_link : loopback<Backend>
{
    using loopback<Backend>::loopback;

    /// How the program hears of the urgent byte.
    enum class way
    {
        by_wait,    ///< it waits for an exception, then receives
        by_receive, ///< it receives
    };

    void expect_urgent(way by, recorder& log)
    {
        if (by == way::by_receive)
            return receive_urgent(log);
        this->socket.async_wait(socket_base::wait_error, [this, &log](error_code ec) {
            log.handled("wait " + text(ec));
            receive_urgent(log);
        });
    }

    void receive_urgent(recorder& log)
    {
        this->socket.async_receive(
            asio::buffer(&urgent, 1), socket_base::message_out_of_band, log.io("urgent"));
    }

    /// Reads until the connection ends.
    void read_on()
    {
        this->socket.async_read_some(
            asio::buffer(data), [this](error_code ec, std::size_t size) {
                if (ec)
                    return;
                received.append(data, size);
                read_on();
            });
    }

    char urgent = '.';
    char data[8] = {};
    std::string received;
};

/// Lets the loop turn until the predicate holds, and a little longer.
template <typename Context, typename Predicate>
void come_to(Context& context, Predicate predicate)
{
    run_until(context, predicate);
    for (int i = 0; i != 5; ++i)
        turn(context);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_urgent_data)

BOOST_AUTO_TEST_CASE_TEMPLATE(urgent_byte_ends_no_wait_to_read, Backend, backends)
{
    using way = typename urgent_link<Backend>::way;
    auto [context, link, log] = fixture<Backend, urgent_link>();
    std::size_t waits = 0;
    link.socket.non_blocking(true);
    const std::function<void()> wait = [&] {
        link.socket.async_wait(socket_base::wait_read, [&](error_code ec) {
            if (ec)
                return;
            ++waits;
            error_code ignored;
            link.received.append(
                link.data, link.socket.read_some(asio::buffer(link.data), ignored));
            wait();
        });
    };

    link.expect_urgent(way::by_wait, log);
    wait();
    turn(context);
    link.remote.send("ab");
    come_to(context, [&] { return link.received == "ab"; });
    link.remote.send("U", MSG_OOB);
    come_to(context, [&] { return log.count() == 2; });
    BOOST_TEST(waits == 1u);
    link.remote.send("cd");
    come_to(context, [&] { return link.received == "abcd"; });

    BOOST_TEST(waits == 2u);
    BOOST_TEST(log.take() == "wait ok; urgent ok 1");
    BOOST_TEST(link.urgent == 'U');
}

/// What stands beside the wait for the urgent byte.
enum class reading
{
    none,
    later,     ///< a read that starts after it
    before,    ///< a read that was there before it
    submitted, ///< one that the kernel had before it
};

BOOST_AUTO_TEST_CASE_TEMPLATE(urgent_byte_comes_through_beside_a_read, Backend, backends)
{
    using way = typename urgent_link<Backend>::way;
    constexpr reading readings[] = {
        reading::none, reading::later, reading::before, reading::submitted};
    for (way by : {way::by_wait, way::by_receive}) {
        for (reading reads : readings) {
            // All at once, the order in which two waits hear of it decides.
            const bool ordered = reads == reading::none || reads == reading::later;
            for (bool slow : {!ordered, true}) {
                BOOST_TEST_INFO_SCOPE(
                    "way " << static_cast<int>(by) << ", reading "
                           << static_cast<int>(reads) << ", slow " << slow);
                auto [context, link, log] = fixture<Backend, urgent_link>();
                const std::size_t handlers = by == way::by_wait ? 2 : 1;
                if (reads == reading::before || reads == reading::submitted)
                    link.read_on();
                if (reads == reading::submitted)
                    turn(context);
                link.expect_urgent(by, log);
                if (reads == reading::later)
                    link.read_on();
                turn(context);

                link.remote.send("ab");
                if (slow)
                    turn(context);
                link.remote.send("U", MSG_OOB);
                if (slow)
                    come_to(context, [&] { return log.count() == handlers; });
                link.remote.send("cd");
                come_to(context, [&] {
                    return log.count() == handlers &&
                           (reads == reading::none || link.received == "abcd");
                });

                BOOST_TEST(
                    log.take() ==
                    (by == way::by_wait ? "wait ok; urgent ok 1" : "urgent ok 1"));
                BOOST_TEST(link.urgent == 'U');
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    read_that_changed_its_way_is_cancelled_like_any_other, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, urgent_link>();
    char data[8];
    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    link.receive_urgent(log);
    link.socket.cancel();
    finish(context);
    BOOST_TEST(log.take() == "read operation_aborted 0; urgent operation_aborted 0");

    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    link.receive_urgent(log);
    turn(context);
    link.remote.send("ab");
    run_until(context, [&] { return log.count() == 1; });
    BOOST_TEST(log.take() == "read ok 2");
}

BOOST_AUTO_TEST_SUITE_END()
