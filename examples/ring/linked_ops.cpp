// SPDX-License-Identifier: BSL-1.0
// Requests that depend on each other, and many that do not, each group with one kernel
// entry.
//
// Shows: abi::sqe_io_link (write, then fsync, then read), what becomes of the rest when a
// link fails, a batch.
//
// Run:    ring_linked_ops [--overwrite] [PATH]    (--help says more)
// Prints: what each group did

#include "command_line.hpp"
#include "target_file.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include <unistd.h>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;

void check(bool holds, const char* what)
{
    if (!holds) {
        throw std::runtime_error(what);
    }
}

// Submits what was pushed with one call, and returns the results by user data.
std::map<std::uint64_t, int> complete(asio_uring::ring& ring, unsigned count)
{
    std::map<std::uint64_t, int> results;
    for (unsigned submitted = 0; results.size() != count;) {
        const unsigned missing = count - static_cast<unsigned>(results.size());
        const asio_uring::submit_result done = ring.submit_and_wait(missing);
        if (done.ec) {
            throw boost::system::system_error(done.ec, "submit");
        }
        submitted += done.submitted;
        check(submitted == count, "not all was submitted with one call");
        ring.for_each_completion(
            [&results](const abi::cqe& entry) { results[entry.user_data] = entry.res; });
    }
    return results;
}

enum : std::uint64_t
{
    written = 1,
    synced,
    back
};

void chain(asio_uring::ring& ring, int file, std::string_view text)
{
    std::array<char, 64> memory{};
    const auto size = static_cast<std::uint32_t>(text.size());
    const op::write write{.fd = file, .data = text.data(), .size = size, .offset = 0};
    const op::read read{.fd = file, .data = memory.data(), .size = size, .offset = 0};
    check(
        ring.try_push(write, written, abi::sqe_io_link) &&
            ring.try_push(op::fsync{.fd = file}, synced, abi::sqe_io_link) &&
            ring.try_push(read, back),
        "the queue is full");
    auto results = complete(ring, 3);
    check(results[written] == int(size) && results[synced] == 0, "the chain broke");
    check(results[back] == int(size), "a short read");
    check(std::string_view(memory.data(), size) == text, "read before it was written");
    std::cout << "chain: wrote, synced and read " << size << " bytes in order\n";
}

// The first one fails, so the others never start.
void broken_chain(asio_uring::ring& ring, int file)
{
    const op::write write{.fd = -1, .data = "lost", .size = 4, .offset = 0};
    const op::write next{.fd = file, .data = "lost", .size = 4, .offset = 0};
    check(
        ring.try_push(write, written, abi::sqe_io_link) &&
            ring.try_push(next, back, abi::sqe_io_link) &&
            ring.try_push(op::fsync{.fd = file}, synced),
        "the queue is full");
    auto results = complete(ring, 3);
    check(results[written] == -EBADF, "a write to no file succeeded");
    check(results[back] == -ECANCELED, "the write behind it was not cancelled");
    check(results[synced] == -ECANCELED, "the last one was not cancelled");
    std::cout << "broken chain: 1 failed, 2 cancelled\n";
}

// Independent requests: the kernel may do them in any order.
void batch(asio_uring::ring& ring, int file, std::uint64_t offset)
{
    constexpr std::string_view digits = "0123456789\n";
    for (std::uint64_t place = 0; place != digits.size(); ++place) {
        const op::write write{
            .fd = file, .data = &digits[place], .size = 1, .offset = offset + place};
        check(ring.try_push(write, place), "the queue is full");
    }
    for (const auto& [place, result] : complete(ring, digits.size())) {
        check(result == 1 && place < digits.size(), "a write of the batch failed");
    }
    std::cout << "batch: " << digits.size() << " writes with one submit\n";
}

const program self{
    "ring_linked_ops",
    "ring_linked_ops [--overwrite] [PATH]\n"
    "Writes to PATH with chains and a batch.\n"
    "  PATH         a name that is free; the file stays. Default: a file without a name\n"
    "  --overwrite  PATH may be a file: it is overwritten\n",
    {overwrite_flag},
    1};

} // namespace

int main(int argc, char** argv)
{
    return run_program(self, argc, argv, [](const command_line& arguments) {
        const bool own = arguments.size() == 0;
        const std::string path = own ? temporary_path(self.name) : arguments[0];
        const descriptor file = open_target(path, !own && arguments.has(overwrite_flag));
        if (own) {
            ::unlink(path.c_str());
        }
        asio_uring::ring ring({.entries = 16});
        constexpr std::string_view text = "one after the other\n";
        chain(ring, file.get(), text);
        broken_chain(ring, file.get());
        batch(ring, file.get(), text.size());
    });
}
