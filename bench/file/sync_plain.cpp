// SPDX-License-Identifier: BSL-1.0
// Benchmarks, file-fsync without a ring: one writer of 4 KiB by pwrite and fdatasync.
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <array>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <unistd.h>

namespace {

void write(int fd, std::uint64_t count)
{
    static const std::array<char, bench::block_size> bytes{};
    while (count != 0) {
        const std::uint64_t block = --count % bench::block_count;
        const auto offset = static_cast<off_t>(block * bench::block_size);
        if (::pwrite(fd, bytes.data(), bytes.size(), offset) !=
            static_cast<ssize_t>(bytes.size()))
            bench::fail("pwrite", errno);
        bench::check(::fdatasync(fd), "fdatasync");
    }
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--path", "--operations"});
    bench::bound_lifetime(120);
    const int fd =
        bench::check(::open(options.text("--path", "").c_str(), O_WRONLY), "open");
    const auto operations =
        static_cast<std::uint64_t>(options.integer("--operations", 100));
    write(fd, 10);
    const bench::stopwatch taken;
    write(fd, operations);
    taken.print(operations, static_cast<std::int64_t>(operations));
}
