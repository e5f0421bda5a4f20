// SPDX-License-Identifier: BSL-1.0
// Copies a tree of files, many of them at the same time.
//
// Shows: asio_uring::async_copy_file, async_create_directory, async_list_directory,
// async_read_link and async_create_symlink, and async_read_file to compare.
//
// Run:    ucp --from DIR --to DIR
//         ucp --self-test          copies a tree that it has made, and compares
// Prints: N files, N bytes, N MB/s

#include "support/options.hpp"
#include "support/task_queue.hpp"
#include "support/temporary_directory.hpp"

#include <asio_uring/asio_uring.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using boost::system::error_code;

struct settings
{
    std::string from = "from";
    std::string to = "to";
    std::size_t depth = 16;
    asio_uring::copy_reflink reflink = asio_uring::copy_reflink::automatic;
    bool overwrite = false;
    bool fsync = false;
    bool verify = false;
    bool progress = false;
};

struct totals
{
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t failed = 0;
};

class tree_copy
{
public:
    tree_copy(asio_uring::executor executor, const settings& chosen)
        : executor_(executor), chosen_(chosen), tasks_(chosen.depth)
    {}

    void copy_directory(const std::string& below)
    {
        tasks_.add([this, below] {
            asio_uring::async_create_directory(
                executor_, chosen_.to + below, [this, below](error_code ec, bool) {
                    if (!succeeded(below, ec)) {
                        return tasks_.finished();
                    }
                    list(below);
                });
        });
    }

    const totals& result() const { return totals_; }

private:
    void list(const std::string& below)
    {
        asio_uring::async_list_directory(
            executor_,
            chosen_.from + below,
            [this, below](
                error_code ec, const std::vector<asio_uring::directory_entry>& entries) {
                if (succeeded(below, ec)) {
                    for (const auto& entry : entries) {
                        copy(below + '/' + entry.name, entry.type);
                    }
                }
                tasks_.finished();
            });
    }

    void copy(const std::string& below, std::filesystem::file_type type)
    {
        switch (type) {
        case std::filesystem::file_type::directory:
            return copy_directory(below);
        case std::filesystem::file_type::symlink:
            return tasks_.add([this, below] { copy_link(below); });
        case std::filesystem::file_type::unknown:
            return tasks_.add([this, below] { ask_type(below); });
        default:
            return tasks_.add([this, below] { copy_file(below); });
        }
    }

    // Some file systems keep the type elsewhere than in the directory.
    void ask_type(const std::string& below)
    {
        asio_uring::async_stat(
            executor_,
            chosen_.from + below,
            asio_uring::last_link::stay,
            [this, below](error_code ec, const asio_uring::file_status& found) {
                if (succeeded(below, ec)) {
                    copy(below, found.type);
                }
                tasks_.finished();
            });
    }

    void copy_link(const std::string& below)
    {
        asio_uring::async_read_link(
            executor_,
            chosen_.from + below,
            [this, below](error_code ec, const std::filesystem::path& target) {
                if (!succeeded(below, ec)) {
                    return tasks_.finished();
                }
                asio_uring::async_create_symlink(
                    executor_,
                    target,
                    chosen_.to + below,
                    [this, below](error_code made) {
                        succeeded(below, made);
                        tasks_.finished();
                    });
            });
    }

    void copy_file(const std::string& below)
    {
        const auto copied = std::make_shared<std::uint64_t>(0);
        asio_uring::copy_file_options options{
            .reflink = chosen_.reflink,
            .sync = chosen_.fsync,
            .progress = [this, copied](std::uint64_t done, std::uint64_t) {
                totals_.bytes += done - *copied;
                *copied = done;
                show_progress();
            }};
        if (chosen_.overwrite) {
            options.existing = asio_uring::copy_existing::overwrite;
        }
        asio_uring::async_copy_file(
            executor_,
            chosen_.from + below,
            chosen_.to + below,
            options,
            [this, below](error_code ec, bool) {
                if (!succeeded(below, ec)) {
                    return tasks_.finished();
                }
                ++totals_.files;
                if (chosen_.verify) {
                    return read_original(below);
                }
                tasks_.finished();
            });
    }

    void read_original(const std::string& below)
    {
        asio_uring::async_read_file(
            executor_,
            chosen_.from + below,
            [this, below](error_code ec, std::string content) {
                if (!succeeded(below, ec)) {
                    return tasks_.finished();
                }
                compare(below, std::move(content));
            });
    }

    void compare(const std::string& below, std::string content)
    {
        asio_uring::async_read_file(
            executor_,
            chosen_.to + below,
            [this, below, content = std::move(content)](
                error_code ec, const std::string& copy) {
                if (succeeded(below, ec) && copy != content) {
                    report(below, "the copy differs");
                }
                tasks_.finished();
            });
    }

    bool succeeded(const std::string& below, error_code ec)
    {
        if (ec) {
            report(below, ec.message());
        }
        return !ec;
    }

    void report(const std::string& below, const std::string& what)
    {
        ++totals_.failed;
        std::cerr << "ucp: " << chosen_.from << below << ": " << what << '\n';
    }

    void show_progress()
    {
        const auto now = std::chrono::steady_clock::now();
        if (!chosen_.progress || now - shown_ < std::chrono::milliseconds(100)) {
            return;
        }
        shown_ = now;
        std::cerr << '\r' << totals_.files << " files, " << totals_.bytes << " bytes "
                  << std::flush;
    }

    asio_uring::executor executor_;
    const settings& chosen_;
    example::task_queue tasks_;
    totals totals_;
    std::chrono::steady_clock::time_point shown_;
};

totals copy_tree(const settings& chosen)
{
    asio_uring::io_context context(1);
    tree_copy copy(context.get_executor(), chosen);
    copy.copy_directory("");
    context.run();
    return copy.result();
}

void self_test(settings chosen, const std::filesystem::path& directory)
{
    chosen.from = directory / "from";
    chosen.to = directory / "to";
    chosen.verify = true;
    for (std::size_t i = 0; i != 30; ++i) {
        const std::filesystem::path below =
            std::filesystem::path(chosen.from) / std::to_string(i % 5);
        std::filesystem::create_directories(below);
        std::ofstream(below / std::to_string(i)) << std::string(i * 10'000, 'x');
    }
    std::filesystem::create_symlink("0/0", directory / "from/link");
    const totals done = copy_tree(chosen);
    const bool linked = std::filesystem::read_symlink(directory / "to/link") == "0/0";
    if (done.files != 30 || done.bytes != 4'350'000 || done.failed != 0 || !linked) {
        throw std::runtime_error("the copy is not what was copied");
    }
    std::cout << "self-test: passed\n";
}

bool store_reflink(const std::string& given, asio_uring::copy_reflink& reflink)
{
    using asio_uring::copy_reflink;
    const std::pair<const char*, copy_reflink> known[] = {
        {"auto", copy_reflink::automatic},
        {"always", copy_reflink::always},
        {"never", copy_reflink::never}};
    for (const auto& [name, value] : known) {
        if (given == name) {
            reflink = value;
            return true;
        }
    }
    return false;
}

} // namespace

int main(int argc, char** argv)
{
    settings chosen;
    bool testing = false;
    example::options options("ucp", "Copies a tree of files.");
    options.text("from", "DIR", chosen.from, "top of the tree");
    options.text("to", "DIR", chosen.to, "top of the copy, which is made if missing");
    options.number("depth", chosen.depth, 1, 1000, "copies in flight at the same time");
    options.value(
        "reflink",
        "WHEN",
        "auto, always or never",
        "auto",
        [&](const std::string& given) { return store_reflink(given, chosen.reflink); },
        "share the blocks of files");
    options.flag("overwrite", chosen.overwrite, "write over files that exist");
    options.flag("fsync", chosen.fsync, "bring each file to the disk");
    options.flag("verify", chosen.verify, "read each file and its copy, and compare");
    options.flag("progress", chosen.progress, "show what is copied so far");
    options.flag("self-test", testing, "copy a temporary tree, and end");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        if (testing) {
            const example::temporary_directory temporary;
            self_test(chosen, temporary.path());
            return EXIT_SUCCESS;
        }
        const auto begin = std::chrono::steady_clock::now();
        const totals done = copy_tree(chosen);
        const std::chrono::duration<double> took =
            std::chrono::steady_clock::now() - begin;
        const double rate = static_cast<double>(done.bytes) / 1e6 / took.count();
        std::cout << done.files << " files, " << done.bytes << " bytes, "
                  << static_cast<std::uint64_t>(rate) << " MB/s\n";
        return done.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    catch (const std::exception& e) {
        std::cerr << "ucp: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
