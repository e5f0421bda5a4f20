// SPDX-License-Identifier: BSL-1.0
// Benchmarks, file-fsync, columns floor: one writer of 4 KiB in the tightest loop on this
// library's ring layer, without Asio, by each way that a ring has: one request with
// RWF_DSYNC, a write and a sync in a chain, and the two one after the other.
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

#include <sys/uio.h>

#include <fcntl.h>

namespace {

namespace abi = asio_uring::abi;

class writer
{
public:
    writer(const std::string& path, const std::string& way)
        : ring_(
              {.entries = 8,
               .flags = abi::setup_single_issuer | abi::setup_defer_taskrun,
               .register_ring_fd = true}),
          file_(bench::check(::open(path.c_str(), O_WRONLY), "open")),
          way_(way)
    {}

    void write(std::uint64_t count)
    {
        while (count != 0) {
            const std::uint64_t offset = --count % bench::block_count * bench::block_size;
            if (way_ == "request") {
                push_write(offset, RWF_DSYNC, abi::sqe_async);
                wait(1);
            }
            else if (way_ == "chain") {
                push_write(offset, 0, abi::sqe_io_link);
                push_sync();
                wait(2);
            }
            else {
                push_write(offset, 0, 0);
                wait(1);
                push_sync();
                wait(1);
            }
        }
    }

private:
    void push_write(std::uint64_t offset, std::uint32_t rw_flags, std::uint8_t flags)
    {
        const asio_uring::op::write request{
            .fd = file_,
            .data = bytes_.data(),
            .size = bench::block_size,
            .offset = offset,
            .flags = rw_flags};
        if (!ring_.try_push(request, bench::block_size, flags))
            bench::fail("the submission queue is full", ENOBUFS);
    }

    void push_sync()
    {
        const asio_uring::op::fsync request{.fd = file_, .flags = abi::fsync_datasync};
        if (!ring_.try_push(request, 0))
            bench::fail("the submission queue is full", ENOBUFS);
    }

    // The name of a request is the result that it should have.
    void wait(std::uint32_t requests)
    {
        while (requests != 0) {
            const asio_uring::submit_result result = ring_.submit_and_wait(requests);
            if (result.ec)
                bench::fail("submit_and_wait", result.ec.value());
            requests -= static_cast<std::uint32_t>(
                ring_.for_each_completion([](const abi::cqe& done) {
                    if (done.res != static_cast<int>(done.user_data))
                        bench::fail("a durable write", done.res < 0 ? -done.res : EPROTO);
                }));
        }
    }

    asio_uring::ring ring_;
    int file_;
    std::string way_;
    std::array<char, bench::block_size> bytes_{};
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--path", "--way", "--operations"});
    bench::bound_lifetime(120);
    writer one(options.text("--path", ""), options.text("--way", "request"));
    const auto operations =
        static_cast<std::uint64_t>(options.integer("--operations", 100));
    one.write(10);
    const bench::stopwatch taken;
    one.write(operations);
    taken.print(operations, static_cast<std::int64_t>(operations));
}
