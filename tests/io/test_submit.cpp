// SPDX-License-Identifier: BSL-1.0
// Single requests: which of them async_submit() takes.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/recorder.hpp"
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/submit.hpp>

#include <boost/test/unit_test.hpp>

namespace asio_uring::test {

BOOST_AUTO_TEST_SUITE(test_submit)

// A handler would hear only the first of many completions. An opcode, a flag or a command
// tells that a request has many.
BOOST_AUTO_TEST_CASE(request_with_many_results_is_refused)
{
    asio_uring::io_context context(1);
    if (!has_ring(context))
        ASIO_URING_SKIP("without a ring every single request is refused");
    const auto executor = context.get_executor();
    recorder log;
    const auto refused = [&](const auto& request) {
        async_submit(executor, request, [&](boost::system::error_code ec, int) {
            log.handled(
                ec == boost::system::errc::invalid_argument ? "refused" : "taken");
        });
        finish(context);
        return log.take() == "refused";
    };

    BOOST_TEST(refused(op::accept{.ioprio = abi::accept_multishot}));
    BOOST_TEST(refused(op::recv{.ioprio = abi::recv_multishot, .group = 1}));
    BOOST_TEST(refused(op::poll_add{.flags = abi::poll_add_multi}));
    BOOST_TEST(refused(op::read_multishot{}));
    BOOST_TEST(refused(op::tx_timestamp{}));
    BOOST_TEST(refused(op::send{.ioprio = abi::recvsend_bundle, .group = 1}));
    BOOST_TEST(!refused(op::send{}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
