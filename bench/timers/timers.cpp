// SPDX-License-Identifier: BSL-1.0
// Benchmarks. Timers of one backend, each case in a process of its own, by CPU time of
// the process, kernel included:
//
//     timers_<column> --case schedule-cancel|rearm|expiry|insert --operations N
//
// schedule-cancel  64 timers, each started and cancelled again by its own handler, while
//                  1000 others stay pending
// rearm            1000 pending timers moved to a later expiry in turn, each move
//                  completing the wait before it, as a timeout per operation does
// expiry           timers that are all due: what run() takes to deliver them
// insert           timers started with random expiries until N are pending
//
// Prints one line of JSON.
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <thread>

#include <backend.hpp>

namespace {

using boost::system::error_code;
using std::chrono::steady_clock;

std::uint64_t cpu_ns()
{
    timespec now{};
    bench::check(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), "clock_gettime");
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

// far_expiry: random, at least half a minute away, so that it never passes in a run.
steady_clock::duration far_expiry()
{
    static std::minstd_rand generator(1);
    return std::chrono::seconds(30) + std::chrono::microseconds(generator() % 30'000'000);
}

// The timers stay in a deque: they are never moved and cost one allocation per few.
using timers = std::deque<bench::steady_timer>;

void add_idle(timers& into, bench::io_context& context, std::size_t count)
{
    for (std::size_t index = 0; index < count; ++index)
        into.emplace_back(context.get_executor());
}

void add_pending(timers& into, bench::io_context& context, std::size_t count)
{
    const std::size_t first = into.size();
    add_idle(into, context, count);
    for (std::size_t index = first; index < into.size(); ++index) {
        into[index].expires_after(far_expiry());
        into[index].async_wait([](error_code) {});
    }
}

inline constexpr std::size_t background = 1000;
inline constexpr std::size_t batch = 64;

// in_run: calls `work` in a handler, where an Asio program starts its timers and where
// the memory of handlers is recycled, and runs the context until `work` has called
// stop().
void in_run(bench::io_context& context, std::function<void()> work)
{
    boost::asio::post(context.get_executor(), std::move(work));
    context.run();
}

class schedule_cancel
{
public:
    explicit schedule_cancel(std::size_t operations) : left_(operations)
    {
        add_pending(others_, context_, background);
        add_idle(active_, context_, batch);
    }

    std::uint64_t run()
    {
        const std::uint64_t before = cpu_ns();
        in_run(context_, [this] {
            for (bench::steady_timer& timer : active_)
                step(timer);
        });
        return cpu_ns() - before;
    }

private:
    void step(bench::steady_timer& timer)
    {
        if (left_ == 0) {
            context_.stop();
            return;
        }
        --left_;
        timer.expires_after(far_expiry());
        timer.async_wait([this, &timer](error_code) { step(timer); });
        timer.cancel();
    }

    bench::io_context context_{1};
    timers others_;
    timers active_;
    std::size_t left_;
};

class rearm
{
public:
    explicit rearm(std::size_t operations) : left_(operations)
    {
        add_pending(timers_, context_, background);
    }

    std::uint64_t run()
    {
        const std::uint64_t before = cpu_ns();
        in_run(context_, [this] { step(); });
        return cpu_ns() - before;
    }

private:
    void step()
    {
        for (std::size_t count = 0; count < batch; ++count) {
            bench::steady_timer& timer = timers_[next_];
            next_ = (next_ + 1) % timers_.size();
            timer.expires_after(far_expiry());
            timer.async_wait([](error_code) {});
        }
        left_ -= std::min(left_, batch);
        if (left_ == 0)
            context_.stop();
        else
            boost::asio::post(context_.get_executor(), [this] { step(); });
    }

    bench::io_context context_{1};
    timers timers_;
    std::size_t next_ = 0;
    std::size_t left_;
};

class expiry
{
public:
    explicit expiry(std::size_t operations) : left_(operations)
    {
        add_idle(timers_, context_, operations);
    }

    std::uint64_t run()
    {
        // All start in a handler and become due while it still runs, in random order, so
        // that the measured part is the delivery alone.
        in_run(context_, [this] { start_all(); });
        return cpu_ns() - started_;
    }

private:
    void start_all()
    {
        const auto first = steady_clock::now() + std::chrono::milliseconds(50);
        std::minstd_rand generator(1);
        for (bench::steady_timer& timer : timers_) {
            timer.expires_at(first + std::chrono::microseconds(generator() % 10'000));
            timer.async_wait([this](error_code ec) { delivered(ec); });
        }
        std::this_thread::sleep_until(first + std::chrono::milliseconds(11));
        started_ = cpu_ns();
    }

    void delivered(error_code ec)
    {
        if (ec)
            bench::fail("a due timer ended with an error", ec.value());
        if (--left_ == 0)
            context_.stop();
    }

    bench::io_context context_{1};
    timers timers_;
    std::size_t left_;
    std::uint64_t started_ = 0;
};

class insert
{
public:
    explicit insert(std::size_t operations) { add_idle(timers_, context_, operations); }

    std::uint64_t run()
    {
        std::uint64_t used = 0;
        in_run(context_, [this, &used] {
            const std::uint64_t before = cpu_ns();
            for (bench::steady_timer& timer : timers_) {
                timer.expires_after(far_expiry());
                timer.async_wait([](error_code) {});
            }
            used = cpu_ns() - before;
            context_.stop();
        });
        return used;
    }

private:
    bench::io_context context_{1};
    timers timers_;
};

std::uint64_t run_case(const std::string& name, std::size_t operations)
{
    if (name == "schedule-cancel")
        return schedule_cancel(operations).run();
    if (name == "rearm")
        return rearm(operations).run();
    if (name == "expiry")
        return expiry(operations).run();
    if (name == "insert")
        return insert(operations).run();
    bench::fail(name.c_str(), EINVAL);
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--case", "--operations", "--lifetime"});
    bench::bound_lifetime(options.integer("--lifetime", 120));
    const auto operations =
        static_cast<std::size_t>(options.integer("--operations", 100'000));
    const std::uint64_t used = run_case(options.text("--case", ""), operations);
    std::printf(
        "{\"operations\": %zu, \"cpu_ns_per_op\": %.3f}\n",
        operations,
        static_cast<double>(used) / static_cast<double>(operations));
}
