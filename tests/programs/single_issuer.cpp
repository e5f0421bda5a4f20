// SPDX-License-Identifier: BSL-1.0
// The ways in which a program makes and runs its contexts, on stock objects. The argument
// names the way; the program prints what the ring of the context is.

#include "../support/stock_reactor.hpp"

#include <asio_uring/ring/abi.hpp>
#include <asio_uring/status.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <string_view>
#include <thread>

namespace {

namespace asio = boost::asio;
namespace abi = asio_uring::abi;

void print_ring(asio::execution_context& context)
{
    const auto status = asio_uring::status(context);
    std::cout << status.mode;
    if ((status.setup_flags & abi::setup_single_issuer) != 0)
        std::cout << " single_issuer";
    if ((status.setup_flags & abi::setup_defer_taskrun) != 0)
        std::cout << " defer_taskrun";
    if ((status.setup_flags & abi::setup_coop_taskrun) != 0)
        std::cout << " coop_taskrun";
    std::cout << std::endl;
}

void wait_in(asio::io_context& context)
{
    asio::steady_timer timer(context, std::chrono::milliseconds(1));
    timer.async_wait([](boost::system::error_code) {});
    context.run();
    print_ring(context);
}

// Made before main(), when a part of the program may not have run its constructors yet.
asio::io_context early;
asio::steady_timer early_timer(early);

// While the first thread is in a handler, the second one is to wait in the kernel.
void run_by_two_threads()
{
    asio::io_context context;
    const auto work = asio::make_work_guard(context);
    const asio::steady_timer timer(context);
    asio::post(context, [&] { std::thread([&] { context.run(); }).join(); });
    context.run();
}

// The second thread comes when the first is through.
void run_by_one_thread_after_the_other()
{
    asio::io_context context;
    std::thread([&] { wait_in(context); }).join();
    context.restart();
    wait_in(context);
}

int run(std::string_view way)
{
    if (way == "one_thread") {
        asio::io_context context;
        wait_in(context);
    }
    else if (way == "hint_1") {
        asio::io_context context(1);
        wait_in(context);
    }
    else if (way == "static")
        print_ring(early);
    else if (way == "pool_of_1") {
        asio::thread_pool pool(1);
        const asio::steady_timer timer(pool);
        print_ring(pool);
    }
    else if (way == "pool_of_2") {
        asio::thread_pool pool(2);
        const asio::steady_timer timer(pool);
        print_ring(pool);
    }
    else if (way == "hint_2") {
        asio::io_context context(2);
        wait_in(context);
    }
    else if (way == "reactor_first") {
        asio::io_context context;
        asio_uring::test::make_stock_reactor(context);
        wait_in(context);
    }
    else if (way == "signals_first") {
        asio::io_context context;
        const asio::signal_set signals(context, SIGUSR1);
        wait_in(context);
    }
    else if (way == "two_threads")
        run_by_two_threads();
    else if (way == "one_after_the_other")
        run_by_one_thread_after_the_other();
    else
        return 2;
    return 0;
}

} // namespace

int main(int count, char** arguments)
{
    try {
        return run(count == 2 ? arguments[1] : "");
    }
    catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << std::endl;
        return 1;
    }
}
