// A context goes on in the child of a fork, with a ring of its own, and the parent's is
// not disturbed.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/loopback.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

#include <sys/wait.h>

#include <unistd.h>

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
    finish(context);
    BOOST_TEST(expired);
    BOOST_TEST(readable);
}

} // namespace
