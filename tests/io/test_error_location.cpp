// SPDX-License-Identifier: BSL-1.0
// Errors say where they were made, as those of Asio's services do.
#include "../support/backend.hpp"
#include "../support/object_fixture.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/test/unit_test.hpp>

#include <array>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;

} // namespace

BOOST_AUTO_TEST_SUITE(test_error_location)

BOOST_AUTO_TEST_CASE_TEMPLATE(refused_calls_say_where, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    asio::posix::basic_stream_descriptor<typename Backend::executor> input(context);
    error_code ec;

    link.socket.open(asio::ip::tcp::v4(), ec);
    BOOST_TEST((ec == asio::error::already_open));
    BOOST_TEST(ec.has_location());
    link.socket.assign(asio::ip::tcp::v4(), 0, ec);
    BOOST_TEST((ec == asio::error::already_open));
    BOOST_TEST(ec.has_location());
    link.socket.close();
    link.socket.assign(asio::ip::tcp::v4(), -1, ec);
    BOOST_TEST((ec == asio::error::bad_descriptor));
    BOOST_TEST(ec.has_location());
    input.assign(-1, ec);
    BOOST_TEST((ec == asio::error::bad_descriptor));
    BOOST_TEST(ec.has_location());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(errors_of_operations_say_where, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::array<char, 8> data;
    int ended = 0;
    const auto expect = [&](error_code expected) {
        return [&ended, expected](error_code ec, std::size_t) {
            ++ended;
            BOOST_TEST(ec == expected);
            BOOST_TEST(ec.has_location() == ec.failed());
        };
    };

    link.socket.async_read_some(
        asio::buffer(data), expect(asio::error::operation_aborted));
    turn(context);
    link.socket.cancel();
    finish(context);
    link.remote.send("x");
    link.socket.async_read_some(asio::buffer(data), expect(error_code()));
    finish(context);
    link.remote.close();
    link.socket.async_read_some(asio::buffer(data), expect(asio::error::eof));
    finish(context);
    link.socket.close();
    link.socket.async_read_some(asio::buffer(data), expect(asio::error::bad_descriptor));
    finish(context);
    BOOST_TEST(ended == 4);
}

BOOST_AUTO_TEST_SUITE_END()
