// SPDX-License-Identifier: BSL-1.0
// A static file server: HTTP/1.1, Boost.Beast, C++20 coroutines, one thread.
//
// Shows: a program written against stock Boost.Asio that runs on the ring. Its sources
// name Asio's own types only; asio_uring_drop_in(http_server) in CMakeLists.txt moves
// every socket and timer. Only statistics.hpp knows of the ring: it prints the ring's
// counters.
//
// Run:    http_server --serve DIR --port N    serves until Ctrl-C
//         http_server --self-test             serves a client of this process, and ends
// Prints: listening on 127.0.0.1:N
//         and after Ctrl-C or SIGTERM
//         requests=K connections=K
//         ring operations=K sqes=K cqes=K enters=K

#include "options.hpp"
#include "self_test.hpp"
#include "server.hpp"
#include "statistics.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>

namespace {

void run(const http_server::options& chosen)
{
    boost::asio::io_context context{1};
    http_server::server server(context, chosen);
    server.start();

    boost::asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (!error) {
            server.stop();
        }
    });

    // Flushed: a script that asked for port 0 waits for this line.
    std::cout << "listening on " << server.local_endpoint() << std::endl;
    context.run();
    http_server::print_statistics(std::cout, context, server.done());
}

} // namespace

int main(int argc, char** argv)
{
    http_server::options chosen;
    example::options options("http_server", "A static file server, HTTP/1.1.");
    http_server::add_options(options, chosen);
    if (const auto status = options.parse(argc, argv)) {
        return *status;
    }
    try {
        if (chosen.self_test) {
            return http_server::self_test() ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        run(chosen);
        return EXIT_SUCCESS;
    }
    catch (const std::exception& e) {
        std::cerr << "http_server: " << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
