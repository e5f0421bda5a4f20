// SPDX-License-Identifier: BSL-1.0
// Purpose: many small asynchronous tasks, of which a bounded number is in flight.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

namespace example {

/// Begins tasks in their order. A task calls finished() once when it is over; before that
/// it may add more. One thread runs all of it.
class task_queue
{
public:
    explicit task_queue(std::size_t in_flight_max) : in_flight_max_(in_flight_max) {}

    void add(std::function<void()> task)
    {
        waiting_.push_back(std::move(task));
        begin();
    }

    void finished()
    {
        --in_flight_;
        begin();
    }

private:
    void begin()
    {
        while (in_flight_ != in_flight_max_ && !waiting_.empty()) {
            const std::function<void()> task = std::move(waiting_.front());
            waiting_.pop_front();
            ++in_flight_;
            task();
        }
    }

    std::size_t in_flight_max_;
    std::size_t in_flight_ = 0;
    std::deque<std::function<void()>> waiting_;
};

} // namespace example
