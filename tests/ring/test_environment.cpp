// SPDX-License-Identifier: BSL-1.0
// What a ring costs and how many fit, and that asking leaves no trace.
#include "../../src/ring/setup.hpp"
#include "../support/skip.hpp"
#include "in_child.hpp"

#include <asio_uring/ring/environment.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <string>
#include <thread>

#include <sys/resource.h>

#include <grp.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

/// Bounded and unbounded workers the kernel allows the calling thread's rings.
std::array<unsigned, 2> workers_of(ring& r)
{
    std::array<unsigned, 2> workers{0, 0}; // zeros change nothing
    r.register_call(abi::register_op::iowq_max_workers, workers.data(), 2);
    return workers;
}

/// A user of this process alone: what other processes lock does not count.
bool become_unprivileged()
{
    const auto user = static_cast<::uid_t>(40000 + ::getpid() % 10000);
    return ::setgroups(0, nullptr) == 0 && ::setgid(user) == 0 && ::setuid(user) == 0;
}

bool limit_locked_memory(std::size_t bytes)
{
    const ::rlimit limit{bytes, bytes};
    return ::setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_environment)

BOOST_AUTO_TEST_CASE(inspection_has_the_limits_in_force)
{
    const environment found = environment::inspect();
    BOOST_TEST(found.has_ring());
    BOOST_TEST(found.explanation == "");
    ::rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    BOOST_TEST(found.descriptors.soft == limit.rlim_cur);
    BOOST_TEST(found.descriptors.hard == limit.rlim_max);
    BOOST_TEST((found.seccomp != seccomp_mode::unknown));
    BOOST_TEST(found.cost.sq_entries == 256U);
    BOOST_TEST(found.cost.cq_entries == 512U);
    BOOST_TEST(found.cost.time.count() > 0);

    std::ostringstream stream;
    stream << found;
    for (const char* part : {"ring: yes", "KiB of locked memory", "descriptors"})
        BOOST_TEST(stream.str().find(part) != std::string::npos, part);
    BOOST_TEST(
        found.verdict() ==
        "ring: yes, a context gets one (kernel " + found.kernel.release() + ")\n");
    BOOST_TEST(stream.str().starts_with(found.verdict()));
}

BOOST_AUTO_TEST_CASE(inspection_of_impossible_options_says_why)
{
    const environment found = environment::inspect({.entries = 0});
    BOOST_TEST(!found.has_ring());
    BOOST_TEST((found.error == errc::entries_out_of_range));
    BOOST_TEST(found.explanation.find("between 1 and") != std::string::npos);
    BOOST_TEST(found.verdict().starts_with("ring: none, "));
    BOOST_TEST(found.verdict().ends_with("\n  " + found.explanation + '\n'));
    BOOST_TEST(found.to_string().starts_with(found.verdict()));
    BOOST_TEST(found.kernel.available());
}

// The kernel sizes the workers of a thread by the thread's first ring.
BOOST_AUTO_TEST_CASE(probe_leaves_the_thread_all_its_workers)
{
    std::array<unsigned, 2> plain{};
    std::array<unsigned, 2> probed{};
    std::thread{[&plain] {
        ring r{ring_options{}};
        plain = workers_of(r);
    }}.join();
    std::thread{[&probed] {
        kernel_features::probe();
        detail::try_setup_flags();
        ring r{ring_options{}};
        probed = workers_of(r);
    }}.join();
    BOOST_TEST(plain[0] > 1U);
    BOOST_TEST(probed == plain, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(locked_bytes_are_what_the_kernel_charges)
{
    if (::geteuid() != 0)
        ASIO_URING_SKIP("only root can become another user");
    for (const ring_options& options :
         {ring_options{},
          ring_options{.entries = 64, .optional_flags = 0},
          ring_options{.entries = 128, .flags = abi::setup_cqe32 | abi::setup_sqe128}})
    {
        const std::string verdict = in_child([options]() -> std::string {
            const std::size_t bytes = environment::inspect(options).cost.locked_bytes;
            if (!become_unprivileged() || !limit_locked_memory(bytes))
                return "cannot become an ordinary user";
            boost::system::error_code ec;
            ring fits = ring::create(options, ec);
            if (ec)
                return "the kernel charges more: " + ec.message();
            fits.close();
            if (!limit_locked_memory(bytes - 4096))
                return "cannot lower the limit";
            const ring too_large = ring::create(options, ec);
            if (!ec)
                return "no memory-lock accounting";
            return ec.value() == ENOMEM ? "" : ec.message();
        });
        if (verdict == "no memory-lock accounting")
            ASIO_URING_SKIP("the kernel does not charge ring memory to the limit");
        BOOST_TEST(verdict == "");
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
