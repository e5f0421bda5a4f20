// SPDX-License-Identifier: BSL-1.0
// The promises of ringcore: raw constants, structs and the two calls. Each constant is
// held against the number the kernel documents, and where a number alone proves little,
// against the kernel.
#include "../support/plain_sockets.hpp"
#include "../support/raw_ring.hpp"
#include "../support/reap.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/raw.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>

#include <sys/eventfd.h>

#include <sched.h>

namespace asio_uring::test {

namespace {

constexpr unsigned number(abi::opcode code) { return static_cast<unsigned>(code); }
constexpr unsigned number(abi::register_op code) { return static_cast<unsigned>(code); }

volatile sig_atomic_t signals_seen = 0;
void count_signal(int) { signals_seen = signals_seen + 1; }

} // namespace

BOOST_AUTO_TEST_SUITE(test_ringcore)

BOOST_AUTO_TEST_CASE(r01_system_call_numbers_are_425_426_427)
{
    static_assert(abi::syscall_setup == 425);
    static_assert(abi::syscall_enter == 426);
    static_assert(abi::syscall_register == 427);
    // Called with nonsense, each answers as itself; another call would not.
    BOOST_TEST(detail::raw_syscall(425, 0, 0) == -EFAULT);
    const unique_fd event{::eventfd(0, EFD_CLOEXEC)};
    BOOST_TEST(detail::raw_syscall(426, event.get(), 0) == -EOPNOTSUPP);
    BOOST_TEST(detail::raw_syscall(427, event.get(), 0) == -EOPNOTSUPP);
}

BOOST_AUTO_TEST_CASE(r02_map_offsets_are_the_kernels_and_map_the_regions)
{
    static_assert(abi::off_sq_ring == 0);
    static_assert(abi::off_cq_ring == 0x8000000);
    static_assert(abi::off_sqes == 0x10000000);
    // Each of the three offsets maps; entries written through the third are executed, and
    // completions are read through the second.
    raw_ring r{2, 4};
    abi::sqe* entry = r.submission.try_claim();
    BOOST_REQUIRE(entry != nullptr);
    op::nop{}.prepare(*entry);
    entry->user_data = 77;
    r.submission.publish();
    BOOST_TEST(r.enter(1, 1, abi::enter_getevents) == 1);
    BOOST_REQUIRE(r.completion.ready() == 1);
    BOOST_TEST(r.completion.peek()->user_data == 77);
}

BOOST_AUTO_TEST_CASE(r03_setup_and_enter_flags_act_as_named)
{
    static_assert(abi::setup_sqpoll == 1U << 1);
    static_assert(abi::setup_cqsize == 1U << 3);
    static_assert(abi::enter_getevents == 1U << 0);
    boost::system::error_code ec;

    // The size of the completion queue is the one asked for, and only when asked for.
    for (const std::uint32_t flags : {0U, 1U << 3}) {
        abi::setup_params params{};
        params.flags = flags;
        params.cq_entries = 64;
        const unique_fd sized{raw_setup(2, params)};
        BOOST_REQUIRE(sized.get() >= 0);
        BOOST_TEST(params.cq_entries == (flags == 0 ? 4 : 64));
    }

    // A thread of the kernel consumes what was published: the program enters only to
    // wake it.
    abi::setup_params params{};
    params.flags = 1U << 1;
    ring polled = ring::adopt(raw_setup(2, params), params, ec);
    BOOST_REQUIRE(!ec);
    push(polled, op::nop{}, 5);
    polled.publish();
    const auto end = end_of_patience();
    while (polled.ready() == 0 && std::chrono::steady_clock::now() < end) {
        if (polled.needs_wakeup())
            raw_enter(polled.native_handle(), 0, 0, abi::enter_sq_wakeup);
        ::sched_yield();
    }
    BOOST_REQUIRE(polled.ready() == 1);
    BOOST_TEST(polled.peek()->user_data == 5);

    // Without the flag an enter submits and returns; with it, it waits.
    params = {};
    ring plain = ring::adopt(raw_setup(2, params), params, ec);
    BOOST_REQUIRE(!ec);
    const abi::kernel_timespec soon{0, 20'000'000};
    push(plain, op::timeout{.expiry = &soon}, 6);
    plain.publish();
    const int fd = plain.native_handle();
    BOOST_TEST(raw_enter(fd, 1, 1, 0) == 1);
    BOOST_TEST(plain.ready() == 0);
    BOOST_TEST(raw_enter(fd, 0, 1, 1U << 0) == 0);
    BOOST_TEST(plain.ready() == 1);
}

BOOST_AUTO_TEST_CASE(r04_opcodes_are_the_kernels)
{
    static_assert(number(abi::opcode::readv) == 1);
    static_assert(number(abi::opcode::writev) == 2);
    static_assert(number(abi::opcode::read_fixed) == 4);
    static_assert(number(abi::opcode::write_fixed) == 5);
    static_assert(number(abi::opcode::timeout) == 11);
    static_assert(number(abi::opcode::accept) == 13);
    static_assert(number(abi::opcode::async_cancel) == 14);
    static_assert(number(abi::opcode::connect) == 16);
    static_assert(number(abi::opcode::openat) == 18);
    static_assert(number(abi::opcode::close) == 19);
    static_assert(number(abi::opcode::read) == 22);
    static_assert(number(abi::opcode::write) == 23);
    // The aggregates carry them.
    static_assert(op::readv::code == abi::opcode::readv);
    static_assert(op::writev::code == abi::opcode::writev);
    static_assert(op::read_fixed::code == abi::opcode::read_fixed);
    static_assert(op::write_fixed::code == abi::opcode::write_fixed);
    static_assert(op::timeout::code == abi::opcode::timeout);
    static_assert(op::accept::code == abi::opcode::accept);
    static_assert(op::async_cancel::code == abi::opcode::async_cancel);
    static_assert(op::connect::code == abi::opcode::connect);
    static_assert(op::openat::code == abi::opcode::openat);
    static_assert(op::close::code == abi::opcode::close);
    static_assert(op::read::code == abi::opcode::read);
    static_assert(op::write::code == abi::opcode::write);
    BOOST_TEST(true);
}

// The seed says 15, which is the linked timeout.
BOOST_AUTO_TEST_CASE(r05_splice_is_30_and_15_is_the_linked_timeout)
{
    static_assert(number(abi::opcode::splice) == 30);
    static_assert(number(abi::opcode::link_timeout) == 15);
    ring r{ring_options{.entries = 2}};
    // A linked timeout behind nothing is refused; a splice of no file is told so.
    const abi::kernel_timespec soon{0, 1000};
    BOOST_TEST(result_of(r, op::link_timeout{.expiry = &soon}) == -EINVAL);
    BOOST_TEST(result_of(r, op::splice{.fd_in = -1, .fd_out = -1, .size = 1}) == -EBADF);
}

BOOST_AUTO_TEST_CASE(r06_multishot_accept_is_bit_zero_of_ioprio)
{
    static_assert(abi::accept_multishot == 1U << 0);
    abi::sqe entry{};
    op::accept{.fd = 3, .ioprio = abi::accept_multishot}.prepare(entry);
    BOOST_TEST(entry.ioprio == 1);
}

BOOST_AUTO_TEST_CASE(r07_entry_flags_are_the_first_six_bits)
{
    static_assert(abi::sqe_fixed_file == 1U << 0);
    static_assert(abi::sqe_io_drain == 1U << 1);
    static_assert(abi::sqe_io_link == 1U << 2);
    static_assert(abi::sqe_io_hardlink == 1U << 3);
    static_assert(abi::sqe_async == 1U << 4);
    static_assert(abi::sqe_buffer_select == 1U << 5);
    ring r{ring_options{.entries = 2}};
    // A table that is not there, a group that is not there: the bits mean what they say.
    char byte = 0;
    const op::read read{.fd = 0, .data = &byte, .size = 1};
    BOOST_TEST(result_of(r, read, 1U << 0) == -EBADF);
    const unique_fd event{::eventfd(1, EFD_CLOEXEC)};
    const op::read selecting{.fd = event.get(), .size = 8};
    BOOST_TEST(result_of(r, selecting, 1U << 5) == -ENOBUFS);
    BOOST_TEST(result_of(r, op::nop{}, 1U << 1) == 0);
    BOOST_TEST(result_of(r, op::nop{}, 1U << 4) == 0);
    // The first of a chain fails: the soft link ends it, the hard link does not.
    for (const auto& [link, second] :
         {std::pair{abi::sqe_io_link, -ECANCELED}, std::pair{abi::sqe_io_hardlink, 0}})
    {
        push(r, op::close{.fd = -1}, 1, link);
        push(r, op::nop{}, 2);
        const completions done = reap(r, 2);
        BOOST_TEST(done.res_of(1) == -EBADF);
        BOOST_TEST(done.res_of(2) == second);
    }
}

BOOST_AUTO_TEST_CASE(r08_buffer_register_calls_are_0_and_1)
{
    static_assert(number(abi::register_op::buffers) == 0);
    static_assert(number(abi::register_op::unregister_buffers) == 1);
    ring r{ring_options{.entries = 2}};
    char memory[64];
    const ::iovec buffer{memory, sizeof memory};
    BOOST_TEST(r.register_call(0U, &buffer, 1) == 0);
    BOOST_TEST(r.register_call(1U, nullptr, 0) == 0);
    BOOST_TEST(r.register_call(1U, nullptr, 0) == -ENXIO);
}

BOOST_AUTO_TEST_CASE(r09_structs_have_the_kernels_layout)
{
    static_assert(sizeof(abi::sqe) == 64 && sizeof(abi::cqe) == 16);
    static_assert(sizeof(abi::sq_offsets) == 40 && sizeof(abi::cq_offsets) == 40);
    static_assert(sizeof(abi::setup_params) == 120);
    static_assert(sizeof(abi::kernel_timespec) == 16);
    static_assert(sizeof(abi::kernel_timespec::sec) == 8);
    static_assert(sizeof(abi::kernel_timespec::nsec) == 8);
    static_assert(offsetof(abi::sqe, user_data) == 32 && offsetof(abi::sqe, len) == 24);
    static_assert(offsetof(abi::sqe, off) == 8 && offsetof(abi::sqe, addr) == 16);
    static_assert(offsetof(abi::sqe, rw_flags) == 28);
    static_assert(offsetof(abi::sqe, buf_index) == 40);
    static_assert(offsetof(abi::cqe, res) == 8 && offsetof(abi::cqe, flags) == 12);
    static_assert(offsetof(abi::sq_offsets, array) == 24);
    static_assert(offsetof(abi::cq_offsets, cqes) == 20);
    static_assert(offsetof(abi::setup_params, features) == 20);
    static_assert(offsetof(abi::setup_params, sq_off) == 40);
    static_assert(offsetof(abi::setup_params, cq_off) == 80);
    // The kernel fills the struct it was given, and not a byte behind it.
    struct
    {
        abi::setup_params params{};
        std::uint64_t guard = 0x1122334455667788;
    } given;
    const unique_fd made{detail::sys_setup(3, given.params)};
    BOOST_REQUIRE(made.get() >= 0);
    BOOST_TEST(given.guard == 0x1122334455667788);
    BOOST_TEST(given.params.sq_entries == 4);
    BOOST_TEST(given.params.cq_entries == 8);
    BOOST_TEST(given.params.cq_off.cqes != 0);
}

// The seed passes sizeof(sigset_t), 128 here; the kernel's set has 8 bytes.
BOOST_AUTO_TEST_CASE(r10_enter_takes_a_signal_mask_of_eight_bytes)
{
    struct sigaction action
    {};
    struct sigaction before
    {};
    action.sa_handler = count_signal;
    ::sigaction(SIGUSR1, &action, &before);
    sigset_t blocked;
    sigset_t mask_before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &mask_before);
    signals_seen = 0;
    ::raise(SIGUSR1);
    BOOST_TEST(signals_seen == 0);

    raw_ring r{2, 4};
    sigset_t open;
    ::sigemptyset(&open);
    const auto wait = [&](std::size_t mask_size) {
        return detail::sys_enter(
            r.fd.get(), 0, 1, abi::enter_getevents, &open, mask_size);
    };
    BOOST_TEST(wait(sizeof(sigset_t)) == -EINVAL);
    BOOST_TEST(signals_seen == 0);
    // The mask lets the signal in, and the signal ends the wait.
    BOOST_TEST(wait(abi::kernel_sigset_size) == -EINTR);
    BOOST_TEST(signals_seen == 1);

    ::pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
    ::sigaction(SIGUSR1, &before, nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
