// SPDX-License-Identifier: BSL-1.0
// A notification reaches the ring by a message, and by the event where the kernel takes
// no message.
#include "../support/drive.hpp"

#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/loop/wake_event.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <thread>

#include <fcntl.h>
#include <poll.h>

namespace {

using namespace asio_uring::test;
namespace asio = boost::asio;
namespace loop_layer = asio_uring::detail;

bool is_readable(int descriptor)
{
    ::pollfd event{descriptor, POLLIN, 0};
    return ::poll(&event, 1, 0) == 1;
}

bool takes_messages(const asio_uring::ring& one)
{
    return (one.features() & asio_uring::abi::feat_no_iowait) != 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_wake_event)

BOOST_AUTO_TEST_CASE(notification_is_one_message_until_it_is_acknowledged)
{
    asio_uring::ring target{asio_uring::ring_options{}};
    loop_layer::wake_event event;
    event.send_to(target.native_handle());
    const bool by_message = takes_messages(target);
    for (unsigned round = 1; round != 4; ++round) {
        BOOST_TEST(event.notify());
        BOOST_TEST(!event.notify());
        BOOST_TEST(target.ready() == (by_message ? round : 0u));
        event.acknowledge();
    }
    BOOST_TEST(is_readable(event.native_handle()) == !by_message);
    target.for_each_completion([](const asio_uring::abi::cqe& cqe) {
        const loop_layer::user_data data{cqe.user_data};
        BOOST_TEST(data.is_internal());
        BOOST_TEST((data.request() == loop_layer::internal_request::message));
    });
}

BOOST_AUTO_TEST_CASE(refused_message_is_told_by_the_event_and_the_last)
{
    const loop_layer::unique_fd no_ring(::open("/dev/null", O_RDWR | O_CLOEXEC));
    loop_layer::wake_event event;
    event.send_to(no_ring.get());
    BOOST_TEST(event.notify());
    BOOST_TEST(is_readable(event.native_handle()));
    event.acknowledge();
    BOOST_TEST(event.notify());
}

BOOST_AUTO_TEST_CASE(i10_message_of_another_thread_ends_a_wait)
{
    asio_uring::io_context context(1);
    const auto& loop = *loop_layer::ring_of(context).find_loop();
    const auto guard = asio::make_work_guard(context);
    std::atomic<int> calls{0};
    std::thread poster([&] {
        for (int round = 1; round != 100; ++round) {
            asio::post(context, [&] {
                ++calls;
                calls.notify_one();
            });
            calls.wait(round - 1);
        }
        context.stop();
    });
    context.run_for(wait_limit);
    poster.join();
    BOOST_TEST(calls == 99);
    if (takes_messages(loop_layer::ring_of(context).find_loop()->ring()))
        BOOST_TEST(!is_readable(loop.wake_descriptor()));
}

// It stands in the ring, which another context takes.
BOOST_AUTO_TEST_CASE(message_that_nobody_took_wakes_no_other_context)
{
    {
        asio_uring::io_context context(1);
        auto& loop = *loop_layer::ring_of(context).find_loop();
        turn(context);
        loop.interrupt();
    }
    asio_uring::io_context context(1);
    const auto& loop = *loop_layer::ring_of(context).find_loop();
    asio::post(context, [] {});
    turn(context);
    BOOST_TEST(loop.counters().wakes == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
