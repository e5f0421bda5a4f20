// SPDX-License-Identifier: BSL-1.0
// The promises of io_urine, second part: pipes, buffers, messages, registration, results,
// and what it had planned.
#include "../ring/in_child.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/reap.hpp"
#include "../support/skip.hpp"
#include "../support/temporary_directory.hpp"

#include <asio_uring/op.hpp>
#include <asio_uring/ring/kernel_features.hpp>
#include <asio_uring/ring/operation_table.hpp>
#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/registered_eventfd.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

std::string read_now(int fd)
{
    std::array<char, 256> text;
    const ssize_t size = ::read(fd, text.data(), text.size());
    return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

/// The count of an eventfd, which becomes zero.
std::uint64_t take(const unique_fd& event)
{
    std::uint64_t count = 0;
    return ::read(event.get(), &count, sizeof count) == sizeof count ? count : 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_io_urine_advanced)

BOOST_AUTO_TEST_CASE(u15_splice_moves_and_tee_duplicates)
{
    const temporary_directory folder;
    folder.write("f", "0123456789");
    const unique_fd file = folder.open("f");
    const unique_fd copy = folder.open("copy");
    const pipe_pair first = make_pipe();
    const pipe_pair second = make_pipe();
    ring r{{.entries = 2}};
    const op::splice from_file{
        .fd_in = file.get(), .offset_in = 4, .fd_out = first.in.get(), .size = 100};
    BOOST_TEST(result_of(r, from_file) == 6);
    const op::tee duplicate{
        .fd_in = first.out.get(), .fd_out = second.in.get(), .size = 4};
    BOOST_TEST(result_of(r, duplicate) == 4);
    const op::splice to_file{
        .fd_in = first.out.get(), .fd_out = copy.get(), .offset_out = 0, .size = 6};
    BOOST_TEST(result_of(r, to_file) == 6);
    BOOST_TEST(folder.read("copy") == "456789");
    BOOST_TEST(read_now(second.out.get()) == "4567");
    // One side has to be a pipe.
    const op::splice no_pipe{.fd_in = file.get(), .fd_out = file.get(), .size = 1};
    BOOST_TEST(result_of(r, no_pipe) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(u16_provide_remove_and_free_buffers)
{
    const unique_fd zero{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    ring r{{.entries = 4}};
    std::array<char, 4 * 32> memory;
    memory.fill('x');
    const op::provide_buffers provide{
        .data = memory.data(), .size = 32, .count = 4, .group = 9, .first_id = 20};
    const op::read read{.fd = zero.get(), .size = 32, .offset = 0, .group = 9};
    BOOST_TEST(result_of(r, provide) == 0);
    const abi::cqe picked = run(r, read);
    BOOST_TEST(picked.res == 32);
    const unsigned id = buffer_id(picked);
    BOOST_REQUIRE((id >= 20 && id < 24));
    BOOST_TEST(memory[(id - 20) * 32] == '\0');
    BOOST_TEST(memory[(id - 20) * 32 + 31] == '\0');

    BOOST_TEST(result_of(r, op::remove_buffers{.count = 1, .group = 9}) == 1);
    // Free: all that is left of the group, however many that are.
    BOOST_TEST(result_of(r, op::remove_buffers{.count = 65535, .group = 9}) == 2);
    const abi::cqe none = run(r, read);
    BOOST_TEST(none.res == -ENOBUFS);
    BOOST_TEST((none.flags & abi::cqe_f_buffer) == 0);
    BOOST_TEST(result_of(r, op::remove_buffers{.count = 1, .group = 8}) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(u17_cancel_ends_a_request_and_msg_ring_reaches_another_ring)
{
    ring r{{.entries = 4}};
    const pipe_pair pipe = make_pipe();
    char byte = 0;
    push(r, op::read{.fd = pipe.out.get(), .data = &byte, .size = 1}, 1);
    push(r, op::async_cancel{.user_data = 1}, 2);
    const completions done = reap(r, 2);
    BOOST_TEST(done.res_of(1) == -ECANCELED);
    BOOST_TEST(done.res_of(2) == 0);
    BOOST_TEST(result_of(r, op::async_cancel{.user_data = 1}) == -ENOENT);

    ring other{{.entries = 4}};
    const op::msg_ring message{
        .target = other.native_handle(), .user_data = 0xfeed, .result = 42};
    BOOST_TEST(result_of(r, message) == 0);
    const abi::cqe received = reap_one(other);
    BOOST_TEST(received.user_data == 0xfeed);
    BOOST_TEST(received.res == 42);
    BOOST_TEST(received.flags == 0);
}

BOOST_AUTO_TEST_CASE(u18_register_and_unregister_buffers)
{
    const temporary_directory folder;
    folder.write("f", "0123456789");
    const unique_fd file = folder.open("f");
    ring r{{.entries = 2}};
    std::array<char, 16> memory{};
    const ::iovec whole{memory.data(), memory.size()};
    registered_buffers buffers{r, {&whole, 1}};
    const op::read_fixed read = op::read_into(buffers[0], file.get(), 2);
    BOOST_TEST(result_of(r, read) == 8);
    BOOST_TEST((std::string_view{memory.data(), 8} == "23456789"));
    // One table at a time, and memory outside of it is refused.
    boost::system::error_code ec;
    BOOST_TEST(!registered_buffers::create(r, {&whole, 1}, ec));
    BOOST_TEST((ec == errc::buffers_registered));
    op::read_fixed outside = read;
    outside.data = memory.data() + 12;
    BOOST_TEST(result_of(r, outside) == -EFAULT);

    BOOST_TEST(!buffers.unregister());
    BOOST_TEST(!buffers);
    BOOST_TEST(result_of(r, read) == -EFAULT);
    registered_buffers again{r, {&whole, 1}};
    BOOST_TEST(result_of(r, read) == 8);
}

BOOST_AUTO_TEST_CASE(u19_register_update_and_unregister_files)
{
    const temporary_directory folder;
    folder.write("one", "1");
    folder.write("two", "2");
    const unique_fd one = folder.open("one");
    const unique_fd two = folder.open("two");
    ring r{{.entries = 2}};
    const int descriptors[] = {one.get(), -1, one.get()};
    registered_files files{r, descriptors};
    const auto content_of = [&](std::uint32_t slot) -> char {
        char byte = 0;
        const op::read read{.data = &byte, .size = 1, .offset = 0};
        return result_of(r, op::on_slot(slot, read)) == 1 ? byte : '-';
    };
    BOOST_TEST(content_of(0) == '1');
    BOOST_TEST(content_of(1) == '-');
    // Leave the first, fill the second, empty the third.
    const int changes[] = {abi::register_files_skip, two.get(), -1};
    BOOST_TEST(files.update(0, changes).updated == 3);
    BOOST_TEST(content_of(0) == '1');
    BOOST_TEST(content_of(1) == '2');
    BOOST_TEST(content_of(2) == '-');
    const int more[] = {two.get()};
    BOOST_TEST((files.update(3, more).ec == errc::index_out_of_range));
    boost::system::error_code ec;
    BOOST_TEST(!registered_files::create(r, descriptors, ec));
    BOOST_TEST((ec == errc::files_registered));
    BOOST_TEST(!files.unregister());
    BOOST_TEST(content_of(0) == '-');
}

BOOST_AUTO_TEST_CASE(u20_eventfd_counts_completions_and_async_form_those_of_workers)
{
    ring r{{.entries = 4}};
    const unique_fd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    BOOST_TEST(result_of(r, op::nop{}) == 0);
    BOOST_TEST(!r.register_eventfd(event.get()));
    // A request in flight is no completion yet.
    const pipe_pair pipe = make_pipe();
    push(r, op::poll_add{.fd = pipe.out.get(), .events = POLLIN}, 1);
    BOOST_TEST(r.submit().submitted == 1);
    BOOST_TEST(take(event) == 0);
    BOOST_TEST(::write(pipe.in.get(), "x", 1) == 1);
    BOOST_TEST(reap(r, 1).res_of(1) == POLLIN);
    BOOST_TEST(take(event) == 1);
    for (int round = 0; round != 3; ++round)
        BOOST_TEST(result_of(r, op::nop{}) == 0);
    BOOST_TEST(take(event) == 3);
    BOOST_TEST(!r.unregister_eventfd());
    BOOST_TEST(result_of(r, op::nop{}) == 0);
    BOOST_TEST(take(event) == 0);
    BOOST_TEST((r.unregister_eventfd() == errc::not_registered));

    BOOST_TEST(!r.register_eventfd_async(event.get()));
    BOOST_TEST(result_of(r, op::nop{}) == 0);
    BOOST_TEST(take(event) == 0);
    // The flag sends the request to a kernel worker, which tells after it has completed.
    BOOST_TEST(result_of(r, op::nop{}, abi::sqe_async) == 0);
    std::uint64_t told = 0;
    BOOST_TEST(eventually([&] { return (told = take(event)) != 0; }));
    BOOST_TEST(told == 1);
    BOOST_TEST(!r.unregister_eventfd());
    const registered_eventfd workers{r, eventfd_mode::from_worker};
    BOOST_TEST((r.register_eventfd(event.get()) == errc::already_registered));
}

BOOST_AUTO_TEST_CASE(u21_probe_tells_what_the_kernel_then_does)
{
    const kernel_features features = kernel_features::probe();
    ring r{{.entries = 2}};
    struct
    {
        abi::probe head{};
        std::array<abi::probe_op, 256> operations{};
    } answer;
    BOOST_TEST(r.register_call(abi::register_op::probe, &answer, 256) == 0);
    BOOST_TEST(answer.head.ops_len > 40);
    unsigned wrong = 0;
    for (unsigned number = 0; number != 256; ++number) {
        const bool offered = number < answer.head.ops_len &&
                             (answer.operations[number].flags & abi::op_supported) != 0;
        wrong += features.supports(static_cast<abi::opcode>(number)) == offered ? 0U : 1U;
    }
    BOOST_TEST(wrong == 0);
    BOOST_TEST(features.supports(abi::opcode::nop));
    BOOST_TEST(result_of(r, op::nop{}) == 0);
    // The first number behind the last is refused by the ring as well.
    abi::sqe* entry = r.try_claim();
    BOOST_REQUIRE(entry != nullptr);
    entry->opcode = static_cast<std::uint8_t>(answer.head.last_op + 1);
    BOOST_TEST(!features.supports(static_cast<abi::opcode>(entry->opcode)));
    BOOST_TEST(reap_one(r).res == -EINVAL);
}

BOOST_AUTO_TEST_CASE(u22_result_is_a_value_or_an_error)
{
    ring r{{.entries = 2}};
    const unique_fd event{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::uint64_t count = 0;
    const op::read read{.fd = event.get(), .data = &count, .size = sizeof count};
    const int good = result_of(r, read);
    BOOST_TEST(!result_error(good));
    BOOST_TEST(result_value(good) == 8);
    const int bad = result_of(r, op::close{.fd = -1});
    BOOST_TEST((result_error(bad) == boost::system::errc::bad_file_descriptor));
    BOOST_TEST(result_value(bad) == 0);
    // What the kernel keeps for itself reads as cancelled, not as an unknown number.
    for (int internal : {-512, -513, -514, -516})
        BOOST_TEST(result_error(internal).value() == ECANCELED);
}

BOOST_AUTO_TEST_CASE(u23_poll_events_and_times_in_the_kernels_form)
{
    static_assert(to_timespec(milliseconds{1500}).sec == 1);
    static_assert(to_timespec(milliseconds{1500}).nsec == 500'000'000);
    static_assert(to_timespec(nanoseconds{-1}).sec == 0);
    static_assert(to_timespec(nanoseconds{-1}).nsec == 0);
    static_assert(to_timespec(seconds::max()).sec == seconds::max().count());
    static_assert(to_timespec(std::chrono::duration<double>{0.25}).nsec == 250'000'000);
    static_assert(to_timespec(steady_clock::time_point{seconds{7}}).sec == 7);
    // The words of <poll.h> are the kernel's, the wide ones of <sys/epoll.h> too.
    static_assert(POLLIN == 1 && POLLPRI == 2 && POLLOUT == 4 && POLLERR == 8);
    static_assert(POLLHUP == 16 && POLLRDHUP == 0x2000);
    ring r{{.entries = 2}};
    fd_pair pair = socket_pair();
    pair.second.reset();
    const op::poll_add all{.fd = pair.first.get(), .events = POLLIN | POLLRDHUP};
    BOOST_TEST(result_of(r, all) == (POLLIN | POLLRDHUP | POLLHUP));
    const op::poll_add exclusive{
        .fd = pair.first.get(),
        .events = std::uint32_t{POLLIN} | std::uint32_t{EPOLLEXCLUSIVE}};
    BOOST_TEST(result_of(r, exclusive) > 0);
    // A wall-clock time of now has come.
    const abi::kernel_timespec now = to_timespec(system_clock::now());
    const op::timeout at{
        .expiry = &now, .flags = abi::timeout_abs | abi::timeout_realtime};
    BOOST_TEST(result_of(r, at) == -ETIME);
}

BOOST_AUTO_TEST_CASE(u25_table_gives_each_request_in_flight_its_own_user_data)
{
    operation_table<int> table;
    std::set<std::uint64_t> seen{0};
    std::vector<std::uint64_t> in_flight;
    for (int value = 0; value != 100; ++value) {
        in_flight.push_back(table.emplace(value));
        BOOST_TEST(seen.insert(in_flight.back()).second);
        if (value % 3 == 0) {
            // Places are used again, user data are not.
            BOOST_TEST(table.erase(in_flight.back()));
            BOOST_TEST(table.find(in_flight.back()) == nullptr);
            BOOST_TEST(!table.erase(in_flight.back()));
            in_flight.pop_back();
        }
    }
    BOOST_TEST(table.size() == in_flight.size());
    BOOST_TEST(table.find(0) == nullptr);
    BOOST_TEST(table.find(~0ULL) == nullptr);
    for (const std::uint64_t user_data : in_flight)
        BOOST_TEST(table.find(user_data) != nullptr);
    BOOST_TEST(!table.dispatch(abi::cqe{}, [](int&, const abi::cqe&) {}));

    operation_table<int> moved{std::move(table)};
    BOOST_TEST(table.empty());
    BOOST_TEST(moved.find(in_flight.front()) != nullptr);
    moved.clear();
    BOOST_TEST(moved.empty());
    BOOST_TEST(moved.find(in_flight.front()) == nullptr);
}

#if !defined(NDEBUG)
BOOST_AUTO_TEST_CASE(u25_table_that_goes_before_its_requests_stops_a_debug_build)
{
    const std::string verdict = in_child([]() -> std::string {
        std::freopen("/dev/null", "w", stderr);
        ::signal(SIGABRT, SIG_DFL);
        operation_table<std::array<char, 64>> buffers;
        static_cast<void>(buffers.emplace());
        return "went on";
    });
    BOOST_TEST(verdict.find("ended by signal") != std::string::npos);
}
#endif

BOOST_AUTO_TEST_CASE(u25_multishot_request_stays_in_the_table_until_its_last_completion)
{
    ring r{{.entries = 4}};
    operation_table<int> arrivals;
    const pipe_pair pipe = make_pipe();
    const std::uint64_t watch = arrivals.emplace(0);
    push(
        r,
        op::poll_add{
            .fd = pipe.out.get(), .events = POLLIN, .flags = abi::poll_add_multi},
        watch);
    const auto count = [](int& arrived, const abi::cqe&) { ++arrived; };
    for (int round = 1; round != 4; ++round) {
        BOOST_TEST(r.submit_and_wait(0).ec.value() == 0);
        BOOST_TEST(::write(pipe.in.get(), "x", 1) == 1);
        BOOST_TEST(arrivals.dispatch(reap_one(r), count));
        BOOST_REQUIRE(arrivals.find(watch) != nullptr);
        BOOST_TEST(*arrivals.find(watch) == round);
    }
    push(r, op::poll_remove{.user_data = watch}, 0);
    const completions done = reap(r, 2);
    BOOST_TEST(arrivals.dispatch(done.of(watch), count));
    BOOST_TEST(!arrivals.dispatch(done.of(0), count));
    BOOST_TEST(arrivals.empty());
}

namespace {

/// The sixteen bytes behind the sixteen of a plain completion, as two numbers.
std::array<std::uint64_t, 2> second_half(const abi::cqe& entry)
{
    std::array<std::uint64_t, 2> numbers;
    std::memcpy(numbers.data(), &entry + 1, sizeof numbers);
    return numbers;
}

constexpr std::uint64_t first_extra = 0x1122334455667788;
constexpr std::uint64_t second_extra = 0x99aabbccddeeff00;

/// A no-operation that gives its user data, and in the second half the two numbers.
void push_wide_nop(ring& r, std::uint64_t user_data)
{
    push(r, op::nop{.flags = abi::nop_cqe32}, user_data);
    abi::sqe& entry = r.sqe_at(r.claimed() - 1);
    entry.off = first_extra;
    entry.addr = second_extra + user_data;
}

} // namespace

BOOST_AUTO_TEST_CASE(u25_features_gate_wide_entries_and_wide_entries_work)
{
    const std::uint32_t wide = abi::setup_sqe128 | abi::setup_cqe32;
    BOOST_TEST(kernel_features::running().supports_setup(wide));
    ring r{{.entries = 2, .flags = wide}};
    // Four completions fit, so five rounds of two go over the end of the queue.
    for (int round = 0; round != 5; ++round) {
        push(r, op::close{.fd = -1}, 1);
        push(r, op::nop{}, 2);
        BOOST_TEST(r.submit().submitted == 2);
        BOOST_REQUIRE(r.ready() == 2);
        BOOST_TEST(r.completion().at(0).res == -EBADF);
        BOOST_TEST(r.completion().at(1).user_data == 2);
        // Who has nothing to say there says zero.
        for (unsigned index = 0; index != 2; ++index)
            BOOST_TEST((second_half(r.completion().at(index)) == std::array{0UL, 0UL}));
        r.advance(2);
    }
    // What no kernel here has is refused by name, before anything happens.
    boost::system::error_code ec;
    if (!kernel_features::running().supports_setup(abi::setup_sq_rewind)) {
        const ring refused = ring::create({.flags = abi::setup_sq_rewind}, ec);
        BOOST_TEST((ec == errc::unsupported_setup_flag));
        BOOST_TEST(!refused.is_open());
    }
}

BOOST_AUTO_TEST_CASE(u25_second_half_of_a_wide_completion_carries_what_the_kernel_says)
{
    ring r{{.entries = 2, .flags = abi::setup_cqe32}};
    push_wide_nop(r, 1);
    if (reap(r, 1).res_of(1) == -EINVAL)
        ASIO_URING_SKIP("the kernel has no operation that fills it everywhere (6.18)");
    for (int round = 0; round != 5; ++round) {
        push_wide_nop(r, 2);
        push_wide_nop(r, 3);
        BOOST_TEST(r.submit().submitted == 2);
        BOOST_REQUIRE(r.ready() == 2);
        for (unsigned index = 0; index != 2; ++index) {
            const abi::cqe& entry = r.completion().at(index);
            BOOST_TEST(entry.user_data == 2 + index);
            const std::array expected{first_extra, second_extra + entry.user_data};
            BOOST_TEST((second_half(entry) == expected));
        }
        r.advance(2);
    }
}

BOOST_AUTO_TEST_CASE(u25_second_half_of_a_wide_entry_takes_the_payload_of_a_command)
{
    ring r{{.entries = 2, .flags = abi::setup_sqe128}};
    std::array<std::byte, 80> payload;
    for (std::size_t index = 0; index != payload.size(); ++index)
        payload[index] = static_cast<std::byte>(index + 1);
    for (int round = 0; round != 3; ++round) {
        const auto* first = reinterpret_cast<const std::byte*>(r.try_claim());
        push(r, op::uring_cmd_sqe128{.fd = -1, .payload = payload}, 1);
        const auto* entry =
            reinterpret_cast<const std::byte*>(&r.sqe_at(r.claimed() - 1));
        BOOST_TEST((std::memcmp(entry + 48, payload.data(), payload.size()) == 0));
        // The entry beside it is as it was.
        const std::array<std::byte, 128> zeros{};
        BOOST_TEST((std::memcmp(first, zeros.data(), zeros.size()) == 0));
        // The kernel finds each at its place: one is a no-operation, one has no file.
        const completions done = reap(r, 2);
        BOOST_TEST(done.res_of(0) == 0);
        BOOST_TEST(done.res_of(1) == -EBADF);
    }
}

BOOST_AUTO_TEST_CASE(u26_memory_lock_limit_of_a_plain_user_bounds_what_is_registered)
{
    const std::string verdict = in_child([]() -> std::string {
        constexpr rlim_t limit = 256 << 10;
        const ::rlimit small{limit, limit};
        if (::setrlimit(RLIMIT_MEMLOCK, &small) != 0)
            return "setrlimit failed";
        // Root is not held to the limit.
        if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 ||
                                 ::setuid(65534) != 0))
            return "setuid failed";
        boost::system::error_code ec;
        ring r = ring::create({.entries = 8}, ec);
        if (ec)
            return "no ring: " + explain_setup_error(ec, {.entries = 8});
        std::vector<char> memory(1 << 20);
        const ::iovec all{memory.data(), memory.size()};
        const ::iovec some{memory.data(), 4096};
        const boost::system::error_code too_much = r.register_buffers({&all, 1});
        if (too_much.value() != ENOMEM)
            return "1 MiB: " + too_much.message();
        const boost::system::error_code fits = r.register_buffers({&some, 1});
        return fits ? "4 KiB: " + fits.message() : "";
    });
    BOOST_TEST(verdict == "");
    // The caveat stands in the text a refusal is explained with.
    const boost::system::error_code none{ENOMEM, boost::system::system_category()};
    const std::string text = explain_setup_error(none, {});
    BOOST_TEST(text.find("RLIMIT_MEMLOCK") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
