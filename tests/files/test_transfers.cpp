// SPDX-License-Identifier: BSL-1.0
// The asynchronous transfers of files: order, ends, errors and cancellation, alone and
// under Asio's compositions.
#include "../support/destroy_everywhere.hpp"
#include "file_kinds.hpp"
#include "size_limit.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_at.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/asio/write_at.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

/// Bytes that tell their place in the file.
std::string pattern(std::size_t size, std::uint64_t offset = 0)
{
    std::string bytes(size, '.');
    for (std::size_t i = 0; i != size; ++i)
        bytes[i] = static_cast<char>('a' + (offset + i) * 7 / 3 % 26);
    return bytes;
}

// Without a ring there are fewer kinds of contexts.
void destroy_at_every_step(const scenario& start)
{
    if (!ring_is_forbidden())
        return destroy_everywhere(start);
    for (const context_kind kind : {context_kind::usual, context_kind::one_thread}) {
        for (const teardown order : {teardown::objects_first, teardown::handlers_own}) {
            unsigned steps = 0;
            while (!run_and_destroy(start, kind, order, steps))
                BOOST_TEST_REQUIRE(++steps < 1000u);
        }
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_file_transfers)

BOOST_AUTO_TEST_CASE_TEMPLATE(transfers_at_offsets_move_the_bytes, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    file_fixture<Files> f;
    random file(f.context, f.path(), random::read_write | random::create);
    const std::array<asio::const_buffer, 3> parts{
        asio::buffer("01", 2), asio::const_buffer(), asio::buffer("23456", 5)};
    file.async_write_some_at(3, parts, f.log.io("written"));
    BOOST_TEST(f.log.take() == "");
    finish(f.context);
    BOOST_TEST(f.log.take() == "written ok 7");
    std::string first(2, '.');
    std::string second(20, '.');
    const std::array<asio::mutable_buffer, 2> rooms{
        asio::buffer(first), asio::buffer(second)};
    file.async_read_some_at(4, rooms, f.log.io("read"));
    BOOST_TEST(f.log.take() == "");
    finish(f.context);
    BOOST_TEST(f.log.take() == "read ok 6");
    BOOST_TEST(first == "12");
    BOOST_TEST(second == "3456................");
    file.async_read_some_at(10, asio::buffer(second), f.log.io("end"));
    finish(f.context);
    file.async_read_some_at(10, asio::buffer(second, 0), f.log.io("nothing"));
    file.async_write_some_at(50, asio::buffer(second, 0), f.log.io("nothing"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "end eof 0; nothing ok 0; nothing ok 0");
    BOOST_TEST(file.size() == 10u);
    file.async_read_some_at(~std::uint64_t{0}, asio::buffer(second), f.log.io("nowhere"));
    file.async_write_some_at(
        ~std::uint64_t{0} - 1, asio::buffer(second), f.log.io("nowhere"));
    finish(f.context);
    if (Files::is_ours)
        BOOST_TEST(
            f.log.take() == "nowhere invalid_argument 0; nowhere invalid_argument 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(offsets_beyond_4_gib_are_exact, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    file_fixture<Files> f;
    random file(f.context, f.path(), random::read_write | random::create);
    constexpr std::uint64_t far = (std::uint64_t{5} << 30) + 12345;
    file.async_write_some_at(far, asio::buffer("text", 4), f.log.io("written"));
    finish(f.context);
    BOOST_TEST(file.size() == far + 4);
    std::string read(6, '.');
    file.async_read_some_at(far - 2, asio::buffer(read), f.log.io("read"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "written ok 4; read ok 6");
    BOOST_TEST(read == std::string("\0\0text", 6));
    file.async_read_some_at(far >> 32, asio::buffer(read), f.log.io("hole"));
    finish(f.context);
    BOOST_TEST(read == std::string(6, '\0'));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(any_number_of_reads_is_in_flight_at_once, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    constexpr std::size_t count = 1500; // more than the queue holds
    file_fixture<Files> f;
    f.folder.write("file", pattern(count * 64));
    random file(f.context, f.path(), random::read_only);
    std::vector<std::string> read(count, std::string(64, '.'));
    std::size_t done = 0;
    for (std::size_t i = 0; i != count; ++i)
        file.async_read_some_at(
            i * 64, asio::buffer(read[i]), [&](error_code ec, std::size_t bytes) {
                BOOST_TEST((!ec && bytes == 64));
                ++done;
            });
    BOOST_TEST(done == 0u);
    finish(f.context);
    BOOST_TEST(done == count);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i != count; ++i)
        wrong += read[i] != pattern(64, i * 64);
    BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    read_of_a_cold_file_is_as_long_as_asked_for, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    using stream = typename Files::stream;
    constexpr std::size_t size = 256 * 1024;
    file_fixture<Files> f;
    f.folder.write("file", pattern(size));
    // A part of the file is in the page cache, the rest is not.
    const auto chill = [&](const char* warm_size) {
        const unique_fd file = f.folder.open("file");
        ::fdatasync(file.get());
        ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
        ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM);
        std::string warm(static_cast<std::size_t>(std::atoi(warm_size)), '.');
        BOOST_TEST(
            ::pread(file.get(), warm.data(), warm.size(), 0) ==
            static_cast<::ssize_t>(warm.size()));
    };
    const std::string expected = pattern(size);
    for (const char* warm : {"0", "4096", "20000"}) {
        chill(warm);
        random file(f.context, f.path(), random::read_only);
        std::string whole(size + 10, '.');
        const std::array<asio::mutable_buffer, 3> rooms{
            asio::buffer(whole.data(), 100),
            asio::buffer(whole.data() + 100, 6000),
            asio::buffer(whole.data() + 6100, size - 6090)};
        file.async_read_some_at(0, rooms, f.log.io("parts"));
        finish(f.context);
        BOOST_TEST(f.log.take() == "parts ok " + std::to_string(size));
        BOOST_TEST((whole.compare(0, size, expected) == 0));
        chill(warm);
        stream lines(f.context, f.path(), stream::read_only);
        whole.assign(size, '.');
        lines.async_read_some(asio::buffer(whole), f.log.io("one"));
        lines.async_read_some(asio::buffer(whole), f.log.io("end"));
        finish(f.context);
        BOOST_TEST(f.log.take() == "one ok " + std::to_string(size) + "; end eof 0");
        BOOST_TEST((whole == expected));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stream_operations_take_turns_in_order, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using stream = typename Files::stream;
    file_fixture<Files> f;
    stream file(
        f.context, f.path(), stream::read_write | stream::create | stream::truncate);
    std::string expected;
    std::list<std::string> written;
    for (std::size_t i = 0; i != 40; ++i) {
        written.push_back(pattern(1 + i * 37 % 100, i));
        expected += written.back();
        file.async_write_some(
            asio::buffer(written.back()),
            f.log.done_with_size(std::to_string(i), written.back().size()));
    }
    finish(f.context);
    std::string order;
    for (std::size_t i = 0; i != 40; ++i)
        order += (i == 0 ? "" : "; ") + std::to_string(i) + " ok";
    BOOST_TEST(f.log.take() == order);
    BOOST_TEST(f.folder.read("file") == expected);

    file.seek(0, stream::seek_set);
    std::vector<std::string> read(20, std::string(50, '.'));
    for (std::string& one : read)
        file.async_read_some(asio::buffer(one), [](error_code, std::size_t) {});
    finish(f.context);
    std::string all;
    for (const std::string& one : read)
        all += one;
    BOOST_TEST(all.substr(0, 1000) == expected.substr(0, 1000));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(compositions_of_asio_work_on_files, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    using stream = typename Files::stream;
    file_fixture<Files> f;
    const std::string bytes = pattern(100'000);
    random file(f.context, f.path(), random::read_write | random::create);
    asio::async_write_at(file, 10, asio::buffer(bytes), f.log.io("write_at"));
    finish(f.context);
    std::string read(200'000, '.');
    asio::async_read_at(file, 10, asio::buffer(read), f.log.io("read_at"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "write_at ok 100000; read_at eof 100000");
    BOOST_TEST(read.compare(0, 100'000, bytes) == 0);

    stream lines(f.context, f.path("lines"), stream::read_write | stream::create);
    asio::async_write(lines, asio::buffer("one\ntwo\nrest", 12), f.log.io("write"));
    finish(f.context);
    lines.seek(0, stream::seek_set);
    std::string text;
    asio::async_read_until(
        lines, asio::dynamic_buffer(text), '\n', f.log.io("read_until"));
    finish(f.context);
    text.erase(0, 4);
    asio::async_read_until(
        lines, asio::dynamic_buffer(text), '\n', f.log.io("read_until"));
    finish(f.context);
    text.erase(0, 4);
    asio::async_read(lines, asio::dynamic_buffer(text), f.log.io("read"));
    finish(f.context);
    BOOST_TEST(
        f.log.take() == "write ok 12; read_until ok 4; read_until ok 4; read eof 0");
    BOOST_TEST(text == "rest");
    BOOST_TEST(asio::read_at(file, 10, asio::buffer(read, 50)) == 50u);
    BOOST_TEST(asio::write_at(file, 0, asio::buffer("start", 5)) == 5u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_token_works, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    using awaiting = typename asio::use_awaitable_t<>::template as_default_on_t<random>;
    file_fixture<Files> f;
    f.folder.write("file", "0123456789");
    random file(f.context, f.path(), random::read_write);
    std::string read(4, '.');
    auto result = file.async_read_some_at(2, asio::buffer(read), asio::use_future);
    finish(f.context);
    BOOST_TEST(result.get() == 4u);
    BOOST_TEST(read == "2345");
    auto failure = file.async_read_some_at(20, asio::buffer(read), asio::use_future);
    finish(f.context);
    BOOST_CHECK_THROW(failure.get(), boost::system::system_error);

    std::size_t bytes = 0;
    awaiting other(f.context, f.path(), random::read_only);
    asio::co_spawn(
        f.context,
        [&]() -> asio::awaitable<void> {
            bytes = co_await other.async_read_some_at(6, asio::buffer(read));
            bytes += co_await file.async_write_some_at(
                0, asio::buffer("x", 1), asio::use_awaitable);
        },
        asio::detached);
    finish(f.context);
    BOOST_TEST(bytes == 5u);
    BOOST_TEST(read == "6789");
    BOOST_TEST(f.folder.read("file") == "x123456789");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(errors_leave_the_file_usable, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    using stream = typename Files::stream;
    file_fixture<Files> f;
    const error_code no_space(ENOSPC, asio::error::get_system_category());
    stream full(f.context, "/dev/full", stream::write_only);
    full.async_write_some(asio::buffer("text", 4), f.log.io("full"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "full " + text(no_space) + " 0");

    random file(f.context, f.path(), random::read_write | random::create);
    {
        const size_limit limit(6);
        file.async_write_some_at(2, asio::buffer("01234567", 8), f.log.io("part"));
        finish(f.context);
        file.async_write_some_at(6, asio::buffer("01234567", 8), f.log.io("none"));
        finish(f.context);
    }
    const error_code too_big(EFBIG, asio::error::get_system_category());
    BOOST_TEST(f.log.take() == "part ok 4; none " + text(too_big) + " 0");
    BOOST_TEST(file.size() == 6u);
    file.async_write_some_at(6, asio::buffer("4567", 4), f.log.io("rest"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "rest ok 4");
    BOOST_TEST(f.folder.read("file") == std::string("\0\00001234567", 10));

    random reading(f.context, f.path(), random::read_only);
    reading.async_write_some_at(0, asio::buffer("text", 4), f.log.io("write"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "write bad_descriptor 0");
    stream folder(f.context, f.path(""), stream::read_only);
    std::string room(4, '.');
    folder.async_read_some(asio::buffer(room), f.log.io("folder"));
    finish(f.context);
    const error_code is_folder(EISDIR, asio::error::get_system_category());
    BOOST_TEST(f.log.take() == "folder " + text(is_folder) + " 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(end_of_a_file_moves_while_it_is_read, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    file_fixture<Files> f;
    f.folder.write("file", pattern(10'000));
    random file(f.context, f.path(), random::read_write);
    std::string read(10'000, '.');
    for (const std::uint64_t size : {7000u, 100u, 0u, 9000u}) {
        file.resize(size);
        file.async_read_some_at(50, asio::buffer(read), f.log.io("read"));
        finish(f.context);
        BOOST_TEST(
            f.log.take() ==
            (size == 0 ? "read eof 0" : "read ok " + std::to_string(size - 50)));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(operation_keeps_the_context_at_work, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    file_fixture<Files> f;
    random file(f.context, f.path(), random::read_write | random::create);
    std::size_t writes = 0;
    std::function<void()> more = [&] {
        file.async_write_some_at(
            writes, asio::buffer("x", 1), [&](error_code ec, std::size_t) {
                BOOST_TEST(!ec);
                if (++writes != 100)
                    more();
            });
    };
    more();
    finish(f.context);
    BOOST_TEST(writes == 100u);
    BOOST_TEST(file.size() == 100u);
}

// What a cancellation reaches ends with operation_aborted and no bytes; what it does not
// reach reports its bytes. Nothing is lost in between.
BOOST_AUTO_TEST_CASE_TEMPLATE(cancelled_writes_report_what_they_did, Files, file_kinds)
{
    if (!has_files<Files>())
        return;
    using random = typename Files::random;
    constexpr std::size_t count = 300;
    for (const stage when : stages) {
        for (const char* how : {"cancel", "close", "release", "destroy", "move"}) {
            file_fixture<Files> f;
            auto file = std::make_unique<random>(
                f.context, f.path(), random::read_write | random::create);
            std::vector<int> ends(count, 0);
            for (std::size_t i = 0; i != count; ++i)
                file->async_write_some_at(
                    i, asio::buffer("x", 1), [&, i](error_code ec, std::size_t bytes) {
                        BOOST_TEST(loop_scope::inside());
                        BOOST_TEST((ec ? bytes == 0 : bytes == 1));
                        BOOST_TEST((!ec || ec == asio::error::operation_aborted));
                        ends[i] += ec ? 10 : 1;
                    });
            reach(f.context, when);
            int released = -1;
            if (how == std::string("cancel"))
                file->cancel();
            else if (how == std::string("close"))
                file->close();
            else if (how == std::string("release"))
                released = file->release();
            else if (how == std::string("destroy"))
                file.reset();
            else
                *file = random(f.context);
            finish(f.context);
            const std::string bytes = f.folder.read("file");
            std::size_t wrong = 0;
            for (std::size_t i = 0; i != count; ++i) {
                const bool is_there = i < bytes.size() && bytes[i] == 'x';
                wrong += ends[i] != (is_there ? 1 : 10);
            }
            BOOST_TEST(wrong == 0u, how << " at stage " << static_cast<int>(when));
            if (released != -1) {
                BOOST_TEST(::fcntl(released, F_GETFD) != -1);
                ::close(released);
            }
            if (file == nullptr)
                continue;
            if (!file->is_open())
                file->open(f.path(), random::read_write);
            file->async_write_some_at(0, asio::buffer("after", 5), f.log.io("after"));
            finish(f.context);
            BOOST_TEST(f.log.take() == "after ok 5");
        }
    }
}

BOOST_AUTO_TEST_CASE(slot_ends_one_operation_and_no_other)
{
    using random = ring_files::random;
    file_fixture<ring_files> f;
    random file(f.context, f.path(), random::read_write | random::create);
    asio::cancellation_signal signal;
    file.async_write_some_at(0, asio::buffer("x", 1), f.log.io("first"));
    file.async_write_some_at(
        1,
        asio::buffer("x", 1),
        asio::bind_cancellation_slot(signal.slot(), f.log.io("second")));
    file.async_write_some_at(2, asio::buffer("x", 1), f.log.io("third"));
    signal.emit(asio::cancellation_type::terminal);
    finish(f.context);
    const std::string log = f.log.take();
    BOOST_TEST(log.find("first ok 1") != log.npos);
    BOOST_TEST(log.find("third ok 1") != log.npos);
    if (has_ring(f.context))
        BOOST_TEST(log.find("second operation_aborted 0") != log.npos);
    // A late signal finds nothing.
    signal.emit(asio::cancellation_type::terminal);
    file.async_write_some_at(3, asio::buffer("x", 1), f.log.io("fourth"));
    finish(f.context);
    BOOST_TEST(f.log.take() == "fourth ok 1");
}

BOOST_AUTO_TEST_CASE(slot_ends_an_operation_that_waits_for_its_turn)
{
    using stream = ring_files::stream;
    file_fixture<ring_files> f;
    stream file(f.context, f.path(), stream::read_write | stream::create);
    asio::cancellation_signal signal;
    const std::string large(8 << 20, 'x');
    file.async_write_some(asio::buffer(large), f.log.done_with_size("1", large.size()));
    file.async_write_some(
        asio::buffer("y", 1), asio::bind_cancellation_slot(signal.slot(), f.log.io("2")));
    file.async_write_some(asio::buffer("z", 1), f.log.io("3"));
    signal.emit(asio::cancellation_type::total);
    finish(f.context);
    const std::string log = f.log.take();
    BOOST_TEST(log.find("1 ok") != log.npos);
    BOOST_TEST(log.find("2 operation_aborted 0") != log.npos);
    BOOST_TEST(log.find("3 ok 1") != log.npos);
    BOOST_TEST(f.folder.read("file") == large + 'z');
}

BOOST_AUTO_TEST_CASE(read_of_an_empty_pipe_is_cancelled)
{
    using stream = ring_files::stream;
    file_fixture<ring_files> f;
    if (!has_ring(f.context))
        return; // a worker would wait in the pipe
    for (const stage when : stages) {
        int ends[2];
        BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        const unique_fd writer(ends[1]);
        stream file(f.context, ends[0]);
        std::string read(4, '.');
        file.async_read_some(asio::buffer(read), f.log.io("first"));
        file.async_read_some(asio::buffer(read), f.log.io("second"));
        reach(f.context, when);
        file.cancel();
        finish(f.context);
        BOOST_TEST(
            f.log.take() == "first operation_aborted 0; second operation_aborted 0");
        file.async_read_some(asio::buffer(read), f.log.io("read"));
        reach(f.context, when);
        BOOST_TEST(::write(writer.get(), "text", 4) == 4);
        finish(f.context);
        BOOST_TEST(f.log.take() == "read ok 4");
        BOOST_TEST(read == "text");
        // A part of what was asked for is what there is.
        read.assign(10, '.');
        BOOST_TEST(::write(writer.get(), "part", 4) == 4);
        file.async_read_some(asio::buffer(read), f.log.io("read"));
        finish(f.context);
        BOOST_TEST(f.log.take() == "read ok 4");
        BOOST_TEST(read == "part......");
    }
}

// A look is worth its call only for a read that would be alone in its entry.
BOOST_AUTO_TEST_CASE(first_read_of_a_turn_is_tried_where_the_last_one_was_alone)
{
    asio_uring::detail::file_facts file;
    BOOST_TEST(file.looks_first(1));
    BOOST_TEST(file.looks_first(2));
    BOOST_TEST(!file.looks_first(2));
    BOOST_TEST(!file.looks_first(3));
    BOOST_TEST(!file.looks_first(3));
    BOOST_TEST(!file.looks_first(5));
    BOOST_TEST(file.looks_first(6));
    file.open(O_DIRECT);
    BOOST_TEST(!file.looks_first(7));
}

BOOST_AUTO_TEST_CASE(context_dies_at_every_step)
{
    const temporary_directory folder;
    folder.write("file", pattern(4096));
    destroy_at_every_step([&](asio::io_context& context, witness& seen) {
        using random = ring_files::random;
        using stream = ring_files::stream;
        struct objects
        {
            explicit objects(asio::io_context& c, const std::string& path)
                : file(c, path, random::read_write), lines(c, path, stream::read_write)
            {}
            random file;
            stream lines;
            std::array<std::array<char, 1024>, 8> rooms{};
            int left = 12;
        };
        auto made = std::make_shared<objects>(context, folder.path("file"));
        const auto step = [made, &seen, token = seen.token()](error_code, std::size_t) {
            seen.step();
            if (--made->left == 0)
                seen.complete();
        };
        for (std::size_t i = 0; i != 4; ++i) {
            made->file.async_read_some_at(i * 512, asio::buffer(made->rooms[i]), step);
            made->file.async_write_some_at(i * 512, asio::buffer("text", 4), step);
            if (i % 2 == 0)
                made->lines.async_read_some(asio::buffer(made->rooms[4 + i]), step);
            else
                made->lines.async_write_some(asio::buffer("text", 4), step);
        }
        return made;
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
