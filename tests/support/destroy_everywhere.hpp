// SPDX-License-Identifier: BSL-1.0
// Runs a scenario again and again and destroys its context one handler later each time,
// until the scenario completes. No handler may run in the teardown, every handler is
// destroyed, and the sanitizers watch the memory.
#pragma once

#include "backend.hpp"
#include "drive.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>

namespace asio_uring::test {

/// What a scenario's handlers hold. It knows how many of them exist and whether the loop
/// runs.
class witness
{
public:
    /// Captured by every handler.
    std::shared_ptr<void> token() const { return token_; }
    long handlers_alive() const { return token_.use_count() - 1; }

    /// Called by every handler: one that runs while the context dies is a finding.
    void step() const
    {
        BOOST_TEST(loop_scope::inside(), "a handler ran outside the loop");
    }

    /// Called where the scenario is over.
    void complete() { completed_ = true; }
    bool completed() const { return completed_; }

private:
    std::shared_ptr<int> token_ = std::make_shared<int>(0);
    bool completed_ = false;
};

/// A context of each kind that treats its operations differently.
enum class context_kind
{
    usual,      ///< several threads may run it
    one_thread, ///< the cooperative ring
    tiny_queue, ///< hardly anything fits, so that operations wait for room
    attached,   ///< a reactor was there first
    single_issuer,
};

inline constexpr context_kind all_context_kinds[] = {
    context_kind::usual,
    context_kind::one_thread,
    context_kind::tiny_queue,
    context_kind::attached,
    context_kind::single_issuer};

/// Whether making it fails where no ring is to be had.
inline bool insists_on_ring(context_kind kind)
{
    return kind == context_kind::attached || kind == context_kind::single_issuer;
}

inline const char* name_of(context_kind kind)
{
    switch (kind) {
    case context_kind::usual:
        return "usual";
    case context_kind::one_thread:
        return "one thread";
    case context_kind::tiny_queue:
        return "tiny queue";
    case context_kind::attached:
        return "attached";
    case context_kind::single_issuer:
        return "single issuer";
    }
    return "";
}

/// asio_uring::executor converts from the executor of any context.
inline std::unique_ptr<asio::io_context> make_context(context_kind kind)
{
    asio_uring::ring_options options;
    switch (kind) {
    case context_kind::usual:
        return std::make_unique<asio_uring::io_context>();
    case context_kind::one_thread:
        return std::make_unique<asio_uring::io_context>(1);
    case context_kind::tiny_queue:
        options.entries = 2;
        return std::make_unique<asio_uring::io_context>(options);
    case context_kind::attached: {
        auto context = std::make_unique<asio::io_context>();
        asio::basic_waitable_timer<std::chrono::steady_clock> first(*context);
        asio_uring::use_ring(*context);
        return context;
    }
    case context_kind::single_issuer:
        options.flags = asio_uring::abi::setup_single_issuer;
        return std::make_unique<asio_uring::io_context>(1, options);
    }
    return nullptr;
}

/// Starts its work on the context. What it returns owns the objects its handlers use, as
/// far as the handlers do not own them themselves.
using scenario = std::function<std::shared_ptr<void>(asio::io_context&, witness&)>;

/// Who goes first when a context dies.
enum class teardown
{
    objects_first, ///< sockets and timers, then the context
    handlers_own,  ///< nothing but the handlers keeps the objects alive
};

/// Returns whether the scenario completed within the steps.
inline bool
run_and_destroy(const scenario& start, context_kind kind, teardown order, unsigned steps)
{
    witness seen;
    {
        auto context = make_context(kind);
        std::shared_ptr<void> objects = start(*context, seen);
        if (order == teardown::handlers_own)
            objects.reset();
        for (unsigned step = 0; step != steps && !seen.completed(); ++step) {
            loop_scope scope;
            const auto handlers = context->run_one_for(wait_limit);
            BOOST_TEST_REQUIRE((handlers == 1 || seen.completed()), "step " << step);
        }
        objects.reset();
        context.reset();
    }
    BOOST_TEST(seen.handlers_alive() == 0, "a handler survived its context");
    return seen.completed();
}

inline void destroy_everywhere(const scenario& start)
{
    constexpr unsigned steps_max = 1000;
    for (const context_kind kind : all_context_kinds) {
        if (ring_is_forbidden() && insists_on_ring(kind))
            continue;
        for (const teardown order : {teardown::objects_first, teardown::handlers_own}) {
            unsigned steps = 0;
            BOOST_TEST_CONTEXT(name_of(kind) << ", order " << static_cast<int>(order))
            while (!run_and_destroy(start, kind, order, steps)) {
                ++steps;
                BOOST_TEST_REQUIRE(steps < steps_max, "the scenario does not complete");
            }
        }
    }
}

} // namespace asio_uring::test
