// SPDX-License-Identifier: BSL-1.0
// Benchmarks, write-file-seq, column asio_uring: a file is written over in pieces of
// 1 MiB, four in flight at the same time:
//
//     --direct 1   past the page cache
//
// Prints how many threads the kernel has made for the ring.
#include "backend.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <asio_uring/aligned_buffer.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using error_code = boost::system::error_code;
using file = bench::random_access_file;

inline constexpr std::size_t piece_size = 1 << 20;

class writer
{
public:
    writer(const std::string& path, bool direct)
        : file_(
              context_.get_executor(),
              path,
              file::write_only | file::create | (direct ? file::direct : file::flags()))
    {}

    void write(std::uint64_t pieces)
    {
        end_ = pieces;
        boost::asio::post(context_.get_executor(), [this] {
            for (int place = 0; place < 4; ++place)
                step();
        });
        context_.run();
    }

private:
    void step()
    {
        if (next_ == end_)
            return;
        file_.async_write_some_at(
            next_++ * piece_size,
            boost::asio::buffer(bytes_.data(), bytes_.size()),
            [this](error_code ec, std::size_t size) {
                if (ec || size != piece_size)
                    bench::fail("a write", ec ? ec.value() : EPROTO);
                step();
            });
    }

    bench::io_context context_{1};
    file file_;
    asio_uring::aligned_buffer bytes_{piece_size, 4096};
    std::uint64_t next_ = 0;
    std::uint64_t end_ = 0;
};

int kernel_workers()
{
    int workers = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(task.path() / "comm"), name);
        workers += name.starts_with("iou-wrk");
    }
    return workers;
}

} // namespace

int main(int argc, char** argv)
{
    const bench::arguments options(argc, argv, {"--path", "--mebibytes", "--direct"});
    bench::bound_lifetime(120);
    writer one(options.text("--path", ""), options.integer("--direct", 0) != 0);
    one.write(static_cast<std::uint64_t>(options.integer("--mebibytes", 1)));
    std::printf("{\"kernel_workers\": %d}\n", kernel_workers());
}
