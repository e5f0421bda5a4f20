// SPDX-License-Identifier: BSL-1.0
// What a directory_watcher tells, against what was done.
#include "../support/backend.hpp"
#include "../support/destroy_everywhere.hpp"
#include "../support/no_descriptors.hpp"
#include "../support/temporary_directory.hpp"
#include "ask.hpp"

#include <asio_uring/directory_watcher.hpp>
#include <asio_uring/io_context.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/inotify.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace fs = std::filesystem;

namespace {

struct watcher_fixture
{
    temporary_directory folder;
    asio_uring::io_context context{1};
    asio_uring::directory_watcher watcher{context};

    error_code watch(const std::string& name, bool recursive = false)
    {
        return ask(context, [&](auto handler) {
            watcher.async_watch(
                folder.path(name), {.recursive = recursive}, std::move(handler));
        });
    }
    answer<watch_event> next()
    {
        return ask<watch_event>(
            context, [&](auto handler) { watcher.async_next(std::move(handler)); });
    }
    std::string relative(const watch_event& event)
    {
        return event.path.lexically_relative(folder.path(""));
    }

    /// The events up to that of a file which is made now, as "change path".
    std::vector<std::string> all_so_far()
    {
        const std::string mark = "mark" + std::to_string(marks_++);
        folder.write(mark, "");
        std::vector<std::string> all;
        for (;;) {
            const auto got = next();
            BOOST_TEST_REQUIRE(!got.ec, got.ec.message());
            if (relative(got.value) != mark)
                all.push_back(text(got.value));
            else if (got.value.change == watch_change::closed)
                return all;
        }
    }

    std::string text(const watch_event& event)
    {
        static const std::map<watch_change, std::string> names = {
            {watch_change::created, "created"},
            {watch_change::removed, "removed"},
            {watch_change::modified, "modified"},
            {watch_change::closed, "closed"},
            {watch_change::attributes, "attributes"},
            {watch_change::moved_away, "away"},
            {watch_change::moved_here, "here"},
            {watch_change::unwatched, "unwatched"},
            {watch_change::events_dropped, "dropped"}};
        return names.at(event.change) + (event.is_directory ? "/ " : " ") +
               relative(event);
    }

private:
    int marks_ = 0;
};

using strings = std::vector<std::string>;

/// An event as the kernel writes it.
std::string event_text(int watch, std::uint32_t mask, std::string name)
{
    if (!name.empty())
        name.resize((name.size() / 16 + 1) * 16);
    ::inotify_event head{};
    head.wd = watch;
    head.mask = mask;
    head.len = static_cast<std::uint32_t>(name.size());
    return std::string(reinterpret_cast<const char*>(&head), sizeof head) + name;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_directory_watcher, watcher_fixture)

BOOST_AUTO_TEST_CASE(each_change_has_its_event)
{
    fs::create_directory(folder.path("d"));
    BOOST_TEST(!watch(""));
    folder.write("file", "text");
    fs::permissions(folder.path("file"), fs::perms(0600));
    fs::rename(folder.path("file"), folder.path("other"));
    fs::create_directory(folder.path("e"));
    folder.write("d/unseen", "");
    fs::remove(folder.path("other"));
    fs::remove(folder.path("e"));
    const strings expected = {
        "created file",
        "modified file",
        "closed file",
        "attributes file",
        "away file",
        "here other",
        "created/ e",
        "removed other",
        "removed/ e"};
    BOOST_TEST(all_so_far() == expected, boost::test_tools::per_element());
    fs::rename(folder.path("d"), folder.path("f"));
    const auto away = next().value;
    const auto here = next().value;
    BOOST_TEST((away.change == watch_change::moved_away && away.is_directory));
    BOOST_TEST((here.change == watch_change::moved_here && here.is_directory));
    BOOST_TEST((away.move != 0 && away.move == here.move));
}

BOOST_AUTO_TEST_CASE(file_alone_is_watched_until_it_is_gone)
{
    folder.write("file", "");
    BOOST_TEST(!watch("file"));
    std::ofstream(folder.path("file"), std::ios::app) << "more";
    BOOST_TEST(text(next().value) == "modified file");
    BOOST_TEST(text(next().value) == "closed file");
    fs::remove(folder.path("file"));
    std::string last;
    while (last != "unwatched file")
        last = text(next().value);
    BOOST_TEST((watch("missing") == std::errc::no_such_file_or_directory));
}

// Files are made in new directories before and while somebody looks into them. Each is
// told once.
BOOST_AUTO_TEST_CASE(everything_made_below_is_told_once)
{
    fs::create_directories(folder.path("there/before"));
    folder.write("there/before/old", "");
    BOOST_TEST(!watch("", true));
    std::map<std::string, int> expected;
    const auto make = [&](const std::string& directory, int files) {
        fs::create_directory(folder.path(directory));
        for (int i = 0; i != files; ++i)
            std::ofstream(folder.path(directory + "/" + std::to_string(i))) << "x";
    };
    const auto expect = [&](const std::string& directory, int files) {
        ++expected[directory];
        for (int i = 0; i != files; ++i)
            ++expected[directory + "/" + std::to_string(i)];
    };
    expect("a", 5);
    expect("there/before/c", 3);
    for (int i = 0; i != 50; ++i)
        expect("a/d" + std::to_string(i), 40);
    make("a", 5);
    make("there/before/c", 3);
    std::thread maker([&] {
        for (int i = 0; i != 50; ++i)
            make("a/d" + std::to_string(i), 40);
    });
    std::map<std::string, int> told;
    while (told.size() < expected.size()) {
        const auto got = next();
        BOOST_TEST_REQUIRE(!got.ec);
        if (got.value.change == watch_change::created)
            ++told[relative(got.value)];
    }
    maker.join();
    for (const std::string& rest : all_so_far())
        BOOST_TEST(!rest.starts_with("created"), rest);
    BOOST_TEST((told == expected));
    // All of it is watched now.
    folder.write("a/d7/late", "");
    BOOST_TEST(all_so_far().front() == "created a/d7/late");
}

// A file that is made between the watch and the look has an event as well.
BOOST_AUTO_TEST_CASE(event_of_what_was_found_already_is_dropped_once)
{
    detail::watch_table table(unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)));
    BOOST_TEST_REQUIRE(table.add(folder.path(""), true) == 0);
    fs::create_directory(folder.path("d"));
    folder.write("d/file", "");
    std::array<char, 4096> read{};
    const auto size = ::read(table.descriptor(), read.data(), read.size());
    BOOST_TEST_REQUIRE(size > 0);
    table.take(read.data(), static_cast<std::size_t>(size));
    BOOST_TEST_REQUIRE(table.needs_scan());
    BOOST_TEST(table.scan() == 0);
    // The kernel numbers the watches of a descriptor from 1 on.
    const std::string event = event_text(2, IN_CREATE, "file");
    const auto told = [&] {
        table.take(event.data(), event.size());
        strings all;
        for (watch_event found; table.pop(found);)
            all.push_back(text(found));
        return all;
    };
    const strings expected = {"created/ d", "created d/file"};
    BOOST_TEST(told() == expected, boost::test_tools::per_element());
    BOOST_TEST(told() == strings{"created d/file"}, boost::test_tools::per_element());
}

// So is a directory that is made then, with all that comes into it before its event.
BOOST_AUTO_TEST_CASE(directory_that_was_found_already_is_not_looked_into_again)
{
    detail::watch_table table(unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)));
    BOOST_TEST_REQUIRE(table.add(folder.path(""), true) == 0);
    fs::create_directories(folder.path("d/e"));
    folder.write("d/e/first", "");
    const auto take = [&](const std::string& events) {
        table.take(events.data(), events.size());
    };
    take(event_text(1, IN_CREATE | IN_ISDIR, "d"));
    BOOST_TEST(table.scan() == 0);
    // The look has watched d, and then e within it.
    folder.write("d/e/second", "");
    take(event_text(3, IN_CREATE, "second") + event_text(2, IN_CREATE | IN_ISDIR, "e"));
    BOOST_TEST(table.scan() == 0);
    strings all;
    for (watch_event found; table.pop(found);)
        all.push_back(text(found));
    const strings expected = {
        "created/ d", "created/ d/e", "created d/e/first", "created d/e/second"};
    BOOST_TEST(all == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(directories_behind_one_that_cannot_be_watched_are_watched)
{
    detail::watch_table table(unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)));
    BOOST_TEST_REQUIRE(table.add(folder.path(""), true) == 0);
    fs::create_directory(folder.path("d"));
    folder.write("d/file", "");
    const std::string too_long(300, 'x');
    std::string events = event_text(1, IN_CREATE | IN_ISDIR, too_long);
    events += event_text(1, IN_CREATE | IN_ISDIR, "d");
    table.take(events.data(), events.size());
    BOOST_TEST(table.scan() == -ENAMETOOLONG);
    BOOST_TEST_REQUIRE(table.needs_scan());
    BOOST_TEST(table.scan() == 0);
    BOOST_TEST(!table.needs_scan());
    strings all;
    for (watch_event found; table.pop(found);)
        all.push_back(text(found));
    BOOST_TEST_REQUIRE(all.size() == 3U);
    BOOST_TEST(all.back() == "created d/file");
}

// One that cannot be looked into is no empty one.
BOOST_AUTO_TEST_CASE(directory_that_cannot_be_read_is_told)
{
    fs::create_directories(folder.path("a/b"));
    BOOST_TEST(!watch("a")); // the context has its workers
    {
        const no_descriptors none;
        BOOST_TEST((watch("a", true) == std::errc::too_many_files_open));
    }
    BOOST_TEST(!watch("a", true));
    fs::create_directories(folder.path("a/b/c/d"));
    BOOST_TEST(text(next().value) == "created/ a/b/c");
    {
        const no_descriptors none;
        BOOST_TEST((next().ec == std::errc::too_many_files_open));
    }
    // The watcher goes on.
    fs::create_directories(folder.path("a/b/e"));
    BOOST_TEST(text(next().value) == "created/ a/b/e");
    // A directory that has gone is none to tell of.
    fs::remove_all(folder.path("a"));
    BOOST_TEST((watch("a", true) == std::errc::no_such_file_or_directory));
    detail::watch_table table(unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)));
    BOOST_TEST_REQUIRE(table.add(folder.path(""), true) == 0);
    const std::string gone = event_text(1, IN_CREATE | IN_ISDIR, "gone");
    table.take(gone.data(), gone.size());
    BOOST_TEST(table.scan() == 0);
}

BOOST_AUTO_TEST_CASE(directory_behind_an_error_of_a_walk_is_watched)
{
    const std::string name(200, 'n');
    unique_fd at(::dup(folder.fd()));
    for (int depth = 0; depth != 30; ++depth) { // more than a path may have
        BOOST_TEST_REQUIRE(::mkdirat(at.get(), name.c_str(), 0700) == 0);
        at.reset(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        BOOST_TEST_REQUIRE(at.get() >= 0);
    }
    // Some of them come first, in whatever order they are listed.
    for (int other = 0; other != 20; ++other)
        fs::create_directories(folder.path(std::to_string(other) + "/inner"));
    BOOST_TEST((watch("", true) == std::errc::filename_too_long));
    for (int other = 0; other != 20; ++other) {
        const std::string file = std::to_string(other) + "/inner/file";
        folder.write(file, "");
        const strings expected = {"created " + file, "closed " + file};
        BOOST_TEST(all_so_far() == expected, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(moved_directory_is_watched_where_it_is)
{
    fs::create_directories(folder.path("in/a/b"));
    fs::create_directory(folder.path("in/c"));
    fs::create_directories(folder.path("out/come"));
    folder.write("out/come/file", "");
    BOOST_TEST(!watch("in", true));
    BOOST_TEST(!watch(""));
    fs::rename(folder.path("in/a"), folder.path("in/c/a"));
    static_cast<void>(all_so_far());
    fs::create_directory(folder.path("in/c/a/b/new"));
    BOOST_TEST(all_so_far() == strings{"created/ in/c/a/b/new"});
    fs::rename(folder.path("in/c/a"), folder.path("out/a"));
    static_cast<void>(all_so_far());
    folder.write("out/a/b/unseen", "");
    BOOST_TEST(all_so_far() == strings{});
    fs::rename(folder.path("out/come"), folder.path("in/come"));
    // What is in it is looked for once what has been read is told.
    strings come = all_so_far();
    std::ranges::copy(all_so_far(), std::back_inserter(come));
    const strings expected = {"here/ in/come", "created in/come/file"};
    BOOST_TEST(come == expected, boost::test_tools::per_element());
    fs::permissions(folder.path("in/come/file"), fs::perms(0600));
    BOOST_TEST(all_so_far() == strings{"attributes in/come/file"});
    fs::remove_all(folder.path("in/come"));
    const strings gone = {"removed in/come/file", "removed/ in/come"};
    BOOST_TEST(all_so_far() == gone, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(dropped_events_are_told)
{
    BOOST_TEST(!watch("", true));
    std::size_t room = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> room;
    BOOST_TEST_REQUIRE((room != 0 && room < 1'000'000));
    folder.write("a", "");
    folder.write("b", "");
    // Two in turn, because the kernel merges an event with an equal one before it.
    for (std::size_t i = 0; i < room / 2 + 10; ++i) {
        ::chmod(folder.path("a").c_str(), 0600);
        ::chmod(folder.path("b").c_str(), 0600);
    }
    fs::create_directory(folder.path("unheard"));
    std::size_t events = 0;
    while (next().value.change != watch_change::events_dropped)
        BOOST_TEST_REQUIRE(++events <= room);
    // The directory whose event was dropped is watched all the same.
    static_cast<void>(all_so_far());
    folder.write("unheard/file", "");
    BOOST_TEST(all_so_far().front() == "created unheard/file");
}

BOOST_AUTO_TEST_CASE(link_to_a_directory_is_looked_into_where_events_were_dropped)
{
    fs::create_directory(folder.path("real"));
    fs::create_symlink("real", folder.path("link"));
    detail::watch_table table(unique_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)));
    BOOST_TEST_REQUIRE(table.add(folder.path("link"), true) == 0);
    fs::create_directory(folder.path("real/unheard"));
    std::array<char, 4096> input{};
    const auto read = [&] {
        return ::read(table.descriptor(), input.data(), input.size());
    };
    BOOST_TEST_REQUIRE(read() > 0);
    const std::string dropped = event_text(-1, IN_Q_OVERFLOW, "");
    table.take(dropped.data(), dropped.size());
    BOOST_TEST_REQUIRE(table.needs_scan());
    BOOST_TEST(table.scan() == 0);
    folder.write("real/unheard/file", "");
    const auto size = read();
    BOOST_TEST_REQUIRE(size > 0);
    table.take(input.data(), static_cast<std::size_t>(size));
    watch_event event;
    BOOST_TEST_REQUIRE(table.pop(event));
    BOOST_TEST(text(event) == "dropped ");
    BOOST_TEST_REQUIRE(table.pop(event));
    BOOST_TEST(text(event) == "created link/unheard/file");
}

BOOST_AUTO_TEST_CASE(wait_ends_by_slot_cancel_close_and_destruction)
{
    BOOST_TEST(!watch(""));
    asio::cancellation_signal signal;
    std::optional<error_code> ended;
    const auto wait = [&] {
        ended.reset();
        watcher.async_next(asio::bind_cancellation_slot(
            signal.slot(), [&](error_code ec, const watch_event&) { ended = ec; }));
        turn(context);
        BOOST_TEST(!ended.has_value());
    };
    wait();
    signal.emit(asio::cancellation_type::total);
    finish(context);
    BOOST_TEST((ended == asio::error::operation_aborted));
    folder.write("kept", "");
    BOOST_TEST(text(next().value) == "created kept");
    while (text(next().value) != "closed kept") {
    }
    wait();
    watcher.cancel();
    finish(context);
    BOOST_TEST((ended == asio::error::operation_aborted));
    wait();
    {
        asio_uring::directory_watcher other(std::move(watcher));
        watcher = asio_uring::directory_watcher(context);
    }
    finish(context);
    BOOST_TEST((ended == asio::error::operation_aborted));
    watcher.close();
    BOOST_TEST((next().ec == asio::error::bad_descriptor));
}

BOOST_AUTO_TEST_CASE(cancel_ends_a_wait_that_looks_into_a_directory)
{
    BOOST_TEST(!watch("", true));
    fs::create_directory(folder.path("d"));
    BOOST_TEST(text(next().value) == "created/ d");
    const auto cancelled = [&] {
        return ask<watch_event>(context, [&](auto handler) {
            watcher.async_next(std::move(handler));
            watcher.cancel();
        });
    };
    BOOST_TEST((cancelled().ec == asio::error::operation_aborted));
    // So it does with one whose event is there, and the event stays.
    folder.write("file", "");
    BOOST_TEST(text(next().value) == "created file");
    BOOST_TEST((cancelled().ec == asio::error::operation_aborted));
    BOOST_TEST(text(next().value) == "closed file");
}

BOOST_AUTO_TEST_CASE(destroyed_context_ends_watching_at_every_step)
{
    destroy_everywhere([&](asio::io_context& on, witness& seen) {
        fs::remove_all(folder.path("d"));
        const asio_uring::executor to(on.get_executor());
        auto own = std::make_shared<asio_uring::directory_watcher>(to);
        const auto token = seen.token();
        own->async_watch(
            folder.path(""), {.recursive = true}, [&, own, token](error_code) {
                seen.step();
                fs::create_directories(folder.path("d/e"));
                own->async_next([&, own, token](error_code, const watch_event&) {
                    seen.step();
                    own->async_next([&, own, token](error_code, const watch_event& e) {
                        BOOST_TEST(e.path == folder.path("d/e"));
                        seen.step();
                        seen.complete();
                    });
                });
            });
        return std::shared_ptr<void>(own);
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
