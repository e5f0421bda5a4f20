// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: the base of everything the kernel works on for us: one request,
// its result, and where it stands between initiation and delivery. Thread: guarded by the
// loop's mutex until reaped; then the thread that delivers it. Lifetime: from allocation
// at initiation until its handler's memory is released just before the upcall; while it
// stands in the kernel, only its last CQE moves it on.
#pragma once

#include <asio_uring/detail/asio/scheduler.hpp>
#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/config.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace asio_uring::detail {

struct request_owner;
class kept_input;
class ring_operation;

template <typename Ring>
class basic_event_loop;
class request_line;
class request_list;
class waiting_list;
struct verdict;
class worker_pool;

/// Where an operation stands. Transitions run downward, except that a request which ended
/// for no reason of the program's, or told of a readiness that was gone, goes back to
/// `claimed`.
enum class operation_state : std::uint8_t
{
    initial,    // constructed, not yet started
    waiting,    // behind another transfer of its direction
    backlogged, // no SQE was free
    claimed,    // its SQE is filled; the kernel sees it once published
    reaped,     // a transfer with its CQE taken; until its delivery it can be cancelled
    ended,      // nothing changes its result any more; the scheduler delivers it
};

/// Which FIFO of its owner an operation belongs to. `none` is for requests that need no
/// order.
enum class direction : std::uint8_t
{
    read = 0,
    write = 1,
    none = 2,
};

/// Where the completions of an operation go.
enum class part_kind : std::uint8_t
{
    none,   // to its handler, by way of the scheduler
    member, // to its chain
    source, // to whoever asks for its results
    tidied, // to its handler, once the operation has tidied up behind its request
};

/// What a transfer can do beside its request.
struct transfer_functions
{
    /// Fills the SQE; null where a transfer only ever waits for readiness.
    void (*prepare)(ring_operation&, abi::sqe&) noexcept;

    /// Makes the call, which never waits. Returns the result, or -EAGAIN.
    int (*attempt)(ring_operation&) noexcept;

    /// Copies what the request brought. Returns false where there is no memory. Null for
    /// a transfer that brings nothing.
    bool (*keep)(ring_operation&, kept_input&) noexcept = nullptr;

    /// Takes what was kept, and returns the result. Null likewise.
    int (*serve)(ring_operation&, kept_input&) noexcept = nullptr;

    /// Whether the descriptor may have more to read behind the result. Null for a
    /// transfer that does not read.
    bool (*may_have_more)(const ring_operation&) noexcept = nullptr;
};

/// Lets an operation go to its handler. The loop of its owner is the gate.
class delivery_gate
{
public:
    /// Takes the result of a transfer that is about to be delivered. Returns false where
    /// the operation waits on instead. REQUIRES: op is reaped; a thread of the scheduler
    /// delivers it.
    virtual bool pass(ring_operation& op) noexcept = 0;

protected:
    ~delivery_gate() = default;
};

class ring_operation : public asio_impl::scheduler_operation
{
public:
    using prepare_function = void (*)(ring_operation&, abi::sqe&) noexcept;

    /// The CQE's result: not negative, or a negated errno.
    int result() const noexcept { return result_; }
    std::uint32_t completion_flags() const noexcept { return completion_flags_; }

    /// Whether somebody asked to cancel the operation.
    bool cancel_requested() const noexcept
    {
        return cancel_requested_.load(std::memory_order_relaxed);
    }

    /// Set the result of an operation that ends without a request.
    void set_result(int result) noexcept { result_ = result; }

    /// The request goes once only, whatever its result.
    void never_repeat() noexcept { never_repeat_ = true; }

    /// A repeat waits for the descriptor first: a connect whose request is lost goes on
    /// in the socket.
    void repeat_when_ready() noexcept { repeat_when_ready_ = true; }

    /// The operation moves nothing. The event that ends it also ends every such operation
    /// right behind it.
    void only_waits() noexcept { only_waits_ = true; }

    /// What the operation does is done for all others of its kind that wait behind it
    /// before the kernel sees it, and its end is theirs.
    void share_end() noexcept { shares_end_ = true; }

    /// The same for one that does what those with share_end() do, and more than they.
    void share_whole_end() noexcept { shares_end_ = is_whole_ = true; }

    /// A sync that has not begun waits for the operation, to cover it.
    void note_write() noexcept { writes_ = true; }

    /// Its request may leave something undone, and what stands behind it in its line
    /// waits until that is done. REQUIRES: it is a tidied_operation.
    void tidy_up() noexcept { part_ = part_kind::tidied; }

    /// Both.
    void note_write_and_tidy_up() noexcept
    {
        note_write();
        tidy_up();
    }

    /// The transfer waits until its descriptor is ready, and is then done by a call.
    /// REQUIRES: it is a transfer.
    void go_by_call() noexcept { by_call_ = wait_for_readiness_ = true; }

    /// The transfer's first attempt is a request that never waits, instead of a call. Its
    /// completion is final, unless it found no room: the transfer then goes by call.
    /// REQUIRES: it is a transfer that brings nothing.
    void go_with_turn() noexcept { batched_ = true; }

protected:
    ring_operation(
        func_type deliver,
        prepare_function prepare,
        part_kind part = part_kind::none) noexcept
        : scheduler_operation(deliver), prepare_(prepare), part_(part)
    {}

    /// A transfer: until its delivery it belongs to its owner, and whoever delivers it
    /// asks may_pass() first.
    ring_operation(func_type deliver, const transfer_functions& functions) noexcept
        : scheduler_operation(deliver), transfer_(&functions), is_transfer_(true)
    {}

    /// Whether the delivery goes on. REQUIRES: a thread of the scheduler delivers.
    bool may_pass() noexcept;

    /// The operation has outstanding work of its handler's executor, which is another one
    /// than the scheduler's. Said before the start.
    void keep_work() noexcept { keeps_work_ = true; }
    bool keeps_work() const noexcept { return keeps_work_; }

    /// Each completion of the operation is a result.
    void expect_many_results() noexcept { many_results_ = true; }

    ~ring_operation() = default;

private:
    template <typename Ring>
    friend class basic_event_loop;
    friend class request_line;
    friend class request_list;
    friend class waiting_list;
    friend struct verdict;
    // The pool keeps the operations of a context without a ring.
    friend class worker_pool;

    /// Whether even a plain success needs more than to end the operation. The test has no
    /// branches, because every completion makes it.
    bool is_special() const noexcept
    {
        return cancel_requested() | (wait_for_readiness_ & !by_call_) | polls_on_ |
               (part_ != part_kind::none);
    }

    // Whether its completions go to something larger than itself.
    bool is_part() const noexcept
    {
        return part_ == part_kind::member || part_ == part_kind::source;
    }

    // Whether the result is taken at the delivery. A write that went with the turn has
    // nothing that a cancellation could still win.
    bool is_held() const noexcept { return is_transfer_ & !batched_; }

    void fill(abi::sqe& sqe) noexcept
    {
        (is_transfer_ ? transfer_->prepare : prepare_)(*this, sqe);
    }

    // A name of the operation's end that the kernel has not been asked for.
    bool end_wanted() const noexcept
    {
        return cancel_requested() || (polls_on_ && sent_);
    }

    // Immutable after construction
    union
    {
        prepare_function prepare_;
        const transfer_functions* transfer_;
    };

    // Whether this operation does what the other asks for, before the kernel sees it.
    bool may_cover(const ring_operation& other) const noexcept
    {
        return shares_end_ && other.shares_end_ && (is_whole_ || !other.is_whole_);
    }

    // Whether the end of the operation tells those that it covers.
    bool tells_covered() const noexcept
    {
        return shares_end_ && !cancel_requested() && result_ != -ECANCELED;
    }

    // Guarded by the loop's mutex until reaped
    request_owner* owner_ = nullptr;
    ring_operation* next_request_ = nullptr;
    ring_operation* previous_request_ = nullptr;
    // Sequence of the operation's SQE, while claimed
    std::uint32_t sequence_ = 0;
    // Index of the operation's entry in the cancellation table; 0: none
    std::uint32_t cancellation_index_ = 0;
    // An operation that never reaches the kernel ends with this first value.
    int result_ = -ECANCELED;
    std::uint32_t completion_flags_ = 0;
    operation_state state_ = operation_state::initial;
    direction direction_ = direction::none;
    part_kind part_ = part_kind::none;
    bool is_transfer_ = false;
    bool many_results_ = false;
    // The result is known, and only the last CQE is left.
    bool sent_ = false;
    // Set under the mutex; a delivery looks at it without.
    std::atomic<bool> cancel_requested_ = false;
    bool cancel_sent_ = false;
    bool withdrawn_ = false;
    bool wait_for_readiness_ = false;
    bool by_call_ = false;
    // One poll request stands and tells of each change, because the readiness it told of
    // first was of no use.
    bool polls_on_ = false;
    // The kernel has that poll.
    bool poll_stands_ = false;
    // That poll has told of a change since the last attempt.
    bool news_ = false;
    // Set before the start
    bool repeat_when_ready_ : 1 = false;
    bool never_repeat_ : 1 = false;
    bool only_waits_ : 1 = false;
    // Likewise, until a CQE tells of the attempt: it goes with the turn.
    bool batched_ : 1 = false;
    // See note_write()
    bool writes_ : 1 = false;
    // See share_end(), share_whole_end()
    bool shares_end_ : 1 = false;
    bool is_whole_ : 1 = false;
    // What the active operation of the line does is done for this one as well.
    bool covered_ : 1 = false;
    // Set while the kernel has the request, which somebody else's request ends: the
    // operation goes on by call.
    bool changes_way_ : 1 = false;
    // See keep_work()
    bool keeps_work_ : 1 = false;
};

// Asio's part is larger where Asio tracks handlers.
static_assert(
    sizeof(ring_operation) <= sizeof(asio_impl::scheduler_operation) + 64,
    "every byte here is paid by every operation");

} // namespace asio_uring::detail
