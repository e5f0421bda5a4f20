// SPDX-License-Identifier: BSL-1.0
// Benchmarks, small-files, column asio_uring: files read whole into strings, 64 at once.
#include "backend.hpp"
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <asio_uring/whole_files.hpp>

#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

namespace {

using error_code = boost::system::error_code;

class reader
{
public:
    reader(std::string root, std::uint64_t files) : root_(std::move(root)), files_(files)
    {}

    void read(std::uint64_t count)
    {
        left_ = count;
        boost::asio::post(context_.get_executor(), [this] {
            for (int place = 0; place < 64; ++place)
                step();
        });
        context_.restart();
        context_.run();
    }

private:
    void step()
    {
        if (left_ == 0)
            return;
        const std::uint64_t file = --left_ % files_;
        asio_uring::async_read_file(
            context_.get_executor(),
            bench::name_of(root_, file),
            [this, file](error_code ec, const std::string& content) {
                if (ec || content.size() != bench::block_size)
                    bench::fail("a file", ec ? ec.value() : EPROTO);
                bench::check_block(content.data(), file);
                step();
            });
    }

    bench::io_context context_{1};
    std::string root_;
    std::uint64_t files_;
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
