// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: the runner of one test program; a case that blocks in a
// synchronous call is ended by the framework instead of hanging the program. Included by
// exactly one unit of a program. Thread: main. Lifetime: the program.
#pragma once

#include "forbidden_ring.hpp"
#include "from_environment.hpp"

#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#ifdef ASIO_URING_TEST_FRAMEWORK_FROM_HEADERS
#    include <boost/test/included/unit_test.hpp>
#else
#    include <boost/test/unit_test.hpp>
#endif

#include <cstdio>
#include <cstdlib>
#include <string>

namespace asio_uring::test {

/// Gives every case the same limit. ASIO_URING_TEST_SECONDS is another one, for a run
/// that is asked to be long.
class bound_every_case : public boost::unit_test::test_tree_visitor
{
    void visit(const boost::unit_test::test_case& test) override
    {
        const auto seconds =
            static_cast<unsigned>(from_environment("ASIO_URING_TEST_SECONDS", 60));
        boost::unit_test::framework::get<boost::unit_test::test_case>(test.p_id)
            .p_timeout.value = seconds;
    }
};

/// Called by the framework once all cases are registered.
inline bool bound_all()
{
    bound_every_case bound;
    boost::unit_test::traverse_test_tree(
        boost::unit_test::framework::master_test_suite().p_id, bound, true);
    return true;
}

} // namespace asio_uring::test

/// The entry is written out, so it works with a precompiled header that includes
/// Boost.Test.
int main(int argc, char* argv[])
{
    if (!asio_uring::test::forbid_ring_if_asked()) {
        std::fputs("this system lets no filter forbid io_uring_setup\n", stderr);
        return EXIT_FAILURE;
    }
    return boost::unit_test::unit_test_main(&asio_uring::test::bound_all, argc, argv);
}
