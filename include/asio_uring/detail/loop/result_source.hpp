// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: a request of many results, and the results that nobody has asked
// for yet. Thread: guarded by the loop's mutex. Lifetime: the stream that starts a source
// allocates it; a source that its stream has let go of frees itself with its last CQE.
#pragma once

#include <asio_uring/detail/loop/part_operation.hpp>
#include <asio_uring/op/common.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>

#include <unistd.h>

namespace asio_uring::detail {

/// The result of a wait behind the last result. It is no errno of the kernel's.
inline constexpr int end_of_results = -4096;

/// An operation that asks for a result stands in the read line of the source's owner,
/// behind the source. The kernel cannot be told to slow down: the loop cancels a source
/// that holds as many results as it may, and submits it again when half of them are
/// taken.
class result_source : public part_operation
{
public:
    struct entry
    {
        int value;
        std::uint32_t flags;
    };

    result_source(const result_source&) = delete;
    result_source& operator=(const result_source&) = delete;

    /// The source brings nothing but this error. REQUIRES: not started.
    void refuse(int result) noexcept { end(result); }

    bool makes_descriptors() const noexcept { return closes_; }

protected:
    /// `free` deletes the source.
    result_source(
        prepare_function prepare,
        void (*free)(result_source&),
        std::size_t capacity,
        op::descriptors makes) noexcept
        : part_operation(&do_destroy, prepare, part_kind::source),
          free_(free),
          capacity_(capacity),
          closes_(makes == op::descriptors::result)
    {
        expect_many_results();
    }

    virtual ~result_source() { drop_results(); }

    /// The result that a completion's value stands for, or a negated errno. A timer that
    /// expires completes with ETIME, which is no error.
    virtual int result_of(int value) const noexcept { return value; }

    /// Whether nothing more can come behind `value`, which came last and is no error. If
    /// more can come, the source only has to be submitted again.
    virtual bool ends_with(int value) const noexcept = 0;

    /// One result more is kept: what is asked for again is one less.
    virtual void count_result() noexcept {}

private:
    template <typename Ring>
    friend class basic_event_loop;

    enum class phase : std::uint8_t
    {
        armed,   // the kernel has it, or is to get it
        pausing, // the kernel was asked to end it, because nobody takes the results
        paused,
        ended,
    };

    static void do_destroy(
        void* owner,
        scheduler_operation* base,
        const boost::system::error_code&,
        std::size_t);

    void discard(int value) const noexcept
    {
        if (closes_ && value >= 0)
            ::close(value);
    }

    void drop_results() noexcept
    {
        for (const entry& left : results_)
            discard(left.value);
        results_.clear();
    }

    bool is_overfull() const noexcept
    {
        return phase_ == phase::armed && results_.size() >= capacity_;
    }

    bool may_go_on() const noexcept
    {
        return phase_ == phase::paused && results_.size() <= capacity_ / 2;
    }

    /// Whether an operation that asks can be answered.
    bool has_news() const noexcept { return !results_.empty() || phase_ == phase::ended; }

    /// REQUIRES: has_news().
    entry take_news() noexcept
    {
        if (results_.empty())
            return {end_result_, 0};
        const entry oldest = results_.front();
        results_.pop_front();
        return oldest;
    }

    /// Keeps one result. Without memory for it the source ends.
    void keep(int value, std::uint32_t flags) noexcept;

    /// Takes the kernel's last completion, whose value is the operation's result.
    void take_last() noexcept;

    void end(int result) noexcept
    {
        phase_ = phase::ended;
        end_result_ = result;
    }

    void (*free_)(result_source&);
    std::deque<entry> results_;
    std::size_t capacity_;
    // end_of_results, or a negated errno
    int end_result_ = end_of_results;
    phase phase_ = phase::armed;
    bool closes_;
    // The stream has let go of the source.
    bool detached_ = false;
};

inline void result_source::keep(int value, std::uint32_t flags) noexcept
{
    try {
        results_.push_back({result_of(value), flags});
        count_result();
    }
    catch (const std::bad_alloc&) {
        discard(value);
        end(-ENOMEM);
    }
}

inline void result_source::take_last() noexcept
{
    if (phase_ == phase::ended)
        return discard(result());
    // The second stage of two is the end behind the first.
    if ((completion_flags() & abi::cqe_f_notif) != 0)
        return end(end_of_results);
    const bool cancelled = phase_ == phase::pausing && result() == -ECANCELED;
    phase_ = phase::paused;
    if (cancelled)
        return;
    if (result_of(result()) < 0)
        return end(result());
    const bool ends = ends_with(result());
    // The end of a stream of bytes is no result of its own.
    if (result() != 0 || !ends)
        keep(result(), completion_flags());
    if (ends && phase_ != phase::ended)
        end(end_of_results);
}

// A source that still has a stream is freed by the stream.
inline void result_source::do_destroy(
    [[maybe_unused]] void* owner,
    scheduler_operation* base,
    const boost::system::error_code&,
    std::size_t)
{
    ASIO_URING_ASSERT(owner == nullptr);
    result_source& self = *static_cast<result_source*>(base);
    self.set_stands(false);
    self.end(-ECANCELED);
    if (self.detached_)
        self.free_(self);
}

} // namespace asio_uring::detail
