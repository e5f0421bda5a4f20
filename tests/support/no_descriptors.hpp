// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a process that may open no more descriptors. Thread: the
// limit is the process's. Lifetime: while the object lives.
#pragma once

#include <sys/eventfd.h>
#include <sys/resource.h>

#include <unistd.h>

namespace asio_uring::test {

/// The process may open no more descriptors while it lives, or until end() is called. The
/// limit is the first number that is free: poll() refuses more than the limit.
class no_descriptors
{
public:
    no_descriptors()
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int free = ::eventfd(0, 0);
        ::close(free);
        const ::rlimit none{static_cast<::rlim_t>(free), before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;
    ~no_descriptors() { end(); }

    void end() const { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    ::rlimit before_{};
};

} // namespace asio_uring::test
