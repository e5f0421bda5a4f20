// SPDX-License-Identifier: BSL-1.0
// Reads that wait for readiness: the kernel has nothing of a read that is pending, so
// nothing comes of one that is cancelled, and nothing is read over.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include <unistd.h>

namespace {

using namespace asio_uring::test;
using asio_uring::read_mode;

asio_uring::ring_options careful() { return {.reads = read_mode::by_readiness}; }

/// Without a ring Asio's own service reads, by readiness, and nobody chose that.
const read_mode mode =
    ring_is_forbidden() ? read_mode::by_request : read_mode::by_readiness;

/// A connection with a pending read.
struct pending_read
{
    pending_read()
    {
        link.socket.async_read_some(asio::buffer(data), log.io("read"));
        turn(context);
    }

    ring::io_context context{1, careful()};
    loopback<ring> link{context};
    recorder log;
    char data[9] = "........";
};

/// What is there to read for whoever has the descriptor.
std::string left_in(int fd)
{
    std::string found(16, '\0');
    const auto size = ::read(fd, found.data(), found.size());
    found.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return found;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_reads_by_readiness)

BOOST_AUTO_TEST_CASE(context_with_the_option_says_so)
{
    ring::io_context usual;
    ring::io_context context(1, careful());

    BOOST_TEST((asio_uring::status(context).reads == mode));
    const char* const variable = std::getenv("ASIO_URING_READS");
    const bool overridden =
        variable != nullptr && std::string_view(variable) == "readiness";
    const read_mode expected = overridden ? mode : read_mode::by_request;
    BOOST_TEST((asio_uring::status(usual).reads == expected));
}

BOOST_AUTO_TEST_CASE(read_ends_with_what_came)
{
    pending_read with;
    with.link.remote.send("data");
    run_until(with.context, [&] { return with.log.count() == 1; });
    BOOST_TEST(with.log.take() == "read ok 4");
    BOOST_TEST(std::string(with.data) == "data....");
}

BOOST_AUTO_TEST_CASE(read_behind_a_cancelled_one_takes_at_once_what_came)
{
    // Asio's own reactor may or may not have looked at the descriptor in between.
    if (!uses_ring<ring>())
        return;
    pending_read with;
    auto& socket = with.link.socket;
    with.link.remote.send("data");
    BOOST_TEST(ready(socket.native_handle(), POLLIN));
    socket.cancel();
    turn(with.context);
    BOOST_TEST(with.log.take() == "read operation_aborted 0");

    // A wait behind a read that had to wait would end with it.
    socket.async_read_some(asio::buffer(with.data), with.log.io("read"));
    socket.async_wait(socket.wait_read, with.log.done("wait"));
    for (int i = 0; i != 3; ++i)
        turn(with.context);
    BOOST_TEST(with.log.take() == "read ok 4");
    socket.close();
    finish(with.context);
    BOOST_TEST(with.log.take() == "wait operation_aborted");
}

BOOST_AUTO_TEST_CASE(release_gives_all_bytes_away)
{
    pending_read with;
    with.link.remote.send("data");
    BOOST_TEST(ready(with.link.socket.native_handle(), POLLIN));
    const peer given(with.link.socket.release());
    finish(with.context);

    BOOST_TEST(with.log.take() == "read operation_aborted 0");
    BOOST_TEST(std::string(with.data) == "........");
    BOOST_TEST(left_in(given.fd()) == "data");
}

BOOST_AUTO_TEST_CASE(release_of_a_pipe_gives_all_bytes_away)
{
    int ends[2];
    BOOST_TEST_REQUIRE(::pipe(ends) == 0);
    const peer writer(ends[1]);
    ring::io_context context(1, careful());
    asio::basic_readable_pipe<ring::executor> pipe(context, ends[0]);
    recorder log;
    char data[9] = "........";
    pipe.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    BOOST_TEST(::write(writer.fd(), "data", 4) == 4);
    const peer given(pipe.release());
    finish(context);

    BOOST_TEST(log.take() == "read operation_aborted 0");
    BOOST_TEST(std::string(data) == "........");
    BOOST_TEST(left_in(given.fd()) == "data");
}

BOOST_AUTO_TEST_CASE(peer_hears_a_reset_where_its_bytes_were_not_read)
{
    pending_read with;
    with.link.remote.send("data");
    BOOST_TEST(ready(with.link.socket.native_handle(), POLLIN));
    with.link.socket.close();
    finish(with.context);

    char byte;
    BOOST_TEST(ready(with.link.remote.fd(), POLLIN));
    BOOST_TEST(::recv(with.link.remote.fd(), &byte, 1, MSG_DONTWAIT) == -1);
    BOOST_TEST(errno == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(urgent_byte_is_there_for_a_program_that_asks_later)
{
    pending_read with;
    with.link.remote.send("U", MSG_OOB);
    BOOST_TEST(ready(with.link.socket.native_handle(), POLLPRI));
    for (int i = 0; i != 5; ++i)
        turn(with.context);
    char urgent = '.';
    const std::size_t got = with.link.socket.receive(
        asio::buffer(&urgent, 1), asio::socket_base::message_out_of_band);
    with.link.remote.send("data");
    run_until(with.context, [&] { return with.log.count() == 1; });

    BOOST_TEST(got == 1u);
    BOOST_TEST(urgent == 'U');
    BOOST_TEST(with.log.take() == "read ok 4");
}

BOOST_AUTO_TEST_SUITE_END()
