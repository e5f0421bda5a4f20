// SPDX-License-Identifier: BSL-1.0
// A ring with a scripted kernel behind it, for basic_event_loop<Ring>. It records what is
// submitted, and the test decides when and in which order requests end, what an entry
// answers, and which flags stand. Nothing blocks: a wait that nothing ends is recorded.
#pragma once

#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/abi.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <sys/eventfd.h>

namespace asio_uring::test {

/// The kernel's side, owned by the test.
class ring_script
{
public:
    struct entry
    {
        unsigned to_submit = 0;
        unsigned min_complete = 0;
        std::uint32_t flags = 0;
        std::optional<abi::kernel_timespec> timeout{};
        unsigned unpublished = 0; ///< entries the caller claimed and kept to itself
    };

    explicit ring_script(unsigned entries) : sqes(entries) {}

    // What the test sets

    /// Answers of the next entries: a negative one consumes nothing, a positive one so
    /// many requests at most.
    std::deque<int> answers;
    /// The answer of every entry while it is not zero.
    int refusal = 0;
    /// Called by every wait before it looks for completions, with no lock held.
    std::function<void(const entry&)> during_wait;
    /// Called by the next entry before the kernel reads a request, with no lock held.
    std::function<void()> during_entry;
    /// Called by every look for completions without an entry.
    std::function<void()> during_look;
    /// Completions that were reaped.
    std::uint32_t reaped = 0;
    /// Requests to cancel and to remove end their target at once.
    bool obey_cancels = true;
    bool task_work = false;

    // What the test looks at

    std::vector<entry> enters;
    /// Every request consumed, in order.
    std::vector<abi::sqe> taken;
    /// Requests without a last completion, by user data.
    std::multimap<std::uint64_t, abi::sqe> in_flight;

    /// Ends a request, or with cqe_f_more tells of one.
    void post(std::uint64_t user_data, int result, std::uint32_t flags = 0)
    {
        const std::lock_guard guard(mutex);
        if ((flags & abi::cqe_f_more) == 0)
            if (auto found = in_flight.find(user_data); found != in_flight.end())
                in_flight.erase(found);
        (overflowing ? backlog : completions).push_back({user_data, result, flags});
        tell();
    }

    /// Completions posted from now on find no room until the kernel is entered.
    bool overflowing = false;

private:
    friend class scripted_ring;

    void take(const abi::sqe& sqe)
    {
        taken.push_back(sqe);
        switch (static_cast<abi::opcode>(sqe.opcode)) {
        case abi::opcode::nop:
            completions.push_back({sqe.user_data, 0, 0});
            return;
        case abi::opcode::poll_remove:
        case abi::opcode::async_cancel:
            if (obey_cancels)
                obey(sqe);
            else
                in_flight.emplace(sqe.user_data, sqe);
            return;
        default:
            in_flight.emplace(sqe.user_data, sqe);
        }
    }

    void obey(const abi::sqe& sqe)
    {
        int ended = 0;
        const bool all =
            sqe.opcode == static_cast<std::uint8_t>(abi::opcode::async_cancel) &&
            (sqe.cancel_flags & abi::async_cancel_any) != 0;
        while (!in_flight.empty()) {
            auto target = all ? in_flight.begin() : in_flight.find(sqe.addr);
            if (target == in_flight.end())
                break;
            ++ended;
            post(target->first, -ECANCELED);
        }
        completions.push_back({sqe.user_data, ended != 0 ? 0 : -ENOENT, 0});
    }

    void tell() const
    {
        if (!completions.empty())
            ::eventfd_write(readable.get(), 1);
    }

    int enter(const entry& call)
    {
        if (const auto hook = std::exchange(during_entry, nullptr))
            hook();
        std::unique_lock lock(mutex);
        enters.push_back(call);
        unsigned most = call.to_submit;
        if (!answers.empty() || refusal != 0) {
            int answer = refusal;
            if (!answers.empty()) {
                answer = answers.front();
                answers.pop_front();
            }
            if (answer < 0)
                return answer;
            if (answer > 0)
                most = std::min(most, static_cast<unsigned>(answer));
        }
        unsigned submitted = 0;
        for (; submitted != most && head != published; ++submitted, ++head)
            take(sqes[head % sqes.size()]);
        if ((call.flags & abi::enter_getevents) != 0) {
            overflowing = false;
            task_work = false;
            completions.insert(completions.end(), backlog.begin(), backlog.end());
            backlog.clear();
        }
        if (call.min_complete != 0 && during_wait) {
            lock.unlock();
            during_wait(call);
            lock.lock();
        }
        tell();
        const bool nothing = call.min_complete != 0 && completions.empty();
        return submitted == 0 && nothing ? -ETIME : static_cast<int>(submitted);
    }

    std::vector<abi::sqe> sqes;
    std::atomic<std::uint32_t> head{0};
    std::uint32_t claimed = 0;
    std::uint32_t published = 0;
    detail::unique_fd readable{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::deque<abi::cqe> completions;
    std::deque<abi::cqe> backlog;
    /// Threads may be inside at the same time, as with the real one.
    mutable std::recursive_mutex mutex;
};

/// What the loop takes for its ring.
class scripted_ring
{
public:
    explicit scripted_ring(ring_script& script) noexcept : script_(&script) {}

    abi::sqe* try_claim() noexcept
    {
        if (script_->claimed - script_->head == script_->sqes.size())
            return nullptr;
        abi::sqe& entry = slot(script_->claimed++);
        entry = abi::sqe{};
        return &entry;
    }

    bool try_claim(unsigned count) noexcept
    {
        if (script_->claimed - script_->head + count > script_->sqes.size())
            return false;
        for (unsigned i = 0; i != count; ++i)
            slot(script_->claimed++) = abi::sqe{};
        return true;
    }

    std::uint32_t claimed() const noexcept { return script_->claimed; }
    std::uint32_t published() const noexcept { return script_->published; }
    /// The first entry the kernel has not consumed.
    std::uint32_t consumed() const noexcept { return script_->head; }
    unsigned sq_entries() const noexcept
    {
        return static_cast<unsigned>(script_->sqes.size());
    }

    abi::sqe& sqe_at(std::uint32_t sequence) noexcept { return slot(sequence); }

    const abi::sqe& look_at(std::uint32_t sequence) noexcept { return slot(sequence); }

    unsigned publish() noexcept
    {
        script_->published = script_->claimed;
        return unconsumed();
    }

    unsigned unconsumed() const noexcept { return script_->published - script_->head; }
    bool task_work_pending() const noexcept { return script_->task_work; }
    bool completion_overflow() const noexcept
    {
        const std::lock_guard guard(script_->mutex);
        return !script_->backlog.empty();
    }
    std::uint32_t features() const noexcept
    {
        return abi::feat_min_timeout | abi::feat_no_iowait;
    }
    std::uint32_t setup_flags() const noexcept { return 0; }
    /// Readable while there are completions.
    int native_handle() const noexcept { return script_->readable.get(); }
    boost::system::error_code enable() noexcept { return {}; }
    boost::system::error_code register_files(std::span<const int>) noexcept { return {}; }
    void close() noexcept {}

    int enter(unsigned to_submit, unsigned min_complete, std::uint32_t flags)
    {
        return script_->enter(
            {to_submit, min_complete, flags, std::nullopt, unpublished()});
    }

    int enter(
        unsigned to_submit,
        unsigned min_complete,
        std::uint32_t flags,
        const abi::getevents_arg& argument)
    {
        std::optional<abi::kernel_timespec> timeout;
        if (argument.ts != 0)
            timeout = *reinterpret_cast<const abi::kernel_timespec*>(argument.ts);
        return script_->enter({to_submit, min_complete, flags, timeout, unpublished()});
    }

    unsigned ready() const noexcept
    {
        const std::lock_guard guard(script_->mutex);
        return static_cast<unsigned>(script_->completions.size());
    }

    std::uint32_t filled() const noexcept
    {
        const std::lock_guard guard(script_->mutex);
        if (script_->during_look)
            script_->during_look();
        return script_->reaped + ready();
    }

    std::uint32_t given_back() const noexcept { return script_->reaped; }

    template <class F>
    unsigned for_each_completion(F&& f)
    {
        // A test may have taken all memory away.
        if (ready() == 0)
            return 0;
        std::deque<abi::cqe> batch;
        {
            const std::lock_guard guard(script_->mutex);
            batch.swap(script_->completions);
            script_->reaped += static_cast<std::uint32_t>(batch.size());
            ::eventfd_t ignored = 0;
            ::eventfd_read(script_->readable.get(), &ignored);
        }
        for (const abi::cqe& entry : batch)
            f(entry);
        return static_cast<unsigned>(batch.size());
    }

private:
    abi::sqe& slot(std::uint32_t sequence) noexcept
    {
        return script_->sqes[sequence % script_->sqes.size()];
    }
    unsigned unpublished() const noexcept
    {
        return script_->claimed - script_->published;
    }

    ring_script* script_;
};

} // namespace asio_uring::test
