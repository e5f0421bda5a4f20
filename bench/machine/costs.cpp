// SPDX-License-Identifier: BSL-1.0
// Benchmarks. What the steps cost on this machine that every ratio of servers is made of:
// on a machine with dear system calls a ring gains more than on one with cheap ones.
//
//     machine_costs [--seconds S]     for each quantity (default 0.3)
//
// syscall_ns             getppid: the way into the kernel and back
// ring_entry_ns          a no-operation, submitted, waited for and reaped alone
// ring_entry_batch32_ns  the same for one of a batch of 32
// thread_switch_ns       a thread wakes another and sleeps, on one processor
//
// The threads hand over by a write to one eventfd and a read from another; the same two
// calls where nobody waits are subtracted.
//
// CPU time of the process, kernel included, in slices of 1 ms that go back and forth over
// the quantities; the median slice counts. Prints one line of JSON, without the entries
// of a ring where there is no ring.
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <sched.h>
#include <unistd.h>

namespace {

namespace abi = asio_uring::abi;

inline constexpr std::uint64_t slice_ns = 1'000'000;

std::uint64_t cpu_ns()
{
    timespec now{};
    bench::check(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), "clock_gettime");
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

void call() { ::syscall(SYS_getppid); }

// The ring of the hand-written loops: the cheapest entries that there are.
class no_operations
{
public:
    no_operations(asio_uring::ring& ring, unsigned batch) : ring_{ring}, batch_{batch} {}

    void operator()()
    {
        for (unsigned index = 0; index != batch_; ++index)
            if (!ring_.try_push(asio_uring::op::nop{}, index))
                bench::fail("the submission queue is full", ENOBUFS);
        unsigned reaped = 0;
        while (reaped != batch_) {
            const asio_uring::submit_result result =
                ring_.submit_and_wait(batch_ - reaped);
            if (result.ec)
                bench::fail("submit_and_wait", result.ec.value());
            reaped += ring_.for_each_completion([](const abi::cqe& done) {
                if (done.res < 0)
                    bench::fail("a no-operation", -done.res);
            });
        }
    }

private:
    asio_uring::ring& ring_;
    unsigned batch_;
};

class event
{
public:
    event() : fd_{bench::check(::eventfd(0, EFD_CLOEXEC), "eventfd")} {}
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    ~event() { ::close(fd_); }

    void set(std::uint64_t value)
    {
        if (::write(fd_, &value, sizeof value) != sizeof value)
            bench::fail("write", errno);
    }

    std::uint64_t take()
    {
        std::uint64_t value = 0;
        if (::read(fd_, &value, sizeof value) != sizeof value)
            bench::fail("read", errno);
        return value;
    }

private:
    int fd_;
};

// The second thread answers each event until it is told to stop.
class partner
{
public:
    partner() : thread_{[this] { answer(); }} {}
    partner(const partner&) = delete;
    partner& operator=(const partner&) = delete;
    ~partner()
    {
        asked_.set(stop);
        thread_.join();
    }

    // hand_over: there and back, two switches.
    void hand_over()
    {
        asked_.set(go);
        answered_.take();
    }

private:
    static constexpr std::uint64_t go = 1;
    static constexpr std::uint64_t stop = 2;

    void answer()
    {
        while (asked_.take() == go)
            answered_.set(go);
    }

    event asked_;
    event answered_;
    std::thread thread_;
};

// One thing that is timed, in slices of so many turns.
struct quantity
{
    std::string name;
    std::function<void()> turn;
    std::uint64_t turns = 1;
    std::vector<std::uint64_t> slices = {};

    std::uint64_t run() const
    {
        const std::uint64_t before = cpu_ns();
        for (std::uint64_t left = turns; left != 0; --left)
            turn();
        return cpu_ns() - before;
    }

    // calibrate: how many turns a slice takes; warms up too.
    void calibrate()
    {
        while (run() < slice_ns)
            turns *= 2;
    }

    double median_ns()
    {
        std::sort(slices.begin(), slices.end());
        return static_cast<double>(slices[slices.size() / 2]) /
               static_cast<double>(turns);
    }
};

std::map<std::string, double> measure(std::vector<quantity> all, double seconds)
{
    for (quantity& one : all)
        one.calibrate();
    const auto budget =
        static_cast<std::uint64_t>(seconds * 1e9 * static_cast<double>(all.size()));
    for (std::uint64_t used = 0; used < budget;) {
        for (quantity& one : all) {
            one.slices.push_back(one.run());
            used += one.slices.back();
        }
        std::reverse(all.begin(), all.end());
    }
    std::map<std::string, double> result;
    for (quantity& one : all)
        result[one.name] = one.median_ns();
    return result;
}

// stay_here: both threads share one processor, or a switch would be none.
void stay_here()
{
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(bench::check(::sched_getcpu(), "sched_getcpu"), &here);
    bench::check(::sched_setaffinity(0, sizeof here, &here), "sched_setaffinity");
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--seconds"});
    bench::bound_lifetime(60);
    stay_here();

    std::vector<quantity> all;
    all.push_back({.name = "syscall", .turn = call});
    boost::system::error_code ec;
    asio_uring::ring ring = asio_uring::ring::create(
        {.entries = 64,
         .flags = abi::setup_single_issuer | abi::setup_defer_taskrun,
         .register_ring_fd = true},
        ec);
    if (!ec) {
        all.push_back({.name = "entry", .turn = no_operations(ring, 1)});
        all.push_back({.name = "entries", .turn = no_operations(ring, 32)});
    }
    event own;
    all.push_back({.name = "calls", .turn = [&] {
                       own.set(1);
                       own.take();
                   }});
    partner other;
    all.push_back({.name = "there_and_back", .turn = [&] { other.hand_over(); }});

    std::map<std::string, double> ns = measure(all, options.real("--seconds", 0.3));
    std::printf("{\"syscall_ns\": %.2f, ", ns["syscall"]);
    if (!ec)
        std::printf(
            "\"ring_entry_ns\": %.2f, \"ring_entry_batch32_ns\": %.2f, ",
            ns["entry"],
            ns["entries"] / 32);
    std::printf("\"thread_switch_ns\": %.2f}\n", ns["there_and_back"] / 2 - ns["calls"]);
}
