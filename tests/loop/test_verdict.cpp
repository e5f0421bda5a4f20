// SPDX-License-Identifier: BSL-1.0
// The decision table of the loop, row by row and against a second statement of it.
#include <asio_uring/detail/loop/verdict.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <ostream>
#include <string>

namespace {

namespace kernel = asio_uring::abi;
using asio_uring::detail::direction;
using asio_uring::detail::loop_mood;
using asio_uring::detail::request_owner;
using asio_uring::detail::ring_operation;
using asio_uring::detail::verdict;
using kind = verdict::kind;

} // namespace

namespace asio_uring::detail {

/// Sets what the loop sets while an operation stands.
template <>
class basic_event_loop<void> : public ring_operation
{
public:
    basic_event_loop() noexcept : ring_operation(nullptr, nullptr) {}

    basic_event_loop& on(int descriptor, direction way = direction::read)
    {
        owner.descriptor = descriptor;
        direction_ = way;
        return *this;
    }

    basic_event_loop& cancelled()
    {
        cancel_requested_ = true;
        return *this;
    }

    basic_event_loop& withdraw()
    {
        cancel_requested_ = withdrawn_ = true;
        return *this;
    }

    basic_event_loop& close()
    {
        owner.closed = true;
        return cancelled();
    }

    basic_event_loop& wait()
    {
        wait_for_readiness_ = true;
        return *this;
    }

    basic_event_loop& by_call()
    {
        go_by_call();
        return *this;
    }

    basic_event_loop& polls_on()
    {
        polls_on_ = true;
        return by_call();
    }

    basic_event_loop& told(int result)
    {
        sent_ = true;
        return sent(result);
    }

    basic_event_loop& sent(int result)
    {
        set_result(result);
        return *this;
    }

    basic_event_loop& many()
    {
        expect_many_results();
        return *this;
    }

    std::string judge(int result, std::uint32_t flags = 0, const loop_mood& mood = {})
    {
        owner_ = &owner;
        const kernel::cqe cqe{0, result, flags};
        const verdict found = verdict::of(*this, cqe, mood);
        switch (found.what) {
        case kind::ended:
            return "ended " + std::to_string(found.result);
        case kind::more:
            return "more";
        case kind::sent:
            return "sent " + std::to_string(found.result);
        case kind::woken:
            return "woken " + std::to_string(found.result);
        case kind::repeat:
            break;
        }
        return found.waits_first ? "repeat when ready" : "repeat";
    }

    request_owner owner;
};

} // namespace asio_uring::detail

namespace {

using subject = asio_uring::detail::basic_event_loop<void>;

constexpr std::uint32_t more = kernel::cqe_f_more;
constexpr std::uint32_t notification = kernel::cqe_f_notif;
const std::string aborted = "ended " + std::to_string(-ECANCELED);

std::string ended(int result) { return "ended " + std::to_string(result); }

} // namespace

BOOST_AUTO_TEST_SUITE(test_verdict)

BOOST_AUTO_TEST_CASE(plain_result_ends_the_operation)
{
    for (const int result : {0, 1, 4096, -ECONNRESET, -EPIPE, -ENOBUFS})
        BOOST_TEST(subject().on(5).judge(result) == ended(result));
}

BOOST_AUTO_TEST_CASE(more_to_come_is_one_of_many_or_the_first_of_two)
{
    BOOST_TEST(subject().many().judge(7, more) == "more");
    BOOST_TEST(subject().judge(7, more) == "sent 7");
    BOOST_TEST(subject().cancelled().many().judge(7, more) == "more");
}

BOOST_AUTO_TEST_CASE(notification_ends_with_the_result_of_the_first_stage)
{
    BOOST_TEST(subject().sent(7).judge(0, notification) == ended(7));
    BOOST_TEST(subject().sent(7).cancelled().judge(0, notification) == ended(7));
    BOOST_TEST(subject().sent(-EPIPE).judge(0, notification) == ended(-EPIPE));
    BOOST_TEST(subject().many().judge(0, notification) == ended(0));
}

BOOST_AUTO_TEST_CASE(end_that_nobody_wished_for_is_repeated)
{
    for (const int result : {-ECANCELED, -EINTR, -512, -514, -516})
        BOOST_TEST(subject().on(5).judge(result) == "repeat");
    for (const int result : {-ECANCELED, -EINTR, -512}) {
        BOOST_TEST(subject().on(5).cancelled().judge(result) == ended(result));
        BOOST_TEST(subject().on(5).judge(result, 0, {.stopping = true}) == ended(result));
        BOOST_TEST(
            subject().on(5).judge(result, 0, {.program_cancels = true}) == ended(result));
        subject once;
        once.never_repeat();
        BOOST_TEST(once.judge(result) == ended(result));
    }
}

BOOST_AUTO_TEST_CASE(nothing_there_waits_on_an_objects_descriptor_only)
{
    BOOST_TEST(subject().on(5).judge(-EAGAIN) == "repeat when ready");
    BOOST_TEST(subject().on(5, direction::none).judge(-EAGAIN) == ended(-EAGAIN));
    BOOST_TEST(subject().on(-1).judge(-EAGAIN) == ended(-EAGAIN));
    BOOST_TEST(subject().on(5).cancelled().judge(-EAGAIN) == aborted);
}

BOOST_AUTO_TEST_CASE(readiness_is_followed_by_the_request_itself)
{
    for (const int result : {1, 0, -EAGAIN, -EBADF})
        BOOST_TEST(subject().on(5).wait().judge(result) == "repeat");
    BOOST_TEST(subject().on(5).wait().cancelled().judge(1) == aborted);
}

BOOST_AUTO_TEST_CASE(readiness_ends_the_wait_of_a_transfer_by_call)
{
    BOOST_TEST(subject().on(5).by_call().judge(4) == ended(4));
    BOOST_TEST(subject().on(5).by_call().judge(-EBADF) == ended(-EBADF));
    BOOST_TEST(subject().on(5).by_call().judge(-ECANCELED) == "repeat when ready");
    BOOST_TEST(subject().on(5).by_call().cancelled().judge(4) == aborted);
}

BOOST_AUTO_TEST_CASE(poll_that_stands_tells_of_changes_until_its_end)
{
    BOOST_TEST(subject().on(5).polls_on().judge(4, kernel::cqe_f_more) == "woken 4");
    BOOST_TEST(subject().on(5).polls_on().judge(-ECANCELED) == "repeat when ready");
    BOOST_TEST(subject().on(5).polls_on().cancelled().judge(-ECANCELED) == aborted);
    BOOST_TEST(subject().on(5).polls_on().told(7).judge(-ECANCELED) == ended(7));
}

BOOST_AUTO_TEST_CASE(connect_waits_before_it_is_asked_again)
{
    subject connect;
    connect.repeat_when_ready();
    BOOST_TEST(connect.on(5).judge(-EINTR) == "repeat when ready");
    BOOST_TEST(connect.wait().judge(-EINTR) == "repeat");
}

BOOST_AUTO_TEST_CASE(withdrawn_request_never_did_anything)
{
    BOOST_TEST(subject().on(5).withdraw().judge(0) == aborted);
}

BOOST_AUTO_TEST_CASE(failure_after_a_close_is_the_closes)
{
    BOOST_TEST(subject().on(5).close().judge(-EPIPE) == aborted);
    BOOST_TEST(subject().on(5).cancelled().judge(-EPIPE) == ended(-EPIPE));
    // What was done before is told.
    BOOST_TEST(subject().on(5).close().judge(17) == ended(17));
    BOOST_TEST(subject().on(5).cancelled().judge(17) == ended(17));
}

BOOST_AUTO_TEST_SUITE_END()
