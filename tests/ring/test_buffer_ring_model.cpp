// SPDX-License-Identifier: BSL-1.0
// A long random run of one buffer group against a model: every buffer has one owner,
// every byte arrives once and in order, and the 16-bit tail wraps.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/provided_buffers.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <random>
#include <vector>

namespace asio_uring::test {

namespace {

constexpr std::uint32_t count = 8;
constexpr std::uint32_t size = 48;
constexpr std::uint16_t group = 9;

/// A stream through a socket pair into the group. The byte at position n is pattern(n).
class run_of_a_group
{
public:
    run_of_a_group(std::uint32_t ring_flags, bool incremental, unsigned seed)
        : ring_{ring_options{.entries = 4, .cq_entries = 64, .flags = ring_flags}},
          random_{seed}
    {
        boost::system::error_code ec;
        buffers_ = provided_buffers::create(
            ring_,
            {.group = group, .count = count, .size = size, .incremental = incremental},
            ec);
        incremental_ = incremental;
        ours_.assign(count, false);
        used_.assign(count, 0);
    }

    bool usable() const { return static_cast<bool>(buffers_); }

    /// Goes on until `goal` buffers were given back; false when something was wrong.
    bool run(std::uint64_t goal)
    {
        while (given_back_ < goal && right_) {
            send_some();
            if (!armed_)
                arm();
            receive();
            give_some_back();
        }
        return right_;
    }

    std::uint64_t given_back() const { return given_back_; }
    std::uint64_t received() const { return received_; }
    unsigned rearmed() const { return rearmed_; }
    unsigned wide() const { return wide_; }
    const provided_buffers& buffers() const { return buffers_; }

private:
    static char pattern(std::uint64_t position)
    {
        return static_cast<char>(position * 31 + (position >> 8));
    }

    unsigned below(unsigned limit)
    {
        return std::uniform_int_distribution<unsigned>{0, limit - 1}(random_);
    }

    void send_some()
    {
        std::vector<char> bytes(1 + below(3 * size));
        for (std::size_t i = 0; i != bytes.size(); ++i)
            bytes[i] = pattern(sent_ + i);
        const ssize_t n =
            ::send(pair_.second.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (n > 0)
            sent_ += static_cast<std::uint64_t>(n);
    }

    /// Multishot or once, bundled or not.
    void arm()
    {
        std::uint16_t ioprio = below(2) == 0 ? std::uint16_t{0} : abi::recv_multishot;
        if (below(2) == 0 && (ring_.features() & abi::feat_recvsend_bundle) != 0)
            ioprio = static_cast<std::uint16_t>(ioprio | abi::recvsend_bundle);
        const op::recv receive{.fd = pair_.first.get(), .ioprio = ioprio, .group = group};
        armed_ = ring_.try_push(receive, 1);
        check(armed_);
        ++rearmed_;
    }

    void receive()
    {
        for (const abi::cqe& entry : reap_ready(ring_)) {
            check(entry.user_data == 1 && armed_);
            armed_ = has_more(entry);
            const std::uint64_t before = received_;
            const unsigned spanned = buffers_.for_each(
                entry, [this](const taken_buffer& taken) { see(taken); });
            wide_ += spanned > 1 ? 1U : 0U;
            check(entry.res > 0 || entry.res == -ENOBUFS);
            check(received_ - before == (entry.res > 0 ? unsigned(entry.res) : 0U));
            check((spanned != 0) == (entry.res > 0));
        }
        check(buffers_.available() + waiting_.size() == count);
    }

    void see(const taken_buffer& taken)
    {
        check(taken.id < count && !ours_[taken.id]);
        const std::span<std::byte> memory = buffers_.memory(taken.id);
        check(taken.data.data() == memory.data() + used_[taken.id]);
        used_[taken.id] += taken.data.size();
        check(used_[taken.id] <= size);
        check(!taken.more || incremental_);
        check(!incremental_ || taken.more == (used_[taken.id] < size));
        for (std::byte byte : taken.data)
            check(static_cast<char>(byte) == pattern(received_++));
        if (!taken.more) {
            ours_[taken.id] = true;
            waiting_.push_back(taken.id);
        }
    }

    /// Some of what is ours, in any order; sometimes nothing, so that the group runs dry.
    void give_some_back()
    {
        std::shuffle(waiting_.begin(), waiting_.end(), random_);
        for (std::size_t n = below(count + 1); n != 0 && !waiting_.empty(); --n) {
            const std::uint16_t id = waiting_.back();
            waiting_.pop_back();
            ours_[id] = false;
            used_[id] = 0;
            buffers_.give_back(id);
            ++given_back_;
        }
    }

    void check(bool holds) { right_ = right_ && holds; }

    ring ring_;
    provided_buffers buffers_;
    fd_pair pair_ = socket_pair();
    std::mt19937 random_;
    bool incremental_ = false;

    // The model
    std::vector<bool> ours_;             ///< by id
    std::vector<std::size_t> used_;      ///< bytes seen of the buffer, by id
    std::vector<std::uint16_t> waiting_; ///< ours, to be given back
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t given_back_ = 0;
    unsigned rearmed_ = 0;
    unsigned wide_ = 0;
    bool armed_ = false;
    bool right_ = true;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_buffer_ring_model)

BOOST_AUTO_TEST_CASE(every_buffer_has_one_owner_and_every_byte_arrives_once_over_a_wrap)
{
    unsigned seed = 1;
    for (std::uint32_t flags : ring_kinds) {
        run_of_a_group model{flags, false, seed};
        BOOST_REQUIRE(model.usable());
        // Each give-back moves the 16-bit tail by one.
        BOOST_TEST(model.run(70000), "seed " << seed);
        BOOST_TEST(model.given_back() > 65536U);
        BOOST_TEST(model.received() > 65536U);
        BOOST_TEST(
            (model.buffers().entries().tail() ==
             static_cast<std::uint16_t>(model.given_back() + count)));
        BOOST_TEST(model.rearmed() > 100U);
        BOOST_TEST(model.wide() > 100U);
        ++seed;
    }
}

BOOST_AUTO_TEST_CASE(incremental_buffers_keep_the_same_promises)
{
    run_of_a_group model{0, true, 77};
    if (!model.usable())
        ASIO_URING_SKIP("the kernel has no incremental buffer rings (6.12)");
    BOOST_TEST(model.run(70000));
    BOOST_TEST(model.given_back() > 65536U);
    BOOST_TEST(model.rearmed() > 100U);
    BOOST_TEST(model.wide() > 100U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
