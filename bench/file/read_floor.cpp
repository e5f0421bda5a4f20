// SPDX-License-Identifier: BSL-1.0
// Benchmarks, file-read, column floor: the tightest loop of reads on this library's ring
// layer, without Asio: one entry per read, one kernel entry per turn.
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <fcntl.h>

namespace {

namespace abi = asio_uring::abi;

struct place
{
    std::uint64_t block = 0;
    std::array<char, bench::block_size> bytes{};
};

class reader
{
public:
    reader(const std::string& path, std::size_t depth)
        : ring_(
              {.entries = 256,
               .flags = abi::setup_single_issuer | abi::setup_defer_taskrun,
               .register_ring_fd = true}),
          file_(bench::check(::open(path.c_str(), O_RDONLY), "open")),
          places_(depth)
    {}

    void read(std::uint64_t count)
    {
        left_ = count;
        std::uint64_t unfinished = count;
        for (place& one : places_)
            step(one);
        while (unfinished != 0) {
            const asio_uring::submit_result result = ring_.submit_and_wait(1);
            if (result.ec)
                bench::fail("submit_and_wait", result.ec.value());
            unfinished -=
                ring_.for_each_completion([this](const abi::cqe& done) { finish(done); });
        }
    }

private:
    void step(place& one)
    {
        if (left_ == 0)
            return;
        --left_;
        one.block = blocks_.next();
        const asio_uring::op::read request{
            .fd = file_,
            .data = one.bytes.data(),
            .size = bench::block_size,
            .offset = one.block * bench::block_size};
        if (!ring_.try_push(request, reinterpret_cast<std::uintptr_t>(&one)))
            bench::fail("the submission queue is full", ENOBUFS);
    }

    void finish(const abi::cqe& done)
    {
        place& one =
            *reinterpret_cast<place*>(static_cast<std::uintptr_t>(done.user_data));
        if (done.res != static_cast<int>(bench::block_size))
            bench::fail("a read", done.res < 0 ? -done.res : EPROTO);
        bench::check_block(one.bytes.data(), one.block);
        step(one);
    }

    asio_uring::ring ring_;
    int file_;
    std::vector<place> places_;
    bench::random_blocks blocks_;
    std::uint64_t left_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--path", "--depth", "--operations"});
    bench::bound_lifetime(120);
    reader one(
        options.text("--path", ""),
        static_cast<std::size_t>(options.integer("--depth", 1)));
    const auto operations =
        static_cast<std::uint64_t>(options.integer("--operations", 1000));
    bench::measure([&](std::uint64_t count) { one.read(count); }, operations);
}
