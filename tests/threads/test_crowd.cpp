// SPDX-License-Identifier: BSL-1.0
// Where threads take turns of a context, its sockets read by way of the epoll set; where
// one thread takes them, and for those that come after the others have gone, by requests
// of the ring.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/loopback.hpp"

#include <asio_uring/detail/loop/thread_census.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace asio_uring::test;
using asio_uring::detail::thread_census;
using boost::system::error_code;

/// Turns of some censuses, of which each thread takes so many in a row.
void take_turns(thread_census& census, int threads, int in_a_row = 1)
{
    constexpr int turns = 1024;
    std::vector<std::thread> all;
    std::atomic<int> next = 0;
    for (int i = 0; i != threads; ++i) {
        all.emplace_back([&, i] {
            for (int turn = i * in_a_row; turn < turns; turn += threads * in_a_row) {
                while (next != turn)
                    std::this_thread::yield();
                for (int k = 0; k != in_a_row; ++k)
                    census.count();
                next += in_a_row;
            }
        });
    }
    for (std::thread& each : all)
        each.join();
}

/// Makes the threads of a context take its handlers by turns, however the system
/// schedules them: a thread that has run one waits in its next until another has run one.
class taking_turns
{
public:
    taking_turns(ring::io_context& context, std::size_t threads)
        : context_(context), alone_(threads == 1)
    {}

    void next()
    {
        const std::thread::id self = std::this_thread::get_id();
        const auto limit = std::chrono::steady_clock::now() + wait_limit;
        while (!alone_ && last_ == self && !context_.stopped() &&
               std::chrono::steady_clock::now() < limit)
            std::this_thread::yield();
        last_ = self;
    }

private:
    ring::io_context& context_;
    bool alone_;
    std::atomic<std::thread::id> last_ = std::thread::id{};
};

/// Two sockets that send a byte to and fro.
class rally
{
public:
    rally(ring::io_context& context, taking_turns& turns) : turns_(turns), link_(context)
    {
        hit(link_.first, link_.second);
    }

    std::size_t hits() const { return hits_; }

private:
    void hit(ring::socket& from, ring::socket& to)
    {
        from.write_some(asio::buffer("x", 1));
        to.async_read_some(asio::buffer(data_), [&](error_code ec, std::size_t) {
            if (!ec) {
                turns_.next();
                ++hits_;
                hit(to, from);
            }
        });
    }

    taking_turns& turns_;
    loopback_pair<ring> link_;
    // Larger than what comes, so that each read finds all of it and the next waits.
    char data_[8] = {};
    std::atomic<std::size_t> hits_ = 0;
};

/// Several of them in a context that so many threads run.
class rallies
{
public:
    explicit rallies(std::size_t threads) : turns_(context_, threads)
    {
        for (int i = 0; i != 8; ++i)
            all_.push_back(std::make_unique<rally>(context_, turns_));
        for (std::size_t i = 0; i != threads; ++i)
            threads_.emplace_back([&] { context_.run_for(4 * wait_limit); });
    }

    ~rallies()
    {
        context_.stop();
        for (std::thread& each : threads_)
            each.join();
    }

    /// Requests of the ring for each of some thousand hits.
    double requests_per_hit()
    {
        const std::size_t hits = total();
        const auto requests = asio_uring::counters(context_).operations;
        const auto limit = std::chrono::steady_clock::now() + wait_limit;
        while (total() < hits + 2000 && std::chrono::steady_clock::now() < limit)
            std::this_thread::yield();
        const auto made = asio_uring::counters(context_).operations - requests;
        return static_cast<double>(made) / static_cast<double>(total() - hits);
    }

private:
    std::size_t total() const
    {
        std::size_t sum = 0;
        for (const auto& each : all_)
            sum += each->hits();
        return sum;
    }

    ring::io_context context_;
    taking_turns turns_;
    std::vector<std::unique_ptr<rally>> all_;
    std::vector<std::thread> threads_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_crowd)

BOOST_AUTO_TEST_CASE(census_of_turns_that_change_hands_tells_of_a_crowd)
{
    for (const int threads : {2, 3, 8}) {
        thread_census census;
        take_turns(census, threads);
        BOOST_TEST(census.crowded());
        take_turns(census, 1);
        BOOST_TEST(!census.crowded());
    }
}

BOOST_AUTO_TEST_CASE(census_of_turns_that_seldom_change_hands_tells_of_none)
{
    thread_census census;
    take_turns(census, 1);
    take_turns(census, 2, 64);
    BOOST_TEST(!census.crowded());
}

BOOST_AUTO_TEST_CASE(sockets_of_many_threads_read_without_requests)
{
    for (const std::size_t threads : {2U, 4U}) {
        if (ring_is_forbidden()) {
            BOOST_TEST(rallies(threads).requests_per_hit() == 0);
            continue;
        }
        rallies crowd(threads);
        double least = 1;
        const auto limit = std::chrono::steady_clock::now() + wait_limit;
        while (least > 0.01 && std::chrono::steady_clock::now() < limit)
            least = std::min(least, crowd.requests_per_hit());
        BOOST_TEST(least <= 0.01);
    }
}

BOOST_AUTO_TEST_CASE(sockets_of_one_thread_read_by_requests)
{
    rallies one(1);
    one.requests_per_hit();
    BOOST_TEST(one.requests_per_hit() > (ring_is_forbidden() ? -1 : 0.5));
}

BOOST_AUTO_TEST_SUITE_END()
