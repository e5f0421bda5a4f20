// SPDX-License-Identifier: BSL-1.0
// Each allocation of a small program fails once: the program is told, the context stays
// whole, and no handler is lost.
#include "../support/backend.hpp"
#include "../support/counting_allocator.hpp"
#include "../support/destroy_everywhere.hpp"
#include "../support/drive.hpp"
#include "../support/loopback.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <new>
#include <optional>

namespace {

using namespace asio_uring::test;
using asio_uring::ip::tcp;
using boost::system::error_code;

const asio::ip::tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

constexpr unsigned more_than_any_needs = 1000;

/// Whether a new object of the context reads what its peer sends.
bool is_whole(asio::io_context& context)
{
    listener server;
    tcp::socket socket(context);
    socket.connect(server.endpoint());
    peer remote = server.accept();
    char byte = 0;
    bool good = false;
    socket.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t size) {
        good = !ec && size == 1;
    });
    remote.send("x");
    finish(context);
    return good;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_out_of_memory)

BOOST_AUTO_TEST_CASE(context_whose_first_object_fails_is_whole)
{
    for (unsigned nth = 1; nth != more_than_any_needs; ++nth) {
        asio::io_context context;
        std::optional<tcp::socket> socket;
        bool happened = true;
        try {
            const one_failure here(nth);
            socket.emplace(context);
            happened = here.happened();
        }
        catch (const std::bad_alloc&) {
        }
        BOOST_TEST_CONTEXT("allocation " << nth)
        BOOST_TEST(is_whole(context));
        if (!happened)
            return;
    }
    BOOST_FAIL("an end was to be expected");
}

BOOST_AUTO_TEST_CASE(accepted_connection_without_memory_reaches_its_handler)
{
    for (unsigned nth = 1; nth != more_than_any_needs; ++nth) {
        asio_uring::io_context context;
        tcp::acceptor acceptor(context, any_port);
        auto token = std::make_shared<int>(0);
        error_code said;
        acceptor.async_accept([&, token](error_code ec, tcp::socket socket) {
            ++*token;
            said = ec;
            BOOST_TEST(socket.is_open() == !ec);
        });
        turn(context);
        const peer client = start_connect(acceptor.local_endpoint());
        bool happened = true;
        bool asio_failed = false;
        try {
            const one_failure here(nth);
            finish(context);
            happened = here.happened();
        }
        catch (const std::bad_alloc&) {
            // The accept is Asio's own service's. It leaves the handler to the context.
            asio_failed = true;
        }
        if (asio_failed)
            continue;
        BOOST_TEST(*token == 1);
        BOOST_TEST(token.use_count() == 1);
        if (!happened) {
            BOOST_TEST(!said);
            return;
        }
        BOOST_TEST((said == asio::error::no_memory || !said));
    }
    BOOST_FAIL("an end was to be expected");
}

BOOST_AUTO_TEST_SUITE_END()
