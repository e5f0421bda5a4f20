// SPDX-License-Identifier: BSL-1.0
// Benchmarks, small-files, column floor: the tightest loop of open, read and close on
// this library's ring layer, without Asio: a chain per file, 64 at the same time, on
// places of the ring's file table, each file read into memory that stays.
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>

namespace {

namespace abi = asio_uring::abi;
namespace op = asio_uring::op;

constexpr std::uint32_t depth = 64;

struct place
{
    std::uint64_t file = 0;
    std::string name;
    std::array<char, 2 * bench::block_size> bytes{};
};

class reader
{
public:
    reader(std::string root, std::uint64_t files)
        : ring_(
              {.entries = 256,
               .flags = abi::setup_single_issuer | abi::setup_defer_taskrun,
               .register_ring_fd = true}),
          table_(asio_uring::registered_files::sparse(ring_, depth)),
          root_(std::move(root)),
          files_(files),
          places_(depth)
    {}

    void read(std::uint64_t count)
    {
        left_ = count;
        std::uint64_t unfinished = count;
        for (std::uint32_t slot = 0; slot != depth; ++slot)
            step(slot);
        while (unfinished != 0) {
            const asio_uring::submit_result result = ring_.submit_and_wait(1);
            if (result.ec)
                bench::fail("submit_and_wait", result.ec.value());
            ring_.for_each_completion(
                [&](const abi::cqe& done) { unfinished -= finish(done); });
        }
    }

private:
    // Of a request before the last of its chain. It makes a completion where it fails,
    // and a read that is shorter than asked for counts as one.
    static constexpr std::uint64_t not_last = depth;

    void step(std::uint32_t slot)
    {
        if (left_ == 0)
            return;
        place& one = places_[slot];
        one.file = --left_ % files_;
        one.name = bench::name_of(root_, one.file);
        const op::openat open{.path = one.name.c_str(), .flags = O_RDONLY, .slot = slot};
        const auto read = op::on_slot(
            slot,
            op::read{
                .data = one.bytes.data(),
                .size = static_cast<std::uint32_t>(one.bytes.size()),
                .offset = 0});
        push(open, not_last, abi::sqe_io_link | abi::sqe_cqe_skip_success);
        push(read, not_last, abi::sqe_io_hardlink | abi::sqe_cqe_skip_success);
        push(op::close{.slot = slot}, slot, 0);
    }

    template <typename Operation>
    void push(const Operation& operation, std::uint64_t name, std::uint8_t flags)
    {
        if (!ring_.try_push(operation, name, flags))
            bench::fail("the submission queue is full", ENOBUFS);
    }

    // How many files are finished by that.
    unsigned finish(const abi::cqe& done)
    {
        const bool last = done.user_data != not_last;
        if (done.res != (last ? 0 : static_cast<int>(bench::block_size)))
            bench::fail("a file", done.res < 0 ? -done.res : EPROTO);
        if (!last)
            return 0;
        const auto slot = static_cast<std::uint32_t>(done.user_data);
        place& one = places_[slot];
        bench::check_block(one.bytes.data(), one.file);
        step(slot);
        return 1;
    }

    asio_uring::ring ring_;
    asio_uring::registered_files table_;
    std::string root_;
    std::uint64_t files_;
    std::vector<place> places_;
    std::uint64_t left_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--path", "--files", "--operations"});
    bench::bound_lifetime(120);
    reader one(
        options.text("--path", ""),
        static_cast<std::uint64_t>(options.integer("--files", 20'000)));
    const auto operations =
        static_cast<std::uint64_t>(options.integer("--operations", 1000));
    bench::measure([&](std::uint64_t count) { one.read(count); }, operations);
}
