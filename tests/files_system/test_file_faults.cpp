// SPDX-License-Identifier: BSL-1.0
// Files on a disk that fails: each request ends with the error that the kernel tells,
// what is left behind is what the documentation says, and the object goes on.
#include "../support/backend.hpp"
#include "../support/failing_file_system.hpp"
#include "../support/recorder.hpp"
#include "../support/skip.hpp"
#include "../support/temporary_directory.hpp"
#include "ask.hpp"

#include <asio_uring/directory_watcher.hpp>
#include <asio_uring/file_system.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/random_access_file.hpp>
#include <asio_uring/stream_file.hpp>
#include <asio_uring/whole_files.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write_at.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

using random = asio_uring::random_access_file;
using stream = asio_uring::stream_file;

error_code system_error(int error) { return {error, asio::error::get_system_category()}; }

std::string letters(std::size_t size)
{
    std::string made(size, 'x');
    for (std::size_t i = 0; i != size; ++i)
        made[i] = static_cast<char>('a' + i * 7 / 3 % 26);
    return made;
}

/// What a transfer ended with.
using transferred = std::pair<int, std::size_t>;

struct faults_fixture
{
    failing_file_system disk;
    temporary_directory folder;
    asio_uring::io_context context{1};

    asio_uring::executor executor() { return context.get_executor(); }

    /// Whether the suite can run; its cases skip otherwise.
    bool may_run() const { return disk.is_there(); }

    template <typename Start>
    transferred transfer(Start start)
    {
        const auto got = ask<std::size_t>(context, start);
        return {got.ec.value(), got.value};
    }
    transferred write_at(random& file, std::uint64_t offset, const std::string& bytes)
    {
        return transfer([&](auto handler) {
            file.async_write_some_at(offset, asio::buffer(bytes), handler);
        });
    }
    transferred read_at(random& file, std::uint64_t offset, std::string& room)
    {
        return transfer([&](auto handler) {
            file.async_read_some_at(offset, asio::buffer(room), handler);
        });
    }
    transferred write(stream& file, const std::string& bytes)
    {
        return transfer(
            [&](auto handler) { file.async_write_some(asio::buffer(bytes), handler); });
    }
    transferred read(stream& file, std::string& room)
    {
        return transfer(
            [&](auto handler) { file.async_read_some(asio::buffer(room), handler); });
    }
};

/// The same, with what the whole-file functions take.
struct whole_file_faults_fixture : faults_fixture
{
    directory_handle root{disk.is_there() ? ::dup(disk.root()) : -1};

    answer<std::string> read(file_location at)
    {
        return ask<std::string>(
            context, [&](auto handler) { async_read_file(executor(), at, handler); });
    }
    error_code write(file_location at, std::string content)
    {
        return ask(context, [&](auto handler) {
            async_write_file(executor(), at, content, handler);
        });
    }
    answer<bool>
    copy(file_location from, file_location to, const copy_file_options& options = {})
    {
        return ask<bool>(context, [&](auto handler) {
            async_copy_file(executor(), from, to, options, handler);
        });
    }
};

constexpr auto made = file_base::read_write | file_base::create;
constexpr const char* no_mount = "a file system that fails needs the right to mount";

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_file_faults, faults_fixture)

// The memory of a process is a file that no right is needed for.
BOOST_AUTO_TEST_CASE(transfer_of_unmapped_memory_fails_and_the_file_goes_on)
{
    std::string known = "known";
    const auto place = reinterpret_cast<std::uintptr_t>(known.data());
    random file(context, "/proc/self/mem", file_base::read_write);
    std::string room(5, '-');
    for (int rounds = 0; rounds != 2; ++rounds) {
        BOOST_TEST((read_at(file, 0, room) == transferred(EIO, 0)));
        BOOST_TEST((write_at(file, 0, room) == transferred(EIO, 0)));
        BOOST_TEST((read_at(file, place, room) == transferred(0, 5)));
        BOOST_TEST(room == known);
    }
    BOOST_TEST((write_at(file, place, "wrote") == transferred(0, 5)));
    BOOST_TEST(known == "wrote");
    stream lines(context, "/proc/self/mem", file_base::read_write);
    BOOST_TEST((read(lines, room) == transferred(EIO, 0)));
    BOOST_TEST((write(lines, room) == transferred(EIO, 0)));
    lines.seek(static_cast<std::int64_t>(place), file_base::seek_set);
    BOOST_TEST((read(lines, room) == transferred(0, 5)));
    BOOST_TEST(room == "wrote");
    const auto whole = ask<std::string>(context, [&](auto handler) {
        async_read_file(executor(), "/proc/self/mem", handler);
    });
    BOOST_TEST((whole.ec == system_error(EIO)));
    BOOST_TEST(whole.value == "");
}

BOOST_AUTO_TEST_CASE(failed_write_tells_the_error_and_the_next_one_succeeds)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    for (const int error : {EIO, ENOSPC, EDQUOT})
        BOOST_TEST_CONTEXT(error)
        {
            random file(context, disk.path("file"), made | file_base::truncate);
            stream lines(context, disk.path("lines"), made | file_base::truncate);
            disk.fail(FUSE_WRITE, error);
            BOOST_TEST((write_at(file, 0, "lost") == transferred(error, 0)));
            BOOST_TEST((write(lines, "lost") == transferred(error, 0)));
            const auto durable = transfer([&](auto handler) {
                file.async_write_durable_at(0, asio::buffer("lost", 4), handler);
            });
            BOOST_TEST((durable == transferred(error, 0)));
            BOOST_TEST(disk.read("file") == "");
            disk.heal();
            BOOST_TEST((write_at(file, 2, "kept") == transferred(0, 4)));
            BOOST_TEST((write(lines, "kept") == transferred(0, 4)));
            BOOST_TEST(disk.read("file") == std::string("\0\0kept", 6));
            BOOST_TEST(disk.read("lines") == "kept");
        }
}

// One request of the program is several of the disk.
BOOST_AUTO_TEST_CASE(write_that_fails_in_its_middle_counts_what_is_written)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    const std::string bytes = letters(300'000);
    for (const int error : {EIO, ENOSPC, EDQUOT})
        for (const int well : {1, 3})
            BOOST_TEST_CONTEXT(error << " behind " << well)
            {
                random file(context, disk.path("file"), made | file_base::truncate);
                disk.fail(FUSE_WRITE, error, well);
                const auto [ec, size] = write_at(file, 0, bytes);
                BOOST_TEST(ec == 0);
                BOOST_TEST((size > 0 && size < bytes.size()));
                BOOST_TEST((disk.read("file") == bytes.substr(0, size)));
                BOOST_TEST((write_at(file, size, "x") == transferred(error, 0)));
                disk.fail(FUSE_WRITE, error, well);
                const auto all = transfer([&](auto handler) {
                    asio::async_write_at(file, 0, asio::buffer(bytes), handler);
                });
                BOOST_TEST((all == transferred(error, size)));
                stream lines(context, disk.path("lines"), made | file_base::truncate);
                disk.fail(FUSE_WRITE, error, well);
                const auto part = write(lines, bytes);
                BOOST_TEST(part.first == 0);
                disk.heal();
                BOOST_TEST((write(lines, "end") == transferred(0, 3)));
                BOOST_TEST((disk.read("lines") == bytes.substr(0, part.second) + "end"));
            }
}

BOOST_AUTO_TEST_CASE(failed_read_tells_the_error_and_the_next_one_succeeds)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    disk.write("file", "0123456789");
    random file(context, disk.path("file"), file_base::read_only);
    stream lines(context, disk.path("file"), file_base::read_only);
    std::string room(4, '-');
    disk.fail(FUSE_READ, EIO);
    for (int rounds = 0; rounds != 2; ++rounds) {
        BOOST_TEST((read_at(file, 2, room) == transferred(EIO, 0)));
        BOOST_TEST((read(lines, room) == transferred(EIO, 0)));
    }
    disk.heal();
    BOOST_TEST((read_at(file, 2, room) == transferred(0, 4)));
    BOOST_TEST(room == "2345");
    BOOST_TEST((read(lines, room) == transferred(0, 4)));
    BOOST_TEST(room == "0123");
}

// All that wait for one sync hear of its error.
BOOST_AUTO_TEST_CASE(failed_sync_is_told_to_everyone_who_waits_for_it)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    random file(context, disk.path("file"), made);
    BOOST_TEST((write_at(file, 0, "text") == transferred(0, 4)));
    disk.fail(FUSE_FSYNC, EIO);
    int failed = 0;
    for (int i = 0; i != 10; ++i) {
        file.async_sync_data([&](error_code ec) { failed += ec == system_error(EIO); });
        file.async_sync_all([&](error_code ec) { failed += ec == system_error(EIO); });
    }
    finish(context);
    BOOST_TEST(failed == 20);
    std::size_t told = 0;
    for (int i = 0; i != 5; ++i)
        file.async_write_durable_at(
            4, asio::buffer("more", 4), [&](error_code ec, std::size_t) {
                told += ec == system_error(EIO);
            });
    finish(context);
    BOOST_TEST(told == 5U);
    disk.heal();
    const auto durable = transfer([&](auto handler) {
        file.async_write_durable_at(4, asio::buffer("more", 4), handler);
    });
    BOOST_TEST((durable == transferred(0, 4)));
    BOOST_TEST(disk.read("file") == "textmore");
}

// The first way is a write and a sync; the second, in its turn, one request.
BOOST_AUTO_TEST_CASE(failed_sync_is_told_to_a_durable_write_of_each_way)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    random file(context, disk.path("file"), made);
    const auto write = [&] {
        return transfer([&](auto handler) {
            file.async_write_durable_at(0, asio::buffer("text", 4), handler);
        });
    };
    for (int i = 0; i != 4; ++i) {
        BOOST_TEST((write() == transferred(0, 4)));
        disk.fail(FUSE_FSYNC, EIO);
        BOOST_TEST((write().first == EIO));
        disk.heal();
    }
    BOOST_TEST((write() == transferred(0, 4)));
}

BOOST_AUTO_TEST_CASE(failed_call_of_a_file_tells_the_error)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    disk.write("file", "text");
    random file(context);
    const auto open = [&] {
        return ask(context, [&](auto handler) {
            file.async_open(disk.path("file"), made, handler);
        });
    };
    disk.fail(FUSE_OPEN, EIO);
    BOOST_TEST((open() == system_error(EIO)));
    BOOST_TEST(!file.is_open());
    disk.fail(FUSE_SETATTR, EDQUOT);
    disk.fail(FUSE_FALLOCATE, ENOSPC);
    disk.fail(FUSE_FLUSH, EIO);
    disk.fail(FUSE_OPEN, 0);
    BOOST_TEST(!open());
    const error_code resized =
        ask(context, [&](auto handler) { file.async_resize(100, handler); });
    BOOST_TEST((resized == system_error(EDQUOT)));
    const error_code allocated = ask(context, [&](auto handler) {
        file.async_allocate(0, 100, random::allocate, handler);
    });
    BOOST_TEST((allocated == system_error(ENOSPC)));
    BOOST_TEST(disk.read("file") == "text");
    // What a close fails with says something of the writes before it. It is a close.
    const error_code closed =
        ask(context, [&](auto handler) { file.async_close(handler); });
    BOOST_TEST((closed == system_error(EIO)));
    BOOST_TEST(!file.is_open());
    disk.heal();
    BOOST_TEST(!open());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(test_whole_file_faults, whole_file_faults_fixture)

BOOST_AUTO_TEST_CASE(failed_read_of_a_file_leaves_no_part_and_no_place)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    const std::string large = letters(1'000'000);
    disk.write("small", "text");
    disk.write("large", large);
    const std::pair<::fuse_opcode, int> failures[] = {
        {FUSE_OPEN, 0}, {FUSE_READ, 0}, {FUSE_READ, 2}};
    for (const auto& [what, behind] : failures) {
        for (int rounds = 0; rounds != 70; ++rounds) { // more than there are places
            disk.fail(what, EIO, behind);
            const auto got = read({root, rounds % 2 == 0 ? "large" : "small"});
            if (behind == 0 || rounds % 2 == 0) {
                BOOST_TEST((got.ec == system_error(EIO)));
                BOOST_TEST(got.value == "");
            }
            disk.heal();
        }
        BOOST_TEST(read({root, "small"}).value == "text");
        BOOST_TEST((read({root, "large"}).value == large));
    }
    std::string kept = "kept";
    disk.fail(FUSE_READ, EIO, 2);
    const auto into = ask<std::size_t>(context, [&](auto handler) {
        async_read_file(executor(), {root, "large"}, asio::dynamic_buffer(kept), handler);
    });
    BOOST_TEST((into.ec == system_error(EIO)));
    BOOST_TEST(into.value == 0U);
    BOOST_TEST(kept == "kept");
}

BOOST_AUTO_TEST_CASE(failed_write_of_a_file_leaves_the_old_content_and_nothing_else)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    const std::string content = letters(300'000);
    disk.write("file", "before");
    const std::pair<::fuse_opcode, int> failures[] = {
        {FUSE_CREATE, 0},
        {FUSE_WRITE, 0},
        {FUSE_WRITE, 2},
        {FUSE_FSYNC, 0},
        {FUSE_RENAME2, 0},
        {FUSE_RENAME, 0}};
    for (const int error : {EIO, ENOSPC, EDQUOT})
        for (const auto& [what, behind] : failures)
            BOOST_TEST_CONTEXT(error << " of " << what << " behind " << behind)
            {
                if (what == FUSE_RENAME2)
                    disk.fail(FUSE_RENAME, error);
                disk.fail(what, error, behind);
                BOOST_TEST((write({root, "file"}, content) == system_error(error)));
                disk.heal();
                BOOST_TEST(disk.read("file") == "before");
                BOOST_TEST(disk.names() == 1U);
            }
    // The first error is the one that is told.
    disk.fail(FUSE_WRITE, ENOSPC);
    disk.fail(FUSE_UNLINK, EIO);
    BOOST_TEST((write({root, "file"}, content) == system_error(ENOSPC)));
    BOOST_TEST(disk.read("file") == "before");
    disk.heal();
    BOOST_TEST(!write({root, "file"}, content));
    BOOST_TEST((disk.read("file") == content));
}

BOOST_AUTO_TEST_CASE(failed_sync_of_the_directory_leaves_the_new_content)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    for (const ::fuse_opcode what : {FUSE_OPENDIR, FUSE_FSYNCDIR}) {
        disk.write("file", "before");
        disk.fail(what, EIO);
        BOOST_TEST((write({root, "file"}, "after") == system_error(EIO)));
        BOOST_TEST(disk.read("file") == "after");
        BOOST_TEST(disk.names() == 1U);
        disk.heal();
    }
}

BOOST_AUTO_TEST_CASE(failed_copy_of_a_file_leaves_nothing)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    const std::string content = letters(300'000);
    disk.write("from", content);
    folder.write("from", content);
    const std::pair<::fuse_opcode, int> failures[] = {
        {FUSE_CREATE, 0}, {FUSE_WRITE, 0}, {FUSE_WRITE, 2}, {FUSE_FSYNC, 0}};
    for (const int error : {EIO, ENOSPC, EDQUOT})
        for (const auto& [what, behind] : failures)
            for (const bool within : {false, true})
                BOOST_TEST_CONTEXT(error << " of " << what << " behind " << behind)
                {
                    disk.fail(what, error, behind);
                    const auto got =
                        within ? copy({root, "from"}, {root, "to"}, {.sync = true})
                               : copy(folder.path("from"), {root, "to"}, {.sync = true});
                    BOOST_TEST((got.ec == system_error(error)));
                    BOOST_TEST(!got.value);
                    disk.heal();
                    BOOST_TEST(!disk.has("to"));
                }
    for (const int behind : {0, 2}) {
        disk.fail(FUSE_READ, EIO, behind);
        BOOST_TEST((copy({root, "from"}, folder.path("to")).ec == system_error(EIO)));
        BOOST_TEST(!folder.has("to"));
        disk.heal();
    }
    BOOST_TEST(copy(folder.path("from"), {root, "to"}).value);
    BOOST_TEST((disk.read("to") == content));
}

// Each function of the file system, where the disk does not even find the name.
BOOST_AUTO_TEST_CASE(failed_function_of_the_file_system_tells_the_error)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    disk.write("file", "text");
    const error_code eio = system_error(EIO);
    const auto stat = [&] {
        return ask<file_status>(context, [&](auto handler) {
            async_stat(executor(), {root, "file"}, handler);
        });
    };
    const auto remove = [&] {
        return ask<bool>(context, [&](auto handler) {
            async_remove(executor(), {root, "file"}, handler);
        });
    };
    const auto rename = [&] {
        return ask(context, [&](auto handler) {
            async_rename(executor(), {root, "file"}, {root, "new"}, handler);
        });
    };
    const auto list = [&] {
        return ask<std::vector<directory_entry>>(context, [&](auto handler) {
            async_list_directory(executor(), {root, "."}, handler);
        });
    };
    disk.fail(FUSE_LOOKUP, EIO);
    BOOST_TEST((stat().ec == eio));
    BOOST_TEST((remove().ec == eio));
    BOOST_TEST((rename() == eio));
    disk.heal();
    disk.fail(FUSE_UNLINK, EIO);
    disk.fail(FUSE_RENAME, EDQUOT);
    disk.fail(FUSE_READDIR, EIO);
    disk.fail(FUSE_MKDIR, ENOSPC);
    BOOST_TEST((remove().ec == eio));
    BOOST_TEST((rename() == system_error(EDQUOT)));
    BOOST_TEST((list().ec == eio));
    BOOST_TEST(list().value.empty());
    const auto created = ask<bool>(context, [&](auto handler) {
        async_create_directory(executor(), {root, "directory"}, handler);
    });
    BOOST_TEST((created.ec == system_error(ENOSPC)));
    BOOST_TEST(!created.value);
    asio_uring::directory_watcher watcher(context);
    const auto watch = [&] {
        return ask(context, [&](auto handler) {
            watcher.async_watch(disk.path(""), {.recursive = true}, handler);
        });
    };
    BOOST_TEST((watch() == eio));
    disk.heal();
    BOOST_TEST(!watch());
    BOOST_TEST(!list().ec);
    BOOST_TEST(stat().value.size == 4U);
    BOOST_TEST(!rename());
    BOOST_TEST(disk.has("new"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
