// SPDX-License-Identifier: BSL-1.0
// Files read, written and copied whole: against the content they were given, with every
// size around the sizes of requests, and ended at every step.
#include "../support/backend.hpp"
#include "../support/destroy_everywhere.hpp"
#include "../support/temporary_directory.hpp"
#include "ask.hpp"

#include <asio_uring/io_context.hpp>
#include <asio_uring/whole_files.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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
    template <typename Buffer>
    answer<std::size_t> read_into(file_location at, Buffer buffer)
    {
        return ask<std::size_t>(context, [&](auto handler) {
            async_read_file(executor(), at, buffer, handler);
        });
    }
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

} // namespace asio_uring::test
