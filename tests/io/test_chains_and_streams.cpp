// SPDX-License-Identifier: BSL-1.0
// Chains of operations and streams of results, awaited as a program does: against the
// real kernel, and against none.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/loopback.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/detail/ring/spare_ring.hpp>
#include <asio_uring/file_slot.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/link.hpp>
#include <asio_uring/op.hpp>
#include <asio_uring/result_stream.hpp>
#include <asio_uring/status.hpp>
#include <asio_uring/submit.hpp>
#include <asio_uring/within.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using asio_uring::operation_result;
using asio_uring::stream_result;
using boost::system::error_code;
namespace op = asio_uring::op;
namespace kernel = asio_uring::abi;

/// What a chain of three ended with.
struct chain_log
{
    std::optional<error_code> error;
    std::array<operation_result, 3> each{};

    auto handler()
    {
        return [this](error_code ec, std::array<operation_result, 3> results) {
            BOOST_TEST(loop_scope::inside());
            error = ec;
            each = results;
        };
    }
};

/// What a stream has told so far: values, and "eof" or a message at its end.
struct stream_log
{
    std::vector<int> values;
    std::optional<error_code> end;

    auto handler()
    {
        return [this](error_code ec, stream_result result) {
            BOOST_TEST(loop_scope::inside());
            if (ec)
                end = ec;
            else
                values.push_back(result.value);
        };
    }
};

struct submit_fixture
{
    asio_uring::io_context context{1};

    asio::any_io_executor executor() { return context.get_executor(); }

    /// Whether this run has a ring.
    bool has_ring()
    {
        return asio_uring::status(context).mode != asio_uring::ring_mode::fallback;
    }

    /// Without one, what was started ends with errc::no_ring.
    bool ends_without_ring(const std::optional<error_code>& ec)
    {
        if (has_ring())
            return false;
        BOOST_TEST(!ec.has_value());
        finish(context);
        BOOST_TEST((ec == make_error_code(asio_uring::errc::no_ring)));
        return true;
    }

    /// Gives the ring the memory as a group of 16 buffers.
    void provide(std::array<char, 256>& memory, std::uint16_t group)
    {
        std::optional<error_code> provided;
        asio_uring::async_submit(
            executor(),
            op::provide_buffers{
                .data = memory.data(), .size = 16, .count = 16, .group = group},
            [&](error_code ec, int) { provided = ec; });
        finish(context);
        BOOST_TEST_REQUIRE((provided && !*provided));
    }
};

struct pipe_pair
{
    pipe_pair() { BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0); }
    ~pipe_pair()
    {
        ::close(ends[0]);
        close_writer();
    }
    pipe_pair(const pipe_pair&) = delete;
    pipe_pair& operator=(const pipe_pair&) = delete;

    void write(const std::string& text)
    {
        BOOST_TEST(::write(ends[1], text.data(), text.size()) == ssize_t(text.size()));
    }

    void close_writer()
    {
        if (ends[1] >= 0)
            ::close(ends[1]);
        ends[1] = -1;
    }

    int ends[2];
};

/// The ring that is kept for the next context is left out.
std::size_t open_descriptors()
{
    asio_uring::detail::drop_spare_ring();
    std::size_t count = 0;
    for (int fd = 0; fd != 256; ++fd)
        count += ::fcntl(fd, F_GETFD) != -1;
    return count;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_chains_and_streams, submit_fixture)

// Chains

BOOST_AUTO_TEST_CASE(chain_runs_in_order_and_tells_each_result)
{
    const temporary_directory folder;
    const auto file = folder.open("file");
    const int fd = file.get();
    char back[16] = {};
    chain_log log;
    asio_uring::async_submit(
        executor(),
        asio_uring::link(
            op::write{.fd = fd, .data = "hello", .size = 5, .offset = 0},
            op::fsync{.fd = fd},
            op::read{.fd = fd, .data = back, .size = 5, .offset = 0}),
        log.handler());
    if (!ends_without_ring(log.error)) {
        finish(context);
        BOOST_TEST((log.error == error_code()));
        BOOST_TEST(log.each[0].value == 5);
        BOOST_TEST(log.each[1].value == 0);
        BOOST_TEST(log.each[2].value == 5);
        BOOST_TEST(std::string(back) == "hello");
    }
}

BOOST_AUTO_TEST_CASE(chain_opens_stats_reads_and_closes_by_a_slot)
{
    if (!has_ring())
        return;
    const temporary_directory folder;
    folder.write("notes", "seven b");
    const std::size_t descriptors = open_descriptors();
    struct ::statx about
    {};
    char data[16] = {};
    asio_uring::file_slot slot(context);
    bool done = false;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            const auto results = co_await asio_uring::async_submit(
                context.get_executor(),
                asio_uring::link(
                    op::openat{
                        .directory = folder.fd(), .path = "notes", .slot = slot.index()},
                    op::statx{
                        .directory = folder.fd(),
                        .path = "notes",
                        .mask = STATX_SIZE,
                        .result = &about},
                    op::on_slot(
                        slot.index(), op::read{.data = data, .size = 7, .offset = 0}),
                    op::close{.slot = slot.index()}),
                asio::use_awaitable);
            BOOST_TEST(results.size() == 4u);
            BOOST_TEST(results[2].value == 7);
            done = true;
        },
        asio::detached);
    finish(context);
    BOOST_TEST(done);
    BOOST_TEST(about.stx_size == 7u);
    BOOST_TEST(std::string(data) == "seven b");
    BOOST_TEST(open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(failed_member_ends_the_chain_and_is_its_error)
{
    chain_log log;
    asio_uring::async_submit(
        executor(),
        asio_uring::link(op::nop{}, op::fsync{.fd = -1}, op::nop{}),
        log.handler());
    if (ends_without_ring(log.error))
        return;
    finish(context);
    BOOST_TEST((log.error == boost::asio::error::bad_descriptor));
    BOOST_TEST(!log.each[0].error);
    BOOST_TEST((log.each[1].error == boost::asio::error::bad_descriptor));
    BOOST_TEST((log.each[2].error == boost::asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(short_member_ends_the_chain_as_aborted)
{
    if (!has_ring())
        return;
    pipe_pair pipe;
    pipe.write("abc");
    char data[8];
    chain_log log;
    asio_uring::async_submit(
        executor(),
        asio_uring::link(
            op::nop{}, op::read{.fd = pipe.ends[0], .data = data, .size = 8}, op::nop{}),
        log.handler());
    finish(context);
    BOOST_TEST((log.error == boost::asio::error::operation_aborted));
    BOOST_TEST(log.each[1].value == 3);
    BOOST_TEST((log.each[2].error == boost::asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(hard_link_goes_on_behind_a_failure)
{
    if (!has_ring())
        return;
    chain_log log;
    asio_uring::async_submit(
        executor(),
        asio_uring::hard_link(op::fsync{.fd = -1}, op::nop{}, op::nop{}),
        log.handler());
    finish(context);
    BOOST_TEST((log.error == boost::asio::error::bad_descriptor));
    BOOST_TEST(!log.each[1].error);
    BOOST_TEST(!log.each[2].error);
}

BOOST_AUTO_TEST_CASE(chain_with_a_deadline_that_is_kept_succeeds)
{
    if (!has_ring())
        return;
    pipe_pair pipe;
    pipe.write("a");
    char data[1];
    const kernel::kernel_timespec late{.sec = 3600, .nsec = 0};
    const kernel::kernel_timespec soon{.sec = 0, .nsec = 1000000};
    std::optional<error_code> kept;
    std::optional<error_code> missed;
    const auto read_until = [&](const kernel::kernel_timespec& limit, auto& ec) {
        asio_uring::async_submit(
            executor(),
            asio_uring::link(
                op::read{.fd = pipe.ends[0], .data = data, .size = 1},
                op::link_timeout{.expiry = &limit}),
            [&ec](error_code result, std::array<operation_result, 2>) { ec = result; });
    };
    read_until(late, kept);
    finish(context);
    BOOST_TEST((kept == error_code()));
    read_until(soon, missed);
    finish(context);
    BOOST_TEST((missed && *missed));
}

BOOST_AUTO_TEST_CASE(chain_that_ends_within_its_time_succeeds)
{
    chain_log log;
    asio_uring::async_submit(
        executor(),
        asio_uring::within(wait_limit, asio_uring::link(op::nop{}, op::nop{}, op::nop{})),
        log.handler());
    if (ends_without_ring(log.error))
        return;
    // The timer is gone with the chain: nothing waits for the limit.
    finish(context);
    BOOST_TEST((log.error == error_code()));
}

BOOST_AUTO_TEST_CASE(chain_beyond_its_time_tells_what_was_done_and_that_it_timed_out)
{
    if (!has_ring())
        return;
    pipe_pair pipe;
    pipe_pair empty;
    char data[8];
    chain_log log;
    asio_uring::async_submit(
        executor(),
        asio_uring::within(
            std::chrono::milliseconds(1),
            asio_uring::link(
                op::write{.fd = pipe.ends[1], .data = "done", .size = 4},
                op::read{.fd = empty.ends[0], .data = data, .size = 8},
                op::nop{})),
        log.handler());
    finish(context);
    BOOST_TEST((log.error == boost::asio::error::timed_out));
    BOOST_TEST(!log.each[0].error);
    BOOST_TEST(log.each[0].value == 4);
    BOOST_TEST((log.each[1].error == boost::asio::error::operation_aborted));
    BOOST_TEST((log.each[2].error == boost::asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(chain_with_a_deadline_is_cancelled_as_any_other)
{
    if (!has_ring())
        return;
    for (const stage when : stages) {
        pipe_pair pipe;
        char data[8];
        chain_log log;
        asio::cancellation_signal signal;
        asio_uring::async_submit(
            executor(),
            asio_uring::within(
                wait_limit,
                asio_uring::link(
                    op::nop{},
                    op::read{.fd = pipe.ends[0], .data = data, .size = 8},
                    op::nop{})),
            asio::bind_cancellation_slot(signal.slot(), log.handler()));
        reach(context, when);
        signal.emit(asio::cancellation_type::terminal);
        finish(context);
        BOOST_TEST((log.error == boost::asio::error::operation_aborted));
    }
}

BOOST_AUTO_TEST_CASE(chain_with_a_deadline_is_destroyed_with_the_context)
{
    pipe_pair pipe;
    char data[8];
    auto token = std::make_shared<int>(0);
    {
        asio_uring::io_context dying(1);
        asio_uring::async_submit(
            dying.get_executor(),
            asio_uring::within(
                wait_limit,
                asio_uring::link(
                    op::nop{}, op::read{.fd = pipe.ends[0], .data = data, .size = 8})),
            [token](error_code, std::array<operation_result, 2>) { ++*token; });
        turn(dying);
    }
    BOOST_TEST(token.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(cancelled_chain_tells_what_was_done)
{
    if (!has_ring())
        return;
    for (const stage when : stages) {
        pipe_pair pipe;
        char data[8];
        chain_log log;
        asio::cancellation_signal signal;
        asio_uring::async_submit(
            executor(),
            asio_uring::link(
                op::nop{},
                op::read{.fd = pipe.ends[0], .data = data, .size = 8},
                op::nop{}),
            asio::bind_cancellation_slot(signal.slot(), log.handler()));
        reach(context, when);
        signal.emit(asio::cancellation_type::terminal);
        BOOST_TEST(!log.error.has_value());
        finish(context);
        BOOST_TEST((log.error == boost::asio::error::operation_aborted));
        BOOST_TEST((log.each[1].error == boost::asio::error::operation_aborted));
        BOOST_TEST((log.each[2].error == boost::asio::error::operation_aborted));
    }
}

BOOST_AUTO_TEST_CASE(cancelled_hard_chain_ends_in_every_member)
{
    if (!has_ring())
        return;
    pipe_pair pipe;
    char data[3][8];
    chain_log log;
    asio::cancellation_signal signal;
    const auto read = [&](int index) {
        return op::read{.fd = pipe.ends[0], .data = data[index], .size = 8};
    };
    asio_uring::async_submit(
        executor(),
        asio_uring::hard_link(read(0), read(1), read(2)),
        asio::bind_cancellation_slot(signal.slot(), log.handler()));
    turn(context);
    signal.emit(asio::cancellation_type::total);
    finish(context);
    for (const operation_result& result : log.each)
        BOOST_TEST((result.error == boost::asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(chain_with_a_multishot_member_is_refused)
{
    if (!has_ring())
        return;
    chain_log log;
    asio_uring::async_submit(
        executor(),
        asio_uring::link(
            op::nop{}, op::poll_add{.fd = 0, .flags = kernel::poll_add_multi}, op::nop{}),
        log.handler());
    BOOST_TEST(!log.error.has_value());
    finish(context);
    BOOST_TEST((log.error == boost::asio::error::invalid_argument));
}

BOOST_AUTO_TEST_CASE(chains_that_stand_are_destroyed_with_the_context)
{
    if (!has_ring())
        return;
    const std::size_t descriptors = open_descriptors();
    {
        pipe_pair pipe;
        asio::io_context doomed{1};
        auto data = std::make_shared<std::array<char, 8>>();
        for (int round = 0; round != 20; ++round) {
            asio_uring::async_submit(
                doomed.get_executor(),
                asio_uring::link(
                    op::openat{.path = "/dev/null", .flags = O_CLOEXEC},
                    op::read{.fd = pipe.ends[0], .data = data->data(), .size = 8}),
                [data](error_code, std::array<operation_result, 2>) {
                    BOOST_TEST(false, "no handler is called");
                });
            if (round == 10)
                doomed.poll();
        }
    }
    BOOST_TEST(open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(many_chains_from_a_small_queue_all_end_in_order)
{
    asio_uring::io_context small(1, {.entries = 4});
    if (asio_uring::status(small).mode == asio_uring::ring_mode::fallback)
        return;
    std::size_t ended = 0;
    for (int round = 0; round != 100; ++round)
        asio_uring::async_submit(
            small.get_executor(),
            asio_uring::link(op::nop{}, op::nop{}, op::nop{}),
            [&](error_code ec, std::array<operation_result, 3>) {
                BOOST_TEST(!ec);
                ++ended;
            });
    finish(small);
    BOOST_TEST(ended == 100u);
}

BOOST_AUTO_TEST_CASE(slots_are_lent_and_come_back_empty)
{
    error_code ec;
    asio_uring::file_slot first(context, ec);
    if (!has_ring()) {
        BOOST_TEST((ec == make_error_code(asio_uring::errc::no_ring)));
        return;
    }
    BOOST_TEST_REQUIRE(!ec);
    std::vector<asio_uring::file_slot> all;
    while (!ec) {
        asio_uring::file_slot slot(context, ec);
        if (slot)
            all.push_back(std::move(slot));
    }
    BOOST_TEST((ec == boost::asio::error::no_descriptors));
    BOOST_TEST(all.size() == 63u);
    all.clear();
    const std::uint32_t index = first.index();
    const auto run = [&](const auto& operation) {
        int value = -1;
        asio_uring::async_submit(executor(), operation, [&](error_code result, int) {
            value = result.value();
        });
        finish(context);
        return value;
    };
    BOOST_TEST(run(op::openat{.path = "/dev/null", .slot = index}) == 0);
    char byte = 0;
    const auto read = op::on_slot(index, op::read{.data = &byte, .size = 1});
    BOOST_TEST(run(read) == 0);
    first = asio_uring::file_slot();
    BOOST_TEST(run(read) == EBADF);
    BOOST_CHECK_NO_THROW(asio_uring::file_slot{context});
    BOOST_CHECK_NO_THROW(asio_uring::file_slot{context.get_executor()});
}

// Streams

BOOST_AUTO_TEST_CASE(stream_of_accepts_gives_a_descriptor_per_connection)
{
    using tcp = asio::ip::tcp;
    asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    asio_uring::result_stream connections(context);
    stream_log log;
    async_submit(
        connections,
        op::accept{.fd = acceptor.native_handle(), .ioprio = kernel::accept_multishot});
    connections.async_next(log.handler());
    if (ends_without_ring(log.end))
        return;
    std::vector<tcp::socket> peers;
    for (int index = 0; index != 5; ++index)
        peers.emplace_back(context).connect(acceptor.local_endpoint());
    for (int index = 0; index != 4; ++index)
        connections.async_next(log.handler());
    run_until(context, [&] { return log.values.size() == 5; });
    for (const int fd : log.values)
        BOOST_TEST(::close(fd) == 0);
}

BOOST_AUTO_TEST_CASE(stream_that_nobody_reads_pauses_and_loses_nothing)
{
    if (!has_ring())
        return;
    pipe_pair pipe;
    const kernel::kernel_timespec tick{.sec = 0, .nsec = 200000};
    asio_uring::result_stream ticks(context, 4);
    stream_log log;
    async_submit(
        ticks,
        op::timeout{.expiry = &tick, .count = 0, .flags = kernel::timeout_multishot});
    // What the ring has reaped is at most what the stream holds, whatever the time.
    asio::steady_timer timer(context, std::chrono::milliseconds(50));
    timer.async_wait([](error_code) {});
    finish(context);
    for (int index = 0; index != 100; ++index)
        ticks.async_next(log.handler());
    run_until(context, [&] { return log.values.size() == 100; });
    BOOST_TEST(!log.end.has_value());
}

BOOST_AUTO_TEST_CASE(stream_of_a_counted_timer_ends_with_eof)
{
    if (!has_ring())
        return;
    const kernel::kernel_timespec tick{.sec = 0, .nsec = 100000};
    asio_uring::result_stream ticks(context);
    stream_log log;
    async_submit(
        ticks,
        op::timeout{.expiry = &tick, .count = 3, .flags = kernel::timeout_multishot});
    for (int index = 0; index != 5; ++index)
        ticks.async_next(log.handler());
    finish(context);
    BOOST_TEST(log.values == (std::vector<int>{0, 0, 0}));
    BOOST_TEST((log.end == boost::asio::error::eof));
    BOOST_TEST(ticks.is_open());
}

BOOST_AUTO_TEST_CASE(counted_timer_that_pauses_expires_as_often_as_asked)
{
    if (!has_ring())
        return;
    const kernel::kernel_timespec tick{.sec = 0, .nsec = 100000};
    asio_uring::result_stream ticks(context, 2);
    stream_log log;
    async_submit(
        ticks,
        op::timeout{.expiry = &tick, .count = 7, .flags = kernel::timeout_multishot});
    // Nobody takes the first ones, and the stream pauses.
    asio::steady_timer later(context, std::chrono::milliseconds(5));
    later.async_wait([](error_code) {});
    finish(context);
    for (int index = 0; index != 9; ++index)
        ticks.async_next(log.handler());
    finish(context);
    BOOST_TEST(log.values.size() == 7u);
    BOOST_TEST((log.end == boost::asio::error::eof));
}

BOOST_AUTO_TEST_CASE(empty_datagram_does_not_end_a_stream)
{
    if (!has_ring())
        return;
    int ends[2];
    BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    std::array<char, 256> memory{};
    provide(memory, 3);
    asio_uring::result_stream datagrams(context);
    stream_log log;
    async_submit(
        datagrams, op::recv{.fd = ends[0], .ioprio = kernel::recv_multishot, .group = 3});
    for (const std::size_t size : {3U, 0U, 0U, 2U})
        BOOST_TEST(::send(ends[1], "text", size, 0) == ssize_t(size));
    for (int index = 0; index != 4; ++index)
        datagrams.async_next(log.handler());
    run_until(context, [&] { return log.values.size() == 4 || log.end; });
    BOOST_TEST(log.values == (std::vector<int>{3, 0, 0, 2}));
    BOOST_TEST(!log.end.has_value());
    datagrams.close();
    finish(context);
    ::close(ends[0]);
    ::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(receive_with_a_limit_ends_there_however_small_the_stream)
{
    if (!has_ring())
        return;
    int ends[2];
    BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    std::array<char, 256> memory{};
    provide(memory, 3);
    asio_uring::result_stream bytes(context, 1);
    stream_log log;
    BOOST_TEST(::send(ends[1], "twelve bytes", 12, 0) == 12);
    async_submit(
        bytes,
        op::recv{
            .fd = ends[0],
            .size = 2,
            .ioprio = kernel::recv_multishot,
            .group = 3,
            .total = 6});
    for (int index = 0; index != 4; ++index)
        bytes.async_next(log.handler());
    run_until(context, [&] { return log.end.has_value(); });
    // KERNEL 6.17: older ones refuse a size.
    if (log.end != boost::asio::error::invalid_argument) {
        BOOST_TEST(log.values == (std::vector<int>{2, 2, 2}));
        BOOST_TEST((log.end == boost::asio::error::eof));
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(chain_takes_a_handler_of_any_arguments)
{
    if (!has_ring())
        return;
    std::optional<error_code> error;
    asio_uring::async_submit(
        executor(),
        asio_uring::link(op::nop{}, op::nop{}),
        [&](auto, const auto& results) { error = results[1].error; });
    finish(context);
    BOOST_TEST((error && !*error));
}

BOOST_AUTO_TEST_CASE(stream_of_polls_is_read_by_a_coroutine)
{
    if (!has_ring())
        return;
    pipe_pair pipe;
    asio_uring::result_stream readable(context);
    async_submit(
        readable,
        op::poll_add{
            .fd = pipe.ends[0], .events = POLLIN, .flags = kernel::poll_add_multi});
    int seen = 0;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            for (; seen != 3; ++seen) {
                pipe.write("x");
                const stream_result result =
                    co_await readable.async_next(asio::use_awaitable);
                BOOST_TEST((result.value & POLLIN) != 0);
            }
        },
        asio::detached);
    finish(context);
    BOOST_TEST(seen == 3);
}

BOOST_AUTO_TEST_CASE(stream_of_a_zero_copy_send_tells_what_was_sent_and_when_it_is_free)
{
    if (!has_ring())
        return;
    using tcp = asio::ip::tcp;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    tcp::socket sender(context);
    sender.connect(acceptor.local_endpoint());
    tcp::socket receiver = acceptor.accept();
    const std::string data(1000, 'z');
    asio_uring::result_stream stages(context, 1);
    stream_log log;
    async_submit(
        stages,
        op::send_zc{.fd = sender.native_handle(), .data = data.data(), .size = 1000});
    stages.async_next(log.handler());
    run_until(context, [&] { return log.values.size() == 1; });
    BOOST_TEST(log.values.at(0) == 1000);
    stages.async_next(log.handler());
    // The data is free once the receiver's side has it.
    std::string got(1000, ' ');
    asio::read(receiver, asio::buffer(got));
    finish(context);
    BOOST_TEST((log.end == boost::asio::error::eof));
    BOOST_TEST(got == data);
}

BOOST_AUTO_TEST_CASE(stream_ends_with_the_error_of_its_operation)
{
    if (!has_ring())
        return;
    asio_uring::result_stream stream(context);
    stream_log log;
    async_submit(stream, op::accept{.fd = -1, .ioprio = kernel::accept_multishot});
    stream.async_next(log.handler());
    finish(context);
    BOOST_TEST((log.end == boost::asio::error::bad_descriptor));
    log.end.reset();
    stream.async_next(log.handler());
    BOOST_TEST(!log.end.has_value());
    finish(context);
    BOOST_TEST((log.end == boost::asio::error::bad_descriptor));
}

BOOST_AUTO_TEST_CASE(stream_without_a_multishot_operation_says_so)
{
    if (!has_ring())
        return;
    asio_uring::result_stream stream(context);
    stream_log log;
    stream.async_next(log.handler());
    finish(context);
    BOOST_TEST((log.end == boost::asio::error::bad_descriptor));
    async_submit(stream, op::nop{});
    stream.async_next(log.handler());
    finish(context);
    BOOST_TEST((log.end == boost::asio::error::invalid_argument));
}

BOOST_AUTO_TEST_CASE(cancelled_wait_leaves_the_stream_as_it_was)
{
    if (!has_ring())
        return;
    pipe_pair pipe;
    asio_uring::result_stream stream(context);
    async_submit(
        stream,
        op::poll_add{
            .fd = pipe.ends[0], .events = POLLIN, .flags = kernel::poll_add_multi});
    stream_log slot;
    stream_log object;
    asio::cancellation_signal signal;
    stream.async_next(asio::bind_cancellation_slot(signal.slot(), slot.handler()));
    turn(context);
    signal.emit(asio::cancellation_type::total);
    finish(context);
    BOOST_TEST((slot.end == boost::asio::error::operation_aborted));
    stream.async_next(object.handler());
    stream.cancel();
    finish(context);
    BOOST_TEST((object.end == boost::asio::error::operation_aborted));
    stream_log last;
    pipe.write("x");
    stream.async_next(last.handler());
    finish(context);
    BOOST_TEST(last.values.size() == 1u);
}

BOOST_AUTO_TEST_CASE(closed_stream_ends_its_waits_and_drops_its_descriptors)
{
    if (!has_ring())
        return;
    const std::size_t descriptors = open_descriptors();
    {
        // The last connections are closed when the kernel has told of them.
        asio_uring::io_context own{1};
        asio::ip::tcp::acceptor acceptor(own, {asio::ip::address_v4::loopback(), 0});
        asio_uring::result_stream connections(own);
        stream_log log;
        async_submit(
            connections,
            op::accept{
                .fd = acceptor.native_handle(), .ioprio = kernel::accept_multishot});
        std::vector<asio::ip::tcp::socket> peers;
        for (int index = 0; index != 5; ++index)
            peers.emplace_back(own).connect(acceptor.local_endpoint());
        connections.async_next(log.handler());
        run_until(own, [&] { return log.values.size() == 1; });
        ::close(log.values.at(0));
        asio_uring::result_stream moved = std::move(connections);
        moved.close();
        BOOST_TEST(!moved.is_open());
        finish(own);
    }
    BOOST_TEST(open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(streams_in_handlers_are_destroyed_with_the_context)
{
    if (!has_ring())
        return;
    pipe_pair pipe;
    {
        asio::io_context doomed{1};
        for (int round = 0; round != 10; ++round) {
            auto stream = std::make_shared<asio_uring::result_stream>(doomed);
            async_submit(
                *stream,
                op::poll_add{
                    .fd = pipe.ends[0],
                    .events = POLLIN,
                    .flags = kernel::poll_add_multi});
            stream->async_next([stream](error_code, stream_result) {
                BOOST_TEST(false, "no handler is called");
            });
            if (round == 5)
                doomed.poll();
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
