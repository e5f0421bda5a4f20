// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: bounded ways to turn an io_context; every wait of the
// suite goes through these. Thread: the one that runs the context. Lifetime: functions
// only.
#pragma once

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>

namespace asio_uring::test {

/// No single wait of a test takes longer than this.
inline constexpr auto wait_limit = std::chrono::seconds(5);

/// Tells a handler whether the loop is what called it.
class loop_scope
{
public:
    loop_scope() { ++depth_; }
    loop_scope(const loop_scope&) = delete;
    loop_scope& operator=(const loop_scope&) = delete;
    ~loop_scope() { --depth_; }

    static bool inside() { return depth_ > 0; }

private:
    static inline thread_local int depth_ = 0;
};

/// Runs until the context is out of work and returns the number of handlers called.
template <typename Context>
std::size_t finish(Context& context)
{
    loop_scope scope;
    context.restart();
    std::size_t handlers = context.run_for(wait_limit);
    BOOST_TEST_REQUIRE(context.stopped(), "the context still has work after the limit");
    return handlers;
}

/// One pass without blocking: what was started reaches the kernel, what is ready is
/// called.
template <typename Context>
std::size_t turn(Context& context)
{
    loop_scope scope;
    context.restart();
    return context.poll();
}

/// How far an operation got before the test acts on it.
enum class stage
{
    started,  ///< the initiating function has returned, nothing else happened
    submitted ///< the loop has turned, the kernel may know the operation
};

inline constexpr stage stages[] = {stage::started, stage::submitted};

template <typename Context>
void reach(Context& context, stage wanted)
{
    if (wanted == stage::submitted)
        turn(context);
}

/// Passes without blocking until so many handlers have run; returns the number that did.
template <typename Context>
std::size_t turn_until(Context& context, std::size_t handlers)
{
    auto deadline = std::chrono::steady_clock::now() + wait_limit;
    std::size_t total = 0;
    while (total < handlers && std::chrono::steady_clock::now() < deadline)
        total += turn(context);
    return total;
}

/// Runs until the predicate holds; other work may stay pending.
template <typename Context, typename Predicate>
void run_until(Context& context, Predicate predicate)
{
    loop_scope scope;
    auto deadline = std::chrono::steady_clock::now() + wait_limit;
    while (!predicate() && std::chrono::steady_clock::now() < deadline) {
        context.restart();
        if (context.run_one_until(deadline) == 0 && context.stopped())
            break;
    }
    BOOST_TEST_REQUIRE(predicate(), "the awaited state was not reached");
}

} // namespace asio_uring::test
