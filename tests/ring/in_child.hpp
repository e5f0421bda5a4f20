// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: run a piece of a test in a child process and get its
// verdict. Thread: the test's thread. Lifetime: the child ends before the call returns.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <sys/wait.h>

#include <unistd.h>

namespace asio_uring::test {

/// Runs `body`, which returns a text, in a child and returns that text; an empty one is
/// success. The child ends without destructors of the parent's objects. A hanging child
/// is ended by its own alarm.
template <class Body>
std::string in_child(Body body)
{
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0)
        return "pipe failed";
    std::fflush(nullptr); // or the child prints it once more
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        std::string verdict;
        try {
            verdict = body();
        }
        catch (const std::exception& error) {
            // Left alone it would reach the framework, which would go on in the child.
            verdict = error.what();
        }
        [[maybe_unused]] const auto n = ::write(ends[1], verdict.data(), verdict.size());
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string verdict;
    char buffer[512];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        verdict.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return "the child was ended by signal or error; it said: " + verdict;
    return verdict;
}

} // namespace asio_uring::test
