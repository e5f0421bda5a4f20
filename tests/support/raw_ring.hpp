// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a ring set up by the three system calls alone, so that a
// test can read the words both sides share. Thread: the test's own. Lifetime: owns the
// descriptor and the maps.
#pragma once

#include <asio_uring/detail/ring/mapping.hpp>
#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>
#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/completion_queue.hpp>
#include <asio_uring/ring/submission_queue.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>

namespace asio_uring::test {

/// Where the shared words stand now.
struct shared_counters
{
    std::uint32_t sq_head;
    std::uint32_t sq_tail;
    std::uint32_t cq_head;
    std::uint32_t cq_tail;

    bool operator==(const shared_counters&) const = default;
};

inline std::ostream& operator<<(std::ostream& stream, const shared_counters& counters)
{
    return stream << "sq " << counters.sq_head << ".." << counters.sq_tail << " cq "
                  << counters.cq_head << ".." << counters.cq_tail;
}

class raw_ring
{
public:
    raw_ring(unsigned entries, unsigned cq_entries)
    {
        params.flags = abi::setup_cqsize;
        params.cq_entries = cq_entries;
        fd.reset(detail::sys_setup(entries, params));
        BOOST_REQUIRE(fd.get() >= 0);
        map();
        fill_index_array();
        submission = submission_queue{
            {sq_word(params.sq_off.head),
             sq_word(params.sq_off.tail),
             sq_word(params.sq_off.flags),
             sq_word(params.sq_off.dropped),
             sqes.at<abi::sqe>(0),
             params.sq_entries,
             0}};
        completion = completion_queue{
            {cq_word(params.cq_off.head),
             cq_word(params.cq_off.tail),
             cq_word(params.cq_off.flags),
             cq_word(params.cq_off.overflow),
             cq.at<abi::cqe>(params.cq_off.cqes),
             params.cq_entries,
             0,
             false}};
    }

    int enter(unsigned to_submit, unsigned min_complete, std::uint32_t flags)
    {
        return detail::sys_enter(
            fd.get(), to_submit, min_complete, flags, nullptr, abi::kernel_sigset_size);
    }

    shared_counters counters() const
    {
        return {
            load(sq_word(params.sq_off.head)),
            load(sq_word(params.sq_off.tail)),
            load(cq_word(params.cq_off.head)),
            load(cq_word(params.cq_off.tail))};
    }

    abi::setup_params params{};
    detail::unique_fd fd;
    // Three maps, as every kernel gives them.
    detail::mapping sq;
    detail::mapping cq;
    detail::mapping sqes;
    submission_queue submission;
    completion_queue completion;

private:
    static std::uint32_t load(std::uint32_t* word)
    {
        return std::atomic_ref{*word}.load(std::memory_order_acquire);
    }
    std::uint32_t* sq_word(std::uint32_t offset) const
    {
        return sq.at<std::uint32_t>(offset);
    }
    std::uint32_t* cq_word(std::uint32_t offset) const
    {
        return cq.at<std::uint32_t>(offset);
    }

    void map()
    {
        sq = mapped(
            abi::off_sq_ring,
            params.sq_off.array + params.sq_entries * sizeof(std::uint32_t));
        cq = mapped(
            abi::off_cq_ring, params.cq_off.cqes + params.cq_entries * sizeof(abi::cqe));
        sqes = mapped(abi::off_sqes, params.sq_entries * sizeof(abi::sqe));
    }
    detail::mapping mapped(std::uint64_t offset, std::size_t size)
    {
        boost::system::error_code ec;
        detail::mapping made = detail::mapping::create(fd.get(), offset, size, ec);
        BOOST_REQUIRE_MESSAGE(!ec, "mmap: " << ec.message());
        return made;
    }
    void fill_index_array()
    {
        auto* array = sq.at<std::uint32_t>(params.sq_off.array);
        for (std::uint32_t index = 0; index != params.sq_entries; ++index)
            array[index] = index;
    }
};

} // namespace asio_uring::test
