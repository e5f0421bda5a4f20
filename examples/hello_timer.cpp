// SPDX-License-Identifier: BSL-1.0

#include <asio_uring/asio_uring.hpp>

#include <boost/asio.hpp>

#include <chrono>
#include <iostream>

int main()
{
    asio_uring::io_context context;
    asio_uring::steady_timer timer(context, std::chrono::milliseconds(200));
    timer.async_wait([](boost::system::error_code error) {
        std::cout << "hello after 200 ms: " << error.message() << '\n';
    });
    context.run();
}
