// SPDX-License-Identifier: BSL-1.0
// Files on a disk that is really full: what fits is written, to the byte, and what does
// not fit leaves nothing behind; where room is made, the same objects go on.
#include "../support/backend.hpp"
#include "../support/detached_mount.hpp"
#include "../support/skip.hpp"
#include "../support/temporary_directory.hpp"
#include "ask.hpp"

#include <asio_uring/file_system.hpp>
#include <asio_uring/io_context.hpp>
#include <asio_uring/random_access_file.hpp>
#include <asio_uring/stream_file.hpp>
#include <asio_uring/whole_files.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/asio/write_at.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t room = 64 * 1024;
constexpr auto made = file_base::read_write | file_base::create;

std::string letters(std::size_t size)
{
    std::string bytes(size, 'x');
    for (std::size_t i = 0; i != size; ++i)
        bytes[i] = static_cast<char>('a' + i * 7 / 3 % 26);
    return bytes;
}

struct full_disk_fixture
{
    directory_handle root{
        make_mount("tmpfs", {{"size", "64k"}, {"nr_inodes", "8"}}).release()};
    temporary_directory folder;
    asio_uring::io_context context{1};

    asio_uring::executor executor() { return context.get_executor(); }
    bool may_run() const { return root.is_open(); }

    std::string path(const std::string& name) const
    {
        return "/proc/self/fd/" + std::to_string(root.native_handle()) + '/' + name;
    }
    std::string read(const std::string& name) const
    {
        const unique_fd file{
            ::openat(root.native_handle(), name.c_str(), O_RDONLY | O_CLOEXEC)};
        std::string bytes(2 * room, '\0');
        const auto size = ::pread(file.get(), bytes.data(), bytes.size(), 0);
        bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return bytes;
    }
    /// How many names the disk has: a temporary file would be one.
    std::size_t names() const
    {
        const fs::directory_iterator all(path(""));
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }

    template <typename Start>
    answer<std::size_t> transfer(Start start)
    {
        return ask<std::size_t>(context, start);
    }
    error_code write(const std::string& name, const std::string& content)
    {
        return ask(context, [&](auto handler) {
            async_write_file(executor(), {root, name}, content, handler);
        });
    }
    answer<bool>
    copy(file_location from, const std::string& to, const copy_file_options& how = {})
    {
        return ask<bool>(context, [&](auto handler) {
            async_copy_file(executor(), from, {root, to}, how, handler);
        });
    }
};

constexpr const char* no_mount = "a small file system needs the right to mount";

} // namespace

BOOST_FIXTURE_TEST_SUITE(test_full_disk, full_disk_fixture)

BOOST_AUTO_TEST_CASE(random_access_file_writes_what_fits_and_goes_on)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    const std::string bytes = letters(room + 5000);
    random_access_file other(context, path("other"), made);
    BOOST_TEST(other.write_some_at(0, asio::buffer(bytes, 8192)) == 8192U);
    random_access_file file(context, path("file"), made);
    const auto write_at = [&](std::uint64_t offset) {
        return transfer([&](auto handler) {
            file.async_write_some_at(offset, asio::buffer(bytes), handler);
        });
    };
    // The last page that fits begins before the offset.
    const auto part = write_at(100);
    BOOST_TEST(!part.ec, part.ec.message());
    BOOST_TEST(part.value == room - 8192 - 100);
    BOOST_TEST(file.size() == room - 8192);
    const auto none = write_at(room - 8192);
    BOOST_TEST((none.ec == std::errc::no_space_on_device));
    BOOST_TEST(none.value == 0U);
    const auto all = transfer([&](auto handler) {
        asio::async_write_at(file, 100, asio::buffer(bytes), handler);
    });
    BOOST_TEST((all.ec == std::errc::no_space_on_device));
    BOOST_TEST(all.value == room - 8192 - 100);
    BOOST_TEST((read("file") == std::string(100, '\0') + bytes.substr(0, all.value)));
    BOOST_TEST((read("other") == bytes.substr(0, 8192)));
    const auto allocated = ask(context, [&](auto handler) {
        file.async_allocate(0, 2 * room, random_access_file::keep_size, handler);
    });
    BOOST_TEST((allocated == std::errc::no_space_on_device));
    BOOST_TEST(file.size() == room - 8192);
    other.resize(0);
    const auto rest = transfer([&](auto handler) {
        file.async_write_some_at(room - 8192, asio::buffer(bytes, 8000), handler);
    });
    BOOST_TEST(!rest.ec);
    BOOST_TEST(rest.value == 8000U);
    BOOST_TEST(file.size() == room - 192);
}

BOOST_AUTO_TEST_CASE(stream_file_goes_on_behind_what_fitted)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    const std::string bytes = letters(room + 5000);
    random_access_file other(context, path("other"), made);
    for (const file_base::flags more : {file_base::flags{}, file_base::append}) {
        fs::remove(path("file"));
        other.write_some_at(0, asio::buffer(bytes, 8192));
        stream_file file(context, path("file"), made | more);
        const auto write = [&](std::size_t size) {
            return transfer([&](auto handler) {
                file.async_write_some(asio::buffer(bytes, size), handler);
            });
        };
        BOOST_TEST(write(100).value == 100U);
        const auto part = write(bytes.size());
        BOOST_TEST(!part.ec);
        BOOST_TEST(part.value == room - 8192 - 100);
        BOOST_TEST(file.seek(0, file_base::seek_cur) == room - 8192);
        BOOST_TEST((write(100).ec == std::errc::no_space_on_device));
        const auto all = transfer(
            [&](auto handler) { asio::async_write(file, asio::buffer(bytes), handler); });
        BOOST_TEST((all.ec == std::errc::no_space_on_device));
        BOOST_TEST(all.value == 0U);
        other.resize(0);
        BOOST_TEST(write(3).value == 3U);
        const std::string expected =
            bytes.substr(0, 100) + bytes.substr(0, part.value) + bytes.substr(0, 3);
        BOOST_TEST((read("file") == expected));
    }
}

// What stands behind it in the line begins where it ended.
BOOST_AUTO_TEST_CASE(stream_file_in_line_goes_on_behind_what_fitted)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    const std::string bytes = letters(room + 5000);
    stream_file file(context, path("file"), made);
    std::string log;
    std::string found(10, '-');
    file.async_write_some(asio::buffer(bytes), [&](error_code ec, std::size_t size) {
        log += ec.message() + ' ' + std::to_string(size) + '\n';
    });
    file.async_read_some(asio::buffer(found), [&](error_code ec, std::size_t) {
        log += ec == asio::error::eof ? "eof\n" : "read\n";
    });
    file.async_write_some(asio::buffer("x", 1), [&](error_code ec, std::size_t) {
        log += ec == std::errc::no_space_on_device ? "full\n" : "written\n";
    });
    finish(context);
    BOOST_TEST(log == error_code().message() + " 65536\neof\nfull\n");
    BOOST_TEST(file.size() == room);
    BOOST_TEST((read("file") == bytes.substr(0, room)));
}

BOOST_AUTO_TEST_CASE(failed_write_of_a_file_leaves_the_old_content)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    const std::string content = letters(40'000);
    BOOST_TEST(!write("file", content));
    // The old content and the new one do not fit at the same time.
    BOOST_TEST((write("file", letters(30'000)) == std::errc::no_space_on_device));
    BOOST_TEST((write("new", letters(2 * room)) == std::errc::no_space_on_device));
    BOOST_TEST((read("file") == content));
    BOOST_TEST(names() == 1U);
    BOOST_TEST(!write("small", letters(20'000)));
    fs::remove(path("small"));
    BOOST_TEST(!write("file", letters(24'000)));
    BOOST_TEST((read("file") == letters(24'000)));
    BOOST_TEST(!write("file", letters(30'000)));
    BOOST_TEST(names() == 1U);
}

BOOST_AUTO_TEST_CASE(failed_copy_of_a_file_leaves_nothing)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    folder.write("from", letters(100'000));
    folder.write("small", letters(50'000));
    for (const copy_reflink reflink : {copy_reflink::automatic, copy_reflink::never}) {
        const auto got = copy(folder.path("from"), "to", {.reflink = reflink});
        BOOST_TEST((got.ec == std::errc::no_space_on_device));
        BOOST_TEST(!got.value);
        BOOST_TEST(names() == 0U);
    }
    BOOST_TEST(copy(folder.path("small"), "to").value);
    BOOST_TEST((copy({root, "to"}, "again").ec == std::errc::no_space_on_device));
    BOOST_TEST(names() == 1U);
    BOOST_TEST((read("to") == letters(50'000)));
    // A file that was there stays, as far as it is written over.
    const auto over =
        copy(folder.path("from"), "to", {.existing = copy_existing::overwrite});
    BOOST_TEST((over.ec == std::errc::no_space_on_device));
    BOOST_TEST(names() == 1U);
    const std::string left = read("to");
    BOOST_TEST((left == letters(100'000).substr(0, left.size())));
    const auto after =
        copy(folder.path("small"), "to", {.existing = copy_existing::overwrite});
    BOOST_TEST(after.value);
    BOOST_TEST((read("to") == letters(50'000)));
}

BOOST_AUTO_TEST_CASE(name_that_does_not_fit_is_not_made)
{
    if (!may_run())
        ASIO_URING_SKIP(no_mount);
    int files = 0;
    error_code full;
    while (!full) {
        full = write(std::to_string(files), "");
        files += !full;
        BOOST_TEST_REQUIRE(files < 9);
    }
    BOOST_TEST((full == std::errc::no_space_on_device));
    BOOST_TEST(names() == static_cast<std::size_t>(files));
    const auto directory = ask<bool>(context, [&](auto handler) {
        async_create_directory(executor(), {root, "directory"}, handler);
    });
    BOOST_TEST((directory.ec == std::errc::no_space_on_device));
    const error_code link = ask(context, [&](auto handler) {
        async_create_symlink(executor(), "target", {root, "link"}, handler);
    });
    BOOST_TEST((link == std::errc::no_space_on_device));
    folder.write("from", "text");
    BOOST_TEST((copy(folder.path("from"), "to").ec == std::errc::no_space_on_device));
    BOOST_TEST(names() == static_cast<std::size_t>(files));
    fs::remove(path("0"));
    BOOST_TEST(!write("0", "text"));
    BOOST_TEST(read("0") == "text");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
