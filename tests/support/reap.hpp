// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: hand entries to the kernel and collect what comes back,
// with a bound on every wait. Thread: the test's own. Lifetime: copies; nothing points
// into a ring.
#pragma once

#include <asio_uring/op/nop.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace asio_uring::test {

/// The longest a test waits for what has to come; only a failure takes this long.
inline constexpr std::chrono::seconds patience{20};

inline std::chrono::steady_clock::time_point end_of_patience()
{
    return std::chrono::steady_clock::now() + patience;
}

/// Goes on until `done` is true; false if it never is.
template <class Condition>
bool eventually(Condition done)
{
    const auto deadline = end_of_patience();
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::yield();
    }
    return true;
}

/// Completions in the order of their arrival.
struct completions : std::vector<abi::cqe>
{
    /// The first completion of that request; ends the test if there is none.
    const abi::cqe& of(std::uint64_t user_data) const
    {
        const auto found = std::find_if(begin(), end(), [=](const abi::cqe& entry) {
            return entry.user_data == user_data;
        });
        BOOST_REQUIRE_MESSAGE(found != end(), "no completion of request " << user_data);
        return *found;
    }
    int res_of(std::uint64_t user_data) const { return of(user_data).res; }
};

/// Submits what is claimed and returns the next `count` completions; later ones stay.
inline completions reap(ring& r, std::size_t count)
{
    completions found;
    const auto deadline = end_of_patience();
    while (found.size() < count) {
        // A wait ends early when a timeout operation completes.
        const submit_result result = r.submit_and_wait(wait_options{
            .min_complete = static_cast<unsigned>(count - found.size()),
            .deadline = deadline});
        BOOST_REQUIRE_MESSAGE(!result.ec, "no completion: " << result.ec.message());
        for (; found.size() < count && r.peek() != nullptr; r.advance(1))
            found.push_back(*r.peek());
    }
    return found;
}

/// The one completion the test waits for.
inline abi::cqe reap_one(ring& r) { return reap(r, 1).front(); }

/// The entry goes into the queue; ends the test when there is no room.
template <class Op>
void push(ring& r, const Op& operation, std::uint64_t user_data, std::uint8_t flags = 0)
{
    BOOST_REQUIRE(r.try_push(operation, user_data, flags));
}

/// Submits one operation, waits for it and returns its completion.
/// REQUIRES: nothing else completes meanwhile.
template <class Op>
abi::cqe run(ring& r, const Op& operation, std::uint8_t flags = 0)
{
    constexpr std::uint64_t key = 0x1234'5678'9abc'def0;
    push(r, operation, key, flags);
    const abi::cqe entry = reap_one(r);
    BOOST_REQUIRE(entry.user_data == key);
    return entry;
}

/// The result of one operation.
template <class Op>
int result_of(ring& r, const Op& operation, std::uint8_t flags = 0)
{
    return run(r, operation, flags).res;
}

/// All that is ready, in a bounded number of steps: a no-operation comes behind all work
/// that was queued before it.
inline completions reap_ready(ring& r)
{
    constexpr std::uint64_t marker = ~std::uint64_t{0};
    completions seen;
    push(r, op::nop{}, marker);
    for (bool found = false; !found;) {
        seen.push_back(reap_one(r));
        found = seen.back().user_data == marker;
    }
    seen.pop_back();
    for (; r.peek() != nullptr; r.advance(1))
        seen.push_back(*r.peek());
    return seen;
}

/// Whether the kernel has nothing more to report now.
inline bool is_quiet(ring& r)
{
    const int entered = r.enter(0, 0, abi::enter_getevents);
    return entered >= 0 && r.ready() == 0;
}

/// The buffer a completion names. REQUIRES: abi::cqe_f_buffer is set.
inline unsigned buffer_id(const abi::cqe& entry)
{
    BOOST_TEST((entry.flags & abi::cqe_f_buffer) != 0);
    return entry.flags >> abi::cqe_buffer_shift;
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
