// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: one io_uring instance: its descriptor, maps, queues and kernel
// entry. Thread: one at a time unless a member says more. Lifetime: owns the descriptor
// and the maps.
#pragma once

#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/detail/ring/ring_memory.hpp>
#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/completion_queue.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/ring_options.hpp>
#include <asio_uring/ring/submission_queue.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <sys/types.h>
#include <sys/uio.h>

#include <signal.h>

namespace asio_uring::detail {

class resting_ring;

} // namespace asio_uring::detail

namespace asio_uring {

/// How long submit_and_wait() waits.
struct wait_options
{
    /// Completions to wait for; clamped by the kernel to the size of the completion
    /// queue.
    unsigned min_complete = 1;
    /// Latest end of the wait; none waits without end.
    std::optional<std::chrono::steady_clock::time_point> deadline{};
    /// Time to wait for the whole batch before a single completion is enough.
    /// Kernel 6.12; older kernels ignore it.
    std::chrono::microseconds min_wait{0};
    /// Do not count the wait as waiting for a disk. Kernel 6.15; older kernels ignore it.
    bool no_iowait = false;
    /// Signal mask during the wait, or null to leave it alone. With a mask a signal ends
    /// the wait with EINTR, unless completions are ready; without one the wait goes on.
    /// The kernel ignores the mask where the waiting thread polls disks
    /// (abi::setup_iopoll without abi::setup_sqpoll).
    const sigset_t* signals = nullptr;
};

/// What submit() and submit_and_wait() did.
///
/// Entries the kernel has not consumed stay published, whatever the error, and go with
/// the next call. ETIME: the deadline has passed. EAGAIN: no memory for a request; EBUSY:
/// no room for completions; reap, then call again. EBADR: completions are lost; give the
/// ring up. EOWNERDEAD: the polling thread has ended; give the ring up.
/// errc::wrong_thread: the ring belongs to another thread.
struct [[nodiscard]] submit_result
{
    /// Entries the kernel has consumed in this call. On a ring with abi::setup_sqpoll the
    /// polling thread consumes them, at a time of its own: there it counts the entries
    /// that this call has published, and ring::unconsumed() tells how many are left.
    unsigned submitted = 0;
    boost::system::error_code ec{};
};

/// A wait whose argument stands in registered memory; made by wait_region.
struct registered_wait
{
    std::uint32_t offset = 0; ///< bytes from the start of the region
    std::uint32_t flags = 0;  ///< abi::enter_* flags that go with it
};

/// What ring::register_clock() takes.
enum class wait_clock
{
    monotonic, ///< stands still while the system is suspended; the default
    boottime,  ///< goes on
};

/// One io_uring instance.
///
/// Filling a request takes three steps: try_claim() an entry, publish() it, enter() the
/// kernel. Reaping takes two: look at entries, advance() past them.
///
/// @par Thread safety
/// Distinct objects: safe. Shared object: the submission side and the completion side may
/// be used by two threads at the same time, each side by one thread at a time, on a ring
/// without abi::setup_single_issuer and abi::setup_sq_rewind. A ring with the first flag
/// belongs to the thread that created it, or that enabled it (abi::setup_r_disabled). A
/// ring without a descriptor (abi::setup_registered_fd_only,
/// ring_options::close_descriptor) belongs to the thread that created it; in another one
/// its calls fail or, as enter() does not look, reach a ring of that thread.
/// If another thread closes it, the kernel's part lives on until the first thread ends.
///
/// @par Object lifetimes
/// close() and the destructor do not wait for requests in flight; the kernel ends them
/// later, and may touch their memory until then. Cancel and reap to zero before freeing
/// buffers. After fork(2) the child may only close or destroy the ring: its memory is not
/// there. When the submitting thread ends, its requests fail with ECANCELED as they
/// become ready; on a single-issuer ring nobody can reap them.
class ASIO_URING_DECL ring
{
public:
    ring() noexcept = default;

    /// Creates a ring. Throws boost::system::system_error with explain_setup_error()'s
    /// text.
    explicit ring(const ring_options& options);

    /// Creates a ring, or returns a closed one and says why in `ec`.
    static ring create(const ring_options& options, boost::system::error_code& ec);

    /// Takes over a ring that was set up by somebody else: by raw_setup(), by another
    /// library, by a process that handed its descriptor on. `params` is what
    /// io_uring_setup(2) has filled in; offsets that are not the kernel's for this
    /// descriptor are undefined behaviour. What is in flight stays in flight.
    ///
    /// OWNERSHIP: without an error the ring closes `fd`; else `fd` stays the caller's.
    ///
    /// Errors: errc::no_ring_descriptor for a ring in memory of the application
    /// (abi::setup_no_mmap), which this cannot map; errc::kernel_too_old; those of
    /// mmap(2), EBADF among them.
    static ring
    adopt(int fd, const abi::setup_params& params, boost::system::error_code& ec);

    ring(ring&& other) noexcept;
    ring& operator=(ring&& other) noexcept;
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() { close(); }

    void close() noexcept;
    bool is_open() const noexcept { return static_cast<bool>(target_); }

    /// The descriptor; -1 for a closed ring, and where the ring has an index alone
    /// (abi::setup_registered_fd_only, ring_options::close_descriptor).
    int native_handle() const noexcept { return fd_.get(); }

    /// The setup flags in force: the required ones and those optional ones the kernel
    /// took.
    std::uint32_t setup_flags() const noexcept { return setup_flags_; }
    std::uint32_t features() const noexcept { return features_; }
    unsigned sq_entries() const noexcept { return submission_.entries(); }
    unsigned cq_entries() const noexcept { return completion_.entries(); }

    // Submission side
    submission_queue& submission() noexcept { return submission_; }
    const submission_queue& submission() const noexcept { return submission_; }

    /// The next entry, all of its bytes zero, or null when all entries are in use.
    [[nodiscard]] abi::sqe* try_claim() noexcept { return submission_.try_claim(); }

    /// The next 128 bytes, all zero, on a ring with abi::setup_sqe128 or setup_sqe_mixed;
    /// see submission_queue::try_claim_wide().
    [[nodiscard]] abi::wide_sqe* try_claim_wide(std::uint8_t padding_flags = 0) noexcept
    {
        return submission_.try_claim_wide(padding_flags);
    }

    /// Claims `count` entries that follow each other, or none; see
    /// submission_queue::try_claim(unsigned).
    [[nodiscard]] bool try_claim(unsigned count) noexcept
    {
        return submission_.try_claim(count);
    }

    /// Sequence number the next claimed entry gets.
    std::uint32_t claimed() const noexcept { return submission_.claimed(); }

    /// The shared tail as last stored.
    std::uint32_t published() const noexcept { return submission_.published(); }

    /// A claimed entry that may still be rewritten, under the rule of
    /// submission_queue::at(): one that is not published always may.
    abi::sqe& sqe_at(std::uint32_t sequence) noexcept { return submission_.at(sequence); }

    /// What stands in the slot of an entry, for looking only.
    const abi::sqe& look_at(std::uint32_t sequence) const noexcept
    {
        return submission_.look_at(sequence);
    }

    /// Hands every claimed entry to the kernel and returns what an enter() can submit.
    unsigned publish() noexcept { return submission_.publish(); }

    /// Published entries the kernel has not consumed.
    unsigned unconsumed() const noexcept { return submission_.unconsumed(); }

    bool task_work_pending() const noexcept { return submission_.task_work_pending(); }
    bool completion_overflow() const noexcept
    {
        return submission_.completion_overflow();
    }
    bool needs_wakeup() const noexcept { return submission_.needs_wakeup(); }

    /// Claims an entry, or the room of two for an operation of 128 bytes, and fills it
    /// from an operation of asio_uring::op. Returns false when all entries are in use,
    /// and always for an operation of 128 bytes on a ring without such entries:
    /// op::nop128 and op::uring_cmd128 need abi::setup_sqe128 or setup_sqe_mixed,
    /// op::uring_cmd_sqe128 the first of them.
    template <class Op>
    [[nodiscard]] bool try_push(
        const Op& operation, std::uint64_t user_data, std::uint8_t sqe_flags = 0) noexcept
    {
        auto* entry = claim_for<Op>();
        if (entry == nullptr)
            return false;
        operation.prepare(*entry);
        entry->flags = static_cast<std::uint8_t>(entry->flags | sqe_flags);
        entry->user_data = user_data;
        return true;
    }

    // Kernel entry

    /// io_uring_enter. Returns what the kernel returns, errors as -errno; errno is
    /// untouched. A positive count hides an error of the wait: judge the wait by the
    /// completion queue.
    int enter(unsigned to_submit, unsigned min_complete, std::uint32_t flags) noexcept
    {
        return enter_with(
            to_submit, min_complete, flags, nullptr, abi::kernel_sigset_size);
    }

    /// The same with an extended argument; adds abi::enter_ext_arg to the flags.
    int enter(
        unsigned to_submit,
        unsigned min_complete,
        std::uint32_t flags,
        const abi::getevents_arg& argument) noexcept
    {
        return enter_with(
            to_submit,
            min_complete,
            flags | abi::enter_ext_arg,
            &argument,
            sizeof argument);
    }

    /// The same with an argument in registered memory, which the kernel need not copy.
    /// Kernel 6.13.
    int enter(
        unsigned to_submit,
        unsigned min_complete,
        std::uint32_t flags,
        registered_wait argument) noexcept
    {
        return enter_with(
            to_submit,
            min_complete,
            flags | argument.flags | abi::enter_ext_arg | abi::enter_ext_arg_reg,
            // The kernel takes an offset for the address.
            reinterpret_cast<const void*>(std::uintptr_t{argument.offset}),
            sizeof(abi::reg_wait));
    }

    /// Publishes and submits what is claimed, waking the polling thread where there is
    /// one.
    submit_result submit() noexcept;

    /// Publishes, submits and waits. Returns when `min_complete` completions are ready,
    /// when the deadline has passed with none ready (ETIME), on an error, or earlier with
    /// at least one completion ready: a timeout operation of the ring, a signal and the
    /// deadline end a wait for more. Without an error and with a `min_complete` of one or
    /// more, peek() is never null afterwards.
    submit_result submit_and_wait(const wait_options& options) noexcept;
    submit_result submit_and_wait(unsigned min_complete = 1) noexcept;

    /// Waits as submit_and_wait() does, and neither publishes nor submits. It belongs to
    /// the completion side: the thread that reaps may call it while another thread claims
    /// and submits. A ring with abi::setup_coop_taskrun posts completions when the
    /// submitting thread enters the kernel, so that the wait lasts until then.
    boost::system::error_code wait(const wait_options& options) noexcept;
    boost::system::error_code wait(unsigned min_complete = 1) noexcept
    {
        return wait(wait_options{.min_complete = min_complete});
    }

    /// Lets completions that wait for the thread, or for room, enter the queue, until
    /// none does or the queue is full. The kernel posts about twenty per call, so one
    /// enter() with enter_getevents is not enough. Without abi::setup_taskrun_flag it
    /// ends with the first call that brings none.
    boost::system::error_code run_task_work() noexcept;

    /// Waits until the polling thread has consumed an entry, so that one can be claimed.
    /// Returns at once without a polling thread (abi::setup_sqpoll). Kernel 5.10.
    boost::system::error_code wait_for_space() noexcept;

    /// Gives the rings another size, under the rules of ring_options. What is claimed,
    /// published, in flight, or not reaped stays, and counters go on; addresses of
    /// entries change. errc::size_too_small leaves everything as it was, and a ring with
    /// mixed entries must be empty to shrink. Where the new rings cannot be mapped, the
    /// ring is closed. Memory lent by the caller is not used any more. Only with
    /// abi::setup_defer_taskrun and setup_no_sqarray, and not from within
    /// for_each_completion(). Kernel 6.13.
    boost::system::error_code resize(unsigned entries, unsigned cq_entries = 0) noexcept;

    // Completion side
    completion_queue& completion() noexcept { return completion_; }
    const completion_queue& completion() const noexcept { return completion_; }

    unsigned ready() const noexcept { return completion_.ready(); }

    /// Completions so far, modulo 2^32: that came, which any thread may ask for, and that
    /// were given back.
    std::uint32_t filled() const noexcept { return completion_.filled(); }
    std::uint32_t given_back() const noexcept { return completion_.given_back(); }

    /// The oldest completion, or null.
    const abi::cqe* peek() const noexcept { return completion_.peek(); }

    /// A completion of 32 bytes with its second half; see completion_queue::as_wide().
    const abi::wide_cqe* as_wide(const abi::cqe& entry) const noexcept
    {
        return completion_.as_wide(entry);
    }

    /// Gives the `count` oldest completions back. REQUIRES: count <= ready().
    void advance(unsigned count) noexcept { completion_.advance(count); }

    /// Calls `f(const abi::cqe&)` for all that is ready, then advances once. `f` may
    /// claim and publish; it must not reap.
    template <class F>
    unsigned for_each_completion(F&& f)
    {
        return completion_.for_each(std::forward<F>(f));
    }

    /// Completions lost for lack of kernel memory.
    std::uint64_t overflow_count() const noexcept { return completion_.overflow(); }

    // Registration. The raw call first: zero or more, or -errno.
    int register_call(unsigned opcode, const void* argument, unsigned count) noexcept
    {
        return target_.call(opcode, argument, count);
    }
    int
    register_call(abi::register_op opcode, const void* argument, unsigned count) noexcept
    {
        return target_.call(opcode, argument, count);
    }

    /// What an object that owns a registration keeps of this ring.
    const detail::register_target& target() const noexcept { return target_; }

    /// Starts a ring set up with abi::setup_r_disabled. The calling thread becomes the
    /// issuer.
    boost::system::error_code enable() noexcept;

    /// Lets later enters of the calling thread use a registered index. No other thread
    /// may enter until unregister_ring_fd(), which the same thread has to call.
    boost::system::error_code register_ring_fd() noexcept;
    void unregister_ring_fd() noexcept;
    bool has_registered_ring_fd() const noexcept { return registrant_ != 0; }

    /// The clock of waits in the kernel. wait_options::deadline stays a time of
    /// steady_clock; with boottime the time left until it also runs while the system is
    /// suspended. Kernel 6.12.
    boost::system::error_code register_clock(wait_clock clock) noexcept;

    /// The eventfd is written when a completion is posted or, on a ring with deferred
    /// task work, when work for one is queued. Its count is not the count of completions.
    boost::system::error_code register_eventfd(int eventfd) noexcept;
    /// The same for completions that come from a worker of the kernel alone: never for
    /// those posted on submission or when a socket becomes ready. Kernel 5.6.
    boost::system::error_code register_eventfd_async(int eventfd) noexcept;
    boost::system::error_code unregister_eventfd() noexcept;

    boost::system::error_code register_buffers(std::span<const iovec> buffers) noexcept;
    boost::system::error_code unregister_buffers() noexcept;
    boost::system::error_code register_files(std::span<const int> files) noexcept;
    boost::system::error_code unregister_files() noexcept;

private:
    friend class detail::resting_ring;

    boost::system::error_code open(const ring_options& options) noexcept;
    boost::system::error_code take_over(int fd, const abi::setup_params& params) noexcept;
    void close_descriptor() noexcept;
    boost::system::error_code
    open_with(const ring_options& options, detail::ring_memory memory) noexcept;
    boost::system::error_code
    attach(const abi::setup_params& params, detail::ring_memory memory) noexcept;
    bool fits(const ring_options& sizes) const noexcept;
    boost::system::error_code
    move_to(const abi::setup_params& params, detail::ring_memory memory) noexcept;
    void swap(ring& other) noexcept;
    void forget() noexcept;
    bool end_of_wait(
        int entered,
        const wait_options& options,
        boost::system::error_code& ec) const noexcept;

    // The entry that has the size of the operation. Only the opcodes of wide operations
    // tell the kernel of a mixed ring that two entries belong together.
    template <class Op>
    auto claim_for() noexcept
    {
        constexpr bool fills_wide = !requires(const Op& operation, abi::sqe& entry)
        {
            operation.prepare(entry);
        };
        if constexpr (!fills_wide && !abi::is_wide(Op::code))
            return try_claim();
        else if (abi::is_wide(Op::code) || (setup_flags_ & abi::setup_sqe128) != 0)
            return try_claim_wide();
        else
            return static_cast<abi::wide_sqe*>(nullptr);
    }

    int enter_with(
        unsigned to_submit,
        unsigned min_complete,
        std::uint32_t flags,
        const void* argument,
        std::size_t argument_size) noexcept
    {
        if ((setup_flags_ & abi::setup_sq_rewind) != 0) [[unlikely]]
            return enter_and_rewind(
                to_submit, min_complete, flags, argument, argument_size);
        return detail::sys_enter(
            enter_fd_,
            to_submit,
            min_complete,
            flags | enter_flags_,
            argument,
            argument_size);
    }
    int enter_and_rewind(
        unsigned to_submit,
        unsigned min_complete,
        std::uint32_t flags,
        const void* argument,
        std::size_t argument_size) noexcept;

    // Immutable after construction, except by resize()
    detail::unique_fd fd_;
    detail::ring_memory memory_;
    std::unique_ptr<std::uint32_t> unshared_tail_; ///< with setup_sq_rewind, or null
    detail::register_target target_;
    std::uint32_t setup_flags_ = 0;
    std::uint32_t features_ = 0;
    pid_t owner_process_ = 0;

    // Entering thread only
    int enter_fd_ = -1;
    std::uint32_t enter_flags_ = 0;
    pid_t registrant_ = 0; ///< thread whose table holds enter_fd_, or 0
    wait_clock clock_ = wait_clock::monotonic;

    // Submitting thread only
    alignas(64) submission_queue submission_;

    // Reaping thread only
    alignas(64) completion_queue completion_;
};

} // namespace asio_uring
