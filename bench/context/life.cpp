// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Contexts that live for one piece of work, as programs make them that offer
// a function which blocks; by CPU time of the process, kernel included:
//
//     life_<column> --case post|transfer --operations N
//
// post      a context is made, runs one posted handler, and is destroyed
// transfer  a context is made; two connected sockets on it write and read a message; all
//           of it is destroyed
//
// Prints one line of JSON.
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>

#include <backend.hpp>

namespace {

using boost::system::error_code;

std::uint64_t cpu_ns()
{
    timespec now{};
    bench::check(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), "clock_gettime");
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

void post_once()
{
    bench::io_context context(1);
    bool done = false;
    boost::asio::post(context.get_executor(), [&] { done = true; });
    context.run();
    if (!done)
        bench::fail("a posted handler was not called", EPROTO);
}

void transfer_once()
{
    bench::io_context context(1);
    bench::local_socket first(context.get_executor());
    bench::local_socket second(context.get_executor());
    boost::asio::local::connect_pair(first, second);
    char input[16];
    const char output[16] = {};
    int done = 0;
    const auto count = [&](error_code ec, std::size_t size) {
        if (ec || size != sizeof output)
            bench::fail("a transfer", ec.value());
        ++done;
    };
    // The read comes first, so that it waits in the way of the backend.
    second.async_read_some(boost::asio::buffer(input), count);
    first.async_write_some(boost::asio::buffer(output), count);
    context.run();
    if (done != 2)
        bench::fail("a transfer did not end", EPROTO);
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--case", "--operations", "--lifetime"});
    bench::bound_lifetime(options.integer("--lifetime", 120));
    const long long operations = options.integer("--operations", 1000);
    const std::string name = options.text("--case", "");
    if (name != "post" && name != "transfer")
        bench::fail("--case", EINVAL);
    const auto once = name == "post" ? post_once : transfer_once;
    once(); // What a process makes for its first context is no part of the others.
    const std::uint64_t before = cpu_ns();
    for (long long index = 0; index < operations; ++index)
        once();
    std::printf(
        "{\"operations\": %lld, \"cpu_ns_per_op\": %.3f}\n",
        operations,
        static_cast<double>(cpu_ns() - before) / static_cast<double>(operations));
}
