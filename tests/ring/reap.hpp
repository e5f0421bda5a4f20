// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: submit, wait a bounded time and collect completions by
// value. Thread: the test's own. Lifetime: plain values.
#pragma once

#include <asio_uring/op/nop.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace asio_uring::test {

/// Submits what is claimed and reaps until there are `count` completions, or none came
/// for too long; then there are fewer.
inline std::vector<abi::cqe> reap(ring& r, std::size_t count)
{
    std::vector<abi::cqe> seen;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    for (boost::system::error_code ec; seen.size() < count && !ec;) {
        ec = r.submit_and_wait(wait_options{.deadline = deadline}).ec;
        // One by one: what is beyond the count stays for the next call.
        for (; seen.size() < count && r.peek() != nullptr; r.advance(1))
            seen.push_back(*r.peek());
    }
    return seen;
}

/// The one completion the test waits for.
inline abi::cqe reap_one(ring& r)
{
    const std::vector<abi::cqe> seen = reap(r, 1);
    BOOST_REQUIRE(seen.size() == 1);
    return seen.front();
}

/// All that is ready, in a bounded number of steps: a no-operation comes behind all work
/// that was queued before it.
inline std::vector<abi::cqe> reap_ready(ring& r)
{
    constexpr std::uint64_t marker = ~std::uint64_t{0};
    std::vector<abi::cqe> seen;
    BOOST_REQUIRE(r.try_push(op::nop{}, marker));
    for (bool found = false; !found;) {
        seen.push_back(reap_one(r));
        found = seen.back().user_data == marker;
    }
    seen.pop_back();
    while (r.peek() != nullptr) {
        seen.push_back(*r.peek());
        r.advance(1);
    }
    return seen;
}

/// Pushes one operation, submits it and returns its only completion.
template <class Op>
abi::cqe run(ring& r, const Op& operation, std::uint8_t sqe_flags = 0)
{
    BOOST_REQUIRE(r.try_push(operation, 0x5eed, sqe_flags));
    const abi::cqe entry = reap_one(r);
    BOOST_REQUIRE(entry.user_data == 0x5eed);
    return entry;
}

inline bool has_more(const abi::cqe& entry)
{
    return (entry.flags & abi::cqe_f_more) != 0;
}
inline bool has_buffer(const abi::cqe& entry)
{
    return (entry.flags & abi::cqe_f_buffer) != 0;
}

/// The kinds of ring whose completions arrive in different ways.
inline const std::vector<std::uint32_t> ring_kinds{
    0,
    abi::setup_coop_taskrun | abi::setup_taskrun_flag,
    abi::setup_single_issuer | abi::setup_defer_taskrun,
};

} // namespace asio_uring::test
