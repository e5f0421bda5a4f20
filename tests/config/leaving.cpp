// SPDX-License-Identifier: BSL-1.0
// A move that takes an object off the ring without saying so; it does not compile.
#include <asio_uring/asio_uring.hpp>
#include <asio_uring/beast.hpp>

#include <boost/asio.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <utility>

int main()
{
    boost::asio::io_context context;
    ASIO_URING_TEST_OBJECT object(context);
    ASIO_URING_TEST_TARGET target(std::move(object));
}
