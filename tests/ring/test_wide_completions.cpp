// SPDX-License-Identifier: BSL-1.0
// The second half of completions of 32 bytes, and the operation that needs it.
#include "../support/plain_sockets.hpp"
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/ring.hpp>
#include <asio_uring/ring/tx_timestamp_result.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <ctime>
#include <vector>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

namespace asio_uring::test {

namespace {

constexpr std::uint32_t wide_layouts[] = {abi::setup_cqe32, abi::setup_cqe_mixed};

bool kernel_has(std::uint32_t layout)
{
    return kernel_features::running().supports_setup(layout);
}

/// A datagram socket that stamps what it sends, connected to a second one.
struct stamping_socket
{
    stamping_socket() : receiver{make_bound(SOCK_DGRAM)}
    {
        fd.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const int asked = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
                          SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
        BOOST_REQUIRE(
            ::setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMPING, &asked, sizeof asked) ==
            0);
        BOOST_REQUIRE(
            ::connect(fd.get(), receiver.address.get(), receiver.address.size) == 0);
    }
    bound_socket receiver;
    detail::unique_fd fd;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_wide_completions)

BOOST_AUTO_TEST_CASE(second_half_of_a_completion_is_what_the_kernel_wrote)
{
    if (!kernel_has(abi::setup_cqe_mixed))
        ASIO_URING_SKIP("the kernel fills no second half on request (6.18)");
    for (const std::uint32_t layout : wide_layouts) {
        ring r{ring_options{.entries = 4, .flags = layout}};
        for (std::uint64_t round = 0; round != 20; ++round) {
            BOOST_REQUIRE(r.try_push(op::nop{.flags = abi::nop_cqe32}, round));
            // The kernel copies two words of such a no-operation.
            abi::sqe& entry = r.sqe_at(r.claimed() - 1);
            entry.off = 1000 + round;
            entry.addr = 2000 + round;
            BOOST_REQUIRE(!r.submit_and_wait(1).ec);
            const unsigned count = r.for_each_completion([&](const abi::cqe& done) {
                const abi::wide_cqe* whole = r.as_wide(done);
                BOOST_REQUIRE(whole != nullptr);
                BOOST_TEST(whole->user_data == round);
                BOOST_TEST(whole->extra[0] == 1000 + round);
                BOOST_TEST(whole->extra[1] == 2000 + round);
                const abi::cqe copy = done;
                BOOST_TEST(r.as_wide(copy) == nullptr);
            });
            BOOST_TEST(count == 1);
        }
    }
}

BOOST_AUTO_TEST_CASE(completion_of_sixteen_bytes_has_no_second_half)
{
    for (const std::uint32_t layout : {std::uint32_t{0}, abi::setup_cqe_mixed}) {
        if (!kernel_has(layout))
            continue;
        ring r{ring_options{.entries = 4, .flags = layout}};
        BOOST_REQUIRE(r.try_push(op::nop{}, 1));
        BOOST_REQUIRE(!r.submit_and_wait(1).ec);
        BOOST_REQUIRE(r.peek() != nullptr);
        BOOST_TEST(r.as_wide(*r.peek()) == nullptr);
    }
}

BOOST_AUTO_TEST_CASE(transmit_time_stamps_arrive_with_their_time)
{
    for (const std::uint32_t layout : wide_layouts) {
        if (!kernel_has(layout))
            continue;
        ring r{ring_options{.entries = 4, .flags = layout}};
        const stamping_socket socket;
        std::timespec before{};
        ::clock_gettime(CLOCK_REALTIME, &before);
        for (int packet = 0; packet != 2; ++packet)
            BOOST_REQUIRE(::send(socket.fd.get(), "x", 1, 0) == 1);
        BOOST_REQUIRE(r.try_push(op::tx_timestamp{.fd = socket.fd.get()}, 1));

        std::vector<tx_timestamp_result> stamps;
        int last = 0;
        for (bool ended = false; !ended && stamps.size() < 2;) {
            const auto limit =
                std::chrono::steady_clock::now() + std::chrono::seconds{10};
            BOOST_REQUIRE(!r.submit_and_wait({.deadline = limit}).ec);
            r.for_each_completion([&](const abi::cqe& done) {
                if (const auto stamp = tx_timestamp_result::parse(r.completion(), done))
                    stamps.push_back(*stamp);
                ended = (done.flags & abi::cqe_f_more) == 0;
                last = done.res;
            });
        }
        if (stamps.empty() && (last == -EOPNOTSUPP || last == -EINVAL))
            ASIO_URING_SKIP("the kernel reports no time stamps to rings (6.17)");
        BOOST_REQUIRE(stamps.size() == 2);
        for (unsigned packet = 0; packet != 2; ++packet) {
            BOOST_TEST(stamps[packet].key == packet);
            BOOST_TEST(stamps[packet].type == unsigned{SCM_TSTAMP_SND});
            BOOST_TEST(!stamps[packet].hardware);
            const auto seconds = static_cast<std::uint64_t>(before.tv_sec);
            BOOST_TEST(stamps[packet].time.tv_sec >= seconds);
            BOOST_TEST(stamps[packet].time.tv_sec <= seconds + 10);
            BOOST_TEST(stamps[packet].time.tv_nsec < 1'000'000'000);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
