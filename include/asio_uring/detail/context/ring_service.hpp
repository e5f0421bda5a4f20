// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: the service that gives an execution context its ring, or
// decides that the context does without one, and takes the ring away in order. Thread:
// construction and shutdown as Asio's services; the loop's functions as documented there.
// Lifetime: one per context, from use_ring() or the first redirected object to the
// context's end.
#pragma once

#include <asio_uring/detail/asio/reactor_access.hpp>
#include <asio_uring/detail/context/context_status.hpp>
#include <asio_uring/detail/context/log.hpp>
#include <asio_uring/detail/context/loop_watch.hpp>
#include <asio_uring/detail/context/resources.hpp>
#include <asio_uring/detail/context/ring_reactor.hpp>
#include <asio_uring/detail/context/single_issuer.hpp>
#include <asio_uring/detail/loop/event_loop.hpp>
#include <asio_uring/detail/ring/availability.hpp>
#include <asio_uring/detail/ring/spare_ring.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/ring_options.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <sys/uio.h>

namespace asio_uring::detail {

/// Who decides which threads run a context.
enum class run_by : std::uint8_t
{
    anyone,  ///< the program, or the context itself
    program, ///< the program, by calls of run() that may throw
};

class ring_service final : public asio_impl::execution_context_service_base<ring_service>
{
public:
    explicit ring_service(
        boost::asio::execution_context& context,
        const ring_options& options = ring_options(),
        fallback policy = fallback::allowed,
        run_by runners = run_by::anyone)
        : asio_impl::execution_context_service_base<ring_service>(context),
          scheduler_(boost::asio::use_service<asio_impl::scheduler>(context))
    {
        options_ = effective_options(with_promise(options));
        check(options, runners);
        const bool required =
            policy == fallback::forbidden || environment_choice() == ring_choice::require;
        refused_ = required ? environment_refusal() : known_refusal();
        const bool may_stand_still =
            !promises_one_thread() && (options_.flags & abi::setup_single_issuer) == 0;
        if (!refused_.reason && !required && may_stand_still)
            refused_ = valgrind_refusal();
        if (!refused_.reason)
            start_or_fall_back();
        if (refused_.reason && required)
            throw boost::system::system_error(refused_.reason, refused_.text);
        tell();
    }

    // The next context of the process need not make a ring.
    ~ring_service()
    {
        if (!shut_down_ || refused_.reason || watch_ || resources_->has_table())
            return;
        if (std::optional<ring> clean = loop_->release_ring())
            keep_spare_ring(std::move(*clean), options_);
    }

    /// The loop for whoever starts something on it, or nullptr where the context does
    /// without a ring. From the first call on the scheduler takes turns of the loop: like
    /// a stock context, one with handlers alone goes without.
    event_loop* find_loop() noexcept
    {
        if (loop_ != nullptr && !takes_turns_.load(std::memory_order_relaxed))
            take_turns();
        return loop_.get();
    }

    /// The same for whoever only looks.
    event_loop* look_at_loop() noexcept { return loop_.get(); }

    bool has_ring() const noexcept { return loop_ != nullptr; }

    /// Lends a place of the ring's file table; errc::no_ring where there is no ring.
    std::uint32_t acquire_file_slot(boost::system::error_code& ec)
    {
        ec = {};
        if (has_ring())
            return resources_->acquire_slot(loop_->ring(), ec);
        ec = make_error_code(errc::no_ring);
        return 0;
    }

    /// REQUIRES: lent by acquire_file_slot().
    void release_file_slot(std::uint32_t slot) noexcept
    {
        // In the child of a fork that was not announced, the table is the parent's.
        resources_->release_slot(slot, loop_->is_orphan());
    }

    /// The same for a place that a request has emptied, so that no call has to.
    void return_file_slot(std::uint32_t slot) noexcept { resources_->return_slot(slot); }

    /// The names of the buffers that the ring has; null where there is no ring.
    const buffer_names* find_buffer_names() noexcept
    {
        return has_ring() ? &resources_->buffers().names() : nullptr;
    }

    /// Registers buffers with the ring, all or none; errc::no_ring where there is no
    /// ring, or a fork's parent has it.
    lent_buffers
    acquire_buffers(std::span<const ::iovec> buffers, boost::system::error_code& ec)
    {
        ec = {};
        if (has_ring() && !loop_->is_orphan())
            return resources_->buffers().acquire(loop_->ring(), buffers, ec);
        ec = make_error_code(errc::no_ring);
        return {};
    }

    /// REQUIRES: lent by acquire_buffers().
    void release_buffers(const lent_buffers& lent) noexcept
    {
        resources_->buffers().release(lent, loop_->is_orphan());
    }

    bool has_buffers(const lent_buffers& lent) noexcept
    {
        return has_ring() && resources_->buffers().has(lent);
    }

    asio_impl::scheduler& scheduler() noexcept { return scheduler_; }

    /// The context's reactor: ours, or the one that watches the ring, or the one that
    /// does the work without a ring.
    asio_impl::epoll_reactor& reactor()
    {
        return boost::asio::use_service<asio_impl::epoll_reactor>(context());
    }

    /// Whether the ring is the context's reactor. If not, there is no ring, or a reactor
    /// that was there before watches it.
    bool is_reactor() const noexcept { return has_ring() && watch_ == nullptr; }

    context_status status() const
    {
        if (!has_ring())
            return {
                .mode = ring_mode::fallback,
                .reason = refused_.reason,
                .text = "this context runs on Asio's epoll reactor: " + refused_.text};
        if (refused_.reason)
            return {
                .mode = ring_mode::lost,
                .reason = refused_.reason,
                .text = "this context lost its ring in a fork: " + refused_.text};
        const ring& kernel_ring = loop_->ring();
        return {
            .mode = is_reactor() ? ring_mode::reactor : ring_mode::attached,
            .sq_entries = kernel_ring.sq_entries(),
            .cq_entries = kernel_ring.cq_entries(),
            .setup_flags = kernel_ring.setup_flags(),
            .writes = options_.writes,
            .reads = options_.reads,
            .spin_us = is_reactor() ? options_.spin_us : 0,
            .text = is_reactor() ? "this context waits in its ring"
                                 : "this context's ring is watched by the reactor that "
                                   "was there before it"};
    }

    void notify_fork(boost::asio::execution_context::fork_event event) override
    {
        using execution_context = boost::asio::execution_context;
        if (!has_ring())
            return;
        if (event == execution_context::fork_prepare)
            loop_->submit_writes();
        // Asio's reactor makes its epoll set anew in the child, and before that goes
        // through what it watches: the parent's ring must not be there.
        if (event == execution_context::fork_prepare && watch_)
            watch_->stop();
        if (event == execution_context::fork_child)
            restart_in_child();
        if (event != execution_context::fork_prepare && watch_ && !refused_.reason)
            watch_->start();
    }

    // A class that derives from its context may have shut it down before.
    void shutdown() override
    {
        if (!has_ring() || std::exchange(shut_down_, true))
            return;
        if (watch_ && loop_->is_orphan())
            watch_->forget();
        else if (watch_)
            watch_->stop();
        asio_impl::operation_queue ops;
        loop_->shutdown(ops);
        resources_->end();
        scheduler_.abandon_operations(ops);
    }

private:
    // A text needs memory. The context is whole without it, and its reactor refers to the
    // loop already.
    void tell() const noexcept
    {
        try {
            log(status());
        }
        catch (const std::bad_alloc&) {
        }
    }

    // Wrong options are an error whether or not the context gets a ring.
    void check(const ring_options& options, run_by runners)
    {
        const auto refuse = [](const boost::system::error_code& ec, const auto& text) {
            throw boost::system::system_error(ec, text);
        };
        if ((options.flags & ~offered_flags) != 0)
            refuse(make_error_code(errc::setup_flag_not_offered), "a context's ring");
        if (const boost::system::error_code ec = misuse_of(options_))
            refuse(ec, explain_setup_error(ec, options_));
        if ((options.flags & abi::setup_single_issuer) == 0)
            return;
        // run() throws on any thread but the first. In a thread of a pool such an
        // exception would end the program.
        if (runners == run_by::anyone && !promises_one_thread())
            refuse(make_error_code(errc::several_threads), "use_ring");
        if (keeps_its_reactor())
            refuse(make_error_code(errc::reactor_exists), "a single-issuer ring");
    }

    // The program's promise holds for every context that can keep it. One that is made
    // for several threads breaks it, and says so here rather than in its second thread.
    ring_options with_promise(ring_options options)
    {
        if ((options.flags & abi::setup_single_issuer) != 0 ||
            !program_promises_single_issuer() || keeps_its_reactor())
            return options;
        // 0 is the hint of pools; special hints and the default one are negative.
        const int threads = hint();
        if (threads == 0 || threads > 1)
            throw boost::system::system_error(
                make_error_code(errc::several_threads),
                "asio_uring: a context of a program that promises a single issuer");
        options.flags |= abi::setup_single_issuer;
        return options;
    }

    bool promises_one_thread()
    {
        return hint() == 1 || !asio_impl::hint_is_locking(hint());
    }

    // Whether the context has a reactor already, or its reactor waits for timers by the
    // timeout of its own wait, which a ring cannot replace.
    bool keeps_its_reactor()
    {
        return boost::asio::has_service<asio_impl::epoll_reactor>(context()) ||
               !asio_impl::epoll_set_tells_of_timers(context());
    }

    // The context's objects are on the ring for good, so a child that gets no ring cannot
    // fall back: this throws, the operations end, and the child may destroy the context.
    void restart_in_child()
    {
        try {
            ring made(options_);
            if (const boost::system::error_code ec = try_out(made))
                throw boost::system::system_error(ec, explain_setup_error(ec, options_));
            resources_->forget();
            resources_->adopt(made);
            loop_->restart(
                std::move(made),
                watch_ ? -1 : asio_impl::epoll_descriptor(reactor()),
                resources_->teardown());
            refused_ = {};
        }
        catch (const boost::system::system_error& error) {
            lose_ring(error.code());
            throw;
        }
        catch (const std::bad_alloc&) {
            lose_ring(boost::asio::error::no_memory);
            throw;
        }
    }

    void lose_ring(const boost::system::error_code& reason)
    {
        resources_->forget();
        loop_->abort_all(reason);
        refused_ = make_refusal(reason, options_);
    }

    void start_or_fall_back()
    {
        try {
            boost::system::error_code ec;
            ring made = create(ec);
            if (!ec)
                ec = try_out(made);
            if (!ec)
                return join(std::move(made));
            refused_ = make_refusal(ec, options_);
        }
        catch (const boost::system::system_error& error) {
            // A context on a ring needs more descriptors than the ring's, and none may be
            // left.
            watch_.reset();
            loop_.reset();
            resources_.reset();
            refused_ = make_refusal(error.code(), options_);
        }
        remember(refused_);
    }

    // Near the limit of locked memory a small ring, which is slower where much is started
    // at once, is worth more than none.
    ring create(boost::system::error_code& ec)
    {
        constexpr unsigned small = 32;
        ring made = take_spare_ring(options_);
        if (made.is_open())
            return made;
        made = ring::create(options_, ec);
        const bool usual =
            options_.entries == ring_options().entries && options_.cq_entries == 0;
        if (ec == boost::asio::error::no_memory && usual) {
            ring_options less = options_;
            less.entries = small;
            boost::system::error_code failed;
            made = ring::create(less, failed);
            if (!failed) {
                options_ = less;
                ec = {};
            }
        }
        return made;
    }

    void join(ring&& made)
    {
        if (!keeps_its_reactor()) {
            try {
                return install(std::move(made));
            }
            catch (const boost::asio::service_already_exists&) {
                // Another thread made a stock object, and with it a reactor, meanwhile.
                loop_.reset();
                resources_.reset();
                made = ring(options_);
            }
        }
        attach(std::move(made));
    }

    // Where one of the steps throws, the context keeps no trace of the attempt.
    void install(ring&& made)
    {
        loop_settings settings;
        settings.locking = asio_impl::hint_is_locking(hint());
        settings.single_issuer = (options_.flags & abi::setup_single_issuer) != 0;
        resources_.emplace(settings.single_issuer);
        resources_->adopt(made);
        settings.teardown = resources_->teardown();
        settings.batched_writes = options_.writes == write_mode::batched;
        settings.reads_by_readiness = options_.reads == read_mode::by_readiness;
        settings.spin = std::chrono::microseconds(options_.spin_us);
        settings.rearm_for_thread = (made.setup_flags() & abi::setup_coop_taskrun) != 0;
        settings.wake_by_message =
            !settings.single_issuer && (made.features() & abi::feat_no_iowait) != 0;
        loop_ = std::make_unique<event_loop>(scheduler_, std::move(made), settings);
        boost::asio::make_service<ring_reactor>(context(), *loop_);
        // The first thread that runs the context is the issuer, whatever it runs.
        if (settings.single_issuer)
            take_turns();
    }

    void take_turns() noexcept
    {
        scheduler_.init_task();
        takes_turns_.store(true, std::memory_order_relaxed);
    }

    void attach(ring&& made)
    {
        if ((options_.flags & abi::setup_single_issuer) != 0)
            throw boost::system::system_error(make_error_code(errc::reactor_exists));
        loop_settings settings;
        settings.locking = asio_impl::hint_is_locking(hint());
        settings.batched_writes = options_.writes == write_mode::batched;
        settings.reads_by_readiness = options_.reads == read_mode::by_readiness;
        resources_.emplace(false);
        loop_ = std::make_unique<event_loop>(scheduler_, std::move(made), settings);
        watch_ = std::make_unique<loop_watch>(
            boost::asio::use_service<asio_impl::epoll_reactor>(context()), *loop_);
    }

    int hint() { return asio_impl::concurrency_hint(context()); }

    // The loop relies on the rest being off: a polling kernel thread, polled completions
    // and larger entries are for rings of a program's own.
    static constexpr std::uint32_t offered_flags =
        abi::setup_cqsize | abi::setup_clamp | abi::setup_submit_all |
        abi::setup_coop_taskrun | abi::setup_taskrun_flag | abi::setup_single_issuer |
        abi::setup_defer_taskrun | abi::setup_no_sqarray;

    static constexpr unsigned longest_spin_us = 1'000'000;

    ring_options effective_options(ring_options options)
    {
        constexpr std::uint32_t cooperative =
            abi::setup_coop_taskrun | abi::setup_taskrun_flag;
        options.optional_flags &= offered_flags;
        options.writes = environment_writes().value_or(options.writes);
        options.reads = environment_reads().value_or(options.reads);
        options.spin_us =
            std::min(environment_spin().value_or(options.spin_us), longest_spin_us);
        // A registered index is a reference to the ring that outlives close(), in a
        // thread that may live on.
        options.register_ring_fd = false;
        if ((options.flags & abi::setup_single_issuer) != 0)
            options.flags |= abi::setup_defer_taskrun | abi::setup_taskrun_flag |
                             abi::setup_r_disabled;
        else if (promises_one_thread())
            options.optional_flags |= cooperative;
        return options;
    }

    asio_impl::scheduler& scheduler_;
    ring_options options_;
    refusal refused_;
    std::optional<resources> resources_;
    bool shut_down_ = false;
    // Any thread. Values: true for good once the scheduler has its task.
    std::atomic<bool> takes_turns_{false};
    // Null where the context does without a ring
    std::unique_ptr<event_loop> loop_;
    std::unique_ptr<loop_watch> watch_;
};

/// The ring service of a context. A context without one gets one with default options.
inline ring_service& ring_of(boost::asio::execution_context& context)
{
    // Two threads may make the first redirected objects of a context at the same time,
    // and installing the ring takes several steps that Asio's registry does not make one.
    static std::mutex installing;
    if (!boost::asio::has_service<ring_service>(context)) {
        const std::lock_guard lock(installing);
        return boost::asio::use_service<ring_service>(context);
    }
    return boost::asio::use_service<ring_service>(context);
}

/// The context that a function takes by itself or by an executor.
template <typename ExecutorOrContext>
boost::asio::execution_context& context_of(ExecutorOrContext& of)
{
    if constexpr (std::is_convertible_v<
                      ExecutorOrContext&,
                      boost::asio::execution_context&>)
        return of;
    else
        return boost::asio::query(of, boost::asio::execution::context);
}

/// Makes sure of the ring and returns the context. Services that derive from Asio's pass
/// their context through it, so that the ring comes before Asio's service makes a
/// reactor.
inline boost::asio::execution_context&
behind_ring(boost::asio::execution_context& context)
{
    ring_of(context);
    return context;
}

} // namespace asio_uring::detail
