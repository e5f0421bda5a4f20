// SPDX-License-Identifier: BSL-1.0
// Benchmarks, small-files without a ring: files read whole into strings by open, fstat,
// read and close:
//
//     --way loop   one after the other
//     --way pool   by four threads that post to a context, 64 files at the same time
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "file/pool.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

struct file_read
{
    void call()
    {
        const int fd =
            bench::check(::open(name.c_str(), O_RDONLY | O_CLOEXEC), name.c_str());
        struct stat about = {};
        bench::check(::fstat(fd, &about), "fstat");
        content = std::string(static_cast<std::size_t>(about.st_size), '\0');
        const ssize_t size = ::read(fd, content.data(), content.size());
        if (size != static_cast<ssize_t>(bench::block_size))
            bench::fail("read", size < 0 ? errno : EPROTO);
        ::close(fd);
    }

    void finish() const { bench::check_block(content.data(), file); }

    std::uint64_t file = 0;
    std::string name;
    std::string content;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--path", "--files", "--operations", "--way"});
    bench::bound_lifetime(120);
    const std::string root = options.text("--path", "");
    const auto files = static_cast<std::uint64_t>(options.integer("--files", 20'000));
    const auto operations =
        static_cast<std::uint64_t>(options.integer("--operations", 1000));
    std::uint64_t next = 0;
    const auto begin = [&](file_read& one) {
        one.file = next++ % files;
        one.name = bench::name_of(root, one.file);
    };
    const std::string way = options.text("--way", "loop");
    if (way == "pool") {
        bench::pool<file_read> pool(64);
        bench::measure([&](std::uint64_t count) { pool.run(count, begin); }, operations);
    }
    else if (way == "loop") {
        bench::measure(
            [&](std::uint64_t count) {
                for (; count != 0; --count) {
                    file_read one;
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
