// SPDX-License-Identifier: BSL-1.0
// An append log: any number of writers, records that survive a crash, files of bounded
// size.
//
// Shows: random_access_file with many writes in flight, syncs that share the kernel's
// work, async_read_file and async_list_directory.
//
// Run:    wal --dir DIR               recovers the log, then appends until all is written
//         wal --dir DIR --read        recovers the log and prints its records
//         wal --self-test             does both in a directory of its own
// Prints: ack TEXT for each record that is on the disk, or the text of each record

#include "../support/options.hpp"
#include "../support/temporary_directory.hpp"
#include "segment_log.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <stdexcept>

namespace {

namespace asio = boost::asio;

struct settings
{
    std::string directory = ".";
    unsigned writers = 64;
    unsigned records = 100;
    unsigned segment_kib = 1024;
    unsigned payload = 100;
};

const auto ended = [](std::exception_ptr failure) {
    if (failure) {
        std::rethrow_exception(failure); // out of run()
    }
};

std::string text_of(unsigned long run, unsigned writer, unsigned number)
{
    return "run " + std::to_string(run) + " writer " + std::to_string(writer) +
           " record " + std::to_string(number);
}

template <typename Acknowledge>
asio::awaitable<void> write(
    wal::segment_log& log,
    const settings& with,
    unsigned long run,
    unsigned writer,
    Acknowledge acknowledge)
{
    for (unsigned number = 0; number != with.records; ++number) {
        const std::string text = text_of(run, writer, number);
        std::string payload = text;
        payload.resize(std::max<std::size_t>(with.payload, text.size()), '\0');
        co_await log.append(std::move(payload));
        acknowledge(text);
    }
}

/// Recovers the log. Each run of the program then writes records of its own.
template <typename Visit, typename Acknowledge>
std::uint32_t
run(const settings& with, bool appends, Visit visit, Acknowledge acknowledge)
{
    asio_uring::io_context context(1);
    wal::segment_log log(
        context.get_executor(), with.directory, with.segment_kib * std::uint64_t(1024));
    const auto work = [&]() -> asio::awaitable<void> {
        co_await log.open([&](const wal::record& found) {
            visit(std::string(found.payload.substr(0, found.payload.find('\0'))));
        });
        for (unsigned writer = 0; appends && writer != with.writers; ++writer) {
            asio::co_spawn(
                context,
                write(log, with, log.last_segment(), writer, acknowledge),
                ended);
        }
    };
    asio::co_spawn(context, work, ended);
    context.run();
    return log.last_segment();
}

void require(bool holds, const std::string& what)
{
    if (!holds) {
        throw std::runtime_error(what);
    }
}

// Writes twice, cuts a record that was written last, and reads what is left.
void test_self()
{
    const example::temporary_directory directory;
    const settings with{
        .directory = directory.path(),
        .writers = 8,
        .records = 50,
        .segment_kib = 8,
        .payload = 200};
    std::set<std::string> acknowledged;
    const auto note = [&](const std::string& text) { acknowledged.insert(text); };
    const auto nothing = [](const std::string&) {};
    run(with, true, nothing, note);
    const std::uint32_t last = run(with, true, nothing, note);
    require(last > 2, "the log has one file only");

    std::ofstream(directory.path() / "00000001.wal", std::ios::app) << "a torn record";
    std::set<std::string> found;
    run(
        with, false, [&](const std::string& text) { found.insert(text); }, nothing);
    require(acknowledged.size() == 800, "a record was not acknowledged");
    require(found == acknowledged, "the records are not those that were acknowledged");
    std::cout << "self-test: passed\n";
}

} // namespace

int main(int argc, char** argv)
{
    settings with;
    bool reads = false;
    bool testing = false;
    example::options options("wal", "Appends records that survive a crash.");
    options.text("dir", "DIR", with.directory, "directory of the log");
    options.number("writers", with.writers, 1U, 10'000U, "how many write at once");
    options.number("records", with.records, 0U, 1'000'000'000U, "of each writer");
    options.number(
        "segment", with.segment_kib, 1U, 1'048'576U, "size of a file of the log");
    options.number("payload", with.payload, 0U, 1'048'576U, "least bytes of each");
    options.flag("read", reads, "print the records, and append none");
    options.flag("self-test", testing, "write and read in a directory of its own");
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        if (testing) {
            test_self();
            return EXIT_SUCCESS;
        }
        const auto print = [](const std::string& text) { std::cout << text << '\n'; };
        run(
            with,
            !reads,
            [&](const std::string& text) {
                if (reads) {
                    print(text);
                }
            },
            // Whoever reads this may rely on it, so it leaves the program at once.
            [](const std::string& text) { std::cout << "ack " << text << std::endl; });
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "wal: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
