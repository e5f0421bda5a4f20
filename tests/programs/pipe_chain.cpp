// SPDX-License-Identifier: BSL-1.0
// Feeds a child process and reads what it makes of it: this program, a pipe, `tr`, a
// pipe, this program. Stock types, moved onto the ring by CMake.
//
// Run:    pipe_chain MEGABYTES
// Prints: `N bytes came through`; fails if one differs

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include <sys/wait.h>

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t period = 26;

char letter(std::size_t position, char first)
{
    return static_cast<char>(first + static_cast<int>(position % period));
}

/// The child must not hold the ends that are not its own, or nobody sees an end.
void keep_from_child(int descriptor) { ::fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

/// Starts `tr a-z A-Z` on the given descriptors; returns its process id, or -1.
pid_t start_child(int input, int output)
{
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    std::string arguments[] = {"tr", "a-z", "A-Z"};
    char* argv[] = {
        arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
    pid_t child = -1;
    if (::posix_spawnp(&child, "tr", &actions, nullptr, argv, environ) != 0)
        child = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    return child;
}

struct chain
{
    explicit chain(asio::io_context& context, std::size_t size)
        : to_child(context), from_child(context), total(size)
    {}

    void feed()
    {
        const std::size_t step = std::min<std::size_t>(total - written, 100000);
        if (step == 0) {
            to_child.close(); // The child sees the end of its input.
            return;
        }
        out.resize(step);
        for (std::size_t i = 0; i < step; ++i)
            out[i] = letter(written + i, 'a');
        asio::async_write(
            to_child, asio::buffer(out), [this](error_code ec, std::size_t size) {
                written += size;
                if (!ec)
                    feed();
            });
    }

    void drain()
    {
        from_child.async_read_some(
            asio::buffer(in), [this](error_code ec, std::size_t size) {
                for (std::size_t i = 0; i < size; ++i)
                    good += in[i] == letter(read + i, 'A');
                read += size;
                if (ec)
                    at_end = ec == asio::error::eof;
                else
                    drain();
            });
    }

    asio::writable_pipe to_child;
    asio::readable_pipe from_child;
    std::size_t total;
    std::size_t written = 0;
    std::size_t read = 0;
    std::size_t good = 0;
    bool at_end = false;
    std::string out;
    std::array<char, 50000> in{};
};

} // namespace

int main(int argc, char** argv)
{
    const std::size_t megabytes = argc > 1 ? std::stoul(argv[1]) : 1;
    asio::io_context context(1);
    chain work(context, megabytes << 20);
    asio::readable_pipe child_input(context);
    asio::writable_pipe child_output(context);
    asio::connect_pipe(child_input, work.to_child);
    asio::connect_pipe(work.from_child, child_output);
    for (int descriptor :
         {work.to_child.native_handle(),
          work.from_child.native_handle(),
          child_input.native_handle(),
          child_output.native_handle()})
        keep_from_child(descriptor);
    bool ended = false;
    asio::signal_set signals(context, SIGCHLD);
    signals.async_wait([&](error_code ec, int) { ended = !ec; });
    const pid_t child =
        start_child(child_input.native_handle(), child_output.native_handle());
    if (child < 0) {
        std::cerr << "pipe_chain: cannot start tr\n";
        return EXIT_FAILURE;
    }
    child_input.close();
    child_output.close();
    work.feed();
    work.drain();
    context.run();
    int status = 0;
    ::waitpid(child, &status, 0);
    std::cout << work.good << " bytes came through\n";
    const bool passed = ended && work.at_end && status == 0 && work.good == work.total &&
                        work.read == work.total;
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
