// SPDX-License-Identifier: BSL-1.0
// A program of someone else that uses Asio's files by Asio's names, behind drop_in.hpp:
// it gets the ring's, whether or not Asio was built with an io_uring of its own.

#include <boost/asio.hpp>

#ifndef BOOST_ASIO_HAS_FILE
#    error "a program asks by this macro whether Asio has files"
#endif

#include <asio_uring/random_access_file.hpp>
#include <asio_uring/stream_file.hpp>
#include <asio_uring/use_ring.hpp>

#include <boost/asio/random_access_file.hpp>
#include <boost/asio/stream_file.hpp>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <type_traits>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

using native = asio::io_context::executor_type;

static_assert(std::is_same_v<
              asio::random_access_file,
              asio_uring::basic_random_access_file<asio::any_io_executor>>);
static_assert(std::is_same_v<
              asio::stream_file,
              asio_uring::basic_stream_file<asio::any_io_executor>>);
static_assert(std::is_base_of_v<asio::file_base, asio::basic_stream_file<native>>);

template <typename Executor>
std::string kind_of(const asio::basic_stream_file<Executor>&)
{
    return "stream";
}

template <typename Executor>
std::string kind_of(const asio::basic_random_access_file<Executor>&)
{
    return "random";
}

bool copies_itself(asio::io_context& context)
{
    asio::random_access_file self(
        context, "/proc/self/exe", asio::random_access_file::read_only);
    std::string magic(4, '.');
    std::size_t size = 0;
    // By the arguments alone, as many programs write it.
    async_read_at(self, 0, asio::buffer(magic), [&](error_code ec, std::size_t got) {
        size = ec ? 0 : got;
    });
    asio::stream_file null(context, "/dev/null", asio::file_base::write_only);
    async_write(null, asio::buffer(magic), [&](error_code ec, std::size_t put) {
        size += ec ? 0 : put;
    });
    context.restart();
    context.run_for(std::chrono::seconds(10));
    return size == 8 &&
           magic == "\x7f"
                    "ELF" &&
           kind_of(self) == "random" && kind_of(null) == "stream";
}

} // namespace

int main()
{
    asio::io_context context(1);
    bool passed = copies_itself(context);
    passed = asio_uring::counters(context).operations > 0 && passed;
    std::cerr << (passed ? "passed" : "failed") << std::endl;
    return passed ? 0 : 1;
}
