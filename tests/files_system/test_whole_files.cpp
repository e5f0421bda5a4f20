// SPDX-License-Identifier: BSL-1.0
// Files read, written and copied whole: against the content they were given, with every
// size around the sizes of requests, and ended at every step.
#include "../ring/in_child.hpp"
#include "../support/backend.hpp"
#include "../support/cancel_everywhere.hpp"
#include "../support/destroy_everywhere.hpp"
#include "../support/no_descriptors.hpp"
#include "../support/temporary_directory.hpp"
#include "ask.hpp"

#include <asio_uring/io_context.hpp>
#include <asio_uring/whole_files.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>

#include <unistd.h>

namespace asio_uring::test {

namespace fs = std::filesystem;

namespace {

/// Bytes that differ from place to place.
std::string pattern(std::size_t size, unsigned seed = 1)
{
    std::string made(size, '\0');
    for (char& byte : made) {
        seed = seed * 1'103'515'245U + 12'345U;
        byte = static_cast<char>(seed >> 16U);
    }
    return made;
}

struct whole_files_fixture
{
    temporary_directory folder;
    asio_uring::io_context context{1};

    asio_uring::executor executor() { return context.get_executor(); }

    answer<std::string> read(file_location at, const read_file_options& options = {})
    {
        return ask<std::string>(context, [&](auto handler) {
            async_read_file(executor(), at, options, handler);
        });
    }
    error_code
    write(file_location at, std::string content, const write_file_options& options = {})
    {
        return ask(context, [&](auto handler) {
            async_write_file(executor(), at, content, options, handler);
        });
    }
    answer<bool>
    copy(file_location from, file_location to, const copy_file_options& options = {})
    {
        return ask<bool>(context, [&](auto handler) {
            async_copy_file(executor(), from, to, options, handler);
        });
    }
    /// How many names the folder has: a temporary file would be one.
    std::size_t names()
    {
        const fs::directory_iterator all(folder.path(""));
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }

    template <typename Buffer>
    answer<std::size_t> read_into(file_location at, Buffer buffer)
    {
        return ask<std::size_t>(context, [&](auto handler) {
            async_read_file(executor(), at, buffer, handler);
        });
    }
};

/// How large a file may become while it lives: a disk that is full.
class file_size_limit
{
public:
    explicit file_size_limit(::rlim_t size)
    {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        ::rlimit limit = before_;
        limit.rlim_cur = size;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    file_size_limit(const file_size_limit&) = delete;
    file_size_limit& operator=(const file_size_limit&) = delete;
    ~file_size_limit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

private:
    ::rlimit before_{};
};

constexpr std::size_t sizes[] = {
    0, 1, 4095, 4096, 65'535, 65'536, 65'537, 300'000, 5'000'000};

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_read_file, whole_files_fixture)

BOOST_AUTO_TEST_CASE(files_of_every_size_are_read_to_the_byte)
{
    const std::string root = folder.path("");
    for (const std::size_t size : sizes)
        BOOST_TEST_CONTEXT(size)
        {
            const std::string content = pattern(size);
            folder.write("file", content);
            const auto whole = read(folder.path("file"));
            BOOST_TEST(!whole.ec, whole.ec.message());
            BOOST_TEST((whole.value == content));
            BOOST_TEST(
                (read(folder.path("file"), {.read_until_empty = true}).value == content));
            std::vector<char> vector{'k', 'e', 'p', 't'};
            const auto added =
                read_into(folder.path("file"), asio::dynamic_buffer(vector));
            BOOST_TEST(added.value == size);
            BOOST_TEST((std::string(vector.begin(), vector.end()) == "kept" + content));
            for (const std::size_t room : {size / 2, size, size + 10}) {
                std::string memory(room, '-');
                const auto filled = read_into(folder.path("file"), asio::buffer(memory));
                BOOST_TEST(!filled.ec);
                BOOST_TEST(filled.value == std::min(room, size));
                BOOST_TEST(
                    (memory.substr(0, filled.value) == content.substr(0, filled.value)));
                BOOST_TEST(
                    (memory.substr(filled.value) ==
                     std::string(room - filled.value, '-')));
            }
        }
}

BOOST_AUTO_TEST_CASE(file_beyond_the_limit_is_told_and_cut)
{
    for (const std::size_t size : {std::size_t{10}, std::size_t{100'000}})
        BOOST_TEST_CONTEXT(size)
        {
            const std::string content = pattern(size);
            folder.write("file", content);
            BOOST_TEST(!read(folder.path("file"), {.limit = size}).ec);
            const auto cut = read(folder.path("file"), {.limit = size - 1});
            BOOST_TEST((cut.ec == std::errc::file_too_large));
            BOOST_TEST((cut.value == content.substr(0, size - 1)));
            std::string bounded;
            const auto into =
                read_into(folder.path("file"), asio::dynamic_buffer(bounded, size - 1));
            BOOST_TEST((into.ec == std::errc::file_too_large));
            BOOST_TEST(into.value == size - 1);
            BOOST_TEST((bounded == content.substr(0, size - 1)));
        }
    BOOST_TEST((read(folder.path("file"), {.limit = 0}).ec == std::errc::file_too_large));
}

BOOST_AUTO_TEST_CASE(errors_are_those_of_the_open_and_the_read)
{
    BOOST_TEST((read(folder.path("missing")).ec == std::errc::no_such_file_or_directory));
    BOOST_TEST((read(folder.path("")).ec == std::errc::is_a_directory));
    std::string kept = "kept";
    const auto into = read_into(folder.path(""), asio::dynamic_buffer(kept));
    BOOST_TEST((into.ec == std::errc::is_a_directory));
    BOOST_TEST(into.value == 0U);
    BOOST_TEST(kept == "kept");
    folder.write("file", "text");
    BOOST_TEST(read(folder.path("file")).value == "text");
}

// A read of such a file ends where the kernel's own buffer does.
BOOST_AUTO_TEST_CASE(pseudo_file_is_read_to_its_end)
{
    std::ifstream file("/proc/kallsyms");
    const std::string expected{std::istreambuf_iterator<char>(file), {}};
    const auto got = read("/proc/kallsyms");
    BOOST_TEST(!got.ec);
    BOOST_TEST((got.value == expected));
}

// Only its path would tell what kind of file it is.
BOOST_AUTO_TEST_CASE(pseudo_file_below_a_directory_is_read_to_its_end_where_asked)
{
    std::ifstream file("/proc/kallsyms");
    const std::string expected{std::istreambuf_iterator<char>(file), {}};
    const directory_handle proc(::open("/proc", O_PATH | O_DIRECTORY));
    const auto got = read({proc, "kallsyms"}, {.read_until_empty = true});
    BOOST_TEST(!got.ec);
    BOOST_TEST((got.value == expected));
}

BOOST_AUTO_TEST_CASE(path_from_a_directory_keeps_to_it)
{
    folder.write("inside", "inside");
    folder.write("large", pattern(100'000));
    fs::create_symlink("/etc/hostname", folder.path("out"));
    directory_handle root(::open(folder.path("").c_str(), O_PATH | O_DIRECTORY));
    BOOST_TEST(read({root, "inside"}).value == "inside");
    BOOST_TEST(read({root, "inside", resolve::beneath}).value == "inside");
    BOOST_TEST((read({root, "large", resolve::beneath}).value == pattern(100'000)));
    BOOST_TEST(
        (read({root, "out", resolve::beneath}).ec == std::errc::cross_device_link));
    BOOST_TEST(
        (read({root, "out", resolve::in_root}).ec ==
         std::errc::no_such_file_or_directory));
    BOOST_TEST(
        (read({root, "out", resolve::no_symlinks}).ec ==
         std::errc::too_many_symbolic_link_levels));
}

// Each function that takes a path, for each error that a path can have.
BOOST_AUTO_TEST_CASE(path_that_leads_nowhere_is_told_by_reads_writes_and_copies)
{
    folder.write("file", "text");
    fs::create_directory(folder.path("gone"));
    fs::create_symlink("loop", folder.path("loop"));
    const directory_handle root(::open(folder.path("").c_str(), O_PATH | O_DIRECTORY));
    const directory_handle gone(
        ::open(folder.path("gone").c_str(), O_PATH | O_DIRECTORY));
    fs::remove(folder.path("gone"));
    const std::pair<file_location, std::errc> paths[] = {
        {{root, std::string(300, 'n')}, std::errc::filename_too_long},
        {{root, std::string(5000, '/') + "x"}, std::errc::filename_too_long},
        {{root, "loop/x"}, std::errc::too_many_symbolic_link_levels},
        {{root, "file/x"}, std::errc::not_a_directory},
        {{root, "missing/x"}, std::errc::no_such_file_or_directory},
        {{gone, "x"}, std::errc::no_such_file_or_directory}};
    for (const auto& [path, error] : paths)
        BOOST_TEST_CONTEXT(path.path().substr(0, 20))
        {
            BOOST_TEST((read(path).ec == error));
            BOOST_TEST((write(path, "x") == error));
            BOOST_TEST((copy(path, folder.path("to")).ec == error));
            BOOST_TEST((copy(folder.path("file"), path).ec == error));
            BOOST_TEST(names() == 2U);
        }
    BOOST_TEST((read({root, "loop"}).ec == std::errc::too_many_symbolic_link_levels));
    BOOST_TEST(
        (copy({root, "loop"}, folder.path("to")).ec ==
         std::errc::too_many_symbolic_link_levels));
    // The name alone is replaced, whatever it leads to.
    BOOST_TEST(!write({root, "loop"}, "text"));
    BOOST_TEST(folder.read("loop") == "text");
}

BOOST_AUTO_TEST_CASE(process_without_descriptors_is_told_and_goes_on)
{
    const std::string large = pattern(200'000);
    folder.write("file", "text");
    folder.write("large", large);
    BOOST_TEST(!read(folder.path("file")).ec); // the context has its ring, or its workers
    {
        const no_descriptors none;
        // A place of the ring is no descriptor of the process.
        const auto got = read(folder.path("file"));
        BOOST_TEST(
            (got.ec ? got.ec == std::errc::too_many_files_open && !got.value[0]
                    : has_ring(context) && got.value == "text"));
        BOOST_TEST((write(folder.path("file"), "x") == std::errc::too_many_files_open));
        BOOST_TEST(
            (copy(folder.path("file"), folder.path("to")).ec ==
             std::errc::too_many_files_open));
    }
    BOOST_TEST(names() == 2U);
    BOOST_TEST(read(folder.path("file")).value == "text");
    BOOST_TEST((read(folder.path("large")).value == large));
    BOOST_TEST(!write(folder.path("file"), "x"));
    BOOST_TEST(copy(folder.path("file"), folder.path("to")).value);
}

// More than there are places, some of them of files that take more than a chain.
BOOST_AUTO_TEST_CASE(hundreds_at_the_same_time_are_all_read)
{
    constexpr std::size_t count = 300;
    for (std::size_t i = 0; i != count; ++i)
        folder.write(
            std::to_string(i),
            pattern(i % 10 == 0 ? 70'000 + i : i, static_cast<unsigned>(i)));
    for (int round = 0; round != 2; ++round) {
        std::size_t right = 0;
        std::size_t missing = 0;
        for (std::size_t i = 0; i != count; ++i)
            async_read_file(
                executor(),
                folder.path(std::to_string(i)),
                [&, i](error_code ec, const std::string& got) {
                    const auto seed = static_cast<unsigned>(i);
                    right += !ec && got == pattern(i % 10 == 0 ? 70'000 + i : i, seed);
                });
        async_read_file(
            executor(), folder.path("missing"), [&](error_code ec, const std::string&) {
                missing += ec == std::errc::no_such_file_or_directory;
            });
        finish(context);
        BOOST_TEST(right == count);
        BOOST_TEST(missing == 1U);
    }
}

// Requests of many files go into the kernel together.
BOOST_AUTO_TEST_CASE(thousands_of_reads_take_few_system_calls)
{
    constexpr std::size_t files = 100;
    constexpr std::size_t reads = 20'000;
    for (std::size_t i = 0; i != files; ++i)
        folder.write(std::to_string(i), pattern(4096, static_cast<unsigned>(i)));
    BOOST_TEST(!read(folder.path("0")).ec);
    const auto before = counters(context);
    std::size_t begun = 0;
    std::size_t right = 0;
    std::function<void()> next = [&] {
        const std::size_t i = begun++ % files;
        async_read_file(
            executor(),
            folder.path(std::to_string(i)),
            [&, i](error_code ec, const std::string& got) {
                right += !ec && got.size() == 4096 &&
                         got[7] == pattern(8, static_cast<unsigned>(i))[7];
                if (begun != reads)
                    next();
            });
    };
    for (int i = 0; i != 64; ++i)
        next();
    finish(context);
    BOOST_TEST(right == reads);
    BOOST_TEST(counters(context).enters - before.enters < reads / 10);
}

// Whoever gives a place back and whoever gets it are in different threads.
BOOST_AUTO_TEST_CASE(several_threads_share_the_places)
{
    asio_uring::io_context shared;
    const asio_uring::executor to = shared.get_executor();
    constexpr std::size_t reads = 2000;
    folder.write("small", "text");
    folder.write("large", pattern(70'000));
    std::atomic<std::size_t> right = 0;
    for (std::size_t i = 0; i != reads; ++i)
        asio::post(to, [&, to, i] {
            async_read_file(
                to,
                folder.path(i % 50 == 0 ? "large" : "small"),
                [&, i](error_code ec, const std::string& got) {
                    right += !ec && got.size() == (i % 50 == 0 ? 70'000 : 4);
                });
        });
    std::vector<std::thread> threads;
    for (int i = 0; i != 3; ++i)
        threads.emplace_back([&] { shared.run_for(wait_limit); });
    for (std::thread& thread : threads)
        thread.join();
    BOOST_TEST(right == reads);
}

// Places that the program has taken are no places of these reads, and the last place of
// all makes nobody wait for ever.
BOOST_AUTO_TEST_CASE(no_place_at_all_is_no_error)
{
    folder.write("file", "text");
    std::vector<file_slot> taken;
    if (has_ring(context))
        for (;;) {
            error_code full;
            taken.emplace_back(context, full);
            if (full)
                break;
        }
    BOOST_TEST(read(folder.path("file")).value == "text");
    if (!taken.empty())
        taken.front() = file_slot();
    int right = 0;
    for (int i = 0; i != 20; ++i)
        async_read_file(
            executor(), folder.path("file"), [&](error_code ec, const std::string& got) {
                right += !ec && got == "text";
            });
    finish(context);
    BOOST_TEST(right == 20);
}

// A writer grows and cuts the file meanwhile. What is read was there, as far as it goes.
BOOST_AUTO_TEST_CASE(file_that_changes_is_read_as_it_is)
{
    const std::string content = pattern(2'000'000);
    folder.write("file", content);
    std::size_t done = 0;
    std::function<void()> again = [&] {
        async_read_file(
            executor(), folder.path("file"), [&](error_code ec, const std::string& got) {
                BOOST_TEST(!ec, ec.message());
                BOOST_TEST((content.compare(0, got.size(), got) == 0));
                if (++done != 30)
                    again();
            });
    };
    again();
    std::size_t turns = 0;
    const unique_fd file = folder.open("file");
    while (done != 30) {
        turn(context);
        const std::size_t size = (++turns % 3) * 60'000 + 30'000;
        BOOST_REQUIRE(::ftruncate(file.get(), 0) == 0);
        BOOST_REQUIRE(
            ::pwrite(file.get(), content.data(), size, 0) == static_cast<ssize_t>(size));
    }
}

BOOST_AUTO_TEST_CASE(cancelled_read_ends_once_and_leaves_its_place)
{
    folder.write("small", "text");
    folder.write("large", pattern(3'000'000));
    for (int rounds = 0; rounds != 40; ++rounds)
        for (const char* name : {"small", "large"}) {
            asio::cancellation_signal cancel;
            int calls = 0;
            error_code ended;
            async_read_file(
                executor(),
                folder.path(name),
                asio::bind_cancellation_slot(
                    cancel.slot(), [&](error_code ec, const std::string& got) {
                        ++calls;
                        ended = ec;
                        BOOST_TEST((ec ? got.empty() : !got.empty()));
                    }));
            for (int turns = 0; turns != rounds / 4; ++turns)
                turn(context);
            cancel.emit(asio::cancellation_type::total);
            finish(context);
            BOOST_TEST(calls == 1);
            BOOST_TEST((!ended || ended == asio::error::operation_aborted));
        }
    std::vector<file_slot> all;
    if (has_ring(context))
        for (int i = 0; i != 64; ++i)
            all.emplace_back(context); // throws where a place is lost
}

// The chain of the second read has ended by then, and its file is larger than the chain
// could know.
BOOST_AUTO_TEST_CASE(read_cancelled_between_its_chain_and_the_rest_is_aborted)
{
    folder.write("small", "text");
    folder.write("large", pattern(3'000'000));
    asio::cancellation_signal cancel;
    int calls = 0;
    async_read_file(
        executor(), folder.path("small"), [&](error_code ec, const std::string& got) {
            BOOST_TEST(!ec, ec.message());
            BOOST_TEST(got == "text");
            cancel.emit(asio::cancellation_type::total);
        });
    async_read_file(
        executor(),
        folder.path("large"),
        asio::bind_cancellation_slot(
            cancel.slot(), [&](error_code ec, const std::string& got) {
                ++calls;
                // A worker that has begun reads on.
                const bool aborts = ec || has_ring(context);
                BOOST_TEST((ec == asio::error::operation_aborted) == aborts);
                BOOST_TEST(got.empty() == aborts);
            }));
    finish(context);
    BOOST_TEST(calls == 1);
}

// A small file's read is one operation, a large file's several.
BOOST_AUTO_TEST_CASE(handler_of_a_read_runs_on_the_executor_of_the_read)
{
    folder.write("small", "text");
    folder.write("large", pattern(3'000'000));
    for (const char* name : {"small", "large"}) {
        const auto strand = asio::make_strand(executor());
        bool called = false;
        async_read_file(strand, folder.path(name), [&](error_code ec, std::string) {
            called = !ec && strand.running_in_this_thread();
        });
        finish(context);
        BOOST_TEST(called);
    }
}

BOOST_AUTO_TEST_CASE(exception_of_a_handler_of_a_read_leaves_run)
{
    folder.write("small", "text");
    folder.write("large", pattern(3'000'000));
    for (const char* name : {"small", "large"}) {
        async_read_file(executor(), folder.path(name), [](error_code, std::string) {
            throw std::runtime_error("the handler's");
        });
        BOOST_CHECK_THROW(finish(context), std::runtime_error);
        context.restart();
    }
}

// A context without work would not run what the read goes on with.
BOOST_AUTO_TEST_CASE(read_that_goes_on_elsewhere_is_work_of_its_context)
{
    folder.write("large", pattern(3'000'000));
    asio::io_context elsewhere;
    asio_uring::io_context here{1};
    bool called = false;
    async_read_file(
        here.get_executor(),
        folder.path("large"),
        asio::bind_executor(
            elsewhere.get_executor(), [&](error_code ec, const std::string& got) {
                BOOST_TEST(!ec, ec.message());
                BOOST_TEST(got.size() == 3'000'000U);
                called = true;
            }));
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!called && std::chrono::steady_clock::now() < limit) {
        here.run_for(std::chrono::milliseconds(1));
        const bool stopped = here.stopped();
        elsewhere.restart();
        elsewhere.poll();
        BOOST_TEST_REQUIRE((called || !stopped));
    }
    BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(read_is_cancelled_at_every_step)
{
    folder.write("small", "text");
    folder.write("large", pattern(3'000'000));
    for (const char* name : {"small", "large"})
        for (const bool until_empty : {false, true}) {
            std::string bytes;
            cancel_everywhere(
                [&](asio::io_context& on, auto handler) {
                    bytes = "kept";
                    async_read_file(
                        asio_uring::executor(on.get_executor()),
                        folder.path(name),
                        asio::dynamic_buffer(bytes),
                        {.read_until_empty = until_empty},
                        std::move(handler));
                },
                [&](bool aborted) {
                    BOOST_TEST(
                        (bytes == (aborted ? "kept" : "kept" + folder.read(name))));
                });
        }
}

BOOST_AUTO_TEST_CASE(destroyed_context_ends_reads_at_every_step)
{
    folder.write("small", "text");
    folder.write("large", pattern(200'000));
    destroy_everywhere([&](asio::io_context& on, witness& seen) {
        const asio_uring::executor to(on.get_executor());
        const auto token = seen.token();
        for (int i = 0; i != 70; ++i)
            async_read_file(
                to, folder.path("small"), [token](error_code, const std::string&) {});
        async_read_file(
            to, folder.path("large"), [&, token](error_code ec, const std::string&) {
                BOOST_TEST(!ec, ec.message());
                seen.step();
                seen.complete();
            });
        return std::shared_ptr<void>();
    });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(test_write_file, whole_files_fixture)

BOOST_AUTO_TEST_CASE(content_of_every_size_is_written_to_the_byte)
{
    for (const std::size_t size : sizes)
        for (const bool sync : {true, false}) {
            const std::string content = pattern(size);
            BOOST_TEST(!write(folder.path("file"), content, {.sync = sync}));
            BOOST_TEST((folder.read("file") == content));
            BOOST_TEST(names() == 1U);
        }
    const std::string bytes = "bytes of the caller";
    const error_code ec = ask(context, [&](auto handler) {
        async_write_file(executor(), folder.path("b"), asio::buffer(bytes), handler);
    });
    BOOST_TEST(!ec);
    BOOST_TEST(folder.read("b") == bytes);
    BOOST_TEST(
        !write(folder.path("private"), "x", {.permissions = fs::perms::owner_read}));
    BOOST_TEST(
        (fs::status(folder.path("private")).permissions() == fs::perms::owner_read));
    const directory_handle root(::open(folder.path("").c_str(), O_PATH | O_DIRECTORY));
    for (const resolve ways : {resolve::anywhere, resolve::beneath}) {
        fs::create_directories(folder.path("d"));
        BOOST_TEST(!write({root, "d/file", ways}, "below"));
        BOOST_TEST(folder.read("d/file") == "below");
        BOOST_TEST(!write({root, "plain", ways}, "plain"));
        fs::remove(folder.path("d/file"));
        BOOST_TEST(fs::is_empty(folder.path("d")));
    }
    BOOST_TEST(
        (write({root, "../x", resolve::beneath}, "") == std::errc::cross_device_link));
}

// Whoever reads meanwhile finds the old content or the new.
BOOST_AUTO_TEST_CASE(name_never_means_half_a_file)
{
    const std::string before(1000, 'b');
    const std::string after(300'000, 'a');
    folder.write("file", before);
    int calls = 0;
    async_write_file(executor(), folder.path("file"), after, [&](error_code ec) {
        BOOST_TEST(!ec);
        ++calls;
    });
    while (calls == 0) {
        turn(context);
        const std::string found = folder.read("file");
        BOOST_REQUIRE((found == before || found == after));
    }
    BOOST_TEST((folder.read("file") == after));
}

BOOST_AUTO_TEST_CASE(failed_write_leaves_nothing_and_changes_nothing)
{
    folder.write("file", "before");
    BOOST_TEST(
        (write(folder.path("file"), "after", {.replace = false}) ==
         std::errc::file_exists));
    BOOST_TEST((
        write(folder.path("missing/file"), "x") == std::errc::no_such_file_or_directory));
    BOOST_TEST(
        (write(folder.path(std::string(300, 'n')), "x") == std::errc::filename_too_long));
    {
        const file_size_limit full(100'000);
        BOOST_TEST(
            (write(folder.path("file"), pattern(300'000)) == std::errc::file_too_large));
    }
    fs::create_directory(folder.path("directory"));
    BOOST_TEST((write(folder.path("directory"), "x") == std::errc::is_a_directory));
    BOOST_TEST(names() == 2U);
    BOOST_TEST(folder.read("file") == "before");
}

BOOST_AUTO_TEST_CASE(cancelled_write_is_whole_or_nothing)
{
    const std::string content = pattern(200'000);
    for (int turns = 0; turns != 30; ++turns) {
        asio::cancellation_signal cancel;
        int calls = 0;
        error_code ended;
        async_write_file(
            executor(),
            folder.path("file"),
            asio::buffer(content),
            asio::bind_cancellation_slot(cancel.slot(), [&](error_code ec) {
                ++calls;
                ended = ec;
            }));
        for (int i = 0; i != turns; ++i)
            context.restart(), context.run_one_for(std::chrono::milliseconds(5));
        cancel.emit(asio::cancellation_type::terminal);
        finish(context);
        BOOST_TEST(calls == 1);
        BOOST_TEST((!ended || ended == asio::error::operation_aborted));
        BOOST_TEST(names() == (ended ? 0U : 1U));
        if (!ended)
            BOOST_TEST((folder.read("file") == content));
        fs::remove(folder.path("file"));
    }
}

BOOST_AUTO_TEST_CASE(write_is_cancelled_at_every_step)
{
    const std::string content = pattern(200'000);
    for (const bool sync : {true, false})
        cancel_everywhere(
            [&](asio::io_context& on, auto handler) {
                folder.write("file", "before");
                async_write_file(
                    asio_uring::executor(on.get_executor()),
                    folder.path("file"),
                    asio::buffer(content),
                    {.sync = sync},
                    std::move(handler));
            },
            [&](bool aborted) {
                BOOST_TEST((folder.read("file") == (aborted ? "before" : content)));
                BOOST_TEST(names() == 1U);
            });
}

// The child has a copy of all that the parent knows of its unfinished file.
BOOST_AUTO_TEST_CASE(child_that_destroys_a_write_leaves_its_file_to_the_parent)
{
    using state = detail::write_file_state;
    auto write = std::make_unique<state>(
        file_location(folder.path("file")), asio::const_buffer(), "content");
    static_cast<void>(write->draw_name());
    write->maker = ::getpid();
    folder.write(fs::path(write->temporary).filename().string(), "con");
    const std::string verdict = in_child([&]() -> std::string {
        write.reset();
        return {};
    });
    BOOST_TEST(verdict == "");
    BOOST_TEST(names() == 1U);
    write.reset();
    BOOST_TEST(names() == 0U);
}

BOOST_AUTO_TEST_CASE(destroyed_context_leaves_no_temporary_file)
{
    const std::string content = pattern(100'000);
    destroy_everywhere([&](asio::io_context& on, witness& seen) {
        BOOST_TEST(names() == (folder.has("file") ? 1U : 0U));
        fs::remove(folder.path("file"));
        const asio_uring::executor to(on.get_executor());
        const auto token = seen.token();
        async_write_file(
            to, folder.path("file"), asio::buffer(content), [&, token](error_code ec) {
                BOOST_TEST(!ec, ec.message());
                seen.step();
                seen.complete();
            });
        return std::shared_ptr<void>();
    });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(test_copy_file, whole_files_fixture)

BOOST_AUTO_TEST_CASE(files_of_every_size_are_copied_with_their_permissions)
{
    for (const std::size_t size : sizes)
        for (const copy_reflink reflink : {copy_reflink::automatic, copy_reflink::never})
            for (const bool sync : {false, true}) {
                const std::string content = pattern(size);
                folder.write("from", content);
                fs::permissions(folder.path("from"), fs::perms(0751));
                std::uint64_t told = 0;
                std::uint64_t of = 0;
                const auto copied = copy(
                    folder.path("from"),
                    folder.path("to"),
                    {.reflink = reflink,
                     .sync = sync,
                     .progress = [&](auto done, auto all) {
                         BOOST_TEST(done >= told);
                         told = done;
                         of = all;
                     }});
                BOOST_TEST(!copied.ec, copied.ec.message());
                BOOST_TEST(copied.value);
                BOOST_TEST(told == size);
                BOOST_TEST(of == size);
                BOOST_TEST((folder.read("to") == content));
                BOOST_TEST(
                    (fs::status(folder.path("to")).permissions() == fs::perms(0751)));
                fs::remove(folder.path("to"));
            }
}

BOOST_AUTO_TEST_CASE(existing_file_is_treated_as_the_oracle_treats_it)
{
    using fs::copy_options;
    const std::pair<copy_existing, copy_options> modes[] = {
        {copy_existing::fail, copy_options::none},
        {copy_existing::skip, copy_options::skip_existing},
        {copy_existing::overwrite, copy_options::overwrite_existing},
        {copy_existing::update, copy_options::update_existing}};
    for (const auto& [ours, oracle] : modes)
        for (const int age : {-10, 0, 10})
            for (const char* from : {"from", "to", "directory", "missing"}) {
                const auto prepare = [&] {
                    folder.write("from", "new");
                    folder.write("to", "the old content");
                    fs::create_directories(folder.path("directory"));
                    const auto now = fs::last_write_time(folder.path("from"));
                    fs::last_write_time(
                        folder.path("to"), now + std::chrono::seconds(age));
                };
                prepare();
                std::error_code ec;
                const bool copied =
                    fs::copy_file(folder.path(from), folder.path("to"), oracle, ec);
                const std::string content = folder.read("to");
                prepare();
                const auto got =
                    copy(folder.path(from), folder.path("to"), {.existing = ours});
                BOOST_TEST_CONTEXT(
                    static_cast<int>(ours) << age << from << got.ec.message())
                {
                    BOOST_TEST(!got.ec == !ec);
                    BOOST_TEST(got.value == copied);
                    BOOST_TEST(folder.read("to") == content);
                }
            }
}

BOOST_AUTO_TEST_CASE(holes_of_a_sparse_file_stay_holes)
{
    constexpr std::size_t far = 4'000'000;
    constexpr std::size_t end = 9'000'000;
    {
        const unique_fd file = folder.open("from");
        BOOST_REQUIRE(::pwrite(file.get(), "begin", 5, 4096) == 5);
        BOOST_REQUIRE(::pwrite(file.get(), "middle", 6, far) == 6);
        BOOST_REQUIRE(::ftruncate(file.get(), end) == 0);
    }
    BOOST_TEST(
        !copy(folder.path("from"), folder.path("to"), {.reflink = copy_reflink::never})
             .ec);
    BOOST_TEST(fs::file_size(folder.path("to")) == end);
    struct ::stat found = {};
    BOOST_REQUIRE(::stat(folder.path("to").c_str(), &found) == 0);
    BOOST_TEST(found.st_blocks * 512 < 1'000'000);
    const std::string content = folder.read("to");
    BOOST_TEST(content.substr(4096, 5) == "begin");
    BOOST_TEST(content.substr(far, 6) == "middle");
    BOOST_TEST(std::ranges::count(content, '\0') == end - 11);
}

BOOST_AUTO_TEST_CASE(failed_copy_leaves_no_file)
{
    folder.write("from", pattern(300'000));
    const auto shared =
        copy(folder.path("from"), folder.path("to"), {.reflink = copy_reflink::always});
    BOOST_TEST((!shared.ec || !folder.has("to")));
    fs::remove(folder.path("to"));
    {
        const file_size_limit full(100'000);
        BOOST_TEST(
            (copy(folder.path("from"), folder.path("to")).ec ==
             std::errc::file_too_large));
    }
    BOOST_TEST(!folder.has("to"));
    const auto pseudo = copy("/proc/version", folder.path("version"));
    BOOST_TEST(!pseudo.ec, pseudo.ec.message());
    std::ifstream version("/proc/version");
    BOOST_TEST(
        (folder.read("version") ==
         std::string(std::istreambuf_iterator<char>(version), {})));
}

BOOST_AUTO_TEST_CASE(cancelled_copy_ends_between_two_pieces)
{
    {
        const unique_fd file = folder.open("from");
        const std::string piece = pattern(1'000'000);
        for (int i = 0; i != 20; ++i)
            BOOST_REQUIRE(::write(file.get(), piece.data(), piece.size()) == 1'000'000);
    }
    asio::cancellation_signal cancel;
    error_code ended;
    async_copy_file(
        executor(),
        folder.path("from"),
        folder.path("to"),
        {.reflink = copy_reflink::never,
         .progress = [&](auto, auto) { cancel.emit(asio::cancellation_type::total); }},
        asio::bind_cancellation_slot(
            cancel.slot(), [&](error_code ec, bool) { ended = ec; }));
    finish(context);
    BOOST_TEST((ended == asio::error::operation_aborted));
    BOOST_TEST(!folder.has("to"));
}

BOOST_AUTO_TEST_CASE(copy_is_cancelled_at_every_step)
{
    const std::string content = pattern(100'000);
    {
        // Three pieces, of which the holes cost nothing
        const unique_fd file = folder.open("from");
        for (const ::off_t piece : {0, 1, 2})
            BOOST_REQUIRE(
                ::pwrite(
                    file.get(), content.data(), content.size(), piece * 20'000'000) ==
                100'000);
    }
    const auto size = fs::file_size(folder.path("from"));
    for (const copy_reflink reflink : {copy_reflink::automatic, copy_reflink::never})
        cancel_everywhere(
            [&](asio::io_context& on, auto handler) {
                fs::remove(folder.path("to"));
                async_copy_file(
                    asio_uring::executor(on.get_executor()),
                    folder.path("from"),
                    folder.path("to"),
                    {.reflink = reflink, .sync = true},
                    std::move(handler));
            },
            [&](bool aborted) {
                BOOST_TEST(folder.has("to") != aborted);
                if (!aborted)
                    BOOST_TEST(fs::file_size(folder.path("to")) == size);
            });
}

// The child has a copy of all that the parent knows of its unfinished file.
BOOST_AUTO_TEST_CASE(child_that_gives_a_copy_up_leaves_the_file_to_its_parent)
{
    folder.write("from", pattern(20'000'000)); // more than a piece
    detail::file_copy copy(
        file_location(folder.path("from")),
        file_location(folder.path("to")),
        {.reflink = copy_reflink::never});
    BOOST_TEST_REQUIRE(copy.step() == 1);
    const std::string verdict = in_child([&]() -> std::string {
        copy.give_up();
        return {};
    });
    BOOST_TEST(verdict == "");
    BOOST_TEST_REQUIRE(folder.has("to"));
    int result = 1;
    while (result == 1)
        result = copy.step();
    BOOST_TEST(result == 0);
    BOOST_TEST((folder.read("to") == folder.read("from")));
}

BOOST_AUTO_TEST_CASE(destroyed_context_leaves_no_part_of_a_copy)
{
    folder.write("from", pattern(100'000));
    destroy_everywhere([&](asio::io_context& on, witness& seen) {
        fs::remove(folder.path("to"));
        const asio_uring::executor to(on.get_executor());
        const auto token = seen.token();
        async_copy_file(
            to,
            folder.path("from"),
            folder.path("to"),
            [&, token](error_code ec, bool copied) {
                BOOST_TEST((!ec && copied));
                seen.step();
                seen.complete();
            });
        return std::shared_ptr<void>();
    });
    BOOST_TEST((!folder.has("to") || folder.read("to") == folder.read("from")));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
