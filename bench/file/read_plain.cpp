// SPDX-License-Identifier: BSL-1.0
// Benchmarks, file-read without a ring:
//
//     --way pread   a loop over pread, one at a time
//     --way pool    four threads that call pread and post to a context, --depth in flight
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "file/pool.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

int file = -1;

struct block_read
{
    void call()
    {
        const ssize_t size = ::pread(
            file,
            bytes.data(),
            bytes.size(),
            static_cast<off_t>(block * bench::block_size));
        if (size != static_cast<ssize_t>(bytes.size()))
            bench::fail("pread", size < 0 ? errno : EPROTO);
    }

    void finish() const { bench::check_block(bytes.data(), block); }

    std::uint64_t block = 0;
    std::array<char, bench::block_size> bytes{};
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--path", "--depth", "--operations", "--way"});
    bench::bound_lifetime(120);
    file = bench::check(::open(options.text("--path", "").c_str(), O_RDONLY), "open");
    const auto operations =
        static_cast<std::uint64_t>(options.integer("--operations", 1000));
    bench::random_blocks blocks;
    const auto begin = [&](block_read& one) { one.block = blocks.next(); };
    const std::string way = options.text("--way", "pread");
    if (way == "pool") {
        bench::pool<block_read> pool(
            static_cast<std::size_t>(options.integer("--depth", 1)));
        bench::measure([&](std::uint64_t count) { pool.run(count, begin); }, operations);
    }
    else if (way == "pread") {
        block_read one;
        bench::measure(
            [&](std::uint64_t count) {
                for (; count != 0; --count) {
                    begin(one);
                    one.call();
                    one.finish();
                }
            },
            operations);
    }
    else {
        bench::fail("--way", EINVAL);
    }
}
