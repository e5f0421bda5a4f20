// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: runs an operation again and again and cancels it one
// handler later each time, until it ends before that. Thread: the one that runs the
// context. Lifetime: functions only.
#pragma once

#include "destroy_everywhere.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>

namespace asio_uring::test {

/// Takes the results of any operation, of which it keeps the error.
struct error_keeper
{
    std::optional<boost::system::error_code>& ended;

    template <typename... Values>
    void operator()(boost::system::error_code ec, const Values&...) const
    {
        BOOST_TEST(loop_scope::inside());
        BOOST_TEST(!ended.has_value(), "a handler was called twice");
        ended = ec;
    }
};

/// `start(context, handler)` starts the operation; `check(aborted)` looks at what it left
/// behind, once for each step.
template <typename Start, typename Check>
void cancel_everywhere(Start start, Check check)
{
    constexpr int steps_max = 1000;
    for (const context_kind kind : all_context_kinds) {
        if (ring_is_forbidden() && insists_on_ring(kind))
            continue;
        bool cancelled = true;
        for (int steps = 0; cancelled; ++steps)
            BOOST_TEST_CONTEXT(name_of(kind) << ", " << steps << " handlers")
            {
                BOOST_TEST_REQUIRE(steps < steps_max, "the operation does not end");
                const auto context = make_context(kind);
                boost::asio::cancellation_signal signal;
                std::optional<boost::system::error_code> ended;
                start(
                    *context,
                    boost::asio::bind_cancellation_slot(
                        signal.slot(), error_keeper{ended}));
                for (int step = 0; step != steps && !ended; ++step) {
                    loop_scope scope;
                    BOOST_TEST_REQUIRE(context->run_one_for(wait_limit) == 1U);
                }
                cancelled = !ended;
                signal.emit(boost::asio::cancellation_type::terminal);
                finish(*context);
                BOOST_TEST_REQUIRE(ended.has_value());
                const bool aborted = *ended == boost::asio::error::operation_aborted;
                BOOST_TEST((!*ended || (aborted && cancelled)), ended->message());
                check(aborted);
            }
    }
}

} // namespace asio_uring::test
