// SPDX-License-Identifier: BSL-1.0
// The promises of kevy-uring: three system calls, shared cursors, batches, multishot
// receive from a buffer ring, ownership.
#include "../ring/in_child.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/raw_ring.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/buffer_ring.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

using std::chrono::steady_clock;

/// Ends this process at any system call that is not listed.
bool allow_only(std::initializer_list<long> calls)
{
    std::vector<::sock_filter> program{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    auto after = static_cast<std::uint8_t>(calls.size());
    for (const long call : calls) {
        const auto number = static_cast<std::uint32_t>(call);
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, after, 0));
        --after;
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const ::sock_fprog filter{
        static_cast<unsigned short>(program.size()), program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_kevy_uring)

// Besides the three it maps memory and closes a descriptor; the rest of the list is what
// the C++ runtime does for memory and for the end of a process, and a sanitizer, with a
// pipe and the signal stack, to find out whether memory is there.
BOOST_AUTO_TEST_CASE(k01_ring_lives_on_three_system_calls_and_its_maps)
{
    const std::string verdict = in_child([]() -> std::string {
        if (!allow_only(
                {abi::syscall_setup,
                 abi::syscall_enter,
                 abi::syscall_register,
                 SYS_mmap,
                 SYS_munmap,
                 SYS_madvise,
                 SYS_close,
                 SYS_getpid,
                 SYS_gettid,
                 SYS_brk,
                 SYS_mprotect,
                 SYS_futex,
                 SYS_pipe2,
                 SYS_sigaltstack,
                 SYS_write,
                 SYS_exit_group}))
            return "cannot restrict the child";
        boost::system::error_code ec;
        ring r = ring::create({.entries = 4}, ec);
        if (ec || !r.try_push(op::nop{}, 5) || r.submit_and_wait(1).submitted != 1)
            return "the ring does not work";
        const bool right = r.peek()->user_data == 5;
        r.close();
        return right ? "" : "wrong completion";
    });
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(k02_regions_are_mapped_and_cursors_move_as_documented)
{
    raw_ring r{4, 8};
    BOOST_TEST(r.sq.size() >= r.params.sq_off.array + 4 * sizeof(std::uint32_t));
    BOOST_TEST(r.cq.size() >= r.params.cq_off.cqes + 8 * sizeof(abi::cqe));
    BOOST_TEST(r.sqes.size() == 4 * sizeof(abi::sqe));
    // We move the tail of submissions and the head of completions, the kernel the others.
    for (std::uint32_t round = 0; round != 10; ++round) {
        const std::uint32_t base = 3 * round;
        for (std::uint64_t index = 0; index != 3; ++index) {
            abi::sqe* entry = r.submission.try_claim();
            BOOST_REQUIRE(entry != nullptr);
            op::nop{}.prepare(*entry);
            entry->user_data = index;
        }
        BOOST_TEST(r.counters() == (shared_counters{base, base, base, base}));
        r.submission.publish();
        BOOST_TEST(r.counters() == (shared_counters{base, base + 3, base, base}));
        BOOST_TEST(r.enter(3, 3, abi::enter_getevents) == 3);
        BOOST_TEST(r.counters() == (shared_counters{base + 3, base + 3, base, base + 3}));
        r.completion.advance(3);
        BOOST_TEST(
            r.counters() == (shared_counters{base + 3, base + 3, base + 3, base + 3}));
    }
}

namespace {

/// The kernel's side of two queues over plain memory, as a thread: it takes each entry
/// and completes it with the number it carries. ThreadSanitizer sees both sides, which it
/// does not with the real kernel.
struct model_kernel
{
    static constexpr std::uint32_t sq_size = 4;
    static constexpr std::uint32_t cq_size = 4;

    struct alignas(64) word
    {
        std::uint32_t value = 0;
    };
    word sq_head, sq_tail, sq_flags, dropped, cq_head, cq_tail, cq_flags, overflow;
    std::array<abi::sqe, sq_size> sqes{};
    std::array<abi::cqe, cq_size> cqes{};

    submission_queue submission{
        {&sq_head.value,
         &sq_tail.value,
         &sq_flags.value,
         &dropped.value,
         sqes.data(),
         sq_size,
         0}};
    completion_queue completion{
        {&cq_head.value,
         &cq_tail.value,
         &cq_flags.value,
         &overflow.value,
         cqes.data(),
         cq_size,
         0,
         false}};

    static std::uint32_t acquire(word& shared)
    {
        return std::atomic_ref{shared.value}.load(std::memory_order_acquire);
    }
    static void release(word& shared, std::uint32_t value)
    {
        std::atomic_ref{shared.value}.store(value, std::memory_order_release);
    }

    void run(std::uint32_t total, steady_clock::time_point deadline)
    {
        for (std::uint32_t done = 0; done != total;) {
            if (acquire(sq_tail) == done || done - acquire(cq_head) == cq_size) {
                if (steady_clock::now() > deadline)
                    return;
                std::this_thread::yield();
                continue;
            }
            const abi::sqe taken = sqes[done % sq_size];
            release(sq_head, done + 1);
            cqes[done % cq_size] = {taken.user_data, taken.fd, 0};
            release(cq_tail, ++done);
        }
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(k02_cursors_order_entries_between_two_threads)
{
    constexpr std::uint32_t total = 100'000;
    model_kernel kernel;
    const auto deadline = end_of_patience();
    std::thread other{[&] { kernel.run(total, deadline); }};
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    std::uint32_t wrong = 0;
    while (received != total && steady_clock::now() < deadline) {
        const std::uint32_t before = sent + received;
        abi::sqe* entry = sent == total ? nullptr : kernel.submission.try_claim();
        if (entry != nullptr) {
            op::close{.fd = static_cast<int>(sent)}.prepare(*entry);
            entry->user_data = std::uint64_t{sent} << 32;
            ++sent;
            kernel.submission.publish();
        }
        kernel.completion.for_each([&](const abi::cqe& result) {
            wrong += result.user_data == std::uint64_t{received} << 32 &&
                             result.res == static_cast<int>(received)
                         ? 0U
                         : 1U;
            ++received;
        });
        if (sent + received == before)
            std::this_thread::yield();
    }
    other.join();
    BOOST_TEST(received == total);
    BOOST_TEST(wrong == 0);
}

namespace {

struct counted_calls
{
    int enters = 0;
    int others = 0; ///< between the two marks
};

/// Runs `body` in a child that is stopped at each system call, and counts them from its
/// first to its second getppid(). None if tracing is forbidden here.
template <class Body>
std::optional<counted_calls> count_calls(Body body)
{
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
            ::_exit(1);
        ::raise(SIGSTOP);
        body();
        ::_exit(0);
    }
    counted_calls counted;
    int marks = 0;
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFSTOPPED(status))
        return std::nullopt;
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD);
    while (WIFSTOPPED(status)) {
        ::__ptrace_syscall_info info{};
        const bool at_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        if (at_call && ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_ENTRY)
        {
            const auto number = static_cast<long>(info.entry.nr);
            if (number == SYS_getppid)
                ++marks;
            else if (marks == 1)
                ++(number == abi::syscall_enter ? counted.enters : counted.others);
        }
        ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
        ::waitpid(child, &status, 0);
    }
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    BOOST_TEST(marks == 2);
    return counted;
}

} // namespace

BOOST_AUTO_TEST_CASE(k03_batch_of_many_operations_is_one_kernel_entry)
{
    const auto counted = count_calls([] {
        ring r{{.entries = 64}};
        std::uint64_t bytes[64]{};
        const unique_fd zero{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
        ::syscall(SYS_getppid);
        unsigned pushed = 0;
        for (std::uint64_t& target : bytes) {
            const op::read read{.fd = zero.get(), .data = &target, .size = 8};
            pushed += r.try_push(read, 0) ? 1U : 0U;
        }
        const submit_result result = r.submit_and_wait(64);
        const unsigned reaped = r.for_each_completion([](const abi::cqe&) {});
        ::syscall(SYS_getppid);
        if (pushed != 64 || result.submitted != 64 || reaped != 64)
            ::_exit(2);
    });
    if (!counted)
        ASIO_URING_SKIP("a process may not trace its child here");
    BOOST_TEST(counted->enters == 1);
    BOOST_TEST(counted->others == 0);
}

BOOST_AUTO_TEST_CASE(k04_multishot_recv_fills_a_buffer_ring_that_is_refilled)
{
    ring r{{.entries = 8}};
    const fd_pair pair = tcp_pair();
    constexpr std::uint32_t count = 4;
    constexpr std::uint32_t size = 256;
    std::array<char, count * size> memory{};
    buffer_ring buffers{r, {.group = 3, .entries = count}};
    for (std::uint16_t id = 0; id != count; ++id)
        buffers.add(id, memory.data() + id * size, size);
    buffers.commit();
    push(
        r,
        op::recv{.fd = pair.second.get(), .ioprio = abi::recv_multishot, .group = 3},
        1);
    BOOST_TEST(r.submit().submitted == 1);
    // One request serves ten times what the ring holds.
    for (char round = 0; round != 10; ++round) {
        const std::string block(count * size, static_cast<char>('a' + round));
        BOOST_REQUIRE(
            ::send(pair.first.get(), block.data(), block.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(block.size()));
        std::string received;
        while (received.size() < block.size()) {
            const abi::cqe entry = reap_one(r);
            BOOST_REQUIRE(entry.user_data == 1);
            const auto taken = buffers.take(entry);
            if (taken) {
                received.append(
                    reinterpret_cast<const char*>(taken->data.data()),
                    taken->data.size());
                buffers.give_back(taken->id);
                buffers.commit();
            }
            // It outran the refill: the same request again.
            if (!has_more(entry)) {
                BOOST_TEST(entry.res == -ENOBUFS);
                const op::recv again{
                    .fd = pair.second.get(), .ioprio = abi::recv_multishot, .group = 3};
                push(r, again, 1);
            }
        }
        BOOST_TEST(received == block);
    }
    BOOST_TEST(buffers.available() == count);
    push(r, op::async_cancel{.user_data = 1}, 2);
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(2) == 0);
    BOOST_TEST(!has_more(done.of(1)));
}

BOOST_AUTO_TEST_CASE(k06_push_of_an_accept_says_whether_there_was_room)
{
    const bound_socket listener = make_listener();
    ring r{{.entries = 1}};
    const op::accept accept{.fd = listener.get(), .flags = SOCK_CLOEXEC};
    BOOST_TEST(r.try_push(accept, 1) == true);
    BOOST_TEST(r.try_push(accept, 2) == false);
    const unique_fd client = connect_to(listener);
    BOOST_TEST(r.submit_and_wait(1).submitted == 1);
    BOOST_REQUIRE(r.peek() != nullptr);
    BOOST_TEST(r.peek()->user_data == 1);
    const unique_fd server{r.peek()->res};
    BOOST_TEST(server.get() > 2);
    r.advance(1);
    BOOST_TEST(is_quiet(r));
}

namespace {

struct held_resources
{
    std::ptrdiff_t descriptors;
    std::ptrdiff_t maps;

    bool operator==(const held_resources&) const = default;

    static held_resources now()
    {
        held_resources held{0, 0};
        for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
            std::error_code ec;
            const auto target = std::filesystem::read_symlink(entry.path(), ec);
            held.descriptors += target.string().find("[io_uring]") != std::string::npos;
        }
        std::ifstream maps{"/proc/self/maps"};
        for (std::string line; std::getline(maps, line);)
            held.maps += line.find("[io_uring]") != std::string::npos;
        return held;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(k07_ring_owns_descriptor_and_maps_and_frees_them_on_every_path)
{
    const auto before = held_resources::now();
    const auto with_one = held_resources{before.descriptors + 1, before.maps + 2};
    BOOST_TEST_REQUIRE((before == held_resources::now()));
    {
        ring r{{.entries = 4}};
        BOOST_TEST((held_resources::now() == with_one));
        ring moved{std::move(r)};
        BOOST_TEST((held_resources::now() == with_one));
        // What the target held is freed, what the source held is taken over.
        ring target{{.entries = 8}};
        target = std::move(moved);
        BOOST_TEST((held_resources::now() == with_one));
        target.close();
        BOOST_TEST((held_resources::now() == before));
        target.close();
    }
    BOOST_TEST((held_resources::now() == before));
    try {
        const ring r{{.entries = 4}};
        throw std::runtime_error{"unwinding"};
    }
    catch (const std::runtime_error&) {
        BOOST_TEST((held_resources::now() == before));
    }
    // A refused one holds nothing.
    boost::system::error_code ec;
    const ring refused = ring::create({.entries = 4, .cq_entries = 2}, ec);
    BOOST_TEST(ec.failed());
    BOOST_TEST((held_resources::now() == before));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
