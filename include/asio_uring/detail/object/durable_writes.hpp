// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what a file knows of its durable writes: which way of them is
// the cheapest for one at a time, and whether such a way would leave something behind.
// Thread: any, but for reset(): the steps of several writes run where their handlers do.
// Lifetime: a value, part of a file.
//
// Two ways lead to the disk. The first is a write and a sync, each of which may go to a
// thread of the kernel and back. Syncs are shared, so that this is the way of several
// writers. The other is one operation, which saves a way to the thread and back. Which of
// them is faster depends on the file system, the disk and the machine, so the first lone
// writes of a file take turns and are timed.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace asio_uring::detail {

enum class durable_way : std::uint8_t
{
    steps,   // a write, and then a sync
    at_once, // one operation, which ends when the disk has the bytes
};

class durable_writes
{
public:
    using duration = std::chrono::nanoseconds;

    /// So many writes of each way are timed.
    static constexpr std::uint8_t samples_wanted = 4;

    /// A longer write is the disk's work, and takes the steps.
    static constexpr std::size_t size_max = 65536;

    /// A durable write on its way.
    struct ticket
    {
        std::uint32_t number = 0;
        std::uint32_t file = 0;
        durable_way way = durable_way::steps;
        /// Whether end() wants to know how long it took.
        bool is_timed = false;
    };

    /// Another file is open, which knows nothing yet.
    void reset() noexcept
    {
        *this = durable_writes();
        file_ = next_file();
    }

    /// A write begins. One operation may serve it where no other durable write of the
    /// file is on its way.
    ticket begin(std::size_t size, bool may_go_at_once) noexcept
    {
        const bool is_first = shared(in_flight_).fetch_add(1) == 0;
        ticket begun{.number = shared(begun_).fetch_add(1) + 1, .file = file_};
        if (!is_first || size == 0 || size > size_max)
            return begun;
        begun.is_timed = !is_found();
        if (may_go_at_once)
            begun.way = next_way();
        return begun;
    }

    /// It ends. Its time counts where it had the file for itself.
    void end(const ticket& ended, bool is_good, duration taken) noexcept
    {
        if (ended.file != file_)
            return;
        if (ended.is_timed && is_good && ended.number == shared(begun_).load())
            keep(ended.way, taken);
        shared(in_flight_).fetch_sub(1);
    }

    /// Whether the ways are compared.
    bool is_found() const noexcept
    {
        return count(durable_way::steps) == samples_wanted &&
               count(durable_way::at_once) == samples_wanted;
    }

    bool is_lone() noexcept { return shared(in_flight_).load() == 1; }

    /// The file has bytes that no durable write of it covers.
    void note_change() noexcept
    {
        shared(changed_).store(true, std::memory_order_relaxed);
    }

    /// A sync that covers them is about to begin.
    void forget_changes() noexcept
    {
        shared(changed_).store(false, std::memory_order_relaxed);
    }

    bool has_changes() noexcept
    {
        return shared(changed_).load(std::memory_order_relaxed);
    }

private:
    struct way_times
    {
        duration least{};
        std::uint8_t count = 0;
    };

    static std::size_t index(durable_way way) noexcept
    {
        return static_cast<std::size_t>(way);
    }

    std::uint8_t count(durable_way way) const noexcept
    {
        return times_[index(way)].count;
    }

    // The least time is the one that nobody else disturbed.
    durable_way next_way() const noexcept
    {
        const bool wins = is_found()
                              ? times_[index(durable_way::at_once)].least <=
                                    times_[index(durable_way::steps)].least
                              : count(durable_way::at_once) < count(durable_way::steps);
        return wins ? durable_way::at_once : durable_way::steps;
    }

    void keep(durable_way way, duration taken) noexcept
    {
        way_times& times = times_[index(way)];
        times.least = times.count == 0 ? taken : std::min(times.least, taken);
        if (times.count != samples_wanted)
            ++times.count;
    }

    // No other open file of the process has the number: the object of a file may be given
    // another while an operation of it is on its way.
    static std::uint32_t next_file() noexcept
    {
        static std::atomic<std::uint32_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;
    }

    // The members of a file are values, which an atomic is not.
    template <typename T>
    static std::atomic_ref<T> shared(T& value) noexcept
    {
        return std::atomic_ref<T>(value);
    }

    // Only for the write that found none in flight, as long as it is
    way_times times_[2];
    std::uint32_t in_flight_ = 0;
    std::uint32_t begun_ = 0;
    // Changes with each file that is opened: an operation may outlive its file.
    std::uint32_t file_ = 0;
    // What others wrote before is not known.
    bool changed_ = true;
};

} // namespace asio_uring::detail
