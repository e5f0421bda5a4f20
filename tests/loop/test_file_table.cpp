// SPDX-License-Identifier: BSL-1.0
// The file table of a context's ring, where the ring or all memory is gone.
#include "../support/counting_allocator.hpp"
#include "../support/destroy_everywhere.hpp"
#include "../support/drive.hpp"

#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/file_slot.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/op.hpp>
#include <asio_uring/submit.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;
namespace op = asio_uring::op;

/// What an operation on its own ends with.
template <typename Operation>
int run(asio::io_context& context, const Operation& operation)
{
    int error = -1;
    asio_uring::async_submit(
        context.get_executor(), operation, [&](error_code result, int) {
            error = result.value();
        });
    finish(context);
    return error;
}

int open_into(asio::io_context& context, std::uint32_t slot)
{
    return run(context, op::openat{.path = "/dev/null", .slot = slot});
}

int read_from(asio::io_context& context, std::uint32_t slot)
{
    char byte = 0;
    return run(context, op::on_slot(slot, op::read{.data = &byte, .size = 1}));
}

int number_of_ring(asio::io_context& context)
{
    return asio_uring::detail::ring_of(context).find_loop()->ring().native_handle();
}

/// Gives a slot back when the number of the slot's ring has become another ring's.
struct late_slot
{
    late_slot(asio::io_context& context, asio::io_context& next, bool& ring_was_closed)
        : slot(context),
          number(number_of_ring(context)),
          other(number_of_ring(next)),
          was_closed(ring_was_closed)
    {}
    late_slot(const late_slot&) = delete;
    late_slot& operator=(const late_slot&) = delete;

    ~late_slot()
    {
        was_closed = ::fcntl(number, F_GETFD) == -1;
        if (was_closed)
            ::dup2(other, number);
    }

    asio_uring::file_slot slot;
    int number;
    int other;
    bool& was_closed;
};

BOOST_AUTO_TEST_SUITE(test_file_table)

BOOST_AUTO_TEST_CASE(slot_given_back_after_its_ring_was_closed_spares_the_next_ring)
{
    asio_uring::io_context next;
    const asio_uring::file_slot kept(next);
    BOOST_TEST_REQUIRE(open_into(next, kept.index()) == 0);
    // A request is in the kernel when another thread destroys the context. Then the
    // ring is closed before the handlers are destroyed.
    auto context = make_context(context_kind::single_issuer);
    bool was_closed = false;
    auto late = std::make_unique<late_slot>(*context, next, was_closed);
    const int number = late->number;
    BOOST_TEST_REQUIRE(late->slot.index() == kept.index());
    const asio_uring::abi::kernel_timespec hour{.sec = 3600, .nsec = 0};
    std::thread([&] {
        asio_uring::async_submit(
            context->get_executor(), op::timeout{.expiry = &hour}, [](error_code, int) {
            });
        turn(*context);
        asio::post(*context, [late = std::move(late)] {});
    }).join();
    context.reset();
    BOOST_TEST_REQUIRE(was_closed);
    ::close(number);
    BOOST_TEST(read_from(next, kept.index()) == 0);
}

BOOST_AUTO_TEST_CASE(table_that_found_no_memory_is_made_for_the_next_slot)
{
    asio_uring::io_context context;
    bool failed = false;
    {
        const no_memory here;
        try {
            const asio_uring::file_slot slot(context);
        }
        catch (const std::bad_alloc&) {
            failed = true;
        }
    }
    BOOST_TEST(failed);
    error_code ec;
    const asio_uring::file_slot slot(context, ec);
    BOOST_TEST_REQUIRE(!ec);
    BOOST_TEST(open_into(context, slot.index()) == 0);
    BOOST_TEST(read_from(context, slot.index()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
