// SPDX-License-Identifier: BSL-1.0
// A disk that is full, for the files of this process alone.
#pragma once

#include <csignal>

#include <sys/resource.h>

namespace asio_uring::test {

/// While it stands, no file of this process grows beyond a size.
class size_limit
{
public:
    explicit size_limit(::rlim_t size)
    {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const ::rlimit limit{size, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    size_limit(const size_limit&) = delete;
    size_limit& operator=(const size_limit&) = delete;
    ~size_limit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

private:
    ::rlimit before_{};
};

} // namespace asio_uring::test
