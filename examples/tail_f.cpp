// SPDX-License-Identifier: BSL-1.0
// Prints what is appended to a file, and goes on with the next file of that name where
// the file is rotated.
//
// Shows: asio_uring::directory_watcher in a coroutine; async_open; async_submit with read
// and statx.
//
// Run:    tail_f --file FILE
//         tail_f --self-test          follows a file that it writes itself
// Prints: what is in the file, and what comes; Ctrl-C ends it

#include "support/descriptor.hpp"
#include "support/options.hpp"
#include "support/temporary_directory.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sys/stat.h>

#include <fcntl.h>

namespace {

namespace asio = boost::asio;
namespace op = asio_uring::op;

using sink = std::function<void(std::string_view)>;

// The file as it was opened, which another may have replaced by now.
class followed_file
{
public:
    followed_file(std::string path, sink print)
        : path_(std::move(path)), print_(std::move(print))
    {}

    // Prints what has come since the last time.
    asio::awaitable<void> go_on()
    {
        const auto executor = co_await asio::this_coro::executor;
        if (file_.get() < 0) {
            co_return;
        }
        std::array<char, 64 * 1024> data;
        for (;;) {
            const op::read read{
                .fd = file_.get(),
                .data = data.data(),
                .size = data.size(),
                .offset = offset_};
            const int got =
                co_await asio_uring::async_submit(executor, read, asio::use_awaitable);
            if (got == 0) {
                co_return;
            }
            offset_ += static_cast<std::uint64_t>(got);
            print_({data.data(), static_cast<std::size_t>(got)});
        }
    }

    // Opens the file that has the name now, unless it is the one that is open.
    asio::awaitable<void> reopen()
    {
        const auto executor = co_await asio::this_coro::executor;
        const auto [error, descriptor] = co_await asio_uring::async_open(
            executor, path_, O_RDONLY, asio::as_tuple(asio::use_awaitable));
        if (error == boost::system::errc::no_such_file_or_directory) {
            co_return; // its name comes with an event
        }
        if (error) {
            throw boost::system::system_error(error, path_);
        }
        file_ = example::descriptor(descriptor);
        offset_ = 0;
    }

    // A file that was cut begins anew.
    asio::awaitable<void> look_at_size()
    {
        const auto executor = co_await asio::this_coro::executor;
        struct ::statx status = {};
        const op::statx ask{
            .directory = file_.get(),
            .path = "",
            .flags = AT_EMPTY_PATH, // the open file, whatever its name is by now
            .mask = STATX_SIZE,
            .result = &status};
        if (file_.get() >= 0) {
            co_await asio_uring::async_submit(executor, ask, asio::use_awaitable);
            offset_ = status.stx_size < offset_ ? 0 : offset_;
        }
    }

private:
    std::string path_;
    sink print_;
    example::descriptor file_{-1};
    std::uint64_t offset_ = 0;
};

// Another file has the name from a creation or a move on.
bool names_another(asio_uring::watch_change change)
{
    return change == asio_uring::watch_change::created ||
           change == asio_uring::watch_change::moved_here;
}

asio::awaitable<void> follow(std::string path, sink print)
{
    const std::filesystem::path whole = std::filesystem::absolute(path);
    asio_uring::directory_watcher watcher(co_await asio::this_coro::executor);
    co_await watcher.async_watch(whole.parent_path(), asio::use_awaitable);
    followed_file file(whole, std::move(print));
    co_await file.reopen();
    co_await file.go_on();
    for (;;) {
        const auto event = co_await watcher.async_next(asio::use_awaitable);
        const bool dropped = event.change == asio_uring::watch_change::events_dropped;
        if (!dropped && event.path != whole) {
            continue;
        }
        if (dropped || event.change == asio_uring::watch_change::modified) {
            co_await file.look_at_size();
        }
        co_await file.go_on();
        if (dropped || names_another(event.change)) {
            co_await file.reopen();
            co_await file.go_on();
        }
    }
}

void run(const std::string& path)
{
    asio_uring::io_context context(1);
    asio_uring::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](boost::system::error_code, int) { context.stop(); });
    const auto print = [](std::string_view text) { std::cout << text << std::flush; };
    asio::co_spawn(context, follow(path, print), [](std::exception_ptr failure) {
        if (failure) {
            std::rethrow_exception(failure); // out of run()
        }
    });
    context.run();
}

// Writes a file, appends to it, and replaces it by another.
void self_test(const std::filesystem::path& directory)
{
    const std::string path = directory / "log";
    std::string seen;
    asio_uring::io_context context(1);
    std::ofstream(path) << "one ";
    int step = 0;
    const auto print = [&](std::string_view text) {
        seen += text;
        if (seen == "one " && step == 0) {
            ++step;
            std::ofstream(path, std::ios::app) << "two ";
        }
        if (seen == "one two " && step == 1) {
            ++step;
            std::filesystem::rename(path, path + ".1");
            std::ofstream(path) << "three";
        }
        if (seen == "one two three") {
            context.stop();
        }
    };
    asio::co_spawn(context, follow(path, print), asio::detached);
    context.run_for(std::chrono::seconds(20));
    if (seen != "one two three") {
        throw std::runtime_error("what was written is not what was printed");
    }
    std::cout << "self-test: passed\n";
}

} // namespace

int main(int argc, char** argv)
{
    std::string file = "log";
    bool testing = false;
    example::options options("tail_f", "Prints what is appended to a file.");
    options.text("file", "FILE", file, "the file, which may not be there yet");
    options.flag("self-test", testing, "follow a temporary file, and end");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        if (testing) {
            const example::temporary_directory temporary;
            self_test(temporary.path());
        }
        else {
            run(file);
        }
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "tail_f: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
