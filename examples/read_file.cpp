// SPDX-License-Identifier: BSL-1.0
// Reads a file of a directory: one chain of requests opens it, asks for its size and
// reads its beginning. Where there is no ring, each step is an operation of its own.
//
// Shows: asio_uring::async_submit with openat, statx, read and close from a coroutine,
// one at a time and linked; asio_uring::file_slot. docs/how-to/async-submit.md explains
// both.
//
// Run:    read_file --directory DIR --file NAME
//         read_file --self-test          reads a file that it has written
// Prints: NAME: N bytes, K lines

#include "support/descriptor.hpp"
#include "support/options.hpp"
#include "support/temporary_directory.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/stat.h>

#include <fcntl.h>

namespace {

namespace asio = boost::asio;
namespace op = asio_uring::op;
using asio_uring::async_submit;

// What an operation points to lives until its handler is called. The name and the result
// of statx are in the frames of these coroutines, which wait for that.
asio::awaitable<example::descriptor> open_at(int directory, std::string name, int flags)
{
    const auto executor = co_await asio::this_coro::executor;
    const op::openat open{
        .directory = directory, .path = name.c_str(), .flags = flags | O_CLOEXEC};
    const auto [error, file] =
        co_await async_submit(executor, open, asio::as_tuple(asio::use_awaitable));
    if (error) {
        throw boost::system::system_error(error, name);
    }
    co_return example::descriptor(file);
}

asio::awaitable<std::uint64_t> size_of(int file)
{
    const auto executor = co_await asio::this_coro::executor;
    struct ::statx status = {};
    const op::statx ask{
        .directory = file,
        .path = "",
        .flags = AT_EMPTY_PATH, // the file itself, no name below it
        .mask = STATX_SIZE,
        .result = &status};
    co_await async_submit(executor, ask, asio::use_awaitable);
    co_return status.stx_size;
}

// Reads what is missing of the content, by operations that `read_at` makes.
template <typename ReadAt>
asio::awaitable<void> read_rest(std::string& content, std::size_t filled, ReadAt read_at)
{
    const auto executor = co_await asio::this_coro::executor;
    while (filled < content.size()) {
        constexpr std::size_t step_max = 1 << 20;
        const op::read read{
            .data = content.data() + filled,
            .size =
                static_cast<std::uint32_t>(std::min(content.size() - filled, step_max)),
            .offset = filled};
        const int got =
            co_await async_submit(executor, read_at(read), asio::use_awaitable);
        if (got == 0) {
            break; // The file has become shorter.
        }
        filled += static_cast<std::size_t>(got);
    }
    content.resize(filled);
}

asio::awaitable<std::string> read_step_by_step(int directory, std::string name)
{
    const auto executor = co_await asio::this_coro::executor;
    example::descriptor file = co_await open_at(directory, name, O_RDONLY);
    std::string content(co_await size_of(file.get()), '\0');
    co_await read_rest(content, 0, [&](op::read read) {
        read.fd = file.get();
        return read;
    });
    // On the way of an exception the destructor closes the file; here the ring does.
    const op::close close{.fd = file.release()};
    co_await async_submit(executor, close, asio::use_awaitable);
    co_return content;
}

// The open file has a place in the ring's table instead of a descriptor, so that the
// operations behind the first can name it before it is open. The place closes it.
asio::awaitable<std::string>
read_in_one_chain(int directory, std::string name, asio_uring::file_slot place)
{
    const auto executor = co_await asio::this_coro::executor;
    struct ::statx status = {};
    std::string content(64 * 1024, '\0');
    const op::openat open{
        .directory = directory,
        .path = name.c_str(),
        .flags = O_RDONLY,
        .slot = place.index()};
    const op::statx ask{
        .directory = directory,
        .path = name.c_str(),
        .mask = STATX_SIZE,
        .result = &status};
    const op::read begin{
        .data = content.data(),
        .size = static_cast<std::uint32_t>(content.size()),
        .offset = 0};
    const auto [error, results] = co_await async_submit(
        executor,
        asio_uring::link(open, ask, op::on_slot(place.index(), begin)),
        asio::as_tuple(asio::use_awaitable));
    if (error) {
        throw boost::system::system_error(error, name);
    }
    content.resize(status.stx_size);
    const auto filled = static_cast<std::size_t>(results[2].value);
    co_await read_rest(content, std::min(filled, content.size()), [&](op::read read) {
        return op::on_slot(place.index(), read);
    });
    co_return content;
}

asio::awaitable<std::string> read_file(int directory, std::string name)
{
    const auto executor = co_await asio::this_coro::executor;
    boost::system::error_code no_place;
    asio_uring::file_slot place(executor, no_place);
    if (place) {
        co_return co_await read_in_one_chain(directory, name, std::move(place));
    }
    co_return co_await read_step_by_step(directory, name);
}

asio::awaitable<void> print(std::string directory, std::string name)
{
    const example::descriptor base =
        co_await open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
    const std::string content = co_await read_file(base.get(), name);
    std::cout << name << ": " << content.size() << " bytes, "
              << std::ranges::count(content, '\n') << " lines\n";
}

// Reads a file that is known, and one that is not there.
asio::awaitable<void> self_test(std::string directory)
{
    const std::string written(3'000'000, 'r');
    std::ofstream(directory + "/written", std::ios::binary) << written;
    const example::descriptor base =
        co_await open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
    bool passed = co_await read_file(base.get(), "written") == written;
    passed = passed && co_await read_step_by_step(base.get(), "written") == written;
    try {
        co_await read_file(base.get(), "missing");
        passed = false;
    }
    catch (const boost::system::system_error& e) {
        passed = passed && e.code() == boost::system::errc::no_such_file_or_directory;
    }
    if (!passed) {
        throw std::runtime_error("what was read is not what was written");
    }
    std::cout << "self-test: passed\n";
}

// Runs a coroutine to its end; its exception is thrown here.
void run(asio::awaitable<void> work)
{
    asio_uring::io_context context(1);
    asio::co_spawn(context, std::move(work), [](std::exception_ptr failure) {
        if (failure) {
            std::rethrow_exception(failure); // out of run()
        }
    });
    context.run();
}

} // namespace

int main(int argc, char** argv)
{
    std::string directory = ".";
    std::string name = "README.md";
    bool testing = false;
    example::options options(
        "read_file", "Reads a file of a directory by requests of the ring.");
    options.text("directory", "DIR", directory, "directory to start from");
    options.text("file", "NAME", name, "path of the file, from the directory on");
    options.flag("self-test", testing, "read a file of a temporary directory, and end");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        if (testing) {
            const example::temporary_directory temporary;
            run(self_test(temporary.path()));
        }
        else {
            run(print(directory, name));
        }
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "read_file: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
