// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: let go, in the child of a fork, of what the child must not keep
// alive for its parent. Thread: any; in the child, the one that forked. Lifetime: member
// of what it calls.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <mutex>

#include <pthread.h>

namespace asio_uring::detail {

/// The child inherits the descriptor of every ring, and a ring lives until its last
/// descriptor is closed: the parent would wait for the child. So the child closes them
/// before fork() returns there.
class fork_watch
{
public:
    using function = void (*)(void*) noexcept;

    /// Calls `in_child(argument)` in every child that fork() makes from here on.
    fork_watch(function in_child, void* argument)
        : in_child_(in_child), argument_(argument)
    {
        [[maybe_unused]] static const int registered =
            ::pthread_atfork(&before, &in_parent, &call_all);
        const std::lock_guard lock(mutex_);
        next_ = first_;
        if (next_ != nullptr)
            next_->previous_ = this;
        first_ = this;
    }

    fork_watch(const fork_watch&) = delete;
    fork_watch& operator=(const fork_watch&) = delete;

    ~fork_watch()
    {
        const std::lock_guard lock(mutex_);
        (previous_ != nullptr ? previous_->next_ : first_) = next_;
        if (next_ != nullptr)
            next_->previous_ = previous_;
    }

private:
    // The child has a copy of the list as it was when nobody changed it.
    static void before() { mutex_.lock(); }
    static void in_parent() { mutex_.unlock(); }

    static void call_all()
    {
        for (const fork_watch* one = first_; one != nullptr; one = one->next_)
            one->in_child_(one->argument_);
        mutex_.unlock();
    }

    static inline std::mutex mutex_;
    static inline fork_watch* first_ = nullptr;

    function in_child_;
    void* argument_;
    fork_watch* next_ = nullptr;
    fork_watch* previous_ = nullptr;
};

} // namespace asio_uring::detail
