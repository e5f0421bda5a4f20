// SPDX-License-Identifier: BSL-1.0
// The path of a context, as text.
#include <asio_uring/io_context.hpp>
#include <asio_uring/status.hpp>

#include <boost/test/unit_test.hpp>

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

BOOST_AUTO_TEST_SUITE_END()
