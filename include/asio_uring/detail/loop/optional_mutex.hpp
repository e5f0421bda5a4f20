// SPDX-License-Identifier: BSL-1.0
// Layer: loop. Purpose: a mutex that a context's concurrency hint may switch off, and
// that costs a few instructions where nobody contends, because every operation takes it
// twice. Thread: any. Lifetime: member of what it guards.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <atomic>

#include <sys/single_threaded.h>

namespace asio_uring::detail {

class optional_mutex
{
public:
    explicit optional_mutex(bool enabled) noexcept : enabled_(enabled) {}

    optional_mutex(const optional_mutex&) = delete;
    optional_mutex& operator=(const optional_mutex&) = delete;

    void lock() noexcept
    {
        if (!enabled_)
            return;
        if (only_thread()) {
            // Relaxed: nobody is there to order with, and the creation of a thread orders
            // what follows.
            state_.store(locked, std::memory_order_relaxed);
            return;
        }
        int expected = unlocked;
        // Acquire: pairs with the release in unlock(); the next owner sees what this one
        // wrote.
        if (!state_.compare_exchange_strong(
                expected, locked, std::memory_order_acquire, std::memory_order_relaxed))
            lock_contended();
    }

    void unlock() noexcept
    {
        if (!enabled_)
            return;
        if (only_thread())
            state_.store(unlocked, std::memory_order_relaxed);
        else if (state_.exchange(unlocked, std::memory_order_release) == contended)
            state_.notify_one();
    }

private:
    // Values of state_. A thread that sleeps has seen `contended`, so the owner that
    // leaves knows to wake.
    static constexpr int unlocked = 0;
    static constexpr int locked = 1;
    static constexpr int contended = 2;

    // glibc's own mutexes do the same: a process with one thread pays for no atomic
    // instruction.
    static bool only_thread() noexcept { return __libc_single_threaded != 0; }

    void lock_contended() noexcept
    {
        while (state_.exchange(contended, std::memory_order_acquire) != unlocked)
            state_.wait(contended, std::memory_order_relaxed);
    }

    // Immutable after construction
    const bool enabled_;

    // Any thread
    std::atomic<int> state_{unlocked};
};

/// Holds an optional_mutex. Unlike std::unique_lock it never throws, and so costs the
/// callers no path for that.
class mutex_lock
{
public:
    explicit mutex_lock(optional_mutex& mutex) noexcept : mutex_(mutex) { lock(); }

    mutex_lock(const mutex_lock&) = delete;
    mutex_lock& operator=(const mutex_lock&) = delete;

    ~mutex_lock()
    {
        if (owns_)
            mutex_.unlock();
    }

    void lock() noexcept
    {
        ASIO_URING_ASSERT(!owns_);
        mutex_.lock();
        owns_ = true;
    }

    void unlock() noexcept
    {
        ASIO_URING_ASSERT(owns_);
        mutex_.unlock();
        owns_ = false;
    }

    bool owns_lock() const noexcept { return owns_; }

private:
    optional_mutex& mutex_;
    bool owns_ = false;
};

} // namespace asio_uring::detail
