// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: what several tests of rings ask of them. Thread: the
// test's thread. Lifetime: functions and small owners.
#pragma once

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/socket.h>

namespace asio_uring::test {

/// Late enough for every machine; a wait that ends there has failed.
inline std::chrono::steady_clock::time_point far_off()
{
    return std::chrono::steady_clock::now() + std::chrono::seconds{10};
}

/// One no-operation there and back.
inline bool works(ring& r)
{
    if (!r.try_push(op::nop{}, 17))
        return false;
    const submit_result result = r.submit_and_wait({.deadline = far_off()});
    unsigned right = 0;
    const unsigned seen = r.for_each_completion([&right](const abi::cqe& entry) {
        right += entry.user_data == 17 && entry.res == 0 ? 1U : 0U;
    });
    return !result.ec && result.submitted == 1 && seen == 1 && right == 1;
}

/// What is ready, as the kernel wrote it.
inline std::vector<abi::cqe> reap(ring& r)
{
    std::vector<abi::cqe> seen;
    r.for_each_completion([&seen](const abi::cqe& entry) { seen.push_back(entry); });
    return seen;
}

/// Waits for `count` completions and returns them in order of user data; fewer when the
/// wait ends early.
inline std::vector<abi::cqe> reap_sorted(ring& r, unsigned count)
{
    std::vector<abi::cqe> seen;
    while (seen.size() < count) {
        const auto left = static_cast<unsigned>(count - seen.size());
        const submit_result result =
            r.submit_and_wait({.min_complete = left, .deadline = far_off()});
        const auto some = reap(r);
        seen.insert(seen.end(), some.begin(), some.end());
        if (result.ec)
            break;
    }
    std::sort(seen.begin(), seen.end(), [](const abi::cqe& left, const abi::cqe& right) {
        return left.user_data < right.user_data;
    });
    return seen;
}

/// Two connected stream sockets.
struct socket_pair
{
    socket_pair()
    {
        int ends[2] = {-1, -1};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
            left.reset(ends[0]);
            right.reset(ends[1]);
        }
    }
    detail::unique_fd left;
    detail::unique_fd right;
};

inline bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

} // namespace asio_uring::test
