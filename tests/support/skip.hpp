// SPDX-License-Identifier: BSL-1.0

#pragma once

// Layer: test support.
// Purpose: a test that cannot run here says so, with a reason, instead of passing.
// Thread: the test's own thread.
// Lifetime: none; a macro and the function behind it.

#include <boost/test/unit_test.hpp>

#include <iostream>
#include <string>

namespace asio_uring::test {

// Prints the line that scripts/test looks for. The line starts on its own line, because a
// report of the framework may have left the cursor elsewhere.
inline void report_skip(const std::string& reason)
{
    const auto& test_case = boost::unit_test::framework::current_test_case();
    std::cout << "\nSKIPPED " << test_case.full_name() << ": " << reason << std::endl;
    BOOST_TEST(true); // A case with no check at all draws a warning.
}

} // namespace asio_uring::test

// Ends the calling test case as skipped. A skip passes only if tests/allowed_skips.txt
// names it. It returns, so it stands in the body of the case itself.
#define ASIO_URING_SKIP(reason)                  \
    do {                                         \
        ::asio_uring::test::report_skip(reason); \
        return;                                  \
    } while (false)
