// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: the heart of the library: turns operations into SQEs and CQEs
// into finished operations, and decides when the kernel is entered and by whom. Thread:
// any thread may start and cancel; one thread at a time, the reaper, takes turns.
// Lifetime: owned by ring_service; its shutdown() ends with nothing of ours in the
// kernel.
#pragma once

#include <asio_uring/detail/loop/cancellation_table.hpp>
#include <asio_uring/detail/loop/counters.hpp>
#include <asio_uring/detail/loop/entry_right.hpp>
#include <asio_uring/detail/loop/fork_watch.hpp>
#include <asio_uring/detail/loop/interrupt_threads.hpp>
#include <asio_uring/detail/loop/object_counts.hpp>
#include <asio_uring/detail/loop/optional_mutex.hpp>
#include <asio_uring/detail/loop/own_polls.hpp>
#include <asio_uring/detail/loop/owner_pool.hpp>
#include <asio_uring/detail/loop/relax_processor.hpp>
#include <asio_uring/detail/loop/request_chain.hpp>
#include <asio_uring/detail/loop/request_line.hpp>
#include <asio_uring/detail/loop/result_source.hpp>
#include <asio_uring/detail/loop/ring_operation.hpp>
#include <asio_uring/detail/loop/teardown_watch.hpp>
#include <asio_uring/detail/loop/thread_census.hpp>
#include <asio_uring/detail/loop/tidied_operation.hpp>
#include <asio_uring/detail/loop/timer_set.hpp>
#include <asio_uring/detail/loop/user_data.hpp>
#include <asio_uring/detail/loop/verdict.hpp>
#include <asio_uring/detail/ring/wait_budget.hpp>
#include <asio_uring/op/cancel.hpp>
#include <asio_uring/op/nop.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/ring.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

#include <poll.h>

namespace asio_uring::detail {

/// How a loop relates to the context that runs it.
struct loop_settings
{
    /// Carries the stock objects; -1 where the loop is itself watched by it.
    int epoll_descriptor = -1;

    /// The context may be used by several threads.
    bool locking = true;

    /// Only the first thread that runs the context may enter the kernel.
    bool single_issuer = false;

    /// Completions wait for the submitting thread to enter the kernel.
    bool rearm_for_thread = true;

    /// Writes of sockets are requests of the next turn.
    bool batched_writes = false;

    /// See read_mode.
    bool reads_by_readiness = false;

    /// How long a turn with nothing to do looks for completions before it sleeps.
    std::chrono::microseconds spin{0};

    /// A wake-up is a message to the ring. REQUIRES: the kernel takes one, and the loop
    /// takes part in a reactor.
    bool wake_by_message = false;

    /// Tells when the kernel has let go of a single-issuer ring; null for any other.
    teardown_watch* teardown = nullptr;
};

/// Ring is the kernel ring, or a scripted one in tests.
template <typename Ring>
class basic_event_loop final : private delivery_gate
{
public:
    using lock_type = mutex_lock;
    using clock = timer_set::clock;

    basic_event_loop(
        asio_impl::scheduler& scheduler, Ring ring, const loop_settings& settings);
    ~basic_event_loop();

    basic_event_loop(const basic_event_loop&) = delete;
    basic_event_loop& operator=(const basic_event_loop&) = delete;

    // Any thread

    request_owner& open_owner(int descriptor);

    /// The same for the file behind a descriptor. Null where another object of the
    /// context has it under that number.
    request_owner* open_owner(int descriptor, std::uint64_t file);

    /// Deliver an operation that needs no request, as from within the initiating
    /// function.
    void complete_at_once(ring_operation& op, int result, bool is_continuation);

    /// End every operation of an owner with operation_aborted and forget the owner. When
    /// this returns, no request of it, submitted or not, refers to the descriptor by
    /// number. Where the descriptor holds an address that others may want, a listener's
    /// or that of a socket other than a stream's, it waits for the kernel to let go of
    /// it: all closes together up to 50 ms of each second.
    void close_owner(request_owner& owner);

    /// Ask every operation of an owner to end.
    void cancel(request_owner& owner);

    /// Ask the operation behind a ticket to end, if it still stands.
    void cancel(cancellation_ticket ticket);

    /// A name for the operation that outlives it; erased when the operation ends.
    cancellation_ticket register_cancellation(ring_operation& op);

    /// Take the name back from an operation that was never started.
    void unregister_cancellation(ring_operation& op);

    /// Count the operation as work and commit it, behind others of its direction where
    /// there are any. OWNERSHIP: from here the loop owns op; its last CQE hands it to the
    /// scheduler.
    void start(ring_operation& op, request_owner& owner, direction way);

    /// The same for a request that belongs to no descriptor.
    void start(ring_operation& op)
    {
        note_program_request();
        start(op, unowned_, direction::none);
    }

    /// Count the head of the chain as work and commit the members as one. The head ends
    /// when every member has. OWNERSHIP: as with a single operation.
    void start(request_chain& chain);

    /// Commit the source; its results are for whoever asks with next(). OWNERSHIP: the
    /// caller's until close().
    void start(result_source& source);

    /// Count the operation as work; it ends with the next result of the source.
    void next(result_source& source, ring_operation& op);

    /// End everybody who waits for a result of the source with operation_aborted.
    void cancel(result_source& source);

    /// The same, and end the source, which frees itself from here.
    void close(result_source& source);

    /// Whether the turns change hands so often that input is better waited for in the
    /// reactor's epoll set.
    bool is_crowded() const noexcept { return census_.crowded(); }

    /// Show the kernel what is claimed, now. Does nothing where the ring is single-issuer
    /// and another thread's.
    void submit();

    /// Whether a write that can go with the turn does so: a turn of this thread's must
    /// follow.
    bool batches_writes() const noexcept
    {
        return settings_.batched_writes && scheduler_.can_dispatch() &&
               (!settings_.single_issuer || right_.is_reaper());
    }

    /// Whether a read waits for readiness where a call can do it.
    bool reads_by_readiness() const noexcept { return settings_.reads_by_readiness; }

    /// Carries out the write that stands ready for the next turn, before the object does
    /// something else with its descriptor.
    void submit_writes(request_owner& owner) noexcept;

    /// The same for every object, before the process forks: the child makes anew what the
    /// kernel has not ended.
    void submit_writes() noexcept;

    /// Gives a read that is not started what cancelled reads had brought. Returns its
    /// result, or -EAGAIN where there is nothing.
    int serve_now(request_owner& owner, ring_operation& op) noexcept;

    /// The same for a synchronous read, behind the reads that are cancelled and not over:
    /// `serve` takes a kept_input, and returns the result.
    template <typename Serve>
    int take_kept(request_owner& owner, Serve serve) noexcept;

    /// Cancel the operations of an owner whose object gives its descriptor away. What its
    /// reads had brought is for the object of this context that gets the descriptor next.
    void park(request_owner& owner) noexcept;

    /// From here on the read that waits as a request waits for readiness instead: such a
    /// request would read over urgent data. REQUIRES: its calls never wait.
    void read_by_readiness(request_owner& owner) noexcept;

    /// How many bytes there are for it.
    std::size_t kept_size(request_owner& owner) noexcept;

    /// Whether an operation of an owner that writes has not ended; see
    /// ring_operation::note_write().
    bool has_writes(const request_owner& owner) const;

    /// A number that every turn changes: what is started under one number shares the
    /// entry to the kernel.
    std::uint32_t turn_number() const noexcept
    {
        return turn_number_.load(std::memory_order_relaxed);
    }

    /// From here on the program ends requests without an owner by requests of its own.
    void expect_foreign_cancels();

    /// End a wait of the reaper, now or the next one. Takes no lock.
    void interrupt() noexcept;

    counter_values counters() const;

    /// What it does for each object, where somebody asked.
    object_counts& objects() noexcept { return objects_; }

    /// The owner of a descriptor that still means the file, or null.
    const request_owner* find_owner(int descriptor, std::uint64_t file) const;

    template <typename Queue>
    void schedule_timer(
        Queue& queue,
        const typename Queue::time_type& time,
        typename Queue::per_timer_data& timer,
        asio_impl::wait_op* op);

    template <typename Queue>
    std::size_t cancel_timer(
        Queue& queue,
        typename Queue::per_timer_data& timer,
        std::size_t cancelled_max = std::numeric_limits<std::size_t>::max());

    template <typename Queue>
    void
    cancel_timer_by_key(Queue& queue, typename Queue::per_timer_data* timer, void* key);

    template <typename Queue>
    void move_timer(
        Queue& queue,
        typename Queue::per_timer_data& target,
        typename Queue::per_timer_data& source);

    void add_timer_queue(asio_impl::timer_queue_base& queue);
    void remove_timer_queue(asio_impl::timer_queue_base& queue);

    // Reaper only

    /// One turn: submit what is claimed, wait up to usec microseconds (0: not at all,
    /// negative: for ever) if nothing is finished yet, and append what is. Returns
    /// whether the reactor's epoll set is ready.
    bool turn(long usec, asio_impl::operation_queue& ops);

    /// For a loop that is watched from outside: submit, and append what is finished. To
    /// be called when the ring, or the wake event, is readable.
    void pump(asio_impl::operation_queue& ops);

    /// The wake event of a loop that is watched from outside.
    int wake_descriptor() const noexcept { return polls_.wake_descriptor(); }

    /// Watch the epoll set that carries the stock objects. REQUIRES: before the first
    /// turn.
    void watch_epoll(asio_impl::epoll_reactor& reactor) noexcept
    {
        polls_.watch_epoll(reactor);
    }

    /// In the child of a fork: go on with a ring of its own. Requests in flight are made
    /// anew.
    void restart(Ring fresh, int epoll_descriptor, teardown_watch* teardown = nullptr);

    /// In the child of a fork that gets no ring: end every request with
    /// operation_aborted. From then on requests end at once, and turn() throws the
    /// reason; timers stand until shutdown().
    void abort_all(const boost::system::error_code& reason);

    /// In a child of a fork that was not announced: the ring's memory is absent, and its
    /// requests are the parent's.
    bool is_orphan() const noexcept { return right_.is_orphan(); }

    /// Cancel everything, reap to zero, and append every operation for destruction.
    void shutdown(asio_impl::operation_queue& ops);

    /// Takes the ring out of a loop that is shut down, for another loop to begin with:
    /// nothing is in it, and nothing that the program did left a trace. None where that
    /// is not so, or not at once. The loop is then good for its destruction alone.
    std::optional<Ring> release_ring();

    Ring& ring() noexcept { return ring_; }

private:
    // The result of a transfer that is to be attempted though no poll told of anything.
    static constexpr int untold = 0;

    // Counts a thread as inside the kernel, where it may be reading published SQEs.
    class entering;

    // Claiming and committing. What is rarely needed is kept out of line, so that the
    // functions every operation passes through save no registers for it.
    [[gnu::noinline]] void abort_start(ring_operation& op, lock_type& lock);
    void abort(ring_operation& op) noexcept;
    [[gnu::noinline]] void commit(ring_operation& op, lock_type& lock);
    void commit_or_backlog(ring_operation& op);
    void hold_back(ring_operation& op);
    [[gnu::noinline]] void begin_syncs();
    bool
    has_writes_before(const request_owner& owner, std::uint32_t sequence) const noexcept;
    bool try_commit(ring_operation& op);
    bool try_commit_whole(ring_operation& op);
    bool try_commit_chain(chain_member& first);
    void fill(ring_operation& op, abi::sqe& sqe, std::uint32_t sequence) noexcept;
    bool flush(lock_type& lock);
    bool submit(lock_type& lock);
    bool submit_patiently(lock_type& lock);
    bool write_unseen(request_owner& owner) noexcept;
    void await_written(request_owner& owner, lock_type& lock) noexcept;
    void carry_out(lock_type& lock) noexcept;
    [[gnu::noinline]] void notify(lock_type& lock);
    bool something_left() const noexcept;
    void count_own(unsigned claimed) noexcept
    {
        counters_.sqes += claimed;
        own_count_ += claimed;
    }
    // A request that is not an object's may change the ring itself: give it buffers, say.
    void note_program_request() noexcept
    {
        program_requests_.store(true, std::memory_order_relaxed);
    }
    bool may_enter() const noexcept { return right_.may_enter(scheduler_); }
    bool may_end() const noexcept { return right_.may_end(scheduler_); }
    static bool waits_by_request(const ring_operation& op) noexcept
    {
        return op.is_transfer_ && !op.by_call_ && !op.cancel_requested() &&
               op.state_ == operation_state::claimed;
    }
    static std::uint32_t wanted_events(const ring_operation& op) noexcept
    {
        return op.direction_ == direction::read ? POLLIN : POLLOUT;
    }
    static void fill_poll(ring_operation& op, abi::sqe& sqe) noexcept;
    void rewrite(ring_operation& op) noexcept;
    bool unseen(const ring_operation& op) noexcept;
    bool stands_between(
        const ring_operation& op, std::uint32_t first, std::uint32_t last) noexcept;

    // Cancelling
    void request_cancel(ring_operation& op, asio_impl::operation_queue& ended);
    bool abort_queued(ring_operation& op, asio_impl::operation_queue& ended);
    void remove_backlogged(ring_operation& op) noexcept;
    void ask_now(lock_type& lock);
    void end_cancelled_behind(ring_operation& op, asio_impl::operation_queue& ops);
    void send_cancels(lock_type& lock);
    void send_cancels_that_fit() noexcept;
    bool try_send_cancel(ring_operation& op) noexcept;
    void cancel_requests(request_owner& owner, asio_impl::operation_queue& ended);
    void abandon_owner(request_owner& owner) noexcept;
    void await_consumed(request_owner& owner, lock_type& lock);
    bool has_unconsumed(request_owner& owner) noexcept;
    void send_cancels_now(lock_type& lock);
    void cancel_again(cancellation_ticket target) noexcept;
    void cancel_again(ring_operation& op) noexcept;
    void cancel_nameless_again() noexcept;
    bool all_cancelled(request_owner& owner) noexcept;
    bool has_claimed(request_owner& owner) const noexcept;
    bool holds_file(request_owner& owner) const noexcept;
    static bool keeps_address(int descriptor) noexcept;
    void await_end(request_owner& owner, lock_type& lock);
    void await_completion(clock::time_point limit, lock_type& lock);

    // Parts of something larger
    void take_member(chain_member& member, asio_impl::operation_queue& ops);
    void cancel_chain(request_chain& chain, asio_impl::operation_queue& ended);
    void serve(result_source& source, asio_impl::operation_queue& ended);
    void take_more(
        result_source& source, const abi::cqe& cqe, asio_impl::operation_queue& ops);
    void take_last(result_source& source, asio_impl::operation_queue& ops);
    void free_source(result_source& source) noexcept;
    void abort_waiting(request_line& line, asio_impl::operation_queue& ended);
    void release_and_post(asio_impl::operation_queue& ended, lock_type& lock);

    // Taking turns
    void adopt_thread();
    bool refill(lock_type& lock);
    bool all_committed() const noexcept;
    void fill_queue();
    void wait(unsigned to_submit, long usec, lock_type& lock);
    int
    spin_and_enter(unsigned to_submit, clock::time_point deadline, std::uint32_t reaped);
    int enter_until(unsigned to_submit, clock::time_point deadline);
    void enter(unsigned to_submit, lock_type& lock);
    void reap(asio_impl::operation_queue& ops);
    void reap_and_post();
    void take_internal(const abi::cqe& cqe);
    void take(ring_operation& op, const abi::cqe& cqe, asio_impl::operation_queue& ops);
    static bool is_plain_result(const ring_operation& op, const abi::cqe& cqe) noexcept;
    void
    take_plain(ring_operation& op, const abi::cqe& cqe, asio_impl::operation_queue& ops);
    static bool is_plain_member(const ring_operation& op, const abi::cqe& cqe) noexcept;
    void take_plain_member(
        ring_operation& op, const abi::cqe& cqe, asio_impl::operation_queue& ops);
    void retire(ring_operation& op, asio_impl::operation_queue& ops);
    void retire_any(ring_operation& op, asio_impl::operation_queue& ops);
    void retire_waiting(ring_operation& op, asio_impl::operation_queue& ops);
    void wake(ring_operation& op, int events, asio_impl::operation_queue& ops);
    void hold(ring_operation& op, asio_impl::operation_queue& ops);
    void end_cancelled(ring_operation& op, asio_impl::operation_queue& ops);
    void check_enter(int result) const;

    // Delivering
    bool pass(ring_operation& op) noexcept override;
    bool call(ring_operation& op) noexcept;
    bool wait_on(ring_operation& op) noexcept;
    bool end_poll(ring_operation& op) noexcept;
    void set_aside(ring_operation& op) noexcept;
    static bool make_room_to_keep(request_owner& owner) noexcept;
    void leave(ring_operation& op, asio_impl::operation_queue& ended);
    [[gnu::noinline]] void promote_next(
        request_owner& owner,
        const ring_operation& ended_operation,
        asio_impl::operation_queue& ended);
    bool serve(request_owner& owner, ring_operation& op) noexcept;
    static bool is_ready(const request_owner& owner, const ring_operation& op) noexcept;
    static void make_ready(ring_operation& op) noexcept;
    int take_or_attempt(ring_operation& op) noexcept;
    void drop_if_empty(request_owner& owner) noexcept;
    void await_cancelled_read(request_owner& owner, lock_type& lock) noexcept;

    // Ending
    bool end_own_requests();
    void drop_unsent_cancels() noexcept;
    void abandon_queued(asio_impl::operation_queue& ops);
    void abandon_queued(ring_operation& first, asio_impl::operation_queue& ops);
    void abort_chains(asio_impl::operation_queue& ended);
    void abandon_unseen(request_owner& owner, asio_impl::operation_queue& ops);
    void forget_reaped(request_owner& owner) noexcept;
    void abandon_all(asio_impl::operation_queue& ops);
    void abort_requests(request_owner& owner, asio_impl::operation_queue& ended);
    void close_and_wait(teardown_watch& watch, asio_impl::operation_queue& ops);
    void drain(asio_impl::operation_queue& ops, lock_type& lock);
    static bool is_lost(int result) noexcept;
    void abandon_ring(asio_impl::operation_queue& ops);
    void close_ring() noexcept;
    void send_wakes_to_ring() noexcept;
    void leave_ring() noexcept;
    void leave_kernel() noexcept;

    // How often an entry that the kernel refuses is tried where nobody would try later
    static constexpr int patience = 100;

    // Immutable after construction
    asio_impl::scheduler& scheduler_;
    const loop_settings settings_;

    // Has a lock of its own.
    object_counts objects_;

    // Guarded by mutex_, but for what the lodgers let any thread do. The mutex comes
    // before no other of ours, and no scheduler call is made under it.
    mutable optional_mutex mutex_;
    Ring ring_;
    entry_right right_;
    thread_census census_;
    own_polls polls_;
    timer_set timers_;
    owner_pool owners_;
    request_owner unowned_;
    cancellation_table cancellations_;
    counter_values counters_;
    teardown_watch* teardown_;
    fork_watch fork_watch_;

    // For threads that close what others run; see await_end().
    wait_budget close_budget_{std::chrono::milliseconds(50)};
    std::condition_variable_any reaped_;
    unsigned awaiting_count_ = 0;

    // Operations that wait for an SQE of their own, or of their cancellation. Their links
    // are free.
    asio_impl::operation_queue backlog_;
    asio_impl::operation_queue unsent_cancels_;
    // Syncs that have not begun: of this turn, and behind the writes before them
    asio_impl::operation_queue new_syncs_;
    asio_impl::operation_queue held_syncs_;

    // Written under the mutex
    std::atomic<std::uint32_t> turn_number_ = 0;
    // Requests with no last CQE: those of operations, and the loop's own
    std::size_t in_kernel_count_ = 0;
    std::size_t own_count_ = 0;
    unsigned entering_count_ = 0;
    bool waiting_ = false;
    bool reaping_ = false;
    bool stopping_ = false;
    // The ring was closed with requests in it.
    bool ring_left_ = false;
    // A raw request of the program's may be ended by another.
    bool program_cancels_ = false;

    // Any thread. Values: false, no request could leave anything in the ring; true, one
    // could, for good.
    std::atomic<bool> program_requests_{false};
};

template <typename Ring>
class basic_event_loop<Ring>::entering
{
public:
    entering(basic_event_loop& loop, lock_type& lock) : loop_(loop), lock_(lock)
    {
        ASIO_URING_ASSERT(lock_.owns_lock());
        ++loop_.entering_count_;
        ++loop_.counters_.enters;
        lock_.unlock();
    }

    ~entering()
    {
        lock_.lock();
        --loop_.entering_count_;
    }

private:
    basic_event_loop& loop_;
    lock_type& lock_;
};

using event_loop = basic_event_loop<ring>;

} // namespace asio_uring::detail

#include <asio_uring/detail/loop/impl/event_loop_cancel.hpp>
#include <asio_uring/detail/loop/impl/event_loop_commit.hpp>
#include <asio_uring/detail/loop/impl/event_loop_delivery.hpp>
#include <asio_uring/detail/loop/impl/event_loop_parts.hpp>
#include <asio_uring/detail/loop/impl/event_loop_shutdown.hpp>
#include <asio_uring/detail/loop/impl/event_loop_timers.hpp>
#include <asio_uring/detail/loop/impl/event_loop_turn.hpp>

#ifdef ASIO_URING_SEPARATE_COMPILATION
namespace asio_uring::detail {

// One unit of the program has it; see src.hpp.
extern template class basic_event_loop<ring>;

} // namespace asio_uring::detail
#endif
