// SPDX-License-Identifier: BSL-1.0
// Benchmarks, file-read: 4 KiB reads at random places of one random-access file, so many
// in flight at the same time, on the backend's files. With BENCH_REGISTERED they go into
// buffers that are registered with this library's ring.
#include "backend.hpp"
#include "file/layout.hpp"
#include "file/measured.hpp"
#include "support/arguments.hpp"
#include "support/process.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <fcntl.h>

namespace {

using error_code = boost::system::error_code;

struct place
{
    std::uint64_t block = 0;
    std::array<char, bench::block_size> bytes{};
};

class reader
{
public:
    reader(const std::string& path, std::size_t depth)
        : file_(context_.get_executor(), path, bench::random_access_file::read_only),
          places_(depth)
    {
#ifdef BENCH_REGISTERED
        std::vector<boost::asio::mutable_buffer> memory;
        for (place& one : places_)
            memory.push_back(boost::asio::buffer(one.bytes));
        registration_ = asio_uring::register_buffers(context_, memory);
        if (!registration_.is_registered())
            bench::fail("register_buffers", registration_.reason().value());
#endif
    }

    void read(std::uint64_t count)
    {
        left_ = count;
        // A handler starts them, as most reads of a program are: its memory is recycled.
        boost::asio::post(context_.get_executor(), [this] {
            for (place& one : places_)
                step(one);
        });
        context_.restart();
        context_.run();
    }

private:
    void step(place& one)
    {
        if (left_ == 0)
            return;
        --left_;
        one.block = blocks_.next();
        file_.async_read_some_at(
            one.block * bench::block_size,
            buffer_of(one),
            [this, &one](error_code ec, std::size_t size) {
                if (ec || size != one.bytes.size())
                    bench::fail("a read", ec ? ec.value() : EPROTO);
                bench::check_block(one.bytes.data(), one.block);
                step(one);
            });
    }

#ifdef BENCH_REGISTERED
    const boost::asio::mutable_registered_buffer& buffer_of(place& one)
    {
        return registration_[static_cast<std::size_t>(&one - places_.data())];
    }
#else
    static boost::asio::mutable_buffer buffer_of(place& one)
    {
        return boost::asio::buffer(one.bytes);
    }
#endif

    bench::io_context context_{1};
    bench::random_access_file file_;
    std::vector<place> places_;
#ifdef BENCH_REGISTERED
    asio_uring::buffer_registration registration_;
#endif
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
