// SPDX-License-Identifier: BSL-1.0
// The path of a context, as text, and of an object, as numbers.
#include "../support/drive.hpp"

#include <asio_uring/io_context.hpp>
#include <asio_uring/local/connect_pair.hpp>
#include <asio_uring/local/stream_protocol.hpp>
#include <asio_uring/object_counters.hpp>
#include <asio_uring/status.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>

namespace {

using asio_uring::ring_mode;

std::string printed(ring_mode mode)
{
    std::ostringstream stream;
    stream << mode;
    return stream.str();
}

static_assert(to_string(ring_mode::fallback) == "fallback");

} // namespace

BOOST_AUTO_TEST_SUITE(test_status)

BOOST_AUTO_TEST_CASE(mode_printed_gives_its_name)
{
    BOOST_TEST(printed(ring_mode::none) == "none");
    BOOST_TEST(printed(ring_mode::reactor) == "reactor");
    BOOST_TEST(printed(ring_mode::attached) == "attached");
    BOOST_TEST(printed(ring_mode::fallback) == "fallback");
    BOOST_TEST(printed(ring_mode::lost) == "lost");
    BOOST_TEST(printed(static_cast<ring_mode>(99)) == "");
}

BOOST_AUTO_TEST_CASE(mode_of_a_context_is_printed_as_its_path)
{
    asio_uring::io_context context;
    const ring_mode mode = asio_uring::status(context).mode;
    BOOST_TEST(printed(mode) == (mode == ring_mode::fallback ? "fallback" : "reactor"));
}

BOOST_AUTO_TEST_CASE(context_that_spins_says_for_how_long)
{
    asio_uring::io_context usual;
    asio_uring::io_context context(1, {.spin_us = 2'000'000});
    const bool ring = asio_uring::status(context).mode == ring_mode::reactor;
    // A second at most, and the environment comes first.
    constexpr unsigned most = 1'000'000;
    const char* const variable = std::getenv("ASIO_URING_SPIN");
    const auto chosen = [&](unsigned otherwise) {
        if (!ring || variable == nullptr)
            return ring ? otherwise : 0U;
        return std::min(static_cast<unsigned>(std::stoul(variable)), most);
    };
    BOOST_TEST(asio_uring::status(usual).spin_us == chosen(0));
    BOOST_TEST(asio_uring::status(context).spin_us == chosen(most));
}

// An object begins with nothing of the one that had its place before.
BOOST_AUTO_TEST_CASE(counters_of_an_object_tell_calls_from_waits)
{
    using stream = asio_uring::local::stream_protocol;
    asio_uring::io_context context(1);
    stream::socket near(context);
    stream::socket far(context);
    asio_uring::local::connect_pair(near, far);
    const bool ring = asio_uring::status(context).mode == ring_mode::reactor;
    const auto ignore = [](boost::system::error_code, std::size_t) {};
    char data[4];
    near.async_write_some(boost::asio::buffer("a", 1), ignore);
    BOOST_TEST(asio_uring::counters(near).at_once == 0u);

    asio_uring::count_objects(context);
    near.async_write_some(boost::asio::buffer("b", 1), ignore);
    near.async_read_some(boost::asio::buffer(data), ignore);
    const auto did = asio_uring::counters(near);
    BOOST_TEST(did.on_ring == ring);
    BOOST_TEST(did.at_once == (ring ? 1u : 0u));
    BOOST_TEST(did.waited == (ring ? 1u : 0u));

    near.close();
    far.close();
    asio_uring::test::finish(context);
    BOOST_TEST(!asio_uring::counters(near).on_ring);
    stream::socket first(context);
    stream::socket second(context);
    asio_uring::local::connect_pair(first, second);
    for (auto* fresh : {&first, &second}) {
        const auto values = asio_uring::counters(*fresh);
        BOOST_TEST(values.on_ring == ring);
        BOOST_TEST(values.at_once + values.waited == 0u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
