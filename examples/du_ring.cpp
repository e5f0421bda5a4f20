// SPDX-License-Identifier: BSL-1.0
// Adds up how much of the disk a tree of files takes, with many questions in flight at
// the same time. A file with several names counts once.
//
// Shows: asio_uring::async_list_directory and async_stat, from callbacks.
//
// Run:    du_ring --directory DIR
//         du_ring --self-test          counts a tree that it has made
// Prints: N files, N directories, N bytes, N bytes on the disk

#include "support/options.hpp"
#include "support/task_queue.hpp"
#include "support/temporary_directory.hpp"

#include <asio_uring/asio_uring.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using boost::system::error_code;

struct totals
{
    std::uint64_t files = 0;
    std::uint64_t directories = 0;
    std::uint64_t bytes = 0;
    std::uint64_t allocated = 0;
    std::uint64_t failed = 0;
};

class tree_walk
{
public:
    tree_walk(asio_uring::executor executor, std::size_t depth)
        : executor_(executor), tasks_(depth)
    {}

    // Links are counted as what they are, and not followed.
    void ask(std::string path)
    {
        tasks_.add([this, path = std::move(path)] {
            asio_uring::async_stat(
                executor_,
                path,
                asio_uring::last_link::stay,
                [this, path](error_code ec, const asio_uring::file_status& found) {
                    if (ec) {
                        report(path, ec);
                    }
                    else {
                        count(path, found);
                    }
                    tasks_.finished();
                });
        });
    }

    const totals& result() const { return totals_; }

private:
    void count(const std::string& path, const asio_uring::file_status& found)
    {
        const bool directory = found.type == std::filesystem::file_type::directory;
        const bool seen = !directory && found.links > 1 &&
                          !seen_.insert({found.device, found.inode}).second;
        if (!seen) {
            ++(directory ? totals_.directories : totals_.files);
            totals_.bytes += found.size;
            totals_.allocated += found.allocated;
        }
        if (directory) {
            list(path);
        }
    }

    void list(const std::string& path)
    {
        tasks_.add([this, path] {
            asio_uring::async_list_directory(
                executor_,
                path,
                [this, path](
                    error_code ec,
                    const std::vector<asio_uring::directory_entry>& entries) {
                    if (ec) {
                        report(path, ec);
                    }
                    for (const auto& entry : entries) {
                        ask(path + '/' + entry.name);
                    }
                    tasks_.finished();
                });
        });
    }

    void report(const std::string& path, error_code ec)
    {
        ++totals_.failed;
        std::cerr << "du_ring: " << path << ": " << ec.message() << '\n';
    }

    asio_uring::executor executor_;
    example::task_queue tasks_;
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;
    totals totals_;
};

totals count_tree(const std::string& directory, std::size_t depth)
{
    asio_uring::io_context context(1);
    tree_walk walk(context.get_executor(), depth);
    walk.ask(directory);
    context.run();
    return walk.result();
}

void self_test(const std::filesystem::path& directory, std::size_t depth)
{
    for (int i = 0; i != 20; ++i) {
        const auto below = directory / std::to_string(i % 4) / std::to_string(i);
        std::filesystem::create_directories(below);
        std::ofstream(below / "file") << std::string(1000, 'x');
    }
    std::filesystem::create_hard_link(directory / "0/0/file", directory / "twin");
    std::filesystem::create_symlink("nowhere", directory / "link");
    const totals found = count_tree(directory, depth);
    if (found.files != 21 || found.directories != 25 || found.failed != 0) {
        throw std::runtime_error("not what is there was counted");
    }
    std::cout << "self-test: passed\n";
}

} // namespace

int main(int argc, char** argv)
{
    std::string directory = ".";
    std::size_t depth = 64;
    bool testing = false;
    example::options options(
        "du_ring", "Adds up how much of the disk a tree of files takes.");
    options.text("directory", "DIR", directory, "top of the tree");
    options.number("depth", depth, 1, 10000, "questions in flight at the same time");
    options.flag("self-test", testing, "count a temporary tree, and end");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        if (testing) {
            const example::temporary_directory temporary;
            self_test(temporary.path(), depth);
            return EXIT_SUCCESS;
        }
        const totals found = count_tree(directory, depth);
        std::cout << found.files << " files, " << found.directories << " directories, "
                  << found.bytes << " bytes, " << found.allocated
                  << " bytes on the disk\n";
        return found.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    catch (const std::exception& e) {
        std::cerr << "du_ring: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
