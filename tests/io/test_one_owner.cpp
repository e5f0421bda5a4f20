// SPDX-License-Identifier: BSL-1.0
// A descriptor belongs to one object of a context: Asio's reactor refuses a second one,
// and so does the ring.
#include "../support/backend.hpp"
#include "../support/object_fixture.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <ctime>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;
using local = asio::local::stream_protocol;

template <typename Backend>
using local_socket = asio::basic_stream_socket<local, typename Backend::executor>;

template <typename Backend>
using stream_descriptor =
    asio::posix::basic_stream_descriptor<typename Backend::executor>;

const error_code taken(EEXIST, boost::system::system_category());

} // namespace

BOOST_AUTO_TEST_SUITE(test_one_owner)

BOOST_AUTO_TEST_CASE_TEMPLATE(
    descriptor_of_one_object_is_refused_by_all_others, Backend, backends)
{
    auto [context, first, log] = fixture<Backend, local_socket>();
    auto pair = socket_pair();
    const int number = pair.first.release();
    first.assign(local(), number);
    local_socket<Backend> second(context);
    stream_descriptor<Backend> third(context);
    typename Backend::io_context elsewhere;
    local_socket<Backend> foreign(elsewhere);
    error_code ec;

    BOOST_TEST(second.assign(local(), number, ec) == taken);
    BOOST_TEST(!second.is_open());
    BOOST_TEST(third.assign(number, ec) == taken);
    BOOST_TEST(!third.is_open());
    foreign.assign(local(), number, ec);
    BOOST_TEST(!ec);
    foreign.release();

    // The refusal did nothing to the first.
    char data[8];
    first.async_read_some(asio::buffer(data), log.io("read"));
    write_text(pair.second, "data");
    finish(context);
    BOOST_TEST(log.take() == "read ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    descriptor_is_free_once_its_object_let_go_of_it, Backend, backends)
{
    typename Backend::io_context context;
    auto pair = socket_pair();
    const int number = pair.first.release();
    local_socket<Backend> first(context);
    local_socket<Backend> second(context);
    error_code ec;

    first.assign(local(), number);
    BOOST_TEST(first.release() == number);
    second.assign(local(), number, ec);
    BOOST_TEST(!ec);
    first = std::move(second);
    BOOST_TEST(second.assign(local(), number, ec) == taken);
    asio::basic_stream_socket<local, typename Backend::any_executor> other(
        std::move(first));
    BOOST_TEST(second.assign(local(), number, ec) == taken);
    other.close();
    BOOST_TEST_REQUIRE(::dup2(pair.second.get(), number) == number);
    second.assign(local(), number, ec);
    BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    number_closed_behind_its_object_may_be_another_files, Backend, backends)
{
    typename Backend::io_context context;
    auto pair = socket_pair();
    const int number = pair.first.release();
    local_socket<Backend> stale(context);
    stale.assign(local(), number);
    ::close(number);
    auto next = socket_pair();
    BOOST_TEST_REQUIRE(::dup2(next.first.get(), number) == number);
    local_socket<Backend> fresh(context);
    error_code ec;

    fresh.assign(local(), number, ec);
    BOOST_TEST(!ec);
    stale.release();
    // In Asio's reactor the old object takes the new one's number with it.
    if (uses_ring<Backend>()) {
        local_socket<Backend> third(context);
        BOOST_TEST(third.assign(local(), number, ec) == taken);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(file_may_have_any_number_of_objects, Backend, backends)
{
    typename Backend::io_context context;
    stream_descriptor<Backend> first(context);
    stream_descriptor<Backend> second(context);
    const unique_fd file = memory_file("data");
    const unique_fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int number : {file.get(), null.get()}) {
        error_code ec;
        first.assign(number, ec);
        BOOST_TEST(!ec);
        second.assign(number, ec);
        BOOST_TEST(!ec);
        first.release();
        second.release();
    }
}

// With drop_in.hpp there is no other kind of object.
#ifndef ASIO_URING_DROP_IN
BOOST_AUTO_TEST_CASE(object_moved_onto_a_taken_descriptor_stays_where_it_was)
{
    asio_uring::io_context context(1);
    if (!has_ring(context))
        return;
    auto pair = socket_pair();
    const int number = pair.first.release();
    local_socket<ring> first(context);
    first.assign(local(), number);
    // Objects with Asio's own executor are known to the reactor alone.
    local_socket<stock> apart(context, local(), number);

    BOOST_CHECK_THROW(
        local_socket<ring> moved(std::move(apart)), boost::system::system_error);
    BOOST_TEST(apart.is_open());
    first.release();
    local_socket<ring> moved(std::move(apart));
    BOOST_TEST(moved.native_handle() == number);
    BOOST_TEST(!apart.is_open());
}
#endif

// The table behind it, at its worst: numbers that meet in one place and wrap around. The
// hash is a multiple of the golden ratio, which multiples of these two nearly make whole.
BOOST_AUTO_TEST_CASE(table_of_owners_finds_all_that_are_in_it)
{
    namespace service = asio_uring::detail;
    std::deque<service::request_owner> owners(40);
    service::descriptor_table table;
    table.reserve(owners.size());
    const auto number_of = [](int index) { return index % 5 * 144 + index / 5 * 46'368; };
    std::mt19937 random(1);
    for (int step = 0; step != 20'000; ++step) {
        const int index = static_cast<int>(random() % owners.size());
        service::request_owner& owner = owners[static_cast<std::size_t>(index)];
        if (owner.descriptor < 0) {
            owner.descriptor = number_of(index);
            table.insert(owner, 7);
        }
        else {
            table.erase(owner);
            owner.descriptor = -1;
        }
        for (int other = 0; other != static_cast<int>(owners.size()); ++other) {
            const bool expected = owners[static_cast<std::size_t>(other)].descriptor >= 0;
            if (table.contains(number_of(other), 7) != expected)
                BOOST_FAIL("step " << step << ", number " << number_of(other));
        }
    }
}

// At its usual: the numbers follow each other, and a descriptor that is closed must not
// cost a walk over all that are open. That would take minutes here.
BOOST_AUTO_TEST_CASE(many_owners_of_dense_descriptors_leave_the_table_quickly)
{
    namespace service = asio_uring::detail;
    std::deque<service::request_owner> owners(300'000);
    service::descriptor_table table;
    const std::clock_t before = std::clock();
    table.reserve(owners.size());
    int number = 0;
    for (service::request_owner& owner : owners) {
        owner.descriptor = number++;
        table.insert(owner, 7);
    }
    for (service::request_owner& owner : owners)
        table.erase(owner);
    BOOST_TEST((std::clock() - before) / CLOCKS_PER_SEC < 10);
    BOOST_TEST(!table.contains(number - 1, 7));
}

BOOST_AUTO_TEST_SUITE_END()
