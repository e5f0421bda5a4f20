// SPDX-License-Identifier: BSL-1.0
// Executes a program that the kernel refuses io_uring, as most container profiles do.
//
//   no_io_uring PROGRAM [ARGUMENT...]

#include "forbidden_ring.hpp"

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv)
{
    using namespace asio_uring::test;
    if (argc < 2) {
        std::fputs("usage: no_io_uring PROGRAM [ARGUMENT...]\n", stderr);
        return EXIT_FAILURE;
    }
    if (!forbid({call_setup, call_enter, call_register}, EPERM) ||
        !setup_fails_with(EPERM)) {
        std::fputs("no_io_uring: this system allows no filter\n", stderr);
        return EXIT_FAILURE;
    }
    ::execvp(argv[1], argv + 1);
    std::perror("no_io_uring");
    return EXIT_FAILURE;
}
