// SPDX-License-Identifier: BSL-1.0
// Benchmarks, file-fsync, column asio_uring: so many writers of 4 KiB, each of which
// begins its next durable write when the disk has the one before.
#include "backend.hpp"
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <asio_uring/use_ring.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include <fcntl.h>

namespace {

using error_code = boost::system::error_code;

class log_of_writers
{
public:
    log_of_writers(const std::string& path, std::size_t writers)
        : file_(context_.get_executor(), path, bench::random_access_file::write_only),
          writers_(writers)
    {}

    void write(std::uint64_t count)
    {
        left_ = count;
        boost::asio::post(context_.get_executor(), [this] {
            for (std::size_t writer = 0; writer < writers_; ++writer)
                step();
        });
        context_.restart();
        context_.run();
    }

    // entries: how many the ring has taken. A write has one, and so has each sync.
    std::uint64_t entries() { return asio_uring::counters(context_).sqes; }

private:
    void step()
    {
        if (left_ == 0)
            return;
        const std::uint64_t block = --left_ % bench::block_count;
        file_.async_write_durable_at(
            block * bench::block_size,
            boost::asio::buffer(bytes_),
            [this](error_code ec, std::size_t size) {
                if (ec || size != bytes_.size())
                    bench::fail("a durable write", ec ? ec.value() : EPROTO);
                step();
            });
    }

    bench::io_context context_{1};
    bench::random_access_file file_;
    std::size_t writers_;
    std::array<char, bench::block_size> bytes_{};
    std::uint64_t left_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--path", "--writers", "--operations"});
    bench::bound_lifetime(120);
    log_of_writers one(
        options.text("--path", ""),
        static_cast<std::size_t>(options.integer("--writers", 1)));
    const auto operations =
        static_cast<std::uint64_t>(options.integer("--operations", 100));
    one.write(10);
    const std::uint64_t before = one.entries();
    const bench::stopwatch taken;
    one.write(operations);
    const std::uint64_t syncs = one.entries() - before - operations;
    taken.print(operations, static_cast<std::int64_t>(syncs));
}
