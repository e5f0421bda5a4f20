// SPDX-License-Identifier: BSL-1.0
// Durable writes: which way each of them goes to the disk, and that all ways do the same.
#include "../support/backend.hpp"
#include "../support/skip.hpp"
#include "file_kinds.hpp"
#include "size_limit.hpp"

#include <asio_uring/detail/object/durable_writes.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace asio_uring::test {

namespace {

using detail::durable_way;
using detail::durable_writes;
using random = ring_files::random;
using std::chrono::microseconds;

constexpr auto made = file_base::read_write | file_base::create;
constexpr microseconds fast(10);
constexpr microseconds slow(20);

char name(durable_way way) { return way == durable_way::at_once ? '1' : '2'; }

/// The ways of writes one after the other.
std::string ways(durable_writes& writes, int count, microseconds steps, microseconds once)
{
    std::string taken;
    for (int i = 0; i != count; ++i) {
        const durable_writes::ticket one = writes.begin(4096, true);
        taken += name(one.way);
        writes.end(one, true, one.way == durable_way::at_once ? once : steps);
    }
    return taken;
}

/// A file of 64 KiB, behind the requests that the loop makes for itself.
struct durable_fixture : file_fixture<ring_files>
{
    explicit durable_fixture(file_base::flags flags = made)
    {
        folder.write("file", std::string(65536, '.'));
        file.open(path(), flags);
        file.async_sync_all([](error_code) {});
        finish(context);
    }

    std::uint64_t requests() { return asio_uring::counters(context).sqes; }

    /// How many requests a durable write took; a context without a ring has none.
    template <typename Buffers>
    std::uint64_t write(std::uint64_t offset, const Buffers& buffers)
    {
        const std::uint64_t before = requests();
        file.async_write_durable_at(offset, buffers, log.io("durable"));
        finish(context);
        return requests() - before;
    }

    std::uint64_t write(std::uint64_t offset = 0)
    {
        return write(offset, asio::buffer("text", 4));
    }

    /// Whether a write took so many requests; without a ring nobody knows.
    bool check(std::uint64_t taken, std::uint64_t expected)
    {
        return !has_ring(context) || taken == expected;
    }

    random file{context};
};

/// Calls a function before everything that it executes.
class hooked_executor
{
public:
    hooked_executor(
        const asio::io_context::executor_type& inner, const std::function<void()>& hook)
        : inner_(inner), hook_(&hook)
    {}

    template <typename F>
    void execute(F f) const
    {
        inner_.execute([hook = hook_, f = std::move(f)]() mutable {
            (*hook)();
            std::move(f)();
        });
    }

    bool operator==(const hooked_executor&) const noexcept = default;

private:
    asio::io_context::executor_type inner_;
    const std::function<void()>* hook_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_durable_writes)

BOOST_AUTO_TEST_CASE(lone_writes_take_turns_and_then_the_way_that_took_less)
{
    durable_writes writes;
    BOOST_TEST(ways(writes, 8, slow, fast) == "21212121");
    BOOST_TEST(writes.is_found());
    BOOST_TEST(ways(writes, 5, slow, fast) == "11111");
    writes.reset();
    BOOST_TEST(!writes.is_found());
    BOOST_TEST(ways(writes, 8, fast, slow) == "21212121");
    BOOST_TEST(ways(writes, 5, fast, slow) == "22222");
}

BOOST_AUTO_TEST_CASE(one_slow_sample_does_not_decide)
{
    durable_writes writes;
    ways(writes, 2, slow, fast);
    ways(writes, 2, fast, slow * 100);
    ways(writes, 4, slow, fast);
    BOOST_TEST(ways(writes, 1, fast, fast) == "1");
}

BOOST_AUTO_TEST_CASE(writes_that_overlap_take_the_steps_and_tell_no_time)
{
    durable_writes writes;
    ways(writes, 8, slow, fast);
    const auto first = writes.begin(4096, true);
    const auto second = writes.begin(4096, true);
    writes.end(first, true, fast);
    const auto third = writes.begin(4096, true);
    BOOST_TEST(name(first.way) == '1');
    BOOST_TEST(name(second.way) == '2');
    BOOST_TEST(name(third.way) == '2');
    writes.end(second, true, fast);
    writes.end(third, true, fast);
    BOOST_TEST(ways(writes, 1, slow, fast) == "1");

    writes.reset();
    for (int i = 0; i != 20; ++i) {
        const auto lone = writes.begin(4096, true);
        const auto other = writes.begin(4096, true);
        BOOST_TEST(name(lone.way) == '2');
        writes.end(lone, true, fast);
        writes.end(other, true, fast);
    }
    BOOST_TEST(ways(writes, 8, slow, fast) == "21212121");
}

BOOST_AUTO_TEST_CASE(write_that_fails_is_long_or_may_not_go_at_once_decides_nothing)
{
    durable_writes writes;
    for (int i = 0; i != 10; ++i) {
        const auto failed = writes.begin(4096, true);
        BOOST_TEST(name(failed.way) == '2');
        writes.end(failed, false, fast);
    }
    for (const std::size_t size : {std::size_t(0), durable_writes::size_max + 1}) {
        const auto one = writes.begin(size, true);
        BOOST_TEST(!one.is_timed);
        writes.end(one, true, fast);
    }
    BOOST_TEST(ways(writes, 8, slow, fast) == "21212121");
    const auto kept = writes.begin(4096, false);
    BOOST_TEST(name(kept.way) == '2');
    writes.end(kept, true, fast);
    const auto empty = writes.begin(0, true);
    BOOST_TEST(name(empty.way) == '2');
    writes.end(empty, true, fast);
}

BOOST_AUTO_TEST_CASE(write_that_outlives_its_file_says_nothing_of_the_next)
{
    durable_writes writes;
    const auto late = writes.begin(4096, true);
    writes.reset();
    const auto lone = writes.begin(4096, true);
    writes.end(late, true, fast);
    BOOST_TEST(writes.is_lone());
    writes.end(lone, true, slow);
    BOOST_TEST(ways(writes, 1, slow, fast) == "1");
}

BOOST_AUTO_TEST_CASE(writes_of_several_threads_are_counted)
{
    durable_writes writes;
    std::atomic<int> ready = 0;
    const auto work = [&] {
        ++ready;
        while (ready != 2)
            std::this_thread::yield();
        for (int i = 0; i != 200'000; ++i)
            writes.end(writes.begin(4096, true), true, fast);
    };
    std::thread second(work);
    work();
    second.join();
    const auto last = writes.begin(4096, true);
    BOOST_TEST(writes.is_lone());
    BOOST_TEST(last.number == 400'001u);
    writes.end(last, true, fast);
}

BOOST_AUTO_TEST_CASE(each_way_leaves_the_bytes_in_the_file)
{
    durable_fixture f;
    std::string expected(65536, '.');
    std::string told;
    for (std::size_t i = 0; i != 12; ++i) {
        const std::string record = "record " + std::to_string(1000 + i);
        const std::uint64_t taken = f.write(i * 100, asio::buffer(record));
        expected.replace(i * 100, record.size(), record);
        told += (i == 0 ? "" : "; ") + std::string("durable ok 11");
        BOOST_TEST_CONTEXT("write " << i << " took " << taken << " requests")
        {
            if (i < 8)
                BOOST_TEST(f.check(taken, i % 2 == 0 ? 2 : 1));
            else
                BOOST_TEST((f.check(taken, 1) || f.check(taken, 2)));
        }
    }
    BOOST_TEST(f.log.take() == told);
    BOOST_TEST((f.folder.read("file") == expected));
}

BOOST_AUTO_TEST_CASE(sync_covers_what_was_written_before)
{
    durable_fixture f;
    BOOST_TEST(f.check(f.write(), 2));
    f.file.async_write_some_at(100, asio::buffer("x", 1), f.log.io("plain"));
    finish(f.context);
    BOOST_TEST(f.check(f.write(), 2));
    f.file.write_some_at(200, asio::buffer("y", 1));
    BOOST_TEST(f.check(f.write(), 2));
    f.file.resize(70'000);
    BOOST_TEST(f.check(f.write(), 2));
    f.file.async_resize(80'000, f.log.done("resize"));
    finish(f.context);
    BOOST_TEST(f.check(f.write(), 2));
    f.file.async_allocate(0, 90'000, random::allocate, f.log.done("allocate"));
    finish(f.context);
    BOOST_TEST(f.check(f.write(), 2));
    BOOST_TEST(f.check(f.write(), 1));
}

BOOST_AUTO_TEST_CASE(write_that_overlaps_the_sync_is_left_to_the_next)
{
    durable_fixture f;
    bool starts = true;
    const std::function<void()> before_each_step = [&] {
        if (std::exchange(starts, false))
            f.file.async_write_some_at(100, asio::buffer("x", 1), f.log.io("plain"));
    };
    f.file.async_write_durable_at(
        0,
        asio::buffer("text", 4),
        asio::bind_executor(
            hooked_executor(f.context.get_executor(), before_each_step),
            f.log.io("durable")));
    finish(f.context);
    BOOST_TEST(!starts);
    BOOST_TEST(f.check(f.write(), 2));
    BOOST_TEST(f.check(f.write(), 1));
}

// The sync of a durable write covers no resize that is still on its way.
BOOST_AUTO_TEST_CASE(resize_that_overlaps_a_durable_write_is_left_to_the_next)
{
    durable_fixture f;
    bool starts = true;
    const std::function<void()> before_each_step = [&] {
        if (std::exchange(starts, false))
            f.file.async_resize(65000, f.log.done("resize"));
    };
    f.file.async_write_durable_at(
        0,
        asio::buffer("text", 4),
        asio::bind_executor(
            hooked_executor(f.context.get_executor(), before_each_step),
            f.log.io("durable")));
    finish(f.context);
    BOOST_TEST(!starts);
    BOOST_TEST(f.check(f.write(), 2));
    BOOST_TEST(f.check(f.write(), 1));
}

// A file that was opened once has a number that no other such file has.
BOOST_AUTO_TEST_CASE(write_that_outlives_its_file_is_none_of_the_next)
{
    durable_writes one;
    one.reset();
    const durable_writes::ticket late = one.begin(4096, true);
    durable_writes other;
    other.reset();
    one = other;
    one.end(late, true, microseconds(1));
    one.begin(4096, true);
    BOOST_TEST(one.is_lone());
}

BOOST_AUTO_TEST_CASE(short_write_is_told_with_its_error)
{
    durable_fixture f;
    f.write();
    const std::string bytes(100, 'x');
    const error_code too_big(EFBIG, asio::error::get_system_category());
    for (int i = 0; i != 3; ++i) {
        f.log.take();
        const size_limit limit(65536 + 10);
        f.write(65536, asio::buffer(bytes));
        BOOST_TEST(f.log.take() == "durable " + text(too_big) + " 10");
        f.write(65536 + 10, asio::buffer(bytes));
        BOOST_TEST(f.log.take() == "durable " + text(too_big) + " 0");
        f.write();
    }
    BOOST_TEST(f.file.size() == 65536u + 10);
}

BOOST_AUTO_TEST_CASE(several_buffers_are_written_whole)
{
    durable_fixture f;
    f.write();
    const std::string bytes = "0123456789";
    for (const std::size_t count : {2u, 63u, 100u}) {
        const std::vector<asio::const_buffer> parts(count, asio::buffer(bytes));
        for (int i = 0; i != 2; ++i) {
            f.log.take();
            f.write(1000, parts);
            BOOST_TEST(
                f.log.take() == "durable ok " + std::to_string(count * bytes.size()));
        }
        std::string expected;
        for (std::size_t i = 0; i != count; ++i)
            expected += bytes;
        BOOST_TEST(f.folder.read("file").substr(1000, expected.size()) == expected);
    }
}

BOOST_AUTO_TEST_CASE(long_and_empty_writes_take_the_steps)
{
    durable_fixture f;
    f.write();
    const std::string large(100'000, 'x');
    BOOST_TEST((!has_ring(f.context) || f.write(0, asio::buffer(large)) >= 3));
    f.write();
    f.log.take();
    f.write(0, asio::buffer(large, 0));
    BOOST_TEST(f.log.take() == "durable ok 0");
}

BOOST_AUTO_TEST_CASE(file_that_appends_is_written_once)
{
    durable_fixture f(random::read_write | random::append);
    std::string expected(65536, '.');
    for (int i = 0; i != 4; ++i) {
        BOOST_TEST(f.check(f.write(), 2));
        expected += "text";
    }
    BOOST_TEST((f.folder.read("file") == expected));
}

BOOST_AUTO_TEST_CASE(write_at_once_shares_the_file_with_many_others)
{
    durable_fixture f;
    f.write(); // the next alone is one request
    std::vector<std::string> records;
    std::string expected(65536, '.');
    for (std::size_t i = 0; i != 100; ++i) {
        records.push_back("record " + std::to_string(1000 + i));
        expected.replace(i * 100, 11, records.back());
    }
    std::size_t done = 0;
    const std::uint64_t before = f.requests();
    for (std::size_t i = 0; i != records.size(); ++i)
        f.file.async_write_durable_at(
            i * 100, asio::buffer(records[i]), [&](error_code ec, std::size_t bytes) {
                BOOST_TEST(!ec);
                BOOST_TEST(bytes == 11u);
                ++done;
            });
    finish(f.context);
    BOOST_TEST(done == 100u);
    if (has_ring(f.context))
        BOOST_TEST(f.requests() - before < 150u);
    BOOST_TEST((f.folder.read("file") == expected));
    f.log.take();
    BOOST_TEST(f.check(f.write(), 2)); // what the others left
    BOOST_TEST(f.check(f.write(), 1));
}

BOOST_AUTO_TEST_CASE(steps_of_writes_run_in_several_threads)
{
    durable_fixture f;
    constexpr int writes = 200;
    std::atomic<int> left = writes;
    for (int i = 0; i != writes; ++i)
        f.file.async_write_durable_at(
            static_cast<std::uint64_t>(i) * 100,
            asio::buffer("text", 4),
            [&](error_code ec, std::size_t bytes) {
                if (!ec && bytes == 4)
                    --left;
            });
    f.context.restart();
    std::thread second([&] { f.context.run_for(wait_limit); });
    f.context.run_for(wait_limit);
    second.join();
    BOOST_TEST(left == 0);
    f.write(); // nobody else is left in flight
    BOOST_TEST(f.check(f.write(), 1));
}

BOOST_AUTO_TEST_CASE(cancelled_write_ends_once_and_the_file_goes_on)
{
    durable_fixture f;
    for (const stage when : stages) {
        for (int i = 0; i != 4; ++i) {
            std::size_t ends = 0;
            asio::cancellation_signal signal;
            f.file.async_write_durable_at(
                0,
                asio::buffer("text", 4),
                asio::bind_cancellation_slot(
                    signal.slot(), [&](error_code ec, std::size_t bytes) {
                        BOOST_TEST((ec == asio::error::operation_aborted || !ec));
                        BOOST_TEST((bytes == 4u || (ec && bytes == 0u)));
                        ++ends;
                    }));
            reach(f.context, when);
            signal.emit(asio::cancellation_type::terminal);
            finish(f.context);
            BOOST_TEST(ends == 1u);
            f.write(); // the other way is next
        }
    }
    for (const stage when : stages) {
        for (int i = 0; i != 2; ++i) {
            std::size_t ends = 0;
            f.file.async_write_durable_at(
                0, asio::buffer("text", 4), [&](error_code, std::size_t) { ++ends; });
            reach(f.context, when);
            f.file.close();
            f.file.open(f.path(), made);
            if (i == 1)
                f.write();
            finish(f.context);
            BOOST_TEST(ends == 1u);
            f.log.take();
            f.write();
            f.write();
            BOOST_TEST(f.log.take() == "durable ok 4; durable ok 4");
        }
    }
}

BOOST_AUTO_TEST_CASE(errors_are_those_of_the_write)
{
    durable_fixture f(random::read_only);
    for (int i = 0; i != 3; ++i)
        f.write();
    BOOST_TEST(
        f.log.take() ==
        "durable bad_descriptor 0; durable bad_descriptor 0; durable bad_descriptor 0");
    f.file.close();
    f.write();
    BOOST_TEST(f.log.take() == "durable bad_descriptor 0");
}

BOOST_AUTO_TEST_CASE(file_past_the_page_cache_is_written_by_each_way)
{
    durable_fixture f;
    f.file.close();
    error_code ec;
    f.file.open(f.path(), random::read_write | random::direct, ec);
    if (ec == asio::error::invalid_argument)
        ASIO_URING_SKIP("the file system of temporary files has a page cache alone");
    aligned_buffer bytes(4096, 4096);
    for (int i = 0; i != 4; ++i) {
        bytes.data()[0] = static_cast<char>('a' + i);
        f.log.take();
        f.write(4096, std::as_const(bytes).buffer());
        BOOST_TEST(f.log.take() == "durable ok 4096");
        BOOST_TEST(f.folder.read("file").at(4096) == bytes.data()[0]);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
