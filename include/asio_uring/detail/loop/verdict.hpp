// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: what a completion means for its operation, as one pure function:
// the decision table of the loop. Thread: under the loop's mutex. Lifetime: values.
//
// | completion                                        | verdict | result            |
// |---------------------------------------------------|---------|-------------------|
// | more to come, of an operation with many results   | more    | the kernel's      |
// | more to come, of a poll that stands               | woken   | the events        |
// | more to come, of any other: a send is on its way  | sent    | kept for the end  |
// | the last of a poll that has told enough           | ended   | the one kept      |
// | a notification                                    | ended   | the one kept      |
// | a notification, of an operation with many results | ended   | none              |
// | cancelled before it could do anything             | ended   | operation_aborted |
// | failed after its descriptor was closed            | ended   | operation_aborted |
// | ended unasked: its thread ended, a signal came    | repeat  | none              |
// | nothing there yet, on a descriptor of an object   | repeat  | none; waits first |
// | the readiness that a repeat has waited for        | repeat  | none              |
// | the readiness that a transfer by call waits for   | ended   | the events        |
// | anything else                                     | ended   | the kernel's      |
//
// A transfer that ended is not done yet. Its delivery takes the result, or makes the
// call: see event_loop_delivery.hpp.
#pragma once

#include <asio_uring/detail/loop/request_line.hpp>
#include <asio_uring/detail/loop/result.hpp>
#include <asio_uring/ring/abi.hpp>

#include <cerrno>

namespace asio_uring::detail {

/// The state of the loop that a verdict depends on.
struct loop_mood
{
    /// The loop is ending: it repeats nothing.
    bool stopping = false;

    /// Another request of the program's may have ended this one.
    bool program_cancels = false;
};

struct verdict
{
    enum class kind
    {
        ended,  ///< the kernel holds nothing of the operation any more
        repeat, ///< the request goes again; it has no result
        more,   ///< one result of many, and the request stands
        sent,   ///< the first stage of two, and the request stands
        woken,  ///< the descriptor has changed, and the poll stands
    };

    kind what = kind::ended;
    int result = 0;
    /// A repeat waits until the descriptor is ready.
    bool waits_first = false;

    static verdict
    of(const ring_operation& op, const abi::cqe& cqe, const loop_mood& mood) noexcept;

private:
    static bool
    must_repeat(const ring_operation& op, int result, const loop_mood& mood) noexcept;
    static bool is_retried(const ring_operation& op, int result) noexcept;
};

inline verdict
verdict::of(const ring_operation& op, const abi::cqe& cqe, const loop_mood& mood) noexcept
{
    // Invariant 2: with F_MORE the kernel still holds the operation.
    if ((cqe.flags & abi::cqe_f_more) != 0) {
        if (op.polls_on_)
            return {kind::woken, cqe.res};
        return {op.many_results_ ? kind::more : kind::sent, cqe.res};
    }
    if (op.polls_on_ && op.sent_)
        return {kind::ended, op.result_};
    const bool notification = (cqe.flags & abi::cqe_f_notif) != 0;
    if (notification && op.many_results_)
        return {kind::ended, 0};
    const int result = notification ? op.result_ : cqe.res;
    if (must_repeat(op, result, mood))
        return {
            kind::repeat,
            0,
            op.by_call_ || (!op.wait_for_readiness_ &&
                            (result == -EAGAIN || op.repeat_when_ready_))};
    // A program that cancelled or closed must not see the end of a request that never
    // went, would have gone again, or met the peer's answer to the close.
    const bool never_done =
        op.withdrawn_ || op.wait_for_readiness_ || is_retried(op, result);
    const bool closed = op.owner_->closed && result < 0;
    const bool aborted = op.cancel_requested() && (never_done || closed);
    return {kind::ended, aborted ? -ECANCELED : result};
}

// A request can end without the program's doing: its submitter's thread ended, or a
// signal came. Such an end is no result.
inline bool
verdict::must_repeat(const ring_operation& op, int result, const loop_mood& mood) noexcept
{
    if (op.cancel_requested() || op.never_repeat_ || mood.stopping ||
        mood.program_cancels)
        return false;
    const bool repeats = op.wait_for_readiness_ && !op.by_call_;
    if (repeats || is_restart_code(result))
        return true;
    return result == -ECANCELED || result == -EINTR || is_retried(op, result);
}

// Whether Asio's objects wait on after this result instead of reporting it.
inline bool verdict::is_retried(const ring_operation& op, int result) noexcept
{
    return result == -EAGAIN && op.direction_ != direction::none &&
           op.owner_->descriptor >= 0;
}

} // namespace asio_uring::detail
