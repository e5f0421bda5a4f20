// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Handlers that are posted and dispatched, each case in a process of its own,
// by CPU time of the process, kernel included:
//
//     post_<column> --case post|dispatch|cross|wake --operations N [--object 1]
//
// post      64 handlers, each of which posts itself again
// dispatch  handlers that dispatch one more within themselves, which runs at once
// cross     another thread posts all of them, while the context runs what is there
// wake      two contexts, each run by a thread of its own, post one handler back and
//           forth: each time a thread sleeps, and has to be woken; wall_ns_per_op is the
//           time of a way
//
// With an object each context has a socket, as a program with input and output has. A
// context without one has handlers alone, and waits for them without its reactor.
//
// Prints one line of JSON.
#include "support/arguments.hpp"
#include "support/process.hpp"
#include "support/processors.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <thread>

#include <backend.hpp>

namespace {

struct times
{
    std::uint64_t cpu_ns;
    std::uint64_t wall_ns;
};

std::uint64_t read_clock(clockid_t clock)
{
    timespec now{};
    bench::check(::clock_gettime(clock, &now), "clock_gettime");
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

template <typename Function>
times measured(Function function)
{
    const std::uint64_t cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    const std::uint64_t wall = read_clock(CLOCK_MONOTONIC);
    function();
    return {
        read_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu, read_clock(CLOCK_MONOTONIC) - wall};
}

/// A context, and a socket in it where the program was asked for one.
class subject
{
public:
    subject(int hint, bool has_object) : context(hint)
    {
        if (has_object)
            object_.emplace(context.get_executor());
    }

    bench::io_context context;

private:
    std::optional<bench::stream_socket> object_;
};

struct chain
{
    bench::io_context& context;
    std::size_t& left;

    void operator()() const
    {
        if (left == 0)
            return;
        --left;
        boost::asio::post(context.get_executor(), *this);
    }
};

times post(std::size_t operations, bool has_object)
{
    subject whole(1, has_object);
    bench::io_context& context = whole.context;
    for (int index = 0; index < 64; ++index)
        boost::asio::post(context.get_executor(), chain{context, operations});
    return measured([&] { context.run(); });
}

struct inner_chain
{
    bench::io_context& context;
    std::size_t& left;

    // Within one turn of the context as many as a program might have.
    void operator()() const
    {
        for (int index = 0; index < 64 && left != 0; ++index)
            boost::asio::dispatch(context.get_executor(), [this] { --left; });
        if (left != 0)
            boost::asio::post(context.get_executor(), *this);
    }
};

times dispatch(std::size_t operations, bool has_object)
{
    subject whole(1, has_object);
    bench::io_context& context = whole.context;
    boost::asio::post(context.get_executor(), inner_chain{context, operations});
    return measured([&] { context.run(); });
}

times cross(std::size_t operations, bool has_object)
{
    subject whole(2, has_object);
    bench::io_context& context = whole.context;
    auto guard = boost::asio::make_work_guard(context);
    std::size_t done = 0;
    return measured([&] {
        std::thread poster([&] {
            for (std::size_t index = 0; index < operations; ++index)
                boost::asio::post(context.get_executor(), [&] {
                    if (++done == operations)
                        guard.reset();
                });
        });
        context.run();
        poster.join();
    });
}

struct ball
{
    bench::io_context* to;
    bench::io_context* from;
    std::size_t& left;

    void operator()() const
    {
        if (left == 0) {
            to->stop();
            from->stop();
            return;
        }
        --left;
        boost::asio::post(to->get_executor(), ball{from, to, left});
    }
};

times wake(std::size_t operations, bool has_object)
{
    subject one(2, has_object);
    subject another(2, has_object);
    bench::io_context& here = one.context;
    bench::io_context& there = another.context;
    const auto here_guard = boost::asio::make_work_guard(here);
    const auto there_guard = boost::asio::make_work_guard(there);
    return measured([&] {
        std::thread other([&] { there.run(); });
        boost::asio::post(here.get_executor(), ball{&there, &here, operations});
        here.run();
        other.join();
    });
}

times run_case(const std::string& name, std::size_t operations, bool has_object)
{
    if (name == "post")
        return post(operations, has_object);
    if (name == "dispatch")
        return dispatch(operations, has_object);
    bench::use_all_processors();
    if (name == "cross")
        return cross(operations, has_object);
    if (name == "wake")
        return wake(operations, has_object);
    bench::fail(name.c_str(), EINVAL);
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--case", "--operations", "--object", "--lifetime"});
    bench::bound_lifetime(options.integer("--lifetime", 120));
    const auto operations =
        static_cast<std::size_t>(options.integer("--operations", 100'000));
    const times used = run_case(
        options.text("--case", ""), operations, options.integer("--object", 0) != 0);
    const auto count = static_cast<double>(operations);
    std::printf(
        "{\"operations\": %zu, \"cpu_ns_per_op\": %.3f, \"wall_ns_per_op\": %.3f}\n",
        operations,
        static_cast<double>(used.cpu_ns) / count,
        static_cast<double>(used.wall_ns) / count);
}
