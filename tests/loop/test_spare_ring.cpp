// SPDX-License-Identifier: BSL-1.0
// The ring of a context that has ended is the next context's, where nothing is left in
// it, and nobody notices.
#include "../ring/in_child.hpp"
#include "../support/drive.hpp"
#include "../support/scripted_loop.hpp"

#include <asio_uring/asio_uring.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/ring/spare_ring.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio_uring::detail::drop_spare_ring;
using boost::system::error_code;
using local = asio_uring::local::stream_protocol;

int number_of_ring(asio::io_context& context)
{
    return asio_uring::detail::ring_of(context).find_loop()->ring().native_handle();
}

/// The kernel's name of an open file; each ring has one of its own.
std::uint64_t file_of(int descriptor)
{
    struct ::stat info = {};
    return ::fstat(descriptor, &info) == 0 ? info.st_ino : 0;
}

std::uint64_t ring_file_of(asio::io_context& context)
{
    return file_of(number_of_ring(context));
}

/// A timer, and a byte to a socket and back. Returns whether all of it went well.
bool converse(asio::io_context& context)
{
    local::socket near(context);
    local::socket far(context);
    asio::local::connect_pair(near, far);
    asio_uring::steady_timer timer(context, 1ms);
    char byte = 0;
    int good = 0;
    timer.async_wait([&](error_code ec) { good += !ec; });
    near.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t size) {
        good += !ec && size == 1 && byte == 'x';
    });
    far.async_write_some(
        asio::buffer("x", 1), [&](error_code ec, std::size_t) { good += !ec; });
    context.restart();
    context.run_for(wait_limit);
    return good == 3;
}

/// The ring's file of a context that did the work and has ended.
template <typename Work>
std::uint64_t after(Work work, int hint = 1, asio_uring::ring_options options = {})
{
    asio_uring::io_context context(hint, options);
    work(context);
    return ring_file_of(context);
}

bool is_kept(std::uint64_t file)
{
    return after([](asio::io_context&) {}) == file;
}

struct no_spare
{
    no_spare() { drop_spare_ring(); }
    ~no_spare() { drop_spare_ring(); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_spare_ring, no_spare)

BOOST_AUTO_TEST_CASE(next_context_begins_with_the_ring_of_the_last)
{
    const auto first = after([](auto& context) { BOOST_TEST(converse(context)); });
    for (int round = 0; round != 600; ++round) // the entries come round twice
        BOOST_TEST_REQUIRE(first == after([](auto& context) { converse(context); }));
    BOOST_TEST(first == after([](auto& context) { BOOST_TEST(converse(context)); }));
}

BOOST_AUTO_TEST_CASE(context_that_never_ran_leaves_its_ring)
{
    const auto first = after([](asio::io_context&) {});
    BOOST_TEST(is_kept(first));
}

BOOST_AUTO_TEST_CASE(context_counts_from_zero_on_the_ring_of_another)
{
    after([](auto& context) { converse(context); });
    asio_uring::io_context context(1);
    const auto counts = asio_uring::detail::ring_of(context).find_loop()->counters();
    BOOST_TEST(counts.sqes == 0u);
    BOOST_TEST(counts.cqes == 0u);
    BOOST_TEST(asio_uring::status(context).sq_entries == 256u);
}

// Reads in the kernel, a wait, a poll that stands, a timer: their ends are the first
// context's.
BOOST_AUTO_TEST_CASE(ring_is_left_with_nothing_in_it)
{
    int calls = 0;
    const auto count = [&](auto&&...) { ++calls; };
    char byte = 0;
    const auto first = after([&](asio::io_context& context) {
        auto* near = new local::socket(context);
        auto* far = new local::socket(context);
        asio::local::connect_pair(*near, *far);
        // Handlers own their sockets, so all of it stands when the context ends.
        near->async_read_some(
            asio::buffer(&byte, 1),
            [count, own = std::shared_ptr<local::socket>(near)](auto&&... results) {
                count(results...);
            });
        far->async_wait(
            local::socket::wait_read,
            [count, own = std::shared_ptr<local::socket>(far)](auto&&... results) {
                count(results...);
            });
        turn(context);
    });
    asio_uring::io_context context(1);
    BOOST_TEST(ring_file_of(context) == first);
    BOOST_TEST(converse(context));
    BOOST_TEST(calls == 0);
    BOOST_TEST(
        asio_uring::detail::ring_of(context).find_loop()->counters().reissues == 0u);
}

BOOST_AUTO_TEST_CASE(ring_of_other_options_is_not_taken)
{
    const auto small = after([](asio::io_context&) {}, 1, {.entries = 16});
    BOOST_TEST(!is_kept(small));
    drop_spare_ring();
    const auto several = after([](asio::io_context&) {}, 2);
    BOOST_TEST(!is_kept(several));
    BOOST_TEST(several == after([](asio::io_context&) {}, 2));
}

BOOST_AUTO_TEST_CASE(two_contexts_at_a_time_have_two_rings)
{
    after([](asio::io_context&) {});
    asio_uring::io_context one(1);
    asio_uring::io_context two(1);
    BOOST_TEST(ring_file_of(one) != ring_file_of(two));
    BOOST_TEST(converse(one));
    BOOST_TEST(converse(two));
}

// Its buffers would stay with the ring.
BOOST_AUTO_TEST_CASE(ring_with_requests_of_the_program_is_not_kept)
{
    const auto used = after([](asio::io_context& context) {
        asio_uring::async_submit(
            context.get_executor(), asio_uring::op::nop{}, [](error_code, int) {});
        finish(context);
    });
    BOOST_TEST(!is_kept(used));
}

BOOST_AUTO_TEST_CASE(ring_with_a_table_is_not_kept)
{
    const auto used = after([](asio::io_context& context) {
        const asio_uring::file_slot slot(context.get_executor());
    });
    BOOST_TEST(!is_kept(used));
}

BOOST_AUTO_TEST_CASE(ring_of_a_single_issuer_is_not_kept)
{
    const asio_uring::ring_options single{.flags = asio_uring::abi::setup_single_issuer};
    const auto run = [](asio::io_context& context) { converse(context); };
    const auto used = after(run, 1, single);
    BOOST_TEST(used != after(run, 1, single));
}

BOOST_AUTO_TEST_CASE(ring_that_a_reactor_watched_is_not_kept)
{
    std::uint64_t used = 0;
    {
        asio::io_context context(1);
        const asio::steady_timer stock(context);
        asio_uring::use_ring(context);
        used = ring_file_of(context);
        BOOST_TEST(converse(context));
    }
    BOOST_TEST(!is_kept(used));
}

BOOST_AUTO_TEST_CASE(context_run_by_a_thread_that_ended_leaves_nothing_behind)
{
    for (int round = 0; round != 20; ++round) {
        asio_uring::io_context context(1);
        std::thread([&] { converse(context); }).join();
        // The thread's own polls may have ended by now, or not.
    }
    after([](auto& context) { BOOST_TEST(converse(context)); });
}

BOOST_AUTO_TEST_CASE(i08_threads_make_and_end_contexts_at_the_same_time)
{
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    for (int thread = 0; thread != 3; ++thread)
        threads.emplace_back([&] {
            for (int round = 0; round != 50; ++round)
                after([&](auto& context) { good += converse(context); });
        });
    for (std::thread& each : threads)
        each.join();
    BOOST_TEST(good == 150);
}

BOOST_AUTO_TEST_CASE(child_of_a_fork_has_no_part_in_the_ring_of_its_parent)
{
    const auto first = after([](auto& context) { converse(context); });
    const std::string verdict = in_child([&]() -> std::string {
        for (int number = 0; number != 64; ++number)
            if (file_of(number) == first)
                return "the child holds the ring";
        asio_uring::io_context context(1);
        return converse(context) ? "" : "the child's context does not work";
    });
    BOOST_TEST(verdict == "");
    BOOST_TEST(is_kept(first));
}

// As a daemon closes what it does not know.
BOOST_AUTO_TEST_CASE(descriptor_that_the_program_closed_is_the_program_s)
{
    int number = -1;
    {
        asio_uring::io_context context(1);
        number = number_of_ring(context);
    }
    ::close(number);
    const int other = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (other != number)
        BOOST_TEST_REQUIRE(::dup2(other, number) == number);
    const auto file = file_of(number);
    after([](auto& context) { BOOST_TEST(converse(context)); });
    BOOST_TEST(file_of(number) == file);
    ::close(number);
    if (other != number)
        ::close(other);
}

BOOST_AUTO_TEST_CASE(spare_ring_gives_way_to_another_ring)
{
    after([](asio::io_context&) {});
    ::rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    ::rlimit full = before;
    const int lowest = ::dup(0);
    ::close(lowest);
    full.rlim_cur = static_cast<::rlim_t>(lowest);
    ::setrlimit(RLIMIT_NOFILE, &full);
    error_code ec;
    const auto made = asio_uring::ring::create({}, ec);
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(!ec);
    BOOST_TEST(!drop_spare_ring());
}

BOOST_FIXTURE_TEST_CASE(scripted_ring_is_released_when_all_has_ended, scripted_fixture)
{
    first_turn();
    start(3, owner(3), direction::read);
    turn();
    {
        operation_queue ops;
        loop->shutdown(ops);
    }
    BOOST_TEST(loop->release_ring().has_value());
    BOOST_TEST(script.in_flight.empty());
    loop.reset();
}

// A thread of the program has the poll, and does not come into the kernel.
BOOST_FIXTURE_TEST_CASE(scripted_ring_stays_where_a_poll_stands, scripted_fixture)
{
    first_turn();
    {
        operation_queue ops;
        loop->shutdown(ops);
    }
    script.obey_cancels = false;
    BOOST_TEST(!loop->release_ring().has_value());
    loop.reset();
}

BOOST_FIXTURE_TEST_CASE(scripted_ring_stays_where_an_entry_is_refused, scripted_fixture)
{
    first_turn();
    {
        operation_queue ops;
        loop->shutdown(ops);
    }
    script.refusal = -EBADF;
    BOOST_TEST(!loop->release_ring().has_value());
    loop.reset();
}

BOOST_AUTO_TEST_SUITE_END()
