// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a process that may open no more descriptors. Thread: the
// limit is the process's. Lifetime: while the object lives.
#pragma once

#include <sys/resource.h>

namespace asio_uring::test {

/// The process may open no more descriptors while it lives.
class no_descriptors
{
public:
    no_descriptors()
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        ::rlimit none = before_;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;
    ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    ::rlimit before_{};
};

} // namespace asio_uring::test
