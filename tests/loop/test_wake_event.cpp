// SPDX-License-Identifier: BSL-1.0
// A notification reaches the ring by a message, by the event where the kernel takes no
// message, and by the reactor's set where it refuses one.
#include "../support/drive.hpp"
#include "../support/forbidden_ring.hpp"

#include <asio_uring/detail/asio/reactor_access.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/loop/wake_event.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/ip/tcp.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <future>
#include <thread>
#include <vector>

#include <sys/epoll.h>

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

/// How many of 99 handlers run that another thread posts to a context that so many
/// threads run. It does something first, and waits for each handler before the next: one
/// that is late is lost, because nothing else ends a wait of run().
template <typename First>
int calls_of_a_poster(
    asio_uring::io_context& context, const First& first, std::size_t threads = 1)
{
    const auto guard = asio::make_work_guard(context);
    int calls = 0;
    std::thread poster([&] {
        first();
        for (int round = 1; round != 100; ++round) {
            std::promise<void> called;
            asio::post(context, [&] { called.set_value(); });
            if (called.get_future().wait_for(wait_limit) == std::future_status::ready)
                ++calls;
            else
                break;
        }
        context.stop();
    });
    std::vector<std::thread> others;
    for (std::size_t i = 1; i != threads; ++i)
        others.emplace_back([&] { context.run(); });
    context.run();
    poster.join();
    for (std::thread& each : others)
        each.join();
    return calls;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_wake_event)

BOOST_AUTO_TEST_CASE(notification_is_one_message_until_it_is_acknowledged)
{
    asio_uring::ring target{asio_uring::ring_options{}};
    const bool by_message = takes_messages(target);
    loop_layer::wake_event event(by_message);
    BOOST_TEST(event.has_descriptor() == !by_message);
    if (by_message)
        event.send_to(target.native_handle());
    for (unsigned round = 1; round != 4; ++round) {
        BOOST_TEST(event.notify());
        BOOST_TEST(!event.notify());
        BOOST_TEST(target.ready() == (by_message ? round : 0u));
        event.acknowledge();
    }
    if (!by_message)
        BOOST_TEST(is_readable(event.native_handle()));
    target.for_each_completion([](const asio_uring::abi::cqe& cqe) {
        const loop_layer::user_data data{cqe.user_data};
        BOOST_TEST(data.is_internal());
        BOOST_TEST((data.request() == loop_layer::internal_request::message));
    });
}

BOOST_AUTO_TEST_CASE(refused_message_is_told_by_the_set_as_are_all_that_follow)
{
    const loop_layer::unique_fd no_ring(::open("/dev/null", O_RDWR | O_CLOEXEC));
    asio::io_context context;
    auto& reactor = asio::use_service<loop_layer::asio_impl::epoll_reactor>(context);
    const int set = loop_layer::asio_impl::epoll_descriptor(reactor);
    loop_layer::wake_event event(true);
    event.fall_back_on(reactor);
    event.send_to(no_ring.get());
    ::epoll_event seen{};
    while (::epoll_wait(set, &seen, 1, 0) == 1)
        continue;
    // Nobody acknowledges what only the set has told.
    for (int round = 0; round != 3; ++round) {
        BOOST_TEST(event.notify());
        BOOST_TEST(is_readable(set));
        BOOST_TEST(::epoll_wait(set, &seen, 1, 0) == 1);
        BOOST_TEST(!is_readable(set));
    }
}

// Neither the epoll set of a parent, nor whatever has the number of a ring by now.
BOOST_AUTO_TEST_CASE(notification_to_nobody_reaches_neither_ring_nor_set)
{
    asio::io_context context;
    auto& reactor = asio::use_service<loop_layer::asio_impl::epoll_reactor>(context);
    const int set = loop_layer::asio_impl::epoll_descriptor(reactor);
    ::epoll_event seen{};
    while (::epoll_wait(set, &seen, 1, 0) == 1)
        continue;
    loop_layer::wake_event event(true);
    event.fall_back_on(reactor);
    event.send_to_nobody();
    BOOST_TEST(!event.notify());
    BOOST_TEST(!is_readable(set));
}

// A filter of system calls may come at any time, and for one thread alone.
BOOST_AUTO_TEST_CASE(i10_thread_whose_messages_are_refused_ends_a_wait)
{
    for (const std::size_t threads : {1U, 2U, 4U}) {
        asio_uring::io_context context(threads == 1 ? 1 : 8);
        const asio_uring::ip::tcp::socket object(context); // so that it waits in its ring
        bool forbidden = false;
        const auto forbid_messages = [&] { forbidden = forbid({call_register}, EPERM); };
        BOOST_TEST(calls_of_a_poster(context, forbid_messages, threads) == 99);
        BOOST_TEST(forbidden);
    }
}

BOOST_AUTO_TEST_CASE(i10_ring_that_came_back_after_a_loss_is_woken_where_it_refuses)
{
    asio_uring::io_context context(1);
    const asio_uring::ip::tcp::socket object(context);
    loop_layer::ring_of(context).find_loop()->abort_all(asio::error::no_descriptors);
    context.notify_fork(asio::execution_context::fork_child);
    const auto forbid_messages = [] { forbid({call_register}, EPERM); };
    BOOST_TEST(calls_of_a_poster(context, forbid_messages) == 99);
}

BOOST_AUTO_TEST_CASE(i10_message_of_another_thread_ends_a_wait)
{
    asio_uring::io_context context(1);
    auto& loop = *loop_layer::ring_of(context).find_loop();
    BOOST_TEST(calls_of_a_poster(context, [] {}) == 99);
    BOOST_TEST((loop.wake_descriptor() < 0) == takes_messages(loop.ring()));
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
