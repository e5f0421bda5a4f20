// SPDX-License-Identifier: BSL-1.0
// Creating, moving and closing rings; options that are refused, and what the refusal
// says.
#include "../support/skip.hpp"
#include "in_child.hpp"
#include "ring_check.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <string>
#include <thread>
#include <type_traits>

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

struct refusal
{
    boost::system::error_code ec;
    std::string text;
};

refusal refused(const ring_options& options)
{
    refusal result;
    const ring r = ring::create(options, result.ec);
    BOOST_TEST(!r.is_open());
    result.text = explain_setup_error(result.ec, options);
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_setup)

BOOST_AUTO_TEST_CASE(ring_of_any_size_is_rounded_up_works_and_closes)
{
    for (unsigned entries : {1U, 2U, 3U, 8U, 100U, 256U, 1024U, 4096U, 32768U}) {
        BOOST_TEST_CONTEXT(entries << " entries")
        {
            ring r{ring_options{.entries = entries}};
            unsigned rounded = 1;
            while (rounded < entries)
                rounded *= 2;
            BOOST_TEST(r.sq_entries() == rounded);
            BOOST_TEST(r.cq_entries() == 2 * rounded);
            BOOST_TEST(works(r));
            r.close();
            BOOST_TEST(!r.is_open());
            BOOST_TEST(r.native_handle() == -1);
            r.close();
        }
    }
}

BOOST_AUTO_TEST_CASE(completion_entries_asked_for_are_given)
{
    ring r{ring_options{.entries = 4, .cq_entries = 60}};
    BOOST_TEST(r.cq_entries() == 64);
    BOOST_TEST((r.setup_flags() & abi::setup_cqsize) != 0);
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_CASE(clamped_entries_above_the_limit_are_accepted)
{
    ring r{ring_options{.entries = 40000, .flags = abi::setup_clamp}};
    BOOST_TEST(r.sq_entries() == abi::sq_entries_max);
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_CASE(default_ring_is_cloexec_and_has_the_required_features)
{
    ring r{ring_options{}};
    BOOST_TEST((::fcntl(r.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    BOOST_TEST((r.features() & abi::feat_single_mmap) != 0);
    BOOST_TEST((r.features() & abi::feat_ext_arg) != 0);
    BOOST_TEST(r.sq_entries() == 256);
}

BOOST_AUTO_TEST_CASE(setup_flag_combinations_of_the_library_work)
{
    constexpr std::uint32_t cooperative =
        abi::setup_coop_taskrun | abi::setup_taskrun_flag;
    constexpr std::uint32_t deferred =
        abi::setup_single_issuer | abi::setup_defer_taskrun | abi::setup_taskrun_flag;
    for (std::uint32_t flags :
         {cooperative,
          deferred,
          abi::setup_sqe128,
          abi::setup_cqe32,
          abi::setup_sqe128 | abi::setup_cqe32 | deferred,
          std::uint32_t{0}})
    {
        for (std::uint32_t optional :
             {std::uint32_t{0}, abi::setup_no_sqarray, ring_options{}.optional_flags})
        {
            BOOST_TEST_CONTEXT("flags " << flags << " optional " << optional)
            {
                ring r{ring_options{
                    .entries = 2, .flags = flags, .optional_flags = optional}};
                BOOST_TEST((r.setup_flags() & flags) == flags);
                bool all = true;
                for (int round = 0; round != 20; ++round)
                    all = works(r) && all;
                BOOST_TEST(all);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(optional_flag_that_contradicts_a_required_one_is_dropped)
{
    ring r{ring_options{
        .entries = 4,
        .flags = abi::setup_sqpoll,
        .optional_flags = abi::setup_coop_taskrun | abi::setup_taskrun_flag |
                          abi::setup_submit_all | abi::setup_sq_rewind,
        .sq_thread_idle_ms = 1}};
    BOOST_TEST((r.setup_flags() & abi::setup_coop_taskrun) == 0);
    BOOST_TEST((r.setup_flags() & abi::setup_sqpoll) != 0);
    BOOST_TEST((r.setup_flags() & abi::setup_submit_all) != 0);
}

BOOST_AUTO_TEST_CASE(optional_flag_the_kernel_refuses_is_dropped_newest_first)
{
    // Without single_issuer the kernel refuses defer_taskrun; the older flags survive.
    ring r{ring_options{
        .entries = 4,
        .optional_flags = abi::setup_defer_taskrun | abi::setup_submit_all}};
    BOOST_TEST((r.setup_flags() & abi::setup_defer_taskrun) == 0);
    BOOST_TEST((r.setup_flags() & abi::setup_submit_all) != 0);
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_CASE(entries_out_of_range_are_refused_with_the_limits)
{
    for (unsigned entries : {0U, 32769U}) {
        const refusal r = refused({.entries = entries});
        BOOST_TEST(r.ec == make_error_code(errc::entries_out_of_range));
        BOOST_TEST(contains(r.text, std::to_string(entries)));
        BOOST_TEST(contains(r.text, "32768"));
    }
    for (unsigned cq_entries : {7U, 65537U}) {
        const refusal r = refused({.entries = 16, .cq_entries = cq_entries});
        BOOST_TEST(r.ec == make_error_code(errc::cq_entries_out_of_range));
        BOOST_TEST(contains(r.text, "65536"));
    }
}

BOOST_AUTO_TEST_CASE(contradicting_flags_are_refused_by_name)
{
    const refusal missing = refused({.flags = abi::setup_defer_taskrun});
    BOOST_TEST(missing.ec == make_error_code(errc::conflicting_setup_flags));
    BOOST_TEST(contains(missing.text, "defer_taskrun needs one of single_issuer"));

    const refusal excluded =
        refused({.flags = abi::setup_sqpoll | abi::setup_coop_taskrun});
    BOOST_TEST(excluded.ec == make_error_code(errc::conflicting_setup_flags));
    BOOST_TEST(contains(excluded.text, "sqpoll excludes coop_taskrun"));

    const refusal both = refused({.flags = abi::setup_cqe32 | abi::setup_cqe_mixed});
    BOOST_TEST(contains(both.text, "cqe32 excludes cqe_mixed"));
}

BOOST_AUTO_TEST_CASE(unknown_flag_is_refused_by_name)
{
    // Bit 31 belongs to no kernel.
    const refusal unknown = refused({.flags = 1U << 31});
    BOOST_TEST(unknown.ec == make_error_code(errc::unsupported_setup_flag));
    BOOST_TEST(contains(unknown.text, "2147483648"));
}

BOOST_AUTO_TEST_CASE(constructor_refused_throws_code_and_explanation)
{
    try {
        const ring r{ring_options{.entries = 0}};
        BOOST_TEST(false, "no exception");
    }
    catch (const boost::system::system_error& error) {
        BOOST_TEST(error.code() == make_error_code(errc::entries_out_of_range));
        BOOST_TEST(contains(error.what(), "cannot create an io_uring"));
    }
}

BOOST_AUTO_TEST_CASE(attach_to_something_else_is_refused_with_the_descriptor)
{
    const refusal r = refused({.flags = abi::setup_attach_wq, .attach_wq_fd = 0});
    BOOST_TEST(r.ec.failed());
    BOOST_TEST(contains(r.text, "attach_wq"));
}

BOOST_AUTO_TEST_CASE(moved_ring_takes_everything_and_leaves_a_closed_one)
{
    static_assert(
        !std::is_copy_constructible_v<ring> && !std::is_copy_assignable_v<ring>);
    static_assert(std::is_nothrow_move_constructible_v<ring>);
    static_assert(std::is_nothrow_move_assignable_v<ring>);

    ring first{ring_options{.entries = 4}};
    const int fd = first.native_handle();
    BOOST_REQUIRE(first.try_push(op::nop{}, 17)); // claimed, not published

    ring second{std::move(first)};
    BOOST_TEST(!first.is_open());
    BOOST_TEST(second.native_handle() == fd);
    BOOST_TEST(second.claimed() == 1);
    BOOST_TEST(second.submit_and_wait(1).submitted == 1);
    BOOST_TEST(second.for_each_completion([](const abi::cqe&) {}) == 1);

    ring third{ring_options{.entries = 8}};
    const int replaced = third.native_handle();
    third = std::move(second);
    BOOST_TEST(third.native_handle() == fd);
    BOOST_TEST(::fcntl(replaced, F_GETFD) == -1);
    BOOST_TEST(works(third));

    first = std::move(third);
    BOOST_TEST(works(first));
}

BOOST_AUTO_TEST_CASE(closed_ring_calls_report_bad_descriptor)
{
    ring r;
    BOOST_TEST(!r.is_open());
    BOOST_TEST(r.enter(0, 0, 0) == -EBADF);
    BOOST_TEST(r.enable().value() == EBADF);
    BOOST_TEST(r.register_ring_fd() == make_error_code(errc::not_open));
}

BOOST_AUTO_TEST_CASE(failed_enter_leaves_the_callers_errno_alone)
{
    ring r;
    errno = EDOM;
    BOOST_TEST(r.enter(0, 0, 0) == -EBADF);
    BOOST_TEST(errno == EDOM);
}

BOOST_AUTO_TEST_CASE(child_closing_an_inherited_ring_unmaps_nothing_of_its_own)
{
    ring r{ring_options{.entries = 64}};
    void* address = r.try_claim();
    BOOST_REQUIRE(address != nullptr);
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

    const std::string verdict = in_child([&]() -> std::string {
        // The place is free because the map is absent; somebody else may take it.
        void* mine = ::mmap(
            address,
            page,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
            -1,
            0);
        if (mine != address)
            return "the map exists in the child";
        static_cast<volatile int*>(mine)[0] = 42;
        r.close();
        return static_cast<volatile int*>(mine)[0] == 42 ? "" : "the value is gone";
    });

    BOOST_TEST(verdict == "");
    BOOST_TEST(r.is_open());
}

BOOST_AUTO_TEST_CASE(disabled_ring_enabled_by_a_thread_belongs_to_that_thread)
{
    ring r{ring_options{
        .entries = 4,
        .flags =
            abi::setup_r_disabled | abi::setup_single_issuer | abi::setup_defer_taskrun}};
    BOOST_TEST(r.enter(0, 0, abi::enter_getevents) == -EBADFD);

    std::string verdict = "not run";
    std::thread{[&] {
        const boost::system::error_code ec = r.enable();
        verdict = ec ? ec.message() : works(r) ? "" : "the ring does not work";
    }}.join();
    BOOST_TEST(verdict == "");

    BOOST_REQUIRE(r.try_push(op::nop{}, 1));
    BOOST_TEST(r.publish() == 1);
    BOOST_TEST(r.enter(1, 0, 0) == -EEXIST);
}

BOOST_AUTO_TEST_CASE(registered_eventfd_is_written_on_completion_and_can_be_muted)
{
    ring r{ring_options{.entries = 4}};
    const detail::unique_fd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    BOOST_TEST(!r.register_eventfd(event.get()));
    BOOST_TEST(
        r.register_eventfd(event.get()) == make_error_code(errc::already_registered));
    std::uint64_t count = 0;

    BOOST_TEST(works(r));
    BOOST_TEST(::read(event.get(), &count, sizeof count) == 8);

    r.completion().mute_eventfd(true);
    BOOST_TEST(works(r));
    BOOST_TEST(::read(event.get(), &count, sizeof count) == -1);

    r.completion().mute_eventfd(false);
    BOOST_TEST(!r.unregister_eventfd());
    BOOST_TEST(works(r));
    BOOST_TEST(::read(event.get(), &count, sizeof count) == -1);
}

BOOST_AUTO_TEST_CASE(registered_ring_descriptor_serves_the_registering_thread)
{
    ring r{ring_options{.entries = 4, .register_ring_fd = true}};
    if (!r.has_registered_ring_fd())
        ASIO_URING_SKIP("the kernel has no registered ring descriptors (5.18)");
    BOOST_TEST(works(r));
    BOOST_TEST(r.register_ring_fd() == make_error_code(errc::already_registered));
    r.unregister_ring_fd();
    BOOST_TEST(!r.has_registered_ring_fd());
    BOOST_TEST(works(r));
    BOOST_TEST(!r.register_ring_fd());
    BOOST_TEST(works(r));

    // More rings than a thread has places for: the places come back with each ring.
    for (int count = 0; count != 40; ++count) {
        ring other{ring_options{.entries = 1, .register_ring_fd = true}};
        BOOST_TEST(other.has_registered_ring_fd());
        BOOST_TEST(works(other));
    }
}

BOOST_AUTO_TEST_CASE(registered_files_and_buffers_are_used_and_given_back)
{
    ring r{ring_options{.entries = 4}};
    const detail::unique_fd zero{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    const int files[] = {zero.get()};
    char memory[64];
    std::fill(std::begin(memory), std::end(memory), 'x');
    const ::iovec buffers[] = {{memory, sizeof memory}};
    BOOST_TEST(!r.register_files(files));
    BOOST_TEST(!r.register_buffers(buffers));

    const op::read_fixed read{.fd = 0, .data = memory, .size = 32, .offset = 0};
    BOOST_REQUIRE(r.try_push(read, 5, abi::sqe_fixed_file));
    BOOST_TEST(r.submit_and_wait(1).submitted == 1);
    BOOST_TEST(r.for_each_completion([](const abi::cqe& entry) {
        BOOST_TEST(entry.user_data == 5);
        BOOST_TEST(entry.res == 32);
    }) == 1);
    BOOST_TEST(memory[31] == 0);
    BOOST_TEST(memory[32] == 'x');

    BOOST_TEST(!r.unregister_buffers());
    BOOST_TEST(!r.unregister_files());
    BOOST_TEST(r.unregister_files() == make_error_code(errc::not_registered));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
