// SPDX-License-Identifier: BSL-1.0
// Benchmarks. The load of the scenarios with a server.
//
//     load --targets PORT:PID,... --slices COUNT --slice S
//     load --targets PORT:PID --operations COUNT
//
//     --work echo|churn|http|http_file|mixed|stream   (default echo)
//     --connections N --bytes B             of the echo: connections, and its message;
//                                           of http_file: the size of the file
//     --slow N                              of mixed: how many of them read slowly
//     --transport tcp|udp|local             (default tcp); what PORT means:
//                                           support/transport.hpp
//
// The first form measures several servers side by side: it loads one after the other,
// each for a slice of S seconds, back and forth COUNT times. The speed of a virtual
// machine changes by whole factors within a second, and slices of a few hundredths let
// every server have its share of each phase. The CPU clock of the server is read at both
// ends of each slice, after the load has settled. The second form performs an exact
// number of operations, for runs in which something else does the counting. Prints one
// line of JSON: an array with the sums of each target.
#include "load/exchange_client.hpp"
#include "load/mixed_client.hpp"
#include "load/stream_client.hpp"
#include "support/arguments.hpp"

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using bench::read_clock;

// Time at the start of a slice that is not measured: the caches fill, the server and the
// load find their step.
inline constexpr std::uint64_t settle_ns = 4'000'000;

std::unique_ptr<bench::client>
make_client(const bench::arguments& options, unsigned short port)
{
    const std::string work = options.text("--work", "echo");
    const bench::transport kind = bench::transport_of(options);
    const auto connections =
        static_cast<std::size_t>(options.integer("--connections", 64));
    const auto size = static_cast<std::size_t>(options.integer("--bytes", 64));
    if (work == "stream")
        return std::make_unique<bench::stream_client>(kind, port, connections);
    if (work == "mixed") {
        const auto slow = static_cast<std::size_t>(options.integer("--slow", 6));
        return std::make_unique<bench::mixed_client>(kind, port, connections, slow, size);
    }
    bench::exchange what = bench::exchange::echo;
    if (work == "churn")
        what = bench::exchange::churn;
    else if (work == "http")
        what = bench::exchange::http;
    else if (work == "http_file")
        what = bench::exchange::file;
    else if (work != "echo")
        bench::fail("--work", EINVAL);
    return std::make_unique<bench::exchange_client>(kind, port, what, connections, size);
}

struct totals
{
    std::uint64_t operations = 0;
    std::uint64_t wall_ns = 0;
    std::uint64_t server_cpu_ns = 0;
    std::uint64_t load_cpu_ns = 0;
};

class target
{
public:
    target(const bench::arguments& options, unsigned short port, pid_t server)
        : client_(make_client(options, port))
    {
        if (const int error = ::clock_getcpuclockid(server, &server_clock_); error != 0)
            bench::fail("clock_getcpuclockid", error);
    }

    void run_slice(std::uint64_t slice_ns)
    {
        client_->start(UINT64_MAX);
        client_->run_until(read_clock(CLOCK_MONOTONIC) + settle_ns);
        const totals before = read();
        client_->run_until(before.wall_ns + slice_ns);
        add_since(before);
        client_->stop_starting();
        client_->drain();
    }

    void run_operations(std::uint64_t count)
    {
        const totals before = read();
        client_->start(count);
        client_->drain();
        add_since(before);
    }

    void print() const
    {
        const bench::latency_histogram& latencies = client_->latencies();
        std::printf(
            "{\"operations\": %" PRIu64 ", \"wall_ns\": %" PRIu64
            ", \"server_cpu_ns\": %" PRIu64 ", \"load_cpu_ns\": %" PRIu64
            ", \"p50_us\": %.3f, \"p99_us\": %.3f, \"p99_9_us\": %.3f}",
            sum_.operations,
            sum_.wall_ns,
            sum_.server_cpu_ns,
            sum_.load_cpu_ns,
            latencies.percentile_us(0.50),
            latencies.percentile_us(0.99),
            latencies.percentile_us(0.999));
    }

private:
    totals read() const
    {
        return {
            .operations = client_->finished(),
            .wall_ns = read_clock(CLOCK_MONOTONIC),
            .server_cpu_ns = read_clock(server_clock_),
            .load_cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID)};
    }

    void add_since(const totals& before)
    {
        const totals now = read();
        sum_.operations += now.operations - before.operations;
        sum_.wall_ns += now.wall_ns - before.wall_ns;
        sum_.server_cpu_ns += now.server_cpu_ns - before.server_cpu_ns;
        sum_.load_cpu_ns += now.load_cpu_ns - before.load_cpu_ns;
    }

    std::unique_ptr<bench::client> client_;
    clockid_t server_clock_{};
    totals sum_;
};

using targets = std::vector<std::unique_ptr<target>>;

targets connect_all(const bench::arguments& options)
{
    const std::string list = options.text("--targets", "");
    targets all;
    for (std::size_t at = 0; at < list.size(); at = list.find(',', at) + 1) {
        unsigned short port = 0;
        int server = 0;
        if (std::sscanf(list.c_str() + at, "%hu:%d", &port, &server) != 2)
            bench::fail("--targets", EINVAL);
        all.push_back(std::make_unique<target>(options, port, server));
        if (list.find(',', at) == std::string::npos)
            break;
    }
    return all;
}

void run_slices(targets& all, long long count, std::uint64_t slice_ns)
{
    for (long long cycle = 0; cycle < count; ++cycle) {
        for (std::size_t index = 0; index < all.size(); ++index) {
            // Back and forth, so that no server always follows the same one.
            const bool back = cycle % 2 != 0;
            all[back ? all.size() - 1 - index : index]->run_slice(slice_ns);
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc,
        argv,
        {"--targets",
         "--work",
         "--connections",
         "--slow",
         "--bytes",
         "--slices",
         "--slice",
         "--operations",
         "--transport",
         "--lifetime"});
    bench::bound_lifetime(options.integer("--lifetime", 120));
    targets all = connect_all(options);
    if (all.empty())
        bench::fail("--targets", EINVAL);
    if (const long long operations = options.integer("--operations", 0); operations > 0) {
        all.front()->run_operations(static_cast<std::uint64_t>(operations));
    }
    else {
        run_slices(
            all,
            options.integer("--slices", 16),
            static_cast<std::uint64_t>(options.real("--slice", 0.05) * 1e9));
    }
    const char* separator = "[";
    for (const auto& each : all) {
        std::printf("%s", separator);
        each->print();
        separator = ", ";
    }
    std::printf("]\n");
}
