// SPDX-License-Identifier: BSL-1.0
// Benchmarks. The ring layer alone beside liburing: one loop compiled over both, all
// columns in one process, in turn, slice by slice, by the CPU time of the thread, kernel
// included.
//
//     ring_layer --case nop|receive|read|create [--batch N] [--columns a,b...]
//                --seconds S --slice S          timed: S seconds per column
//                --operations N                 or counted: the first column does N
//                --folder DIR                   where read puts its file
//     ring_layer --case fit                     what a default ring locks, and how many
//                                               an ordinary user may have
//
// nop      batches of no-operations
// receive  batches of 64-byte messages, sent and received through a socket pair into
//          provided buffers, each of which goes back to its group
// read     batches of 4 KiB reads from random places of a cached file into a registered
//          buffer
// create   a ring of the library's default size, created and destroyed
//
// A column is LIBRARY_FLAGS. LIBRARY is own or liburing, FLAGS is coop (COOP_TASKRUN),
// single (SINGLE_ISSUER and DEFER_TASKRUN), fd (single, with a registered ring
// descriptor), or best (own alone: fd, with NO_SQARRAY). Prints one line of JSON.
#include "ring/rings.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <asio_uring/ring/environment.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

namespace {

namespace abi = asio_uring::abi;

using bench::buffer_group;
using bench::ring_settings;

std::uint64_t cpu_ns()
{
    timespec now{};
    bench::check(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), "clock_gettime");
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

// Pages of zeros: each column's data begins at the same place within a page.
class pages
{
public:
    explicit pages(std::size_t size) : size_{size}
    {
        void* const memory = ::mmap(
            nullptr,
            size,
            PROT_READ | PROT_WRITE,
            MAP_ANONYMOUS | MAP_PRIVATE | MAP_POPULATE,
            -1,
            0);
        if (memory == MAP_FAILED)
            bench::fail("mmap", errno);
        data_ = static_cast<char*>(memory);
    }
    pages(const pages&) = delete;
    pages& operator=(const pages&) = delete;
    ~pages() { ::munmap(data_, size_); }

    char* data() const { return data_; }
    std::size_t size() const { return size_; }

private:
    char* data_;
    std::size_t size_;
};

template <class Ring>
class nops
{
public:
    nops(const ring_settings& settings, unsigned batch, const std::string&)
        : ring_{settings}, batch_{batch}
    {}

    void turn()
    {
        for (unsigned index = 0; index != batch_; ++index)
            ring_.nop(index);
        ring_.submit_and_wait(batch_);
        ring_.for_each(
            [this](const typename Ring::completion& done) { sum_ += done.user_data; });
    }

private:
    Ring ring_;
    unsigned batch_;
    std::uint64_t sum_ = 0;
};

template <class Ring>
class messages
{
public:
    messages(const ring_settings& settings, unsigned batch, const std::string&)
        : ring_{settings},
          batch_{batch},
          memory_(std::size_t{buffer_group::count} * buffer_group::size)
    {
        bench::check(
            ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_), "socketpair");
        ring_.register_group(memory_.data());
        std::fill(std::begin(message_), std::end(message_), 'm');
    }
    messages(const messages&) = delete;
    messages& operator=(const messages&) = delete;
    ~messages()
    {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }

    void turn()
    {
        for (unsigned index = 0; index != batch_; ++index)
            ring_.send(ends_[0], message_, sizeof message_, 0);
        for (unsigned index = 0; index != batch_; ++index)
            ring_.receive(ends_[1], 1);
        for (unsigned done = 0; done != 2 * batch_;) {
            ring_.submit_and_wait(2 * batch_ - done);
            done += ring_.for_each([this](const typename Ring::completion& one) {
                if (one.res != sizeof message_)
                    bench::fail("a message", one.res < 0 ? -one.res : EIO);
                if (one.user_data == 1)
                    take(one);
            });
        }
        ring_.publish_buffers();
    }

private:
    void take(const typename Ring::completion& done)
    {
        char* const data = ring_.taken(done);
        if (data[0] != 'm')
            bench::fail("the content of a message", EIO);
        data[0] = 0;
        ring_.give_back(done);
    }

    Ring ring_;
    unsigned batch_;
    pages memory_;
    int ends_[2] = {-1, -1};
    char message_[64];
};

template <class Ring>
class reads
{
public:
    reads(const ring_settings& settings, unsigned batch, const std::string& folder)
        : ring_{settings}, batch_{batch}, memory_(batch * std::size_t{block_size})
    {
        make_file(folder);
        ring_.register_buffer(memory_.data(), memory_.size());
    }
    reads(const reads&) = delete;
    reads& operator=(const reads&) = delete;
    ~reads() { ::close(file_); }

    void turn()
    {
        for (unsigned slot = 0; slot != batch_; ++slot) {
            random_ = random_ * 1664525 + 1013904223;
            const std::uint64_t block = random_ >> 16 & (blocks - 1);
            ring_.read_fixed(
                file_, at(slot), block_size, block * block_size, block << 32 | slot);
        }
        for (unsigned done = 0; done != batch_;) {
            ring_.submit_and_wait(batch_ - done);
            done += ring_.for_each([this](const typename Ring::completion& one) {
                const auto slot = static_cast<std::uint32_t>(one.user_data);
                std::uint32_t found = 0;
                std::memcpy(&found, at(slot), sizeof found);
                if (one.res != block_size || found != one.user_data >> 32)
                    bench::fail("a read", one.res < 0 ? -one.res : EIO);
            });
        }
    }

private:
    static constexpr int block_size = 4096;
    static constexpr std::uint32_t blocks = 1024;

    char* at(std::uint32_t slot) { return memory_.data() + slot * block_size; }

    // Each block begins with its number.
    void make_file(const std::string& folder)
    {
        std::string name = folder + "/ring_layer.XXXXXX";
        file_ = bench::check(::mkostemp(name.data(), O_CLOEXEC), "mkostemp");
        ::unlink(name.c_str());
        std::vector<char> block(block_size);
        for (std::uint32_t number = 0; number != blocks; ++number) {
            std::memcpy(block.data(), &number, sizeof number);
            if (::write(file_, block.data(), block.size()) != block_size)
                bench::fail("write", errno);
        }
    }

    Ring ring_;
    unsigned batch_;
    pages memory_;
    int file_ = -1;
    std::uint32_t random_ = 1;
};

template <class Ring>
class creations
{
public:
    creations(const ring_settings& settings, unsigned, const std::string&)
        : settings_{settings}
    {}
    void turn() { const Ring one{settings_}; }

private:
    ring_settings settings_;
};

// One way to do the work: runs a number of turns.
using column = std::function<void(std::uint64_t turns)>;

struct request
{
    std::string kind;
    unsigned batch;
    std::string folder;
};

template <class Work>
column column_of(const ring_settings& settings, const request& wanted)
{
    auto work = std::make_shared<Work>(settings, wanted.batch, wanted.folder);
    return [work](std::uint64_t turns) {
        for (; turns != 0; --turns)
            work->turn();
    };
}

template <class Ring>
column column_over(const ring_settings& settings, const request& wanted)
{
    if (wanted.kind == "nop")
        return column_of<nops<Ring>>(settings, wanted);
    if (wanted.kind == "receive")
        return column_of<messages<Ring>>(settings, wanted);
    if (wanted.kind == "read")
        return column_of<reads<Ring>>(settings, wanted);
    if (wanted.kind == "create")
        return column_of<creations<Ring>>(settings, wanted);
    bench::fail(wanted.kind.c_str(), EINVAL);
}

column make_column(const std::string& name, const request& wanted)
{
    const std::size_t cut = name.find('_');
    const std::string flags = cut == std::string::npos ? "" : name.substr(cut + 1);
    const bool own = name.substr(0, cut) == "own";
    ring_settings settings;
    if (flags == "coop")
        settings.flags = abi::setup_coop_taskrun;
    else if (flags == "single" || flags == "fd" || (own && flags == "best"))
        settings.flags = abi::setup_single_issuer | abi::setup_defer_taskrun;
    else
        bench::fail(name.c_str(), EINVAL);
    settings.register_ring_fd = flags == "fd" || flags == "best";
    if (flags == "best")
        settings.optional_flags = abi::setup_no_sqarray;
    return own ? column_over<bench::own_ring>(settings, wanted)
               : column_over<bench::liburing_ring>(settings, wanted);
}

std::uint64_t slice_ns(const column& run, std::uint64_t turns)
{
    const std::uint64_t before = cpu_ns();
    run(turns);
    return cpu_ns() - before;
}

// turns_of_slice: how many turns take about that long, the same for every column.
std::uint64_t turns_of_slice(const column& run, double slice_s)
{
    std::uint64_t turns = 1;
    while (static_cast<double>(slice_ns(run, turns)) < slice_s * 1e9)
        turns *= 2;
    return turns;
}

void print_timed(
    const std::vector<std::string>& names,
    const std::vector<std::vector<std::uint64_t>>& slices,
    std::uint64_t operations_of_slice)
{
    std::printf("{");
    for (std::size_t index = 0; index != names.size(); ++index) {
        std::vector<std::uint64_t> sorted = slices[index];
        std::sort(sorted.begin(), sorted.end());
        const auto median = static_cast<double>(sorted[sorted.size() / 2]);
        std::printf(
            "%s\"%s\": {\"cpu_ns_per_op\": %.3f, \"slices\": %zu}",
            index == 0 ? "" : ", ",
            names[index].c_str(),
            median / static_cast<double>(operations_of_slice),
            sorted.size());
    }
    std::printf("}\n");
}

void run_timed(
    const std::vector<std::string>& names,
    const request& wanted,
    double seconds,
    double slice_s)
{
    std::vector<column> columns;
    for (const std::string& name : names)
        columns.push_back(make_column(name, wanted));
    const std::uint64_t turns = turns_of_slice(columns.front(), slice_s);
    for (const column& run : columns)
        run(turns); // the first turns touch memory for the first time

    std::vector<std::vector<std::uint64_t>> slices(columns.size());
    std::uint64_t used = 0;
    const auto budget =
        static_cast<std::uint64_t>(seconds * 1e9 * static_cast<double>(columns.size()));
    for (std::size_t first = 0; used < budget; ++first) {
        // Each column starts in turn, so that none always follows the same neighbour.
        for (std::size_t step = 0; step != columns.size(); ++step) {
            const std::size_t offset = first % 2 == 0 ? step : columns.size() - 1 - step;
            const std::size_t index = (first / 2 + offset) % columns.size();
            slices[index].push_back(slice_ns(columns[index], turns));
            used += slices[index].back();
        }
    }
    const unsigned per_turn = wanted.kind == "create" ? 1 : wanted.batch;
    print_timed(names, slices, turns * per_turn);
}

// An ordinary user has 8 MiB of locked memory on many systems. Every ring of the default
// size counts, until the kernel refuses the next.
void run_fit()
{
    bench::raise_descriptor_limit();
    const std::size_t bytes = asio_uring::environment::inspect().cost.locked_bytes;
    const rlimit limit{8 << 20, 8 << 20};
    bench::check(::setrlimit(RLIMIT_MEMLOCK, &limit), "setrlimit");
    if (::geteuid() == 0) {
        const auto user = static_cast<uid_t>(30000 + ::getpid() % 10000);
        bench::check(::setgroups(0, nullptr), "setgroups");
        bench::check(::setgid(user), "setgid");
        bench::check(::setuid(user), "setuid");
    }
    std::vector<asio_uring::ring> rings;
    boost::system::error_code ec;
    while (!ec && rings.size() != 5000)
        rings.push_back(asio_uring::ring::create({}, ec));
    std::printf("{\"locked_bytes\": %zu, \"rings\": %zu}\n", bytes, rings.size() - 1);
}

std::vector<std::string> names_in(const std::string& list)
{
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        names.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return names;
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc,
        argv,
        {"--case",
         "--batch",
         "--columns",
         "--seconds",
         "--slice",
         "--operations",
         "--folder",
         "--lifetime"});
    bench::bound_lifetime(options.integer("--lifetime", 120));
    const request wanted{
        .kind = options.text("--case", ""),
        .batch = static_cast<unsigned>(options.integer("--batch", 1)),
        .folder = options.text("--folder", ".")};
    if (wanted.kind == "fit") {
        run_fit();
        return 0;
    }
    const std::vector<std::string> names =
        names_in(options.text("--columns", "own_single,liburing_single"));
    if (const long long count = options.integer("--operations", 0); count > 0)
        make_column(names.front(), wanted)(
            static_cast<std::uint64_t>(count) / wanted.batch);
    else
        run_timed(
            names,
            wanted,
            options.real("--seconds", 0.5),
            options.real("--slice", 0.001));
}
