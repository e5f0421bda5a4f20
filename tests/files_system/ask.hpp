// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: one operation from its start to its handler, as a value.
// Thread: the one that runs the context. Lifetime: values.
#pragma once

#include "../support/drive.hpp"

#include <boost/system/error_code.hpp>
#include <boost/test/unit_test.hpp>

#include <utility>

namespace asio_uring::test {

using boost::system::error_code;

template <typename Value>
struct answer
{
    error_code ec;
    Value value{};
};

/// Starts an operation by `start(handler)` and runs the context until it is over.
template <typename Value, typename Context, typename Start>
answer<Value> ask(Context& context, Start start)
{
    answer<Value> got;
    int calls = 0;
    start([&](error_code ec, Value value) {
        BOOST_TEST(loop_scope::inside());
        ++calls;
        got = {ec, std::move(value)};
    });
    BOOST_TEST(calls == 0, "the handler ran within the initiating function");
    finish(context);
    BOOST_TEST(calls == 1);
    return got;
}

/// The same for an operation without a value.
template <typename Context, typename Start>
error_code ask(Context& context, Start start)
{
    error_code got;
    int calls = 0;
    start([&](error_code ec) {
        BOOST_TEST(loop_scope::inside());
        ++calls;
        got = ec;
    });
    BOOST_TEST(calls == 0, "the handler ran within the initiating function");
    finish(context);
    BOOST_TEST(calls == 1);
    return got;
}

} // namespace asio_uring::test
