// SPDX-License-Identifier: BSL-1.0
// What Asio's files do not have: the calls that wait for the file system, asynchronous,
// and transfers with flags or past the page cache.
#include "../support/backend.hpp"
#include "../support/cancel_everywhere.hpp"
#include "file_kinds.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

using random = ring_files::random;
using stream = ring_files::stream;
using fixture = file_fixture<ring_files>;

constexpr auto made = file_base::read_write | file_base::create;

std::string system_text(int error)
{
    return text({error, boost::asio::error::get_system_category()});
}

/// How many requests have gone to the ring of the context.
std::uint64_t requests(asio::io_context& context)
{
    return asio_uring::counters(context).sqes;
}

/// One of the operations of files.
template <typename Handler>
void start_one(
    int which,
    random& file,
    stream& lines,
    const std::string& bytes,
    std::string& room,
    Handler handler)
{
    switch (which) {
    case 0:
        return file.async_read_some_at(1, asio::buffer(room, 3), handler);
    case 1:
        return file.async_write_some_at(6, asio::buffer(bytes), handler);
    case 2:
        return file.async_write_durable_at(6, asio::buffer(bytes), handler);
    case 3:
        return lines.async_read_some(asio::buffer(room, 3), handler);
    case 4:
        return file.async_sync_all(handler);
    case 5:
        return lines.async_write_some(asio::buffer(bytes), handler);
    case 6:
        return file.async_resize(10'000, handler);
    case 7:
        return file.async_allocate(0, 10'000, random::keep_size, handler);
    default:
        return file.async_sync_data(handler);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_file_calls)

BOOST_AUTO_TEST_CASE(open_makes_the_file_or_says_why_not)
{
    fixture f;
    random file(f.context);
    file.async_open(f.path(), random::read_only, f.log.done("absent"));
    BOOST_TEST(!file.is_open());
    finish(f.context);
    file.async_open(f.path(), made, f.log.done("made"));
    finish(f.context);
    BOOST_TEST(file.is_open());
    file.async_open(
        f.path("other"), made | random::exclusive, f.log.done("already open"));
    BOOST_TEST(f.log.count() == 2u);
    finish(f.context);
    BOOST_TEST(
        f.log.take() ==
        "absent " + system_text(ENOENT) + "; made ok; already open already_open");
    BOOST_TEST(!f.folder.has("other"));
    file.write_some_at(0, asio::buffer("text", 4));
    BOOST_TEST(f.folder.read("file") == "text");
    stream lines(f.context);
    auto opened = lines.async_open(f.path(), stream::read_only, asio::use_future);
    finish(f.context);
    opened.get();
    std::string read(10, '.');
    lines.async_read_some(asio::buffer(read), f.log.io("read"));
    lines.async_read_some(asio::buffer(read), f.log.io("read"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "read ok 4; read eof 0");
}

BOOST_AUTO_TEST_CASE(opened_descriptor_of_which_nobody_hears_is_closed)
{
    const temporary_directory folder;
    folder.write("file", "text");
    const int next = ::dup(0);
    ::close(next);
    for (const stage when : stages) {
        {
            ring_files::context context;
            random file(context);
            file.async_open(folder.path("file"), random::read_only, [](error_code) {});
            if (when == stage::submitted)
                context.run_one_for(std::chrono::milliseconds(0));
        }
        const int free = ::dup(0);
        ::close(free);
        BOOST_TEST(free == next);
    }
}

BOOST_AUTO_TEST_CASE(closed_file_is_closed_at_once_and_ends_in_time)
{
    fixture f;
    random file(f.context, f.path(), made);
    const int descriptor = file.native_handle();
    for (int i = 0; i != 4; ++i)
        file.async_write_some_at(
            0, asio::buffer("x", 1), [](error_code ec, std::size_t bytes) {
                BOOST_TEST((ec ? bytes == 0 : bytes == 1));
            });
    file.async_close(f.log.done("closed"));
    BOOST_TEST(!file.is_open());
    BOOST_TEST(f.log.count() == 0u);
    finish(f.context);
    file.async_close(f.log.done("again"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "closed ok; again bad_descriptor");
    BOOST_TEST(::fcntl(descriptor, F_GETFD) == -1);

    const int next = ::dup(0);
    ::close(next);
    {
        ring_files::context dies;
        random other(dies, f.path(), random::read_only);
        other.async_close([](error_code) {});
        other.open(f.path(), random::read_only);
        other.async_close([](error_code) {});
    }
    const int free = ::dup(0);
    ::close(free);
    BOOST_TEST(free == next);
}

BOOST_AUTO_TEST_CASE(size_and_room_change)
{
    fixture f;
    random file(f.context, f.path(), made);
    file.async_resize(100'000, f.log.done("longer"));
    finish(f.context);
    BOOST_TEST(file.size() == 100'000u);
    file.async_resize((std::uint64_t{5} << 30) + 1, f.log.done("far"));
    finish(f.context);
    BOOST_TEST(file.size() == (std::uint64_t{5} << 30) + 1);
    file.async_resize(10, f.log.done("shorter"));
    finish(f.context);
    BOOST_TEST(file.size() == 10u);
    BOOST_TEST(f.log.take() == "longer ok; far ok; shorter ok");
    file.async_allocate(0, 65'536, random::allocate, f.log.done("allocated"));
    finish(f.context);
    BOOST_TEST(file.size() == 65'536u);
    file.async_allocate(0, 131'072, random::keep_size, f.log.done("kept"));
    finish(f.context);
    BOOST_TEST(file.size() == 65'536u);
    file.async_advise(0, 0, random::sequential, f.log.done("advised"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "allocated ok; kept ok; advised ok");
    file.async_allocate(0, 0, random::allocate, f.log.done("nothing"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "nothing invalid_argument");
    random closed(f.context);
    closed.async_resize(1, f.log.done("resize"));
    closed.async_sync_all(f.log.done("sync"));
    closed.async_allocate(0, 1, random::allocate, f.log.done("allocate"));
    finish(f.context);
    BOOST_TEST(
        f.log.take() ==
        "resize bad_descriptor; sync bad_descriptor; allocate bad_descriptor");
}

BOOST_AUTO_TEST_CASE(calls_of_a_stream_take_their_turn)
{
    fixture f;
    stream file(f.context, f.path(), made);
    file.async_write_some(asio::buffer("0123456789", 10), f.log.io("write"));
    file.async_resize(4, f.log.done("resize"));
    file.async_write_some(asio::buffer("ab", 2), f.log.io("write"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "write ok 10; resize ok; write ok 2");
    BOOST_TEST(f.folder.read("file") == std::string("0123\0\0\0\0\0\0ab", 12));
}

BOOST_AUTO_TEST_CASE(syncs_that_start_together_are_one)
{
    fixture f;
    random file(f.context, f.path(), made);
    file.write_some_at(0, asio::buffer("text", 4));
    std::size_t done = 0;
    const auto handler = [&](error_code ec) {
        BOOST_TEST(!ec);
        ++done;
    };
    const bool on_ring = has_ring(f.context);
    file.async_sync_all([](error_code) {});
    finish(f.context); // with the loop's own requests
    const std::uint64_t before = requests(f.context);
    for (int i = 0; i != 100; ++i)
        file.async_sync_data(handler);
    finish(f.context);
    BOOST_TEST(done == 100u);
    if (on_ring)
        BOOST_TEST(requests(f.context) - before <= 2u);
}

BOOST_AUTO_TEST_CASE(sync_that_comes_late_has_one_of_its_own)
{
    fixture f;
    random file(f.context, f.path(), made);
    if (!has_ring(f.context))
        return; // nothing counts the calls of workers
    file.async_sync_all([](error_code) {});
    finish(f.context); // with the loop's own requests
    for (const bool whole : {false, true}) {
        const std::uint64_t before = requests(f.context);
        std::string order;
        file.async_sync_data([&](error_code) { order += 'a'; });
        turn(f.context); // the kernel has it, and it may be over
        for (int i = 0; i != 5; ++i)
            file.async_sync_data([&](error_code) { order += 'b'; });
        if (whole)
            file.async_sync_all([&](error_code) { order += 'w'; });
        for (int i = 0; i != 5; ++i)
            file.async_sync_data([&](error_code) { order += 'c'; });
        finish(f.context);
        BOOST_TEST(order == (whole ? "abbbbbwccccc" : "abbbbbccccc"));
        // The first, what came late, and what does more than that.
        BOOST_TEST(requests(f.context) - before >= (whole ? 3u : 2u));
        BOOST_TEST(requests(f.context) - before <= (whole ? 4u : 3u));
    }
}

BOOST_AUTO_TEST_CASE(cancelled_sync_leaves_the_others_to_themselves)
{
    fixture f;
    random file(f.context, f.path(), made);
    asio::cancellation_signal signal;
    file.async_sync_data(
        asio::bind_cancellation_slot(signal.slot(), f.log.done("first")));
    file.async_sync_data(f.log.done("second"));
    file.async_sync_all(f.log.done("third"));
    signal.emit(asio::cancellation_type::terminal);
    finish(f.context);
    const std::string log = f.log.take();
    BOOST_TEST(log.find("second ok") != log.npos);
    BOOST_TEST(log.find("third ok") != log.npos);
    if (has_ring(f.context))
        BOOST_TEST(log.find("first operation_aborted") != log.npos);
    for (const stage when : stages) {
        std::size_t ends = 0;
        for (int i = 0; i != 9; ++i)
            file.async_sync_data([&](error_code ec) {
                BOOST_TEST((!ec || ec == asio::error::operation_aborted));
                ++ends;
            });
        reach(f.context, when);
        file.close();
        finish(f.context);
        BOOST_TEST(ends == 9u);
        file.open(f.path(), made);
    }
    int ends[2];
    BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ::close(ends[1]);
    random pipe(f.context, ends[0]);
    for (int i = 0; i != 3; ++i)
        pipe.async_sync_all(f.log.done("sync"));
    finish(f.context);
    BOOST_TEST(
        f.log.take() ==
        "sync invalid_argument; sync invalid_argument; sync invalid_argument");
}

BOOST_AUTO_TEST_CASE(durable_writes_share_their_syncs)
{
    fixture f;
    random file(f.context, f.path(), made);
    file.async_sync_all([](error_code) {});
    finish(f.context); // with the loop's own requests
    const std::uint64_t before = requests(f.context);
    std::vector<std::string> records;
    std::string expected;
    for (int i = 0; i != 100; ++i) {
        records.push_back("record " + std::to_string(1000 + i) + '\n');
        expected += records.back();
    }
    std::size_t done = 0;
    for (std::size_t i = 0; i != records.size(); ++i)
        file.async_write_durable_at(
            i * records[i].size(),
            asio::buffer(records[i]),
            [&, i](error_code ec, std::size_t bytes) {
                BOOST_TEST(!ec);
                BOOST_TEST(bytes == records[i].size());
                ++done;
            });
    BOOST_TEST(done == 0u);
    finish(f.context);
    BOOST_TEST(done == 100u);
    BOOST_TEST(f.folder.read("file") == expected);
    if (has_ring(f.context))
        BOOST_TEST(requests(f.context) - before < 200u);
    random reading(f.context, f.path(), random::read_only);
    reading.async_write_durable_at(0, asio::buffer("text", 4), f.log.io("durable"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "durable bad_descriptor 0");
}

// Each operation of a file, between others of that file.
BOOST_AUTO_TEST_CASE(operation_is_cancelled_at_every_step)
{
    const temporary_directory folder;
    const std::string bytes(5000, 'x');
    std::string room(5000, '-');
    std::unique_ptr<random> file;
    std::unique_ptr<stream> lines;
    for (int which = 0; which != 9; ++which) {
        std::size_t others = 0;
        cancel_everywhere(
            [&](asio::io_context& on, auto handler) {
                const asio_uring::executor to(on.get_executor());
                folder.write("file", "before");
                file = std::make_unique<random>(to, folder.path("file"), made);
                lines = std::make_unique<stream>(to, folder.path("file"), made);
                others = 0;
                const auto other = [&](error_code ec, std::size_t size) {
                    others += !ec && size == 3;
                };
                file->async_write_some_at(0, asio::buffer("abc", 3), other);
                lines->async_read_some(asio::buffer(room, 3), other);
                start_one(which, *file, *lines, bytes, room, std::move(handler));
                lines->async_read_some(asio::buffer(room.data() + 4000, 3), other);
                file->async_write_some_at(3, asio::buffer("def", 3), other);
            },
            [&](bool) {
                // Those that a change of the file has left nothing to read end otherwise.
                BOOST_TEST((others == 4U || which == 3 || which == 5));
                file.reset();
                lines.reset();
            });
    }
}

BOOST_AUTO_TEST_CASE(context_dies_at_every_step_of_calls)
{
    const temporary_directory folder;
    const std::string bytes(5000, 'x');
    destroy_everywhere([&](asio::io_context& on, witness& seen) {
        const asio_uring::executor to(on.get_executor());
        struct objects
        {
            objects(const asio_uring::executor& to, const std::string& path)
                : file(to, path, made), lines(to, path, made)
            {}
            random file;
            stream lines;
            std::string room = std::string(5000, '-');
            int left = 9;
        };
        auto all = std::make_shared<objects>(to, folder.path("file"));
        const auto step = [all, &seen, token = seen.token()](error_code, auto...) {
            seen.step();
            if (--all->left == 0)
                seen.complete();
        };
        for (int which = 0; which != 9; ++which)
            start_one(which, all->file, all->lines, bytes, all->room, step);
        return all;
    });
}

BOOST_AUTO_TEST_CASE(flags_are_those_of_one_transfer)
{
    fixture f;
    random file(f.context, f.path(), made);
    file.async_write_some_at(
        0, asio::buffer("text", 4), rw_flags::data_sync, f.log.io("data_sync"));
    finish(f.context);
    file.async_write_some_at(
        0,
        asio::buffer("more", 4),
        rw_flags::append | rw_flags::sync,
        f.log.io("append"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "data_sync ok 4; append ok 4");
    BOOST_TEST(f.folder.read("file") == "textmore");
    std::string read(8, '.');
    file.async_read_some_at(
        0, asio::buffer(read), rw_flags::no_wait, f.log.io("no_wait"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "no_wait ok 8");
    file.async_read_some_at(
        0, asio::buffer(read), static_cast<rw_flags>(1u << 30), f.log.io("unknown"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "unknown operation_not_supported 0");
}

BOOST_AUTO_TEST_CASE(file_past_the_page_cache_keeps_to_its_alignment)
{
    fixture f;
    f.folder.write("file", std::string(16384, 'x'));
    error_code ec;
    random other(f.context, f.path(), random::read_only);
    other.async_sync_all([](error_code) {});
    finish(f.context); // with the loop's own requests
    random file(f.context);
    file.open(f.path(), random::read_write | random::direct, ec);
    if (ec == asio::error::invalid_argument)
        return; // a file system in memory
    BOOST_TEST(!ec);
    direct_alignment alignment = file.direct_io_alignment(ec);
    if (ec || alignment.memory == 0)
        alignment = {4096, 4096};
    BOOST_TEST(alignment.offset <= 16384u);
    aligned_buffer bytes(8192, alignment.memory);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment.memory == 0u);
    BOOST_TEST(bytes.data()[8191] == '\0');
    const std::uint64_t before = requests(f.context);
    file.async_read_some_at(4096, bytes.buffer(), f.log.io("read"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "read ok 8192");
    // A call would have waited for the disk.
    if (has_ring(f.context))
        BOOST_TEST(requests(f.context) > before);
    BOOST_TEST((std::string(bytes.data(), bytes.size()) == std::string(8192, 'x')));
    bytes.data()[0] = 'y';
    file.async_write_some_at(0, std::as_const(bytes).buffer(), f.log.io("write"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "write ok 8192");
    file.async_read_some_at(1, asio::buffer(bytes.data(), 512), f.log.io("crooked"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "crooked invalid_argument 0");
    BOOST_TEST(f.folder.read("file").substr(0, 2) == "yx");
    random closed(f.context);
    closed.direct_io_alignment(ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    const aligned_buffer moved(std::move(bytes));
    BOOST_TEST(bytes.size() == 0u);
    BOOST_TEST(moved.size() == 8192u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
