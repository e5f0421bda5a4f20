// SPDX-License-Identifier: BSL-1.0
// Objects and calls that register something with a ring, other than buffers and files.
#include "../support/skip.hpp"
#include "in_child.hpp"
#include "ring_check.hpp"

#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/napi.hpp>
#include <asio_uring/ring/personality.hpp>
#include <asio_uring/ring/registered_eventfd.hpp>
#include <asio_uring/ring/request_filter.hpp>
#include <asio_uring/ring/restrictions.hpp>
#include <asio_uring/ring/sync_cancel.hpp>
#include <asio_uring/ring/sync_message.hpp>
#include <asio_uring/ring/worker_limits.hpp>
#include <asio_uring/ring/zero_copy_receive.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <thread>
#include <type_traits>

#include <linux/filter.h>
#include <sys/prctl.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

constexpr std::uint32_t deferred = abi::setup_single_issuer | abi::setup_defer_taskrun;

bool kernel_knows(abi::register_op call)
{
    return kernel_features::running().supports(call);
}

bool readable(int fd)
{
    ::pollfd watch{fd, POLLIN, 0};
    return ::poll(&watch, 1, 0) == 1;
}

/// A pipe with nothing in it.
struct empty_pipe
{
    empty_pipe()
    {
        int ends[2] = {-1, -1};
        if (::pipe2(ends, O_CLOEXEC) == 0) {
            read_end.reset(ends[0]);
            write_end.reset(ends[1]);
        }
    }
    detail::unique_fd read_end;
    detail::unique_fd write_end;
};

/// Submits receives on `fd` that nothing will end, numbered from 1.
void push_receives(ring& r, int fd, char* byte, unsigned count)
{
    for (std::uint64_t number = 1; number <= count; ++number)
        BOOST_REQUIRE(r.try_push(op::recv{.fd = fd, .data = byte, .size = 1}, number));
    BOOST_REQUIRE(r.submit().submitted == count);
}

/// CPUs the calling thread's workers may use, as the kernel prints them.
std::string worker_cpus()
{
    const std::string name = "iou-wrk-" + std::to_string(::gettid());
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream comm{entry.path() / "comm"};
        std::string line;
        std::getline(comm, line);
        if (line != name)
            continue;
        std::ifstream status{entry.path() / "status"};
        while (std::getline(status, line)) {
            if (line.rfind("Cpus_allowed_list:", 0) == 0)
                return line.substr(line.find_first_not_of(" \t", 18));
        }
    }
    return "no worker";
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_registration)

BOOST_AUTO_TEST_CASE(restricted_ring_does_only_what_is_allowed)
{
    ring r{ring_options{.entries = 8, .flags = abi::setup_r_disabled}};
    restrictions list;
    list.allow(abi::opcode::nop)
        .allow(abi::opcode::recv)
        .allow(abi::register_op::files)
        .allow_sqe_flags(abi::sqe_io_drain)
        .require_sqe_flags(abi::sqe_async);
    BOOST_TEST(!list.apply(r));
    BOOST_TEST(list.apply(r) == make_error_code(errc::already_registered));
    BOOST_TEST(!r.enable());

    const abi::kernel_timespec never{100, 0};
    BOOST_REQUIRE(r.try_push(op::nop{}, 1, abi::sqe_async));
    BOOST_REQUIRE(r.try_push(op::timeout{.expiry = &never}, 2, abi::sqe_async));
    BOOST_REQUIRE(r.try_push(op::nop{}, 3));
    BOOST_REQUIRE(r.try_push(op::nop{}, 4, abi::sqe_async | abi::sqe_io_drain));
    BOOST_REQUIRE(r.try_push(op::nop{}, 5, abi::sqe_async | abi::sqe_io_link));
    const auto seen = reap_sorted(r, 5);
    BOOST_REQUIRE(seen.size() == 5);
    const std::vector<int> expected{0, -EACCES, -EACCES, 0, -EACCES};
    for (std::size_t index = 0; index != 5; ++index)
        BOOST_TEST(seen[index].res == expected[index], "request " << index + 1);

    const int files[] = {0};
    BOOST_TEST(!r.register_files(files));
    const auto refused = r.unregister_files();
    BOOST_TEST(refused.value() == EACCES);
    const auto call = abi::register_op::unregister_files;
    BOOST_TEST(contains(explain_register_error(refused, call), "restrictions"));
}

BOOST_AUTO_TEST_CASE(restrictions_come_before_enable)
{
    ring r{ring_options{.entries = 4}};
    const restrictions list;
    BOOST_TEST(list.apply(r) == make_error_code(errc::ring_not_disabled));
    BOOST_TEST(r.enable() == make_error_code(errc::ring_not_disabled));
    BOOST_TEST(works(r));
}

BOOST_AUTO_TEST_CASE(restrictions_of_a_thread_hold_for_the_rings_it_makes)
{
    // In a child: there is no way back.
    const std::string verdict = in_child([]() -> std::string {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return "prctl failed";
        restrictions list;
        list.allow(abi::opcode::nop);
        const auto ec = list.apply_to_thread();
        if (ec == make_error_code(errc::unsupported_register_call))
            return "unsupported";
        if (ec)
            return "refused: " + ec.message();
        if (list.apply_to_thread().value() != EPERM)
            return "a second list was taken";
        ring r{ring_options{.entries = 4}};
        const abi::kernel_timespec never{100, 0};
        if (!r.try_push(op::nop{}, 1) || !r.try_push(op::timeout{.expiry = &never}, 2))
            return "no room";
        const auto seen = reap_sorted(r, 2);
        const bool right = seen.size() == 2 && seen[0].res == 0 && seen[1].res == -EACCES;
        return right ? "" : "the list does not hold";
    });
    // The call that filters requests came with the same kernel.
    const bool known = kernel_knows(abi::register_op::bpf_filter);
    BOOST_TEST(verdict == (known ? "" : "unsupported"));
}

BOOST_AUTO_TEST_CASE(personality_is_used_until_it_is_given_back)
{
    static_assert(!std::is_copy_constructible_v<personality>);
    ring r{ring_options{.entries = 4}};
    const auto run_as = [&r](std::uint16_t id) {
        BOOST_REQUIRE(r.try_push(op::nop{}, 1));
        r.sqe_at(r.claimed() - 1).personality = id;
        const auto seen = reap_sorted(r, 1);
        return seen.empty() ? -ETIME : seen[0].res;
    };
    std::uint16_t id = 0;
    std::uint16_t kept = 0;
    {
        personality first{r};
        personality second{r};
        BOOST_TEST(first.id() != second.id());
        id = first.id();
        BOOST_TEST(id != 0);
        ring elsewhere{std::move(r)};
        r = std::move(elsewhere);
        personality moved{std::move(first)};
        BOOST_TEST(!first);
        BOOST_TEST(moved.id() == id);
        BOOST_TEST(run_as(id) == 0);
        kept = second.release();
        BOOST_TEST(!second);
    }
    BOOST_TEST(run_as(id) == -EINVAL);
    BOOST_TEST(run_as(kept) == 0);

    boost::system::error_code ec;
    ring closed;
    BOOST_TEST(!personality::create(closed, ec));
    BOOST_TEST(ec.value() == EBADF);
}

BOOST_AUTO_TEST_CASE(personality_opens_files_with_the_stored_credentials)
{
    if (::geteuid() != 0)
        ASIO_URING_SKIP("only root can become another user");
    const std::string verdict = in_child([]() -> std::string {
        char path[] = "/tmp/asio_uring_personality_XXXXXX";
        const detail::unique_fd made{::mkstemp(path)}; // for its owner alone
        ring r{ring_options{.entries = 4}};
        if (::seteuid(65534) != 0)
            return "seteuid failed";
        const personality nobody{r};
        if (::seteuid(0) != 0)
            return "seteuid back failed";
        const op::openat open{.path = path, .flags = O_RDONLY | O_CLOEXEC};
        if (!r.try_push(open, 1) || !r.try_push(open, 2))
            return "no room";
        r.sqe_at(r.claimed() - 1).personality = nobody.id();
        const auto seen = reap_sorted(r, 2);
        ::unlink(path);
        if (seen.size() != 2 || seen[0].res < 0)
            return "root cannot open the file";
        return seen[1].res == -EACCES ? "" : "nobody can open the file";
    });
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(worker_limits_set_are_those_in_force)
{
    // Workers belong to the thread.
    std::thread{[] {
        ring r{ring_options{.entries = 4}};
        boost::system::error_code ec;
        const worker_limits before = get_worker_limits(r, ec);
        BOOST_TEST(!ec);
        BOOST_TEST(before.bounded != 0);
        BOOST_TEST(before.unbounded != 0);
        const worker_limits same = set_worker_limits(r, {.bounded = 2}, ec);
        BOOST_TEST(!ec);
        BOOST_TEST(same.bounded == before.bounded);
        BOOST_TEST(same.unbounded == before.unbounded);
        const worker_limits now = get_worker_limits(r, ec);
        BOOST_TEST(now.bounded == 2);
        BOOST_TEST(now.unbounded == before.unbounded);
        ring closed;
        get_worker_limits(closed, ec);
        BOOST_TEST(ec.value() == EBADF);
    }}.join();
}

BOOST_AUTO_TEST_CASE(worker_affinity_set_holds_for_the_workers)
{
    std::thread{[] {
        cpu_set_t allowed;
        BOOST_REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
        unsigned cpu = 0;
        while (!CPU_ISSET(cpu, &allowed))
            ++cpu;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        ring r{ring_options{.entries = 4}};
        BOOST_TEST(!set_worker_affinity(r, one));
        BOOST_REQUIRE(r.try_push(op::nop{}, 17, abi::sqe_async));
        BOOST_TEST(reap_sorted(r, 1).size() == 1);
        BOOST_TEST(worker_cpus() == std::to_string(cpu));
        BOOST_TEST(!reset_worker_affinity(r));
        CPU_ZERO(&one);
        BOOST_TEST(set_worker_affinity(r, one).value() == EINVAL);
    }}.join();
}

BOOST_AUTO_TEST_CASE(sync_cancel_finds_requests_by_every_key)
{
    if (!kernel_knows(abi::register_op::sync_cancel))
        ASIO_URING_SKIP("the kernel cancels by request only (6.0)");
    ring r{ring_options{.entries = 8}};
    socket_pair sockets;
    char byte = 0;
    const int fd = sockets.left.get();
    const sync_cancel by_user_data{.user_data = 2};
    const sync_cancel by_file{
        .fd = fd, .flags = abi::async_cancel_fd | abi::async_cancel_all};
    const sync_cancel by_operation{
        .flags = abi::async_cancel_op | abi::async_cancel_all,
        .operation = abi::opcode::recv};
    const sync_cancel all{.flags = abi::async_cancel_any};
    const std::pair<const sync_cancel*, std::size_t> keys[] = {
        {&by_user_data, 1}, {&by_file, 3}, {&by_operation, 3}, {&all, 3}};
    for (const auto& [key, expected] : keys) {
        if ((key->flags & abi::async_cancel_op) != 0 &&
            !kernel_features::running().supports(abi::opcode::futex_wait))
            continue; // 6.6 has no sign of its own; 6.7 has
        push_receives(r, fd, &byte, 3);
        boost::system::error_code ec;
        const unsigned found = key->call(r, ec);
        BOOST_TEST(!ec);
        BOOST_TEST(found == (expected == 1 ? 0 : expected));
        const auto seen = reap_sorted(r, static_cast<unsigned>(expected));
        BOOST_TEST(seen.size() == expected);
        for (const abi::cqe& entry : seen)
            BOOST_TEST(entry.res == -ECANCELED);
        all.call(r, ec);
        r.run_task_work();
        reap(r);
    }
    boost::system::error_code ec;
    by_user_data.call(r, ec);
    BOOST_TEST(ec.value() == ENOENT);
    sync_cancel{.fd = 1000, .flags = abi::async_cancel_fd}.call(r, ec);
    BOOST_TEST(ec.value() == EBADF);
}

BOOST_AUTO_TEST_CASE(sync_cancel_passes_a_drain)
{
    if (!kernel_knows(abi::register_op::sync_cancel))
        ASIO_URING_SKIP("the kernel cancels by request only (6.0)");
    ring r{ring_options{.entries = 4, .flags = deferred}};
    socket_pair sockets;
    char byte = 0;
    push_receives(r, sockets.left.get(), &byte, 1);
    BOOST_REQUIRE(r.try_push(op::nop{}, 2, abi::sqe_io_drain));
    BOOST_REQUIRE(r.try_push(op::async_cancel{.user_data = 1}, 3));
    BOOST_TEST(r.submit().submitted == 2);
    BOOST_TEST(!r.run_task_work());
    BOOST_TEST(r.ready() == 0); // the request to cancel stands behind the drain
    boost::system::error_code ec;
    sync_cancel{.user_data = 1}.call(r, ec);
    BOOST_TEST(!ec);
    const auto seen = reap_sorted(r, 3);
    BOOST_REQUIRE(seen.size() == 3);
    BOOST_TEST(seen[0].res == -ECANCELED);
    BOOST_TEST(seen[1].res == 0);
    BOOST_TEST(seen[2].res == -ENOENT);
}

BOOST_AUTO_TEST_CASE(sync_cancel_waits_for_a_worker_whose_result_is_an_error_in_words)
{
    if (!kernel_knows(abi::register_op::sync_cancel))
        ASIO_URING_SKIP("the kernel cancels by request only (6.0)");
    ring r{ring_options{.entries = 4}};
    const empty_pipe source;
    const empty_pipe sink;
    // A worker sits in this one until it is told to stop, or until data comes.
    const op::splice move{
        .fd_in = source.read_end.get(), .fd_out = sink.write_end.get(), .size = 1};
    BOOST_REQUIRE(r.try_push(move, 1));
    BOOST_TEST(r.submit().submitted == 1);
    boost::system::error_code ec;
    sync_cancel{.user_data = 1, .timeout = std::chrono::seconds{10}}.call(r, ec);
    BOOST_TEST(!ec);
    const auto seen = reap_sorted(r, 1);
    BOOST_REQUIRE(seen.size() == 1);
    BOOST_TEST(seen[0].res < 0);
    // The kernel's own codes must not reach people.
    const int error = result_error(seen[0].res).value();
    BOOST_TEST((error == ECANCELED || error == EINTR));
}

BOOST_AUTO_TEST_CASE(sync_message_wakes_a_waiting_ring)
{
    if (!kernel_knows(abi::register_op::send_msg_ring))
        ASIO_URING_SKIP("the kernel sends messages from rings only (6.13)");
    for (std::uint32_t flags : {std::uint32_t{0}, deferred}) {
        ring r{ring_options{.entries = 4, .flags = flags}};
        boost::system::error_code sent;
        std::thread sender{[&sent, fd = r.native_handle()] {
            sent =
                sync_message{
                    .target = fd, .user_data = 7, .result = 42, .cqe_flags = 1U << 20}
                    .send();
        }};
        const auto seen = reap_sorted(r, 1);
        sender.join();
        BOOST_TEST(!sent);
        BOOST_REQUIRE(seen.size() == 1);
        BOOST_TEST(seen[0].user_data == 7);
        BOOST_TEST(seen[0].res == 42);
        BOOST_TEST(seen[0].flags == 1U << 20);
    }
    BOOST_TEST((sync_message{.target = 0}.send().value() == EBADFD));
    BOOST_TEST((sync_message{.target = -1}.send().value() == EBADF));
    const ring disabled{ring_options{.entries = 4, .flags = abi::setup_r_disabled}};
    BOOST_TEST(
        (sync_message{.target = disabled.native_handle()}.send().value() == EBADFD));
}

BOOST_AUTO_TEST_CASE(napi_settings_registered_come_back)
{
    if (!kernel_knows(abi::register_op::napi))
        ASIO_URING_SKIP("the kernel has no busy polling for rings (6.9)");
    ring r{ring_options{.entries = 4}};
    boost::system::error_code ec;
    const napi_settings off = register_napi(
        r, {.busy_poll = std::chrono::microseconds{30}, .prefer_busy_poll = true}, ec);
    if (ec.value() == EINVAL || ec.value() == EOPNOTSUPP)
        ASIO_URING_SKIP("the kernel is built without busy polling");
    BOOST_TEST(!ec);
    BOOST_TEST(off.busy_poll.count() == 0);
    const napi_settings on = register_napi(
        r,
        {.busy_poll = std::chrono::microseconds{50}, .tracking = napi_tracking::fixed},
        ec);
    BOOST_TEST(!ec);
    BOOST_TEST(on.busy_poll.count() == 30);
    BOOST_TEST(on.prefer_busy_poll);
    BOOST_TEST((on.tracking == napi_tracking::dynamic));
    BOOST_TEST(remove_napi_id(r, 12345).failed());
    const napi_settings last = unregister_napi(r, ec);
    BOOST_TEST(!ec);
    BOOST_TEST(last.busy_poll.count() == 50);
    BOOST_TEST(add_napi_id(r, 12345).failed()); // no such queue, and no such tracking
    BOOST_TEST(works(r));

    ring polled{ring_options{.entries = 4, .flags = abi::setup_iopoll}};
    register_napi(polled, {}, ec);
    BOOST_TEST(ec.value() == EINVAL);
}

BOOST_AUTO_TEST_CASE(registered_eventfd_object_tells_of_completions_and_ends_it)
{
    ring r{ring_options{.entries = 4}};
    int fd = -1;
    {
        registered_eventfd event{r};
        BOOST_TEST(!readable(event.native_handle()));
        BOOST_TEST(event.read() == 0);
        BOOST_TEST(works(r));
        BOOST_TEST(readable(event.native_handle()));
        BOOST_TEST(event.read() == 1);
        boost::system::error_code ec;
        BOOST_TEST(!registered_eventfd::create(r, eventfd_mode::every, ec));
        BOOST_TEST(ec == make_error_code(errc::already_registered));
        BOOST_TEST((ec == boost::system::errc::device_or_resource_busy));
        BOOST_CHECK_THROW(registered_eventfd{r}, boost::system::system_error);

        ring elsewhere{std::move(r)};
        registered_eventfd moved{std::move(event)};
        BOOST_TEST(!event);
        BOOST_TEST(works(elsewhere));
        BOOST_TEST(moved.read() == 1);
        fd = moved.native_handle();
        r = std::move(elsewhere);
    }
    BOOST_TEST(::fcntl(fd, F_GETFD) == -1);
    BOOST_TEST(r.unregister_eventfd() == make_error_code(errc::not_registered));
}

BOOST_AUTO_TEST_CASE(eventfd_for_workers_is_silent_about_all_else)
{
    ring r{ring_options{.entries = 4}};
    registered_eventfd event{r, eventfd_mode::from_worker};
    BOOST_TEST(works(r));
    BOOST_TEST(event.read() == 0);
    BOOST_REQUIRE(r.try_push(op::nop{}, 1, abi::sqe_async));
    BOOST_TEST(!r.submit().ec);
    ::pollfd watch{event.native_handle(), POLLIN, 0};
    BOOST_TEST(::poll(&watch, 1, 10'000) == 1);
    BOOST_TEST(event.read() == 1);
    BOOST_TEST(reap_sorted(r, 1).size() == 1);
}

BOOST_AUTO_TEST_CASE(zero_copy_receive_without_a_device_is_refused)
{
    static_assert(!std::is_copy_constructible_v<zero_copy_receive_queue>);
    boost::system::error_code ec;
    ring plain{ring_options{.entries = 4}};
    BOOST_TEST(!zero_copy_receive_queue::create(plain, {}, ec));
    BOOST_TEST(ec.failed());
    ring r{ring_options{.entries = 4, .flags = deferred | abi::setup_cqe32}};
    zero_copy_receive_queue queue =
        zero_copy_receive_queue::create(r, {.interface_index = 100'000}, ec);
    BOOST_TEST(!queue);
    BOOST_TEST(ec.failed());
    BOOST_TEST(ec.value() != EFAULT);
    zero_copy_receive_queue::create(r, {.refill_entries = 3}, ec);
    BOOST_TEST(ec.value() == EINVAL);
    zero_copy_receive_queue::create(r, {.area_size = 1}, ec);
    BOOST_TEST(ec.value() == EINVAL);
    BOOST_TEST(queue.flush().value() == EBADF);
    BOOST_CHECK_THROW((zero_copy_receive_queue{r, {}}), boost::system::system_error);
}

BOOST_AUTO_TEST_CASE(calls_of_newer_kernels_are_refused_with_the_kernel)
{
    ring r{ring_options{.entries = 4}};
    const ::sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, 1)};
    const request_filter filter{
        .operation = abi::opcode::nop, .program = allow, .instruction_count = 1};
    if (kernel_knows(abi::register_op::bpf_filter))
        BOOST_TEST(filter.apply(r) != make_error_code(errc::unsupported_register_call));
    else
        BOOST_TEST(filter.apply(r) == make_error_code(errc::unsupported_register_call));
    const auto unsupported = make_error_code(errc::unsupported_register_call);
    BOOST_TEST((unsupported == boost::system::errc::function_not_supported));
    BOOST_TEST(contains(
        explain_register_error(unsupported, abi::register_op::bpf_filter),
        "bpf_filter: it needs kernel 7.0"));
    BOOST_TEST(contains(
        explain_register_error(unsupported, abi::register_op::zcrx_ctrl),
        "zcrx_ctrl: it needs kernel 6.19"));
    BOOST_TEST(explain_register_error({}, abi::register_op::files) == "no error");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
