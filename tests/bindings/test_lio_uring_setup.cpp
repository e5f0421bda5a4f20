// SPDX-License-Identifier: BSL-1.0
// The promises of lio-uring, fourth part: each parameter of the setup, and what it does.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fstream>
#include <string>
#include <thread>

#include <sched.h>

namespace asio_uring::test {

namespace {

constexpr std::uint32_t deferred = abi::setup_single_issuer | abi::setup_defer_taskrun;

/// A ring with these flags and no others.
ring make_bare(std::uint32_t flags)
{
    return ring{{.entries = 4, .flags = flags, .optional_flags = 0}};
}

bool works(ring& r) { return result_of(r, op::nop{}) == 0; }

/// A number the kernel shows about the descriptor of a ring; -1 if it shows none.
int shown(const ring& r, const std::string& name)
{
    std::ifstream lines{"/proc/self/fdinfo/" + std::to_string(r.native_handle())};
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind(name + ':', 0) == 0)
            return std::stoi(line.substr(name.size() + 1));
    }
    return -1;
}

/// The thread that polls for the ring. The kernel does not show it while that thread is
/// at work.
int polling_thread(const ring& r)
{
    int thread = -1;
    BOOST_TEST(eventually([&] {
        thread = shown(r, "SqThread");
        return thread > 0;
    }));
    return thread;
}

/// Bytes of this process that are maps of rings.
std::size_t ring_map_bytes()
{
    std::ifstream maps{"/proc/self/maps"};
    std::size_t bytes = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.find("anon_inode:[io_uring]") == std::string::npos)
            continue;
        const std::size_t dash = line.find('-');
        const std::size_t end = std::stoull(line.substr(dash + 1), nullptr, 16);
        bytes += end - std::stoull(line.substr(0, dash), nullptr, 16);
    }
    return bytes;
}

/// A ring whose pending receive has got its byte, sent by its own thread.
struct ring_with_arrival
{
    ring r;
    fd_pair pair = socket_pair();
    char byte = 0;

    explicit ring_with_arrival(std::uint32_t flags) : r{make_bare(flags)}
    {
        push(r, op::recv{.fd = pair.second.get(), .data = &byte, .size = 1}, 1);
        BOOST_REQUIRE(r.submit().submitted == 1);
        BOOST_REQUIRE(is_quiet(r));
        BOOST_REQUIRE(::send(pair.first.get(), "x", 1, MSG_NOSIGNAL) == 1);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_lio_uring_setup)

BOOST_AUTO_TEST_CASE(l02_parameters_cover_the_setup_flags)
{
    const ring other{{.entries = 4, .flags = abi::setup_sqpoll}};
    const ring_options all[]{
        {.entries = 4, .flags = abi::setup_iopoll},
        {.entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 50},
        {.entries = 4, .flags = abi::setup_sqpoll | abi::setup_sq_aff},
        {.entries = 4, .cq_entries = 64, .flags = abi::setup_cqsize},
        {.entries = 1U << 16, .flags = abi::setup_clamp},
        {.entries = 4,
         .flags = abi::setup_sqpoll | abi::setup_attach_wq,
         .attach_wq_fd = other.native_handle()},
        {.entries = 4, .flags = abi::setup_r_disabled},
        {.entries = 4, .flags = abi::setup_submit_all},
        {.entries = 4, .flags = abi::setup_coop_taskrun},
        {.entries = 4, .flags = abi::setup_coop_taskrun | abi::setup_taskrun_flag},
        {.entries = 4, .flags = abi::setup_sqe128},
        {.entries = 4, .flags = abi::setup_cqe32},
        {.entries = 4, .flags = abi::setup_single_issuer},
        {.entries = 4, .flags = deferred},
        {.entries = 4, .flags = abi::setup_no_mmap},
        {.entries = 4, .flags = abi::setup_no_mmap | abi::setup_registered_fd_only},
        {.entries = 4, .flags = abi::setup_no_sqarray},
        {.entries = 4, .flags = abi::setup_iopoll | abi::setup_hybrid_iopoll},
        {.entries = 4, .flags = abi::setup_cqe_mixed},
        {.entries = 4, .flags = abi::setup_sqe_mixed},
        {.entries = 4, .flags = abi::setup_sq_rewind | abi::setup_no_sqarray},
    };
    std::uint32_t covered = 0;
    for (const ring_options& options : all) {
        BOOST_TEST_CONTEXT("flags " << options.flags)
        {
            covered |= options.flags;
            boost::system::error_code ec;
            const ring r = ring::create(options, ec);
            if (kernel_features::running().supports_setup(options.flags)) {
                BOOST_TEST(!ec, explain_setup_error(ec, options));
                BOOST_TEST((r.setup_flags() & options.flags) == options.flags);
            }
            else {
                BOOST_TEST((ec == errc::unsupported_setup_flag));
            }
        }
    }
    // Every flag from the first to the last.
    BOOST_TEST(covered == 2 * abi::setup_sq_rewind - 1);
}

BOOST_AUTO_TEST_CASE(l02_sizes_are_those_of_the_queues)
{
    const ring plain{{.entries = 128}};
    BOOST_TEST(plain.sq_entries() == 128);
    BOOST_TEST(plain.cq_entries() == 256);
    const ring sized{{.entries = 4, .cq_entries = 64}};
    BOOST_TEST(sized.sq_entries() == 4);
    BOOST_TEST(sized.cq_entries() == 64);
    const ring_options large{
        .entries = 2 * abi::sq_entries_max, .flags = abi::setup_clamp};
    BOOST_TEST(ring{large}.sq_entries() == abi::sq_entries_max);
    boost::system::error_code ec;
    BOOST_TEST(!ring::create({.entries = large.entries}, ec).is_open());
    BOOST_TEST((ec == errc::entries_out_of_range));
}

BOOST_AUTO_TEST_CASE(l02_polling_thread_has_the_processor_and_the_owners_asked_for)
{
    ::cpu_set_t allowed;
    BOOST_REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &allowed))
        --last;
    ring first{
        {.entries = 4,
         .flags = abi::setup_sqpoll | abi::setup_sq_aff,
         .sq_thread_cpu = static_cast<unsigned>(last)}};
    BOOST_TEST(works(first));
    const int thread = polling_thread(first);
    ::cpu_set_t pinned;
    BOOST_REQUIRE(::sched_getaffinity(thread, sizeof pinned, &pinned) == 0);
    BOOST_TEST(CPU_COUNT(&pinned) == 1);
    BOOST_TEST(CPU_ISSET(last, &pinned));

    ring own{{.entries = 4, .flags = abi::setup_sqpoll}};
    BOOST_TEST(works(own));
    BOOST_TEST(polling_thread(own) != thread);
    ring shared{
        {.entries = 4,
         .flags = abi::setup_sqpoll | abi::setup_attach_wq,
         .attach_wq_fd = first.native_handle()}};
    BOOST_TEST(works(shared));
    BOOST_TEST(polling_thread(shared) == thread);
}

BOOST_AUTO_TEST_CASE(l02_polling_thread_sleeps_after_the_idle_time_asked_for)
{
    ring patient{
        {.entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 1'000'000}};
    ring hasty{{.entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 1}};
    // A thread that finds nothing when it starts sleeps at once; from then on it counts.
    BOOST_TEST(works(patient));
    BOOST_TEST(works(hasty));
    BOOST_TEST(eventually([&hasty] { return hasty.needs_wakeup(); }));
    BOOST_TEST(!patient.needs_wakeup());
}

BOOST_AUTO_TEST_CASE(l02_disabled_ring_submits_nothing_until_it_is_enabled)
{
    ring r = make_bare(abi::setup_r_disabled);
    push(r, op::nop{}, 1);
    BOOST_TEST(r.submit().ec.value() == EBADFD);
    BOOST_TEST(r.unconsumed() == 1);
    BOOST_TEST(!r.enable());
    BOOST_TEST(reap(r, 1).res_of(1) == 0);
}

BOOST_AUTO_TEST_CASE(l02_bad_entry_ends_its_batch_unless_all_is_to_be_submitted)
{
    for (const std::uint32_t flags : {std::uint32_t{0}, abi::setup_submit_all}) {
        ring r = make_bare(flags);
        push(r, op::nop{}, 1, 1U << 7); // a flag nobody knows
        push(r, op::nop{}, 2);
        BOOST_TEST(r.submit().submitted == (flags != 0 ? 2 : 1));
        const completions done = reap(r, 2);
        BOOST_TEST(done.res_of(1) == -EINVAL);
        BOOST_TEST(done.res_of(2) == 0);
    }
}

BOOST_AUTO_TEST_CASE(l02_task_work_runs_when_its_flags_say)
{
    // Any entry of the kernel brings the completion, such as that of the send itself.
    for (const std::uint32_t flags : {std::uint32_t{0}, abi::setup_coop_taskrun}) {
        const ring_with_arrival given{flags};
        BOOST_TEST(given.r.ready() == 1);
        BOOST_TEST(!given.r.task_work_pending());
    }
    // Only being asked for brings it, and without the flag nothing tells.
    ring_with_arrival silent{deferred};
    BOOST_TEST(silent.r.ready() == 0);
    BOOST_TEST(!silent.r.task_work_pending());
    BOOST_TEST(!is_quiet(silent.r));
    ring_with_arrival told{deferred | abi::setup_taskrun_flag};
    BOOST_TEST(told.r.ready() == 0);
    BOOST_TEST(told.r.task_work_pending());
    BOOST_TEST(!is_quiet(told.r));
    BOOST_TEST(!told.r.task_work_pending());
}

BOOST_AUTO_TEST_CASE(l02_ring_of_a_single_issuer_refuses_another_thread)
{
    for (const std::uint32_t flags : {std::uint32_t{0}, abi::setup_single_issuer}) {
        ring r = make_bare(flags);
        BOOST_TEST(works(r));
        push(r, op::nop{}, 1);
        const unsigned pending = r.publish();
        int entered = 0;
        std::thread{[&] { entered = r.enter(pending, 0, 0); }}.join();
        BOOST_TEST(entered == (flags != 0 ? -EEXIST : 1));
    }
}

BOOST_AUTO_TEST_CASE(l02_memory_lies_where_the_flags_say)
{
    const std::size_t before = ring_map_bytes();
    {
        const ring mapped = make_bare(0);
        BOOST_TEST(ring_map_bytes() > before);
        BOOST_TEST(mapped.native_handle() >= 0);
    }
    if (kernel_features::running().supports_setup(abi::setup_registered_fd_only)) {
        ring own = make_bare(abi::setup_no_mmap);
        BOOST_TEST(ring_map_bytes() == before);
        BOOST_TEST(own.native_handle() >= 0);
        BOOST_TEST(works(own));
        ring registered = make_bare(abi::setup_no_mmap | abi::setup_registered_fd_only);
        BOOST_TEST(ring_map_bytes() == before);
        BOOST_TEST(registered.native_handle() == -1);
        BOOST_TEST(works(registered));
    }
    if (kernel_features::running().supports_setup(abi::setup_no_sqarray)) {
        // The index array has four bytes for each entry.
        constexpr unsigned entries = 8192;
        const auto bytes_with = [&](std::uint32_t flags) {
            ring r{{.entries = entries, .flags = flags, .optional_flags = 0}};
            BOOST_TEST(works(r));
            return ring_map_bytes() - before;
        };
        BOOST_TEST(bytes_with(0) - bytes_with(abi::setup_no_sqarray) == 4 * entries);
    }
}

BOOST_AUTO_TEST_CASE(l02_entries_have_the_widths_asked_for)
{
    for (const bool wide : {false, true}) {
        ring r = make_bare(wide ? abi::setup_sqe128 | abi::setup_cqe32 : 0);
        const auto* first = reinterpret_cast<const char*>(r.try_claim());
        const auto* second = reinterpret_cast<const char*>(r.try_claim());
        BOOST_TEST(second - first == (wide ? 128 : 64));
        BOOST_TEST(r.submit().submitted == 2);
        BOOST_REQUIRE(r.ready() == 2);
        const auto* oldest = reinterpret_cast<const char*>(&r.completion().at(0));
        const auto* next = reinterpret_cast<const char*>(&r.completion().at(1));
        BOOST_TEST(next - oldest == (wide ? 32 : 16));
    }
    if (kernel_features::running().supports_setup(abi::setup_cqe_mixed)) {
        ring r = make_bare(abi::setup_cqe_mixed);
        const std::uint32_t plain = run(r, op::nop{}).flags;
        BOOST_TEST((plain & abi::cqe_f_32) == 0);
        const std::uint32_t wide = run(r, op::nop{.flags = abi::nop_cqe32}).flags;
        BOOST_TEST((wide & abi::cqe_f_32) != 0);
    }
    if (kernel_features::running().supports_setup(abi::setup_sqe_mixed)) {
        ring r = make_bare(abi::setup_sqe_mixed);
        BOOST_TEST(r.try_claim_wide() != nullptr);
    }
}

BOOST_AUTO_TEST_CASE(l02_rewound_ring_starts_each_submission_at_the_first_entry)
{
    const std::uint32_t flags = abi::setup_sq_rewind | abi::setup_no_sqarray;
    if (!kernel_features::running().supports_setup(flags)) {
        boost::system::error_code ec;
        BOOST_TEST(!ring::create({.entries = 4, .flags = flags}, ec).is_open());
        BOOST_TEST((ec == errc::unsupported_setup_flag));
        return;
    }
    ring r = make_bare(flags);
    abi::sqe* first = nullptr;
    for (int round = 0; round != 3; ++round) {
        abi::sqe* entry = r.try_claim();
        BOOST_REQUIRE(entry != nullptr);
        first = first == nullptr ? entry : first;
        BOOST_TEST(entry == first);
        op::nop{}.prepare(*entry);
        entry->user_data = 1;
        BOOST_TEST(reap(r, 1).res_of(1) == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
