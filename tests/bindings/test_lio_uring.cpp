// SPDX-License-Identifier: BSL-1.0
// The promises of lio-uring, first part: the two halves, chains, polling, tables.
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/eventfd.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Waits for one completion without touching the submission side.
bool wait_for_completion(ring& r)
{
    const abi::kernel_timespec limit = to_timespec(patience);
    abi::getevents_arg argument{};
    argument.ts = reinterpret_cast<std::uintptr_t>(&limit);
    return r.enter(0, 1, abi::enter_getevents, argument) >= 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_lio_uring)

BOOST_AUTO_TEST_CASE(l01_submission_and_completion_halves_serve_two_threads)
{
    constexpr std::uint64_t total = 20'000;
    ring r{{.entries = 64, .cq_entries = 128}};
    submission_queue& submission = r.submission();
    completion_queue& completion = r.completion();
    std::uint64_t sum = 0;
    std::uint64_t seen = 0;
    bool waited = true;
    std::thread reaper{[&] {
        while (seen != total && waited) {
            if (completion.ready() == 0)
                waited = wait_for_completion(r);
            seen += completion.for_each(
                [&sum](const abi::cqe& entry) { sum += entry.user_data; });
        }
    }};
    bool pushed = true;
    for (std::uint64_t number = 1; number <= total && pushed; ++number) {
        pushed = eventually([&] {
            abi::sqe* entry = submission.try_claim();
            if (entry != nullptr) {
                op::nop{}.prepare(*entry);
                entry->user_data = number;
            }
            const unsigned pending = submission.publish();
            r.enter(pending, 0, 0);
            return entry != nullptr;
        });
    }
    reaper.join();
    BOOST_TEST(pushed);
    BOOST_TEST(waited);
    BOOST_TEST(seen == total);
    BOOST_TEST(sum == total * (total + 1) / 2);
    BOOST_TEST(r.overflow_count() == 0);
}

BOOST_AUTO_TEST_CASE(l03_push_takes_an_operation_its_user_data_and_flags)
{
    ring r{{.entries = 4}};
    BOOST_TEST(r.try_push(op::nop{}, 0xffff'ffff'ffff'ffff));
    BOOST_TEST(r.try_push(op::nop{}, 5, abi::sqe_cqe_skip_success));
    BOOST_TEST(r.try_push(op::close{.fd = -1}, 6, abi::sqe_cqe_skip_success));
    BOOST_TEST(r.sqe_at(1).flags == abi::sqe_cqe_skip_success);
    // The success is silent, the failure is not.
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(0xffff'ffff'ffff'ffff) == 0);
    BOOST_TEST(done.res_of(6) == -EBADF);
    BOOST_TEST(is_quiet(r));
}

BOOST_AUTO_TEST_CASE(l04_batch_goes_to_the_kernel_with_one_submit)
{
    ring r{{.entries = 32}};
    for (std::uint64_t number = 0; number != 32; ++number)
        push(r, op::nop{}, number);
    BOOST_TEST(r.ready() == 0);
    const submit_result result = r.submit();
    BOOST_TEST(!result.ec);
    BOOST_TEST(result.submitted == 32);
    BOOST_TEST(r.ready() == 32);
    std::uint64_t expected = 0;
    r.for_each_completion(
        [&](const abi::cqe& entry) { BOOST_TEST(entry.user_data == expected++); });
    BOOST_TEST(r.submit().submitted == 0);
}

BOOST_AUTO_TEST_CASE(l05_next_blocks_and_try_next_does_not)
{
    ring r{{.entries = 4}};
    BOOST_TEST(r.peek() == nullptr);
    const unique_fd event{::eventfd(0, EFD_CLOEXEC)};
    std::uint64_t count = 0;
    push(r, op::read{.fd = event.get(), .data = &count, .size = sizeof count}, 1);
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(r.peek() == nullptr);
    // With nothing to come it blocks to the end it was given.
    const auto end = steady_clock::now() + milliseconds{5};
    BOOST_TEST(r.submit_and_wait(wait_options{.deadline = end}).ec.value() == ETIME);
    BOOST_TEST((steady_clock::now() >= end));
    std::thread writer{[&event] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(event.get(), &one, sizeof one);
    }};
    const submit_result waited =
        r.submit_and_wait(wait_options{.deadline = end_of_patience()});
    writer.join();
    BOOST_TEST(!waited.ec);
    BOOST_REQUIRE(r.peek() != nullptr);
    BOOST_TEST(r.peek()->res == 8);
    r.advance(1);
    BOOST_TEST(r.peek() == nullptr);
}

BOOST_AUTO_TEST_CASE(l06_completion_gives_bytes_or_the_error)
{
    ring r{{.entries = 2}};
    const pipe_pair pipe = make_pipe();
    const abi::cqe good =
        run(r, op::write{.fd = pipe.in.get(), .data = "abc", .size = 3});
    BOOST_TEST(!result_error(good.res));
    BOOST_TEST(result_value(good.res) == 3);
    const abi::cqe bad =
        run(r, op::write{.fd = pipe.out.get(), .data = "abc", .size = 3});
    BOOST_TEST(result_error(bad.res).value() == EBADF);
    BOOST_TEST(result_error(bad.res).message() == std::strerror(EBADF));
}

BOOST_AUTO_TEST_CASE(l07_linked_fsync_runs_only_when_the_write_succeeds)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    const unique_fd read_only = folder.open("f", O_RDONLY);
    ring r{{.entries = 4}};
    for (const auto& [target, wrote, synced] :
         {std::tuple{file.get(), 4, 0}, std::tuple{read_only.get(), -EBADF, -ECANCELED}})
    {
        const op::write write{.fd = target, .data = "text", .size = 4, .offset = 0};
        push(r, write, 1, abi::sqe_io_link);
        push(r, op::fsync{.fd = file.get()}, 2);
        const completions done = reap(r, 2);
        BOOST_TEST(done.res_of(1) == wrote);
        BOOST_TEST(done.res_of(2) == synced);
    }
    BOOST_TEST(folder.read("f") == "text");
}

BOOST_AUTO_TEST_CASE(l08_polling_thread_submits_sleeps_and_is_woken)
{
    // While it is awake it submits what is published; nobody enters.
    ring awake{{.entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 100'000}};
    BOOST_TEST(result_of(awake, op::nop{}) == 0);
    push(awake, op::nop{}, 1);
    BOOST_TEST(awake.publish() == 1);
    BOOST_REQUIRE(eventually([&awake] { return awake.ready() == 1; }));
    BOOST_TEST(awake.peek()->user_data == 1);
    ring r{{.entries = 4, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 20}};
    // After its idle time it sleeps, and says so; a submit wakes it.
    for (std::uint64_t round = 1; round != 4; ++round) {
        BOOST_REQUIRE(eventually([&r] { return r.needs_wakeup(); }));
        push(r, op::nop{}, round);
        BOOST_TEST(!r.submit().ec);
        BOOST_REQUIRE(eventually([&r] { return r.ready() == 1; }));
        BOOST_TEST(r.peek()->user_data == round);
        r.advance(1);
    }
}

BOOST_AUTO_TEST_CASE(l08_full_queue_of_a_polled_ring_can_be_waited_for)
{
    ring r{{.entries = 2, .flags = abi::setup_sqpoll, .sq_thread_idle_ms = 20}};
    BOOST_REQUIRE(eventually([&r] { return r.needs_wakeup(); }));
    push(r, op::nop{}, 1);
    push(r, op::nop{}, 2);
    r.publish();
    // The thread sleeps, so the queue is full; the call wakes it and waits for room.
    BOOST_TEST(r.try_claim() == nullptr);
    // Work that the kernel has for this thread, such as that of a ring closed before,
    // ends the call early, so the room is what counts.
    BOOST_TEST(eventually([&r] {
        return r.enter(0, 0, abi::enter_sq_wakeup | abi::enter_sq_wait) >= 0 &&
               r.try_claim() != nullptr;
    }));
    BOOST_REQUIRE(eventually([&r] { return r.ready() == 2; }));
}

namespace {

/// Polling as such, and with a little sleep before it where the kernel has that.
std::vector<std::uint32_t> kinds_of_disk_polling()
{
    const std::uint32_t hybrid = abi::setup_iopoll | abi::setup_hybrid_iopoll;
    std::vector<std::uint32_t> kinds{abi::setup_iopoll};
    if (kernel_features::running().supports_setup(hybrid))
        kinds.push_back(hybrid);
    return kinds;
}

/// The result of one operation on a ring that polls; none if no answer came.
template <class Op>
std::optional<int> poll_for(ring& r, const Op& operation)
{
    push(r, operation, 1);
    if (r.submit().submitted != 1)
        return std::nullopt;
    if (!eventually([&r] {
            r.enter(0, 0, abi::enter_getevents);
            return r.ready() == 1;
        }))
        return std::nullopt;
    const int result = r.peek()->res;
    r.advance(1);
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(l09_polled_ring_refuses_all_but_direct_input_and_output)
{
    const temporary_directory folder;
    folder.write("f", "text");
    const unique_fd cached = folder.open("f");
    std::array<char, 4> in{};
    const abi::kernel_timespec soon{0, 1000};
    for (const std::uint32_t flags : kinds_of_disk_polling()) {
        ring r{{.entries = 4, .flags = flags}};
        BOOST_TEST((r.setup_flags() & flags) == flags);
        BOOST_TEST((poll_for(r, op::timeout{.expiry = &soon}) == -EINVAL));
        const op::poll_add readable{.fd = cached.get(), .events = POLLIN};
        BOOST_TEST((poll_for(r, readable) == -EINVAL));
        const op::read read{.fd = cached.get(), .data = in.data(), .size = 4};
        BOOST_TEST((poll_for(r, read) == -EOPNOTSUPP));
        BOOST_TEST((poll_for(r, op::nop{}) == 0));
    }
    // The second kind is nothing without the first.
    boost::system::error_code ec;
    BOOST_TEST(!ring::create({.flags = abi::setup_hybrid_iopoll}, ec).is_open());
    BOOST_TEST(ec.failed());
}

BOOST_AUTO_TEST_CASE(l09_polled_disk_input_reads_with_both_kinds_of_polling)
{
    const temporary_directory folder;
    folder.write("f", std::string(4096, 'd'));
    const unique_fd file{
        ::open(folder.path("f").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC)};
    if (!file)
        ASIO_URING_SKIP("the temporary folder takes no direct input");
    BOOST_REQUIRE(::fsync(file.get()) == 0);
    const std::unique_ptr<void, void (*)(void*)> page{
        std::aligned_alloc(4096, 4096), &std::free};
    unsigned without_queues = 0;
    const auto kinds = kinds_of_disk_polling();
    for (const std::uint32_t flags : kinds) {
        std::memset(page.get(), 0, 4096);
        ring r{{.entries = 4, .flags = flags}};
        const op::read read{
            .fd = file.get(), .data = page.get(), .size = 4096, .offset = 0};
        const std::optional<int> result = poll_for(r, read);
        BOOST_REQUIRE(result.has_value());
        if (*result == -EOPNOTSUPP) {
            ++without_queues;
            continue;
        }
        BOOST_TEST(*result == 4096);
        BOOST_TEST(static_cast<const char*>(page.get())[0] == 'd');
        BOOST_TEST(static_cast<const char*>(page.get())[4095] == 'd');
    }
    // Both kinds read, or neither does.
    BOOST_TEST((without_queues == 0 || without_queues == kinds.size()));
    if (without_queues != 0)
        ASIO_URING_SKIP("the disk of the temporary folder has no poll queues");
}

BOOST_AUTO_TEST_CASE(l10_fixed_buffers_are_registered_used_and_given_up)
{
    const temporary_directory folder;
    const unique_fd file = folder.open("f");
    ring r{{.entries = 4}};
    std::vector<char> first(4096, 'a');
    std::vector<char> second(4096, 'b');
    const ::iovec both[]{{first.data(), 4096}, {second.data(), 4096}};
    registered_buffers buffers{r, both};
    push(r, op::write_from(buffers[0], file.get(), 0), 1, abi::sqe_io_link);
    push(r, op::write_from(buffers[1].first(10), file.get(), 100), 2, abi::sqe_io_link);
    push(r, op::read_into(buffers[1].from(4000), file.get(), 95), 3);
    const completions done = reap(r, 3);
    BOOST_TEST(done.res_of(1) == 4096);
    BOOST_TEST(done.res_of(2) == 10);
    BOOST_TEST(done.res_of(3) == 96);
    const std::string read_back{second.begin() + 4000, second.end()};
    BOOST_TEST(
        read_back == std::string(5, 'a') + std::string(10, 'b') + std::string(81, 'a'));
    // The place of a buffer that is not in the table is refused.
    op::write_fixed stray = op::write_from(buffers[0], file.get(), 0);
    stray.buffer_index = 2;
    BOOST_TEST(result_of(r, stray) == -EFAULT);
    BOOST_TEST(!buffers.unregister());
    stray.buffer_index = 0;
    BOOST_TEST(result_of(r, stray) == -EFAULT);
}

BOOST_AUTO_TEST_CASE(l11_fixed_files_are_registered_used_updated_and_given_up)
{
    const temporary_directory folder;
    for (const char* name : {"0", "1", "2", "new"})
        folder.write(name, name);
    std::vector<unique_fd> files;
    std::vector<int> descriptors;
    for (const char* name : {"0", "1", "2"}) {
        files.push_back(folder.open(name));
        descriptors.push_back(files.back().get());
    }
    ring r{{.entries = 4}};
    registered_files table{r, descriptors};
    // The table keeps the files open.
    files.clear();
    const auto content_of = [&](std::uint32_t slot) {
        std::array<char, 8> text{};
        const op::read read{
            .fd = static_cast<int>(slot),
            .data = text.data(),
            .size = text.size() - 1,
            .offset = 0};
        const int result = result_of(r, read, abi::sqe_fixed_file);
        return result < 0 ? "error" : std::string{text.data()};
    };
    for (std::uint32_t slot = 0; slot != 3; ++slot)
        BOOST_TEST(content_of(slot) == std::to_string(slot));
    BOOST_TEST(!table.set(1, folder.open("new").get()));
    BOOST_TEST(content_of(0) == "0");
    BOOST_TEST(content_of(1) == "new");
    BOOST_TEST(content_of(2) == "2");
    BOOST_TEST(content_of(3) == "error");
    BOOST_TEST(!table.unregister());
    BOOST_TEST(content_of(0) == "error");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
