// SPDX-License-Identifier: BSL-1.0
// Benchmarks, file-fsync without a ring: one writer of 4 KiB by pwrite and fdatasync, or
// by one call with RWF_DSYNC.
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <array>
#include <cerrno>
#include <cstdint>

#include <sys/uio.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

std::array<char, bench::block_size> bytes{};

void write_and_sync(int fd, std::uint64_t count)
{
    while (count != 0) {
        const std::uint64_t block = --count % bench::block_count;
        const auto offset = static_cast<off_t>(block * bench::block_size);
        if (::pwrite(fd, bytes.data(), bytes.size(), offset) !=
            static_cast<ssize_t>(bytes.size()))
            bench::fail("pwrite", errno);
        bench::check(::fdatasync(fd), "fdatasync");
    }
}

void write_at_once(int fd, std::uint64_t count)
{
    const iovec buffer{bytes.data(), bytes.size()};
    while (count != 0) {
        const std::uint64_t block = --count % bench::block_count;
        const auto offset = static_cast<off_t>(block * bench::block_size);
        if (::pwritev2(fd, &buffer, 1, offset, RWF_DSYNC) !=
            static_cast<ssize_t>(bytes.size()))
            bench::fail("pwritev2", errno);
    }
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--path", "--way", "--operations"});
    bench::bound_lifetime(120);
    const int fd =
        bench::check(::open(options.text("--path", "").c_str(), O_WRONLY), "open");
    const auto operations =
        static_cast<std::uint64_t>(options.integer("--operations", 100));
    const auto make =
        options.text("--way", "calls") == "call" ? &write_at_once : &write_and_sync;
    make(fd, 10);
    const bench::stopwatch taken;
    make(fd, operations);
    taken.print(operations, static_cast<std::int64_t>(operations));
}
