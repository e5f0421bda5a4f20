// SPDX-License-Identifier: BSL-1.0
// The workers of a context without a ring: how many there are, what a cancellation, the
// end of the context and a fork do to what they have and to what they wait for.
#include "../ring/in_child.hpp"
#include "../support/counting_allocator.hpp"
#include "../support/drive.hpp"
#include "../support/plain_sockets.hpp"
#include "../support/recorder.hpp"
#include "../support/skip.hpp"
#include "../support/temporary_directory.hpp"
#include "../support/whole_transfers.hpp"
#include "without_ring.hpp"

#include <asio_uring/asio_uring.hpp>
#include <asio_uring/op.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t workers_max = 4;

/// Writes down how an operation ends.
auto noting(recorder& log, std::string name)
{
    return [&log, name = std::move(name)](error_code ec, int value) {
        log.handled(name + ' ' + text(ec) + ' ' + std::to_string(value));
    };
}

/// The same for one that makes a descriptor.
auto noting_descriptor(recorder& log, std::string name)
{
    return [&log, name = std::move(name)](error_code ec, int made) {
        log.handled(name + ' ' + text(ec));
        if (!ec)
            ::close(made);
    };
}

/// Every worker waits for the file, one more operation for a worker.
struct busy_pool
{
    explicit busy_pool(std::unique_ptr<asio_uring::io_context> of)
        : context(std::move(of)), file(folder.path("held"))
    {}

    template <typename Handler>
    void open(Handler handler)
    {
        async_submit(
            context->get_executor(),
            op::openat{.path = file.path(), .flags = O_RDONLY | O_CLOEXEC},
            std::move(handler));
    }

    temporary_directory folder;
    std::unique_ptr<asio_uring::io_context> context;
    held_file file;
};

const char* const no_leases = "this file system has no leases";

} // namespace

BOOST_AUTO_TEST_SUITE(test_pool)

BOOST_AUTO_TEST_CASE(many_operations_share_a_few_workers)
{
    const auto context = context_without_ring();
    const std::size_t before = thread_count();
    std::size_t done = 0;
    std::size_t most = 0;
    for (int i = 0; i != 500; ++i)
        async_submit(context->get_executor(), op::nop{}, [&](error_code ec, int) {
            BOOST_TEST(!ec);
            most = std::max(most, thread_count());
            ++done;
        });
    BOOST_TEST(done == 0u);
    finish(*context);
    BOOST_TEST(done == 500u);
    BOOST_TEST(most > before);
    BOOST_TEST(most <= before + workers_max);
}

BOOST_AUTO_TEST_CASE(context_that_starts_nothing_has_no_workers)
{
    const std::size_t before = thread_count();
    const auto context = context_without_ring();
    turn(*context);
    BOOST_TEST(thread_count() == before);
}

BOOST_AUTO_TEST_CASE(queued_operation_is_cancelled_while_all_workers_are_busy)
{
    busy_pool pool(context_without_ring());
    if (!pool.file)
        ASIO_URING_SKIP(no_leases);
    recorder log;
    asio::cancellation_signal signal;
    for (std::size_t i = 0; i != workers_max; ++i)
        pool.open(noting_descriptor(log, "opened"));
    const auto executor = pool.context->get_executor();
    async_submit(executor, op::nop{}, noting(log, "first"));
    async_submit(
        executor,
        op::nop{},
        asio::bind_cancellation_slot(signal.slot(), noting(log, "second")));
    async_submit(executor, op::nop{}, noting(log, "third"));
    turn(*pool.context);
    signal.emit(asio::cancellation_type::total);
    BOOST_TEST(log.count() == 0u); // never from within
    run_until(*pool.context, [&] { return log.count() == 1; });
    BOOST_TEST(log.take() == "second operation_aborted 0");
    signal.emit(asio::cancellation_type::total); // finds nothing

    pool.file.release();
    finish(*pool.context);
    const std::string rest = log.take();
    BOOST_TEST(rest.find("first ok 0") != std::string::npos, rest);
    BOOST_TEST(rest.find("third ok 0") != std::string::npos, rest);
    BOOST_TEST(rest.find("opened ok") != std::string::npos, rest);
    BOOST_TEST(rest.find("aborted") == std::string::npos, rest);
}

BOOST_AUTO_TEST_CASE(running_call_reports_what_it_did_despite_its_cancellation)
{
    busy_pool pool(context_without_ring());
    if (!pool.file)
        ASIO_URING_SKIP(no_leases);
    recorder log;
    asio::cancellation_signal signal;
    pool.open(
        asio::bind_cancellation_slot(signal.slot(), noting_descriptor(log, "opened")));
    BOOST_TEST_REQUIRE(pool.file.is_awaited());
    signal.emit(asio::cancellation_type::terminal);
    turn(*pool.context);
    BOOST_TEST(log.count() == 0u);
    pool.file.release();
    finish(*pool.context);
    BOOST_TEST(log.take() == "opened ok");
}

BOOST_AUTO_TEST_CASE(destroyed_context_waits_for_calls_and_closes_what_they_made)
{
    const std::size_t before = descriptor_count();
    {
        auto pool = std::make_unique<busy_pool>(context_without_ring());
        if (!pool->file)
            ASIO_URING_SKIP(no_leases);
        const auto token = std::make_shared<int>(0);
        const auto never = [token](error_code, int) { BOOST_TEST(false); };
        for (int i = 0; i != 20; ++i)
            pool->open(never);
        BOOST_TEST_REQUIRE(pool->file.is_awaited());
        std::thread release([&] { pool->file.release(); });
        pool->context.reset();
        release.join();
        BOOST_TEST(token.use_count() == 2); // it and what `never` holds
    }
    BOOST_TEST(descriptor_count() == before);
}

BOOST_AUTO_TEST_CASE(undelivered_descriptors_are_closed_with_the_context)
{
    const std::size_t before = descriptor_count();
    int kept[2] = {-1, -1};
    {
        const auto context = context_without_ring();
        const auto executor = context->get_executor();
        const auto never = [](error_code, int) { BOOST_TEST(false); };
        async_submit(executor, op::socket{.domain = AF_INET, .type = SOCK_STREAM}, never);
        async_submit(executor, op::openat{.path = "/dev/null"}, never);
        async_submit(executor, op::pipe{.descriptors = kept, .flags = O_CLOEXEC}, never);
        while (descriptor_count() < before + 4)
            std::this_thread::yield();
    }
    BOOST_TEST(descriptor_count() == before);
    BOOST_TEST(kept[0] == -1);
}

// A handler that is destroyed with the context may start the next operation.
BOOST_AUTO_TEST_CASE(operation_started_by_the_end_of_another_ends_with_the_context)
{
    struct restart
    {
        asio_uring::io_context* context = nullptr;
        std::shared_ptr<int> token;
        ~restart()
        {
            async_submit(
                context->get_executor(), op::nop{}, [kept = token](error_code, int) {});
        }
    };
    const auto token = std::make_shared<int>(0);
    {
        const auto context = context_without_ring();
        auto again = std::make_unique<restart>();
        again->context = context.get();
        again->token = token;
        async_submit(
            context->get_executor(),
            op::nop{},
            [kept = std::move(again)](error_code, int) { BOOST_TEST(false); });
    }
    BOOST_TEST(token.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(handler_brings_its_memory_and_its_executor)
{
    const auto context = context_without_ring();
    handler_memory memory;
    auto strand = asio::make_strand(context->get_executor());
    bool called = false;
    async_submit(
        context->get_executor(),
        op::nop{},
        asio::bind_allocator(
            handler_allocator<>(memory),
            asio::bind_executor(strand, [&](error_code, int) {
                called = strand.running_in_this_thread();
                BOOST_TEST(!memory.in_use());
            })));
    BOOST_TEST(memory.in_use());
    finish(*context);
    BOOST_TEST(called);
    BOOST_TEST(memory.misses() == 0u);
}

BOOST_AUTO_TEST_CASE(thread_pool_without_a_ring_has_workers_too)
{
    const auto pool = std::make_unique<asio::thread_pool>(2);
    asio::post(*pool, asio::use_future([] {})).get(); // its threads are there
    without_descriptors([&] {
        use_ring(*pool, ring_options(), fallback::allowed);
        return 0;
    });
    BOOST_TEST_REQUIRE((status(*pool).mode == ring_mode::fallback));
    auto value = async_submit(
        pool->get_executor(),
        op::nop{.flags = abi::nop_inject_result, .result = 7},
        asio::use_future);
    BOOST_TEST_REQUIRE((value.wait_for(wait_limit) == std::future_status::ready));
    BOOST_TEST(value.get() == 7);
    pool->join();
}

BOOST_AUTO_TEST_CASE(cancellation_races_with_the_workers)
{
    const auto context = context_without_ring();
    recorder log;
    for (int i = 0; i != 300; ++i) {
        asio::cancellation_signal signal;
        for (int idle = 0; idle != i % 3; ++idle)
            async_submit(context->get_executor(), op::nop{}, [](error_code, int) {});
        async_submit(
            context->get_executor(),
            op::nop{},
            asio::bind_cancellation_slot(signal.slot(), noting(log, "nop")));
        if (i % 2 != 0)
            std::this_thread::yield();
        signal.emit(asio::cancellation_type::total);
        finish(*context);
        const std::string outcome = log.take();
        BOOST_TEST(
            (outcome == "nop ok 0" || outcome == "nop operation_aborted 0"), outcome);
    }
}

BOOST_AUTO_TEST_CASE(several_threads_run_the_context_and_submit)
{
    const auto context = context_without_ring();
    std::atomic<int> left = 2000;
    std::atomic<int> ended = 0;
    std::function<void(error_code, int)> again = [&](error_code ec, int) {
        ended += ec ? 0 : 1;
        if (left.fetch_sub(1) > 0)
            async_submit(context->get_executor(), op::nop{}, again);
    };
    for (int i = 0; i != 8; ++i)
        async_submit(context->get_executor(), op::nop{}, again);
    std::vector<std::thread> runners;
    for (int i = 0; i != 3; ++i)
        runners.emplace_back([&] { context->run_for(wait_limit); });
    for (std::thread& runner : runners)
        runner.join();
    BOOST_TEST(ended == 2008);
}

// Such a context may be touched by one thread only.
BOOST_AUTO_TEST_CASE(context_without_locks_makes_the_call_itself)
{
    const auto context = context_without_ring(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
    const std::size_t before = thread_count();
    recorder log;
    async_submit(
        context->get_executor(),
        op::openat{.path = "/dev/null", .flags = O_CLOEXEC},
        noting_descriptor(log, "open"));
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(thread_count() == before);
    finish(*context);
    BOOST_TEST(log.take() == "open ok");
}

BOOST_AUTO_TEST_CASE(file_is_closed_where_no_worker_can_be_made)
{
    const temporary_directory folder;
    const std::string verdict = in_child([&]() -> std::string {
        const auto context = context_without_ring();
        asio_uring::random_access_file file(
            *context,
            folder.path("file"),
            asio_uring::random_access_file::read_write |
                asio_uring::random_access_file::create);
        const int descriptor = file.native_handle();
        const ::rlimit none{.rlim_cur = 0, .rlim_max = 0};
        constexpr ::uid_t ordinary = 65534; // whom the limit binds
        if (::setrlimit(RLIMIT_NPROC, &none) != 0 ||
            (::geteuid() == 0 && ::setuid(ordinary) != 0))
            return "no limit";
        recorder log;
        async_submit(context->get_executor(), op::nop{}, noting(log, "nop"));
        finish(*context);
        file.async_close([&](error_code ec) { log.handled("close " + text(ec)); });
        finish(*context);
        return log.take() + (::fcntl(descriptor, F_GETFD) == -1 ? "" : ", still open");
    });
    BOOST_TEST(verdict == "nop would_block 0; close ok");
}

BOOST_AUTO_TEST_CASE(what_only_a_ring_keeps_is_refused)
{
    const auto context = context_without_ring();
    recorder log;
    const auto submit = [&](const auto& operation) {
        async_submit(context->get_executor(), operation, [&](error_code ec, int value) {
            log.handled(ec == errc::no_ring && value == 0 ? "no_ring" : text(ec));
        });
        finish(*context);
        return log.take();
    };
    BOOST_TEST(submit(op::openat{.path = "/", .slot = 0}) == "no_ring");
    BOOST_TEST(submit(op::close{.slot = abi::file_index_alloc}) == "no_ring");
    BOOST_TEST(submit(op::read{.fd = 0, .size = 1, .group = 3}) == "no_ring");
    BOOST_TEST(submit(op::on_slot(1, op::fsync{})) == "no_ring");
    ::msghdr message{};
    BOOST_TEST(
        submit(op::recvmsg{.fd = 0, .message = &message, .flags = MSG_WAITALL}) ==
        "no_ring");
    BOOST_TEST(submit(op::accept{.fd = 0, .ioprio = abi::accept_multishot}) == "no_ring");
    BOOST_TEST(submit(op::splice{.flags = abi::splice_f_fd_in_fixed}) == "no_ring");
    BOOST_TEST(submit(op::nop{.flags = abi::nop_fixed_buffer}) == "no_ring");
    BOOST_TEST(submit(op::poll_add{.fd = 0, .events = POLLIN | POLLOUT}) == "no_ring");
    BOOST_TEST(submit(op::poll_add{.fd = 0, .events = POLLPRI}) == "no_ring");
    BOOST_TEST(submit(op::read_fixed{.fd = 0}) == "no_ring");
    BOOST_TEST(submit(op::uring_cmd{.fd = 0}) == "no_ring");
}

BOOST_AUTO_TEST_SUITE_END()

// What waits for somebody else takes no worker.
BOOST_AUTO_TEST_SUITE(test_readiness)

BOOST_AUTO_TEST_CASE(read_of_an_empty_pipe_waits_takes_no_worker_and_is_cancelled)
{
    const auto context = context_without_ring();
    const std::size_t before = thread_count();
    recorder log;
    pipe_pair pipe = make_pipe();
    char data[8] = {};
    const op::read read{.fd = pipe.out.get(), .data = data, .size = 8};
    async_submit(context->get_executor(), read, noting(log, "read"));
    turn(*context);
    turn(*context);
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(thread_count() == before);
    BOOST_TEST(::write(pipe.in.get(), "ab", 2) == 2);
    finish(*context);
    BOOST_TEST(log.take() == "read ok 2");
    BOOST_TEST(data[1] == 'b');

    for (const stage when : stages) {
        asio::cancellation_signal signal;
        async_submit(
            context->get_executor(),
            read,
            asio::bind_cancellation_slot(signal.slot(), noting(log, "read")));
        reach(*context, when);
        signal.emit(asio::cancellation_type::total);
        finish(*context);
        BOOST_TEST(log.take() == "read operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE(context_is_destroyed_with_everything_waiting)
{
    const std::size_t before = descriptor_count();
    const auto token = std::make_shared<int>(0);
    {
        pipe_pair empty = make_pipe();
        pipe_pair full = make_pipe();
        fill_descriptor(full.in.get());
        const auto [near, far] = socket_pair();
        const unique_fd event(::eventfd(0, EFD_CLOEXEC));
        char data[8] = {};
        for (int turns = 0; turns != 3; ++turns) {
            const auto context = context_without_ring();
            const auto submit = [&](const auto& operation) {
                async_submit(
                    context->get_executor(), operation, [token](error_code, int) {
                        BOOST_TEST(false);
                    });
            };
            submit(op::read{.fd = empty.out.get(), .data = data, .size = 8});
            submit(op::write{.fd = full.in.get(), .data = data, .size = 8});
            submit(op::read{.fd = near.get(), .data = data, .size = 8});
            submit(op::recv{.fd = near.get(), .data = data, .size = 8});
            submit(op::read{.fd = event.get(), .data = data, .size = 8});
            submit(
                op::splice{.fd_in = empty.out.get(), .fd_out = full.in.get(), .size = 8});
            for (int i = 0; i != turns; ++i)
                turn(*context);
        }
    }
    BOOST_TEST(token.use_count() == 1);
    BOOST_TEST(descriptor_count() == before);
}

BOOST_AUTO_TEST_CASE(write_to_a_full_pipe_goes_on_when_there_is_room)
{
    const auto context = context_without_ring();
    recorder log;
    pipe_pair pipe = make_pipe();
    std::size_t left = fill_descriptor(pipe.in.get());
    async_submit(
        context->get_executor(),
        op::write{.fd = pipe.in.get(), .data = "end", .size = 3},
        noting(log, "write"));
    turn(*context);
    turn(*context);
    BOOST_TEST(log.count() == 0u);
    std::vector<char> block(4096);
    while (left != 0)
        left -=
            static_cast<std::size_t>(::read(pipe.out.get(), block.data(), block.size()));
    finish(*context);
    BOOST_TEST(log.take() == "write ok 3");
    BOOST_TEST(::read(pipe.out.get(), block.data(), block.size()) == 3);
}

BOOST_AUTO_TEST_CASE(splice_of_a_file_waits_for_room_in_the_pipe)
{
    const auto context = context_without_ring();
    const temporary_directory folder;
    folder.write("a", "text");
    const auto file = folder.open("a");
    pipe_pair pipe = make_pipe();
    const std::size_t size = fill_descriptor(pipe.in.get());
    recorder log;
    async_submit(
        context->get_executor(),
        op::splice{.fd_in = file.get(), .fd_out = pipe.in.get(), .size = 4},
        noting(log, "splice"));
    turn(*context);
    turn(*context);
    BOOST_TEST(log.count() == 0u);
    std::vector<char> block(size);
    BOOST_TEST(::read(pipe.out.get(), block.data(), size) > 0);
    finish(*context);
    BOOST_TEST(log.take() == "splice ok 4");
}

BOOST_AUTO_TEST_CASE(receive_in_full_waits_for_all_of_it)
{
    const auto context = context_without_ring();
    recorder log;
    auto [near, far] = socket_pair();
    char data[8] = {};
    const op::recv receive{
        .fd = far.get(), .data = data, .size = 8, .flags = MSG_WAITALL};
    async_submit(context->get_executor(), receive, noting(log, "all"));
    for (const char* part : {"12", "345", "678"}) {
        BOOST_TEST(log.count() == 0u);
        BOOST_TEST(::send(near.get(), part, std::strlen(part), 0) > 0);
        turn(*context);
    }
    finish(*context);
    BOOST_TEST(log.take() == "all ok 8");
    BOOST_TEST(std::string(data, 8) == "12345678");

    async_submit(context->get_executor(), receive, noting(log, "some"));
    BOOST_TEST(::send(near.get(), "9", 1, 0) == 1);
    turn(*context);
    near.reset();
    finish(*context);
    BOOST_TEST(log.take() == "some ok 1");
}

BOOST_AUTO_TEST_CASE(poll_waits_for_input_or_for_output)
{
    const auto context = context_without_ring();
    recorder log;
    pipe_pair pipe = make_pipe();
    const auto poll = [&](int fd, std::uint32_t events) {
        async_submit(
            context->get_executor(),
            op::poll_add{.fd = fd, .events = events},
            noting(log, "poll"));
    };
    poll(pipe.in.get(), POLLOUT);
    finish(*context);
    BOOST_TEST(log.take() == "poll ok " + std::to_string(POLLOUT));
    poll(pipe.out.get(), POLLIN);
    turn(*context);
    turn(*context);
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(::write(pipe.in.get(), "x", 1) == 1);
    finish(*context);
    BOOST_TEST(log.take() == "poll ok " + std::to_string(POLLIN));
    poll(100000, POLLIN);
    finish(*context);
    BOOST_TEST(log.take() == "poll bad_descriptor 0");
}

BOOST_AUTO_TEST_CASE(writes_without_a_reader_raise_no_signal)
{
    const std::string verdict = in_child([]() -> std::string {
        std::signal(SIGPIPE, SIG_DFL);
        const auto context = context_without_ring();
        recorder log;
        pipe_pair pipe = make_pipe();
        pipe.out.reset();
        int pair[2] = {-1, -1};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            return "socketpair";
        ::close(pair[1]);
        for (const int fd : {pipe.in.get(), pair[0]}) {
            async_submit(
                context->get_executor(),
                op::write{.fd = fd, .data = "x", .size = 1},
                noting(log, "write"));
            finish(*context);
        }
        pipe_pair source = make_pipe();
        if (::write(source.in.get(), "x", 1) != 1)
            return "write";
        async_submit(
            context->get_executor(),
            op::splice{.fd_in = source.out.get(), .fd_out = pipe.in.get(), .size = 1},
            noting(log, "splice"));
        finish(*context);
        ::sigset_t pending;
        ::sigpending(&pending);
        if (::sigismember(&pending, SIGPIPE) != 0)
            return "a signal is pending";
        ::sigset_t mask;
        ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
        if (::sigismember(&mask, SIGPIPE) != 0)
            return "the signal is still blocked";
        return log.take();
    });
    BOOST_TEST(
        verdict == "write broken_pipe 0; write broken_pipe 0; splice broken_pipe 0");
}

BOOST_AUTO_TEST_CASE(splices_to_what_nobody_reads_raise_no_signal)
{
    const std::string verdict = in_child([]() -> std::string {
        std::signal(SIGPIPE, SIG_DFL);
        const auto context = context_without_ring();
        const auto executor = context->get_executor();
        recorder log;
        pipe_pair pipe = make_pipe();
        pipe.out.reset();
        fd_pair socket = socket_pair();
        socket.second.reset();
        pipe_pair piped = make_pipe();
        fd_pair sent = socket_pair();
        for (const int source : {piped.in.get(), sent.second.get()})
            if (::write(source, "abc", 3) != 3)
                return "write";
        const auto splice = [&](const char* name, int in, int out) {
            async_splice(executor, in, -1, out, -1, 3, noting(log, name));
            finish(*context);
        };
        splice("pipe to pipe", piped.out.get(), pipe.in.get());
        splice("pipe to socket", piped.out.get(), socket.first.get());
        splice("socket to pipe", sent.first.get(), pipe.in.get());
        const op::tee tee{.fd_in = piped.out.get(), .fd_out = pipe.in.get(), .size = 3};
        async_submit(executor, tee, noting(log, "tee"));
        finish(*context);
        return log.take();
    });
    BOOST_TEST(
        verdict == "pipe to pipe broken_pipe 0; pipe to socket broken_pipe 0; "
                   "socket to pipe broken_pipe 0; tee broken_pipe 0");
}

BOOST_AUTO_TEST_CASE(signal_that_was_pending_before_a_splice_is_still_pending)
{
    const std::string verdict = in_child([]() -> std::string {
        const auto context = context_without_ring();
        recorder log;
        pipe_pair pipe = make_pipe();
        pipe.out.reset();
        pipe_pair source = make_pipe();
        ::sigset_t set;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
        if (::write(source.in.get(), "x", 1) != 1 || std::raise(SIGPIPE) != 0)
            return "no signal";
        async_splice(
            context->get_executor(),
            source.out.get(),
            -1,
            pipe.in.get(),
            -1,
            1,
            noting(log, "splice"));
        finish(*context);
        ::sigpending(&set);
        return log.take() + (::sigismember(&set, SIGPIPE) == 1 ? " pending" : " lost");
    });
    BOOST_TEST(verdict == "splice broken_pipe 0 pending");
}

// With the unsafe hint only the program's thread may touch the context, so it makes the
// call itself.
BOOST_AUTO_TEST_CASE(file_that_would_outgrow_its_limit_raises_no_signal)
{
    for (const int hint :
         {BOOST_ASIO_CONCURRENCY_HINT_SAFE, BOOST_ASIO_CONCURRENCY_HINT_UNSAFE})
    {
        const std::string verdict = in_child([hint]() -> std::string {
            std::signal(SIGXFSZ, SIG_DFL);
            const auto context = context_without_ring(hint);
            const auto executor = context->get_executor();
            recorder log;
            const temporary_directory folder;
            const detail::unique_fd file{
                ::open(folder.path("file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
            const ::rlimit limit{.rlim_cur = 2, .rlim_max = 2};
            if (!file || ::setrlimit(RLIMIT_FSIZE, &limit) != 0)
                return "no file";
            const op::write write{
                .fd = file.get(), .data = "abc", .size = 3, .offset = 2};
            async_submit(executor, write, noting(log, "write"));
            finish(*context);
            const op::ftruncate grow{.fd = file.get(), .size = 9};
            async_submit(executor, grow, noting(log, "ftruncate"));
            finish(*context);
            ::sigset_t pending;
            ::sigpending(&pending);
            return log.take() + (::sigismember(&pending, SIGXFSZ) == 1 ? " pending" : "");
        });
        BOOST_TEST(verdict == "write system:27 0; ftruncate system:27 0");
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(test_pool_fork)

BOOST_AUTO_TEST_CASE(both_processes_go_on_with_what_is_queued)
{
    busy_pool pool(context_without_ring());
    recorder log;
    const auto executor = pool.context->get_executor();
    async_submit(executor, op::nop{}, noting(log, "before"));
    finish(*pool.context);
    BOOST_TEST(log.take() == "before ok 0");
    const std::size_t threads = thread_count();

    pool.context->notify_fork(asio::execution_context::fork_prepare);
    BOOST_TEST(thread_count() < threads); // no worker is in the middle of anything
    async_submit(executor, op::nop{}, noting(log, "queued"));
    const std::string verdict = in_child([&]() -> std::string {
        pool.context->notify_fork(asio::execution_context::fork_child);
        async_submit(executor, op::nop{}, noting(log, "child"));
        finish(*pool.context);
        if (thread_count() < 2 || thread_count() > 1 + workers_max)
            return "workers: " + std::to_string(thread_count());
        pool.context.reset();
        return log.take();
    });
    const bool both =
        verdict == "queued ok 0; child ok 0" || verdict == "child ok 0; queued ok 0";
    BOOST_TEST(both, verdict);
    pool.context->notify_fork(asio::execution_context::fork_parent);
    finish(*pool.context);
    BOOST_TEST(log.take() == "queued ok 0");
}

BOOST_AUTO_TEST_CASE(child_that_the_context_was_not_told_of_can_destroy_it)
{
    busy_pool pool(context_without_ring());
    recorder log;
    async_submit(pool.context->get_executor(), op::nop{}, noting(log, "parent"));
    finish(*pool.context);
    const std::string verdict = in_child([&]() -> std::string {
        async_submit(pool.context->get_executor(), op::nop{}, noting(log, "child"));
        pool.context->restart();
        pool.context->run_for(wait_limit);
        pool.context.reset();
        return log.take();
    });
    BOOST_TEST(verdict.find("child ok") != std::string::npos, verdict);
    BOOST_TEST(log.take() == "parent ok 0");
}

// The queue of the child still names the object whose operations they are.
BOOST_AUTO_TEST_CASE(child_that_the_context_was_not_told_of_can_close_a_file_first)
{
    busy_pool pool(context_without_ring());
    if (!pool.file)
        ASIO_URING_SKIP(no_leases);
    recorder log;
    for (std::size_t i = 0; i != workers_max; ++i)
        pool.open(noting_descriptor(log, "opened"));
    asio_uring::stream_file file(
        *pool.context,
        pool.folder.path("file"),
        asio_uring::stream_file::read_write | asio_uring::stream_file::create);
    error_code ended;
    for (int i = 0; i != 2; ++i)
        file.async_write_some(
            asio::buffer("abc", 3), [&](error_code ec, std::size_t) { ended = ec; });
    BOOST_TEST_REQUIRE(pool.file.is_awaited());
    const std::string verdict = in_child([&]() -> std::string {
        file.close();
        pool.context.reset();
        return {};
    });
    BOOST_TEST(verdict == "");
    pool.file.release();
    finish(*pool.context);
    BOOST_TEST(!ended, ended.message());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
