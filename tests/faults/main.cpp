// SPDX-License-Identifier: BSL-1.0
// The models of the other programs, on a kernel that refuses one entry in twenty for no
// reason of the program's, and takes a part of another one in twenty.
#include "../support/bounded_main.hpp"

#include <asio_uring/detail/ring/syscall.hpp>
#include <asio_uring/op/nop.hpp>
#include <asio_uring/ring/ring.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <random>

namespace {

std::atomic<std::uint64_t> refused{0};
std::atomic<std::uint64_t> taken_in_part{0};

unsigned pick(unsigned count) noexcept
{
    thread_local std::minstd_rand random(std::random_device{}());
    return static_cast<unsigned>(random() % count);
}

int real_enter(
    int fd,
    unsigned to_submit,
    unsigned min_complete,
    std::uint32_t flags,
    const void* argument,
    std::size_t size) noexcept
{
    namespace abi = asio_uring::abi;
    using asio_uring::detail::raw_syscall;
    using asio_uring::detail::word_of;
    return static_cast<int>(raw_syscall(
        abi::syscall_enter,
        fd,
        to_submit,
        min_complete,
        flags,
        word_of(argument),
        static_cast<long>(size)));
}

} // namespace

int asio_uring::detail::faulty_enter(
    int fd,
    unsigned to_submit,
    unsigned min_complete,
    std::uint32_t flags,
    const void* argument,
    std::size_t size) noexcept
{
    constexpr int refusals[] = {-EAGAIN, -EBUSY, -EINTR};
    const bool does_something = to_submit != 0 || min_complete != 0;
    switch (does_something ? pick(20) : 20) {
    case 0:
        ++refused;
        return refusals[pick(std::size(refusals))];
    case 1:
        if (to_submit < 2)
            break;
        // An entry that fails to submit all of it does not wait.
        ++taken_in_part;
        flags &= ~(abi::enter_getevents | abi::enter_ext_arg | abi::enter_abs_timer);
        return real_enter(fd, 1 + pick(to_submit - 1), 0, flags, nullptr, 0);
    default:
        break;
    }
    return real_enter(fd, to_submit, min_complete, flags, argument, size);
}

BOOST_AUTO_TEST_SUITE(test_faults)

// What the models of this program meet.
BOOST_AUTO_TEST_CASE(entries_are_refused_and_nothing_is_lost)
{
    asio_uring::ring ring{asio_uring::ring_options{.entries = 8}};
    unsigned ended = 0;
    unsigned started = 0;
    for (int round = 0; round != 2000; ++round) {
        while (asio_uring::abi::sqe* const entry = ring.try_claim()) {
            asio_uring::op::nop{}.prepare(*entry);
            ++started;
        }
        ring.enter(ring.publish(), 1, asio_uring::abi::enter_getevents);
        ended += ring.for_each_completion([](const asio_uring::abi::cqe&) {});
    }
    for (int round = 0; round != 2000 && ended != started; ++round) {
        ring.enter(ring.publish(), 0, asio_uring::abi::enter_getevents);
        ended += ring.for_each_completion([](const asio_uring::abi::cqe&) {});
    }
    BOOST_TEST(ended == started);
    BOOST_TEST(refused > 0u);
    BOOST_TEST(taken_in_part > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
