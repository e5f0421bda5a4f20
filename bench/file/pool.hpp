// SPDX-License-Identifier: BSL-1.0
// Benchmarks, files. What a program does without asynchronous files: four threads make
// the calls, and post their results to the context.
// Thread: run() on one thread. Lifetime: the pool's threads end with it.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench {

// Work has call(), made by a thread of the pool, and finish(), on the context. begin()
// says what is next.
template <typename Work>
class pool
{
public:
    explicit pool(std::size_t depth) : works_(depth) {}

    template <typename Begin>
    void run(std::uint64_t count, Begin begin)
    {
        std::uint64_t left = count;
        auto guard = boost::asio::make_work_guard(context_);
        std::uint64_t unfinished = count;
        const auto step = [&](auto& self, Work& one) -> void {
            if (left == 0)
                return;
            --left;
            begin(one);
            boost::asio::post(threads_, [&, this] {
                one.call();
                boost::asio::post(context_, [&] {
                    one.finish();
                    if (--unfinished == 0)
                        guard.reset();
                    self(self, one);
                });
            });
        };
        boost::asio::post(context_, [&] {
            for (Work& one : works_)
                step(step, one);
        });
        context_.restart();
        context_.run();
    }

private:
    std::vector<Work> works_;
    boost::asio::io_context context_{1};
    boost::asio::thread_pool threads_{4};
};

} // namespace bench
