// SPDX-License-Identifier: BSL-1.0
// Benchmarks, files. Makes what the other programs read, and so has it in the page cache:
//
//     --kind blocks   one file of 4 MiB, --path, on the disk when the program ends
//     --kind zeros    one file of --bytes N
//     --kind tree     --files N files of 4 KiB in folders of 100, below --path
#include "file/layout.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

void write_blocks(const std::string& path, std::uint64_t first, std::uint64_t count)
{
    const int fd =
        bench::check(::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600), "open");
    std::array<char, bench::block_size> block{};
    for (std::uint64_t number = first; number < first + count; ++number) {
        std::memcpy(block.data(), &number, sizeof number);
        if (::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size()))
            bench::fail("write", errno);
    }
    if (count > 1)
        bench::check(::fsync(fd), "fsync");
    ::close(fd);
}

void make_tree(const std::string& root, std::uint64_t files)
{
    bench::check(::mkdir(root.c_str(), 0700), "mkdir");
    for (std::uint64_t file = 0; file < files; ++file) {
        if (file % bench::files_per_folder == 0)
            bench::check(::mkdir(bench::folder_of(root, file).c_str(), 0700), "mkdir");
        write_blocks(bench::name_of(root, file), file, 1);
    }
}

void make_zeros(const std::string& path, std::size_t size)
{
    std::ofstream(path, std::ios::binary) << std::string(size, '\0');
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(
        argc, argv, {"--kind", "--path", "--files", "--bytes"});
    bench::bound_lifetime(120);
    const std::string path = options.text("--path", "");
    const std::string kind = options.text("--kind", "blocks");
    if (kind == "tree")
        make_tree(path, static_cast<std::uint64_t>(options.integer("--files", 20'000)));
    else if (kind == "zeros")
        make_zeros(path, static_cast<std::size_t>(options.integer("--bytes", 4096)));
    else if (kind == "blocks")
        write_blocks(path, 0, bench::block_count);
    else
        bench::fail("--kind", EINVAL);
    std::printf("{}\n");
}
