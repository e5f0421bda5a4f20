// SPDX-License-Identifier: BSL-1.0
// What a context without a ring says of itself, and that everything on it works. Each
// case runs in a child process, in which the reason for having no ring is real.
#include "../ring/in_child.hpp"
#include "../support/destroy_everywhere.hpp"
#include "../support/drive.hpp"
#include "../support/forbidden_ring.hpp"
#include "../support/recorder.hpp"
#include "../support/skip.hpp"

#include <asio_uring/asio_uring.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

namespace asio_uring::test {

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio_uring::ip::tcp;

const std::string no_filter = "no filter";

// A child has no framework to report to; its verdict is a text.
#define MUST(condition)                                                    \
    do {                                                                   \
        if (!(condition))                                                  \
            return "line " + std::to_string(__LINE__) + ": " + #condition; \
    } while (false)

bool contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

/// A connection, an echo, a cancelled read, a timer and an end of stream.
template <typename Context>
std::string converse(Context& context)
{
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    tcp::socket client(context);
    asio_uring::steady_timer timer(context, 1ms);
    std::optional<tcp::socket> server;
    std::string log;
    char data[8] = {};

    acceptor.async_accept([&](boost::system::error_code ec, tcp::socket peer) {
        log += ec ? "?" : "a";
        server.emplace(std::move(peer));
    });
    client.async_connect(acceptor.local_endpoint(), [&](boost::system::error_code ec) {
        log += ec ? "?" : "c";
    });
    timer.async_wait([&](boost::system::error_code ec) { log += ec ? "?" : "t"; });
    context.run_for(wait_limit);
    MUST(log.size() == 3 && !contains(log, "?") && server.has_value());

    asio::async_write(client, asio::buffer("hello"), [&](auto ec, std::size_t n) {
        log += !ec && n == 6 ? "w" : "?";
    });
    server->async_read_some(asio::buffer(data), [&](auto ec, std::size_t n) {
        log += !ec && n == 6 && data[4] == 'o' ? "r" : "?";
        server->async_read_some(asio::buffer(data), [&](auto cancelled, std::size_t) {
            log += cancelled == asio::error::operation_aborted ? "x" : "?";
            client.close();
            server->async_read_some(asio::buffer(data), [&](auto end, std::size_t) {
                log += end == asio::error::eof ? "e" : "?";
            });
        });
        asio::post(context, [&] { server->cancel(); });
    });
    context.restart();
    context.run_for(wait_limit);
    MUST(log.size() == 7 && !contains(log, "?"));
    return {};
}

/// Judges a context that got no ring.
std::string check_fallback(
    const context_status& status,
    const boost::system::error_code& reason,
    const std::vector<std::string>& parts)
{
    if (status.mode != ring_mode::fallback)
        return "it has a ring";
    if (status.reason != reason)
        return "unexpected reason: " + status.reason.message();
    for (const std::string& part : parts) {
        if (!contains(status.text, part))
            return "no \"" + part + "\" in: " + status.text;
    }
    return {};
}

boost::system::error_code system_error(int value)
{
    return {value, boost::system::system_category()};
}

/// A context of either kind without a ring, which says why and works.
std::string check_both_contexts(
    const boost::system::error_code& reason, const std::vector<std::string>& parts)
{
    asio_uring::io_context own;
    if (auto verdict = check_fallback(status(own), reason, parts); !verdict.empty())
        return verdict;
    if (auto verdict = converse(own); !verdict.empty())
        return verdict;
    MUST(counters(own).enters == 0);

    asio::io_context stock(1);
    MUST(status(stock).mode == ring_mode::none);
    asio::signal_set signals(stock, SIGUSR1); // the reactor is there before the ring
    if (auto verdict = converse(stock); !verdict.empty())
        return verdict;
    return check_fallback(status(stock), reason, parts);
}

template <typename Body>
void run_in_child(Body body)
{
    const std::string verdict = in_child(body);
    if (verdict == no_filter)
        ASIO_URING_SKIP("this system does not let a process filter its system calls");
    BOOST_TEST(verdict == "");
}

void forbid_and_check(
    std::initializer_list<ring_call> calls,
    int error,
    const boost::system::error_code& reason,
    const std::vector<std::string>& parts)
{
    run_in_child([&]() -> std::string {
        if (!forbid(calls, error))
            return no_filter;
        return check_both_contexts(reason, parts);
    });
}

/// Leaves room for so many descriptors beside those that are open.
void fill_descriptor_table(::rlimit& before, unsigned room = 0)
{
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next = ::dup(0);
    ::close(next);
    const ::rlimit full{static_cast<::rlim_t>(next) + room, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &full);
}

// UndefinedBehaviorSanitizer looks at an exception's type by way of a pipe, and a full
// descriptor table makes it report what is not there.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool may_catch_without_descriptors = false;
#else
constexpr bool may_catch_without_descriptors = true;
#endif

/// This program again, with one variable more and one case only; its output.
std::string run_self(const std::string& variable, const std::string& name)
{
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0)
        return "pipe failed";
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);
        ::dup2(ends[1], STDOUT_FILENO);
        ::dup2(ends[1], STDERR_FILENO);
        ::putenv(const_cast<char*>(variable.c_str()));
        const std::string chosen = "--run_test=test_environment/" + name;
        ::execl("/proc/self/exe", "test_fallback", chosen.c_str(), nullptr);
        ::_exit(1);
    }
    ::close(ends[1]);
    std::string output;
    char buffer[512];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        output.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    return output + (WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "passed" : "failed");
}

/// A pipe whose ends close with it.
struct pipe_ends
{
    pipe_ends()
    {
        if (::pipe2(fd, O_CLOEXEC) != 0)
            throw std::runtime_error("pipe2");
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
    ~pipe_ends()
    {
        close_writer();
        ::close(fd[0]);
    }
    void close_writer() { ::close(std::exchange(fd[1], -1)); }

    int fd[2] = {-1, -1};
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_reasons)

BOOST_AUTO_TEST_CASE(ring_gets_a_context_that_says_so)
{
    asio_uring::io_context context;
    const context_status now = status(context);
    BOOST_TEST((now.mode == ring_mode::reactor));
    BOOST_TEST(!now.reason);
    BOOST_TEST(now.sq_entries == 256u);
    BOOST_TEST(contains(now.text, "its ring"));
    BOOST_TEST(converse(context) == "");
}

BOOST_AUTO_TEST_CASE(setup_forbidden_by_seccomp_falls_back)
{
    forbid_and_check(
        {call_setup}, EPERM, system_error(EPERM), {"epoll", "seccomp", "allow"});
}

BOOST_AUTO_TEST_CASE(kernel_without_io_uring_falls_back)
{
    forbid_and_check(
        {call_setup, call_enter, call_register},
        ENOSYS,
        system_error(ENOSYS),
        {"epoll", "CONFIG_IO_URING"});
}

BOOST_AUTO_TEST_CASE(entry_alone_forbidden_falls_back)
{
    const auto reason = make_error_code(errc::entry_forbidden);
    forbid_and_check({call_enter}, EPERM, reason, {"io_uring_enter", "seccomp"});
    forbid_and_check({call_enter}, ENOSYS, reason, {"io_uring_enter", "seccomp"});
}

/// Takes the ring away from a context with a request in flight, runs it, destroys it.
template <typename Loss>
std::string lose_ring(Loss lose)
{
    boost::system::error_code said;
    {
        asio_uring::io_context context;
        tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
        acceptor.async_accept([](boost::system::error_code, tcp::socket) {});
        context.poll();
        if (!lose())
            return no_filter;
        try {
            context.run_for(wait_limit);
        }
        catch (const boost::system::system_error& error) {
            said = error.code();
        }
    }
    return said ? said.message() : "nothing";
}

BOOST_AUTO_TEST_CASE(entry_forbidden_later_ends_run_with_an_error)
{
    const auto reason = make_error_code(errc::entry_forbidden).message();
    for (const int error : {EPERM, EACCES, ENOSYS})
        run_in_child([&]() -> std::string {
            const std::string said =
                lose_ring([&] { return forbid({call_enter}, error); });
            return said == reason ? std::string() : said;
        });
}

/// Owns its sockets and its timer, as sessions of servers do.
struct session
{
    explicit session(asio::io_context& context)
        : near(context), far(context), timer(context, 1h)
    {
        asio::local::connect_pair(near, far);
    }

    asio_uring::local::stream_protocol::socket near;
    asio_uring::local::stream_protocol::socket far;
    asio_uring::steady_timer timer;
    char data[8];
};

BOOST_AUTO_TEST_CASE(entry_forbidden_later_leaves_sessions_that_can_be_destroyed)
{
    for (const bool handler_owns : {false, true})
        run_in_child([&]() -> std::string {
            auto held = std::make_shared<int>(0);
            {
                asio_uring::io_context context;
                auto one = std::make_shared<session>(context);
                session& raw = *one;
                auto owner = handler_owns ? one : nullptr;
                raw.near.async_read_some(
                    asio::buffer(raw.data),
                    [owner, held](boost::system::error_code, std::size_t) { ++*held; });
                raw.timer.async_wait([one, held](boost::system::error_code) {});
                one.reset();
                owner.reset();
                context.poll();
                if (!forbid({call_enter}, EPERM))
                    return no_filter;
                try {
                    context.run_for(1ms);
                }
                catch (const boost::system::system_error&) {
                }
            }
            MUST(*held == 0);
            // The kernel has let go of the ring, so nothing had to be left behind.
            MUST(held.use_count() == 1);
            return {};
        });
}

BOOST_AUTO_TEST_CASE(descriptors_closed_by_number_end_run_with_an_error)
{
    run_in_child([]() -> std::string {
        const int pipe = ::dup(STDOUT_FILENO); // the lowest number that is free
        const std::string said = lose_ring([&] {
            for (int number = pipe; number != pipe + 64; ++number)
                ::close(number);
            return true;
        });
        return said == system_error(EBADF).message() ? std::string() : said;
    });
}

BOOST_AUTO_TEST_CASE(register_alone_forbidden_falls_back)
{
    const auto reason = make_error_code(errc::entry_forbidden);
    forbid_and_check({call_register}, EPERM, reason, {"io_uring_register", "seccomp"});
}

// A kernel before 5.6 knows no call that lists its operations; the list of one in between
// is too short.
BOOST_AUTO_TEST_CASE(kernel_below_the_floor_falls_back)
{
    const auto reason = make_error_code(errc::kernel_too_old);
    const std::vector<std::string> text{
        "epoll", "lacks what", "6.1 or newer for the ring of a context"};
    forbid_and_check({call_register}, EINVAL, reason, text);
    // Answered with success, and nothing in the list.
    forbid_and_check({call_register}, 0, reason, text);
}

BOOST_AUTO_TEST_CASE(operations_up_to_the_floor_are_enough)
{
    constexpr auto floor = static_cast<std::size_t>(abi::opcode::sendmsg_zc);
    std::vector<abi::probe_op> list(floor + 1);
    for (abi::probe_op& operation : list)
        operation.flags = abi::op_supported;
    const auto too_old = make_error_code(errc::kernel_too_old);

    BOOST_TEST(!detail::judge_operations(list));
    BOOST_TEST((detail::judge_operations(std::span(list).first(floor)) == too_old));
    BOOST_TEST((detail::judge_operations({}) == too_old));
    list.back().flags = 0;
    BOOST_TEST((detail::judge_operations(list) == too_old));
}

BOOST_AUTO_TEST_CASE(exhausted_memory_lock_limit_falls_back)
{
    const std::string privileged = "cannot become another user";
    const std::string uncharged = "this kernel does not charge the ring";
    const std::string verdict = in_child([&]() -> std::string {
        const ::rlimit none{0, 0};
        MUST(::setrlimit(RLIMIT_MEMLOCK, &none) == 0);
        constexpr ::uid_t nobody = 65534;
        if (::getuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 ||
                                ::setuid(nobody) != 0))
            return privileged;
        if (asio_uring::io_context context; status(context).mode != ring_mode::fallback)
            return uncharged;
        return check_both_contexts(
            system_error(ENOMEM),
            {"epoll", "memory-lock limit", "0 bytes", "LimitMEMLOCK"});
    });
    if (verdict == privileged || verdict == uncharged)
        ASIO_URING_SKIP(verdict);
    BOOST_TEST(verdict == "");
}

/// Becomes a user that has locked no memory, with a limit. Returns why not.
std::string limit_locked_memory(::rlim_t bytes)
{
    const ::rlimit limit{bytes, bytes};
    MUST(::setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    constexpr ::uid_t alone = 64321;
    if (::getuid() != 0 || ::setgroups(0, nullptr) != 0 || ::setgid(alone) != 0 ||
        ::setuid(alone) != 0)
        return "cannot become another user";
    return {};
}

BOOST_AUTO_TEST_CASE(little_locked_memory_is_enough_for_a_small_ring)
{
    const std::string verdict = in_child([]() -> std::string {
        if (auto failed = limit_locked_memory(24 * 1024); !failed.empty())
            return failed;
        asio_uring::io_context context;
        if (status(context).sq_entries == ring_options().entries)
            return "this kernel does not charge the ring";
        MUST(status(context).mode == ring_mode::reactor);
        MUST(status(context).sq_entries == 32);
        return converse(context);
    });
    if (verdict.starts_with("cannot") || verdict.starts_with("this kernel"))
        ASIO_URING_SKIP(verdict);
    BOOST_TEST(verdict == "");
}

// Each of them could wait for memory that is on its way back.
BOOST_AUTO_TEST_CASE(contexts_without_locked_memory_wait_for_it_together)
{
    const std::string verdict = in_child([]() -> std::string {
        if (auto failed = limit_locked_memory(0); !failed.empty())
            return failed;
        constexpr int count = 50;
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i != count; ++i) {
            if (asio_uring::io_context context;
                status(context).mode != ring_mode::fallback)
                return "this kernel does not charge the ring";
        }
        MUST(std::chrono::steady_clock::now() - begin < count * 62ms / 3);
        return {};
    });
    if (verdict.starts_with("cannot") || verdict.starts_with("this kernel"))
        ASIO_URING_SKIP(verdict);
    BOOST_TEST(verdict == "");
}

BOOST_AUTO_TEST_CASE(full_descriptor_table_falls_back_and_is_not_remembered)
{
    run_in_child([]() -> std::string {
        ::rlimit before{};
        fill_descriptor_table(before);
        asio_uring::io_context context;
        const auto verdict = check_fallback(
            status(context),
            system_error(EMFILE),
            {"epoll", "descriptor", "LimitNOFILE"});
        ::setrlimit(RLIMIT_NOFILE, &before);
        if (!verdict.empty())
            return verdict;
        asio_uring::io_context later;
        MUST(status(later).mode == ring_mode::reactor);
        MUST(status(context).mode == ring_mode::fallback);
        if (auto failed = converse(context); !failed.empty())
            return failed;
        return converse(later);
    });
}

BOOST_AUTO_TEST_CASE(descriptors_for_a_ring_alone_fall_back)
{
    if (!may_catch_without_descriptors)
        ASIO_URING_SKIP("the sanitizer needs descriptors of its own");
    run_in_child([]() -> std::string {
        bool has_ring = false;
        unsigned room = 0;
        for (; !has_ring && room < 10; ++room) {
            ::rlimit before{};
            fill_descriptor_table(before, room);
            asio_uring::io_context context;
            has_ring = status(context).mode == ring_mode::reactor;
            const auto reason = status(context).reason;
            ::setrlimit(RLIMIT_NOFILE, &before);
            MUST(has_ring || reason == system_error(EMFILE));
            if (auto failed = converse(context); !failed.empty())
                return failed;
        }
        MUST(has_ring && room > 2);
        return {};
    });
}

BOOST_AUTO_TEST_CASE(final_refusal_is_asked_for_once)
{
    run_in_child([]() -> std::string {
        if (!forbid({call_setup}, EPERM))
            return no_filter;
        asio_uring::io_context first;
        // The younger filter answers now, to whoever asks.
        if (!forbid({call_setup}, ENOSYS) || !setup_fails_with(ENOSYS))
            return no_filter;
        asio_uring::io_context second;
        MUST(status(second).reason == system_error(EPERM));
        try {
            const asio_uring::io_context wrong(1, {.entries = 0});
            return "misuse was not noticed";
        }
        catch (const boost::system::system_error& error) {
            MUST(error.code() == make_error_code(errc::entries_out_of_range));
        }
        // Who insists on a ring has the kernel asked.
        asio::io_context third;
        try {
            use_ring(third);
            return "use_ring did not throw";
        }
        catch (const boost::system::system_error& error) {
            MUST(error.code() == system_error(ENOSYS));
        }
        return {};
    });
}

BOOST_AUTO_TEST_CASE(use_ring_throws_unless_fallback_is_allowed)
{
    run_in_child([]() -> std::string {
        if (!forbid({call_setup}, EPERM))
            return no_filter;
        asio::io_context context;
        try {
            use_ring(context);
            return "use_ring did not throw";
        }
        catch (const boost::system::system_error& error) {
            MUST(error.code() == system_error(EPERM));
            MUST(contains(error.what(), "seccomp"));
        }
        MUST(status(context).mode == ring_mode::none);
        use_ring(context, {.entries = 16}, fallback::allowed);
        MUST(status(context).mode == ring_mode::fallback);
        try {
            asio_uring::io_context strict(1, ring_options(), fallback::forbidden);
            return "io_context did not throw";
        }
        catch (const boost::system::system_error& error) {
            MUST(error.code() == system_error(EPERM));
        }
        return converse(context);
    });
}

BOOST_AUTO_TEST_CASE(misuse_throws_even_where_fallback_is_allowed)
{
    const auto code_of = [](const ring_options& options) {
        try {
            asio_uring::io_context context(1, options, fallback::allowed);
            return boost::system::error_code();
        }
        catch (const boost::system::system_error& error) {
            return error.code();
        }
    };
    BOOST_TEST((code_of({.entries = 0}) == make_error_code(errc::entries_out_of_range)));
    BOOST_TEST(
        (code_of({.flags = abi::setup_sqpoll}) ==
         make_error_code(errc::setup_flag_not_offered)));
    asio::io_context stock;
    const asio::signal_set signals(stock, SIGUSR1);
    BOOST_CHECK_THROW(
        use_ring(stock, {.flags = abi::setup_single_issuer}, fallback::allowed),
        boost::system::system_error);
}

BOOST_AUTO_TEST_CASE(objects_move_between_a_ring_and_a_context_without_one)
{
    run_in_child([]() -> std::string {
        ::rlimit before{};
        fill_descriptor_table(before);
        asio_uring::io_context without;
        ::setrlimit(RLIMIT_NOFILE, &before);
        asio_uring::io_context with;
        MUST(status(without).mode == ring_mode::fallback);
        MUST(status(with).mode == ring_mode::reactor);

        tcp::acceptor acceptor(with, {asio::ip::address_v4::loopback(), 0});
        tcp::socket client(without);
        tcp::socket server(without);
        recorder log;
        char data[4];
        client.connect(acceptor.local_endpoint());
        acceptor.async_accept(server, log.done("accept")); // a peer of the other context
        finish(with);
        server.async_read_some(asio::buffer(data), log.io("read"));
        client.send(asio::buffer("ab", 2));
        finish(without);
        // A stock socket moves in and stays where it is registered.
        asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type> plain(
            without);
        plain.assign(tcp::v4(), server.release());
        asio_uring::ip::tcp::socket moved(std::move(plain));
        moved.async_read_some(asio::buffer(data), log.io("moved"));
        client.send(asio::buffer("c", 1));
        finish(without);
        // Assignment takes the other object's context along.
        tcp::socket target(with, tcp::v4());
        target = std::move(moved);
        target.async_read_some(asio::buffer(data), log.io("assigned"));
        client.send(asio::buffer("def", 3));
        finish(without);
        const std::string got = log.take();
        if (got != "accept ok; read ok 2; moved ok 1; assigned ok 3")
            return got;
        return {};
    });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(test_fork)

// Requests at every place where one can stand when a process forks.
struct pending_work
{
    explicit pending_work(asio::io_context& of)
        : context(of), near(of), far(of), idle(of), late(of), timer(of, 1h)
    {
        asio::local::connect_pair(near, far);
        asio::local::connect_pair(idle, late);
        near.async_read_some(asio::buffer(data[0]), log.io("read"));
        near.async_read_some(asio::buffer(data[1]), log.io("behind"));
        late.async_read_some(asio::buffer(data[2]), log.io("closed"));
        timer.async_wait(log.done("timer"));
        turn(context);
        late.close();
        idle.async_wait(asio::socket_base::wait_read, log.done("unsubmitted"));
        if (status(context).mode == ring_mode::reactor)
            async_submit(
                asio_uring::executor(context.get_executor()), op::nop{}, [](auto...) {});
    }

    asio::io_context& context;
    recorder log;
    asio_uring::local::stream_protocol::socket near;
    asio_uring::local::stream_protocol::socket far;
    asio_uring::local::stream_protocol::socket idle;
    asio_uring::local::stream_protocol::socket late;
    asio_uring::steady_timer timer;
    char data[3][4] = {};
};

/// Forks; in the child something keeps notify_fork from making a ring.
template <typename Prepare, typename Body>
void fork_and_refuse(asio::io_context& context, int error, Prepare prepare, Body body)
{
    context.notify_fork(asio::execution_context::fork_prepare);
    run_in_child([&]() -> std::string {
        if (!prepare())
            return no_filter;
        try {
            context.notify_fork(asio::execution_context::fork_child);
            return "notify_fork did not throw";
        }
        catch (const boost::system::system_error& thrown) {
            MUST(thrown.code() == system_error(error));
        }
        MUST(status(context).mode == ring_mode::lost);
        MUST(status(context).reason == system_error(error));
        return body();
    });
    context.notify_fork(asio::execution_context::fork_parent);
}

bool forbid_setup() { return forbid({call_setup}, EPERM); }

/// Runs what is ready, whatever run() says of the ring; returns how often it threw.
int run_what_is_ready(asio::io_context& context)
{
    int thrown = 0;
    for (int i = 0; i != 10; ++i) {
        try {
            turn(context);
        }
        catch (const boost::system::system_error&) {
            ++thrown;
        }
    }
    return thrown;
}

// The parent's requests are where they were.
void finish_in_parent(asio::io_context& context, pending_work& work)
{
    work.timer.cancel();
    work.far.send(asio::buffer("abcdefgh", 8));
    work.idle.cancel();
    finish(context);
    const std::string got = work.log.take();
    BOOST_TEST(contains(got, "read ok 4"), got);
    BOOST_TEST(contains(got, "behind ok 4"), got);
    BOOST_TEST(contains(got, "closed operation_aborted 0"), got);
}

BOOST_AUTO_TEST_CASE(child_that_gets_no_ring_may_destroy_its_context)
{
    for (const context_kind kind : all_context_kinds) {
        auto context = make_context(kind);
        auto work = std::make_unique<pending_work>(*context);
        fork_and_refuse(*context, EPERM, forbid_setup, [&]() -> std::string {
            MUST(contains(status(*context).text, "seccomp"));
            work.reset();
            context.reset();
            return {};
        });
        finish_in_parent(*context, *work);
        // The order of a program whose objects go with their handlers.
        auto again = std::make_unique<pending_work>(*context);
        fork_and_refuse(*context, EPERM, forbid_setup, [&]() -> std::string {
            again->near.close();
            context.reset();
            return {};
        });
        finish_in_parent(*context, *again);
    }
}

BOOST_AUTO_TEST_CASE(child_that_gets_no_ring_has_its_operations_ended)
{
    for (const context_kind kind : all_context_kinds) {
        auto context = make_context(kind);
        pending_work work(*context);
        fork_and_refuse(*context, EPERM, forbid_setup, [&]() -> std::string {
            asio::cancellation_signal signal;
            work.far.async_read_some(
                asio::buffer(work.data[2]),
                asio::bind_cancellation_slot(signal.slot(), work.log.io("new")));
            signal.emit(asio::cancellation_type::total);
            work.near.cancel();
            work.timer.cancel();
            const int thrown = run_what_is_ready(*context);
            MUST((thrown > 0) == (kind != context_kind::attached));
            const std::string got = work.log.take();
            for (const char* name : {"read", "behind", "closed", "new"}) {
                if (!contains(got, std::string(name) + " operation_aborted 0"))
                    return got;
            }
            MUST(contains(got, "timer operation_aborted"));
            MUST(contains(got, "unsubmitted operation_aborted"));
            MUST(got.find("read") < got.find("behind"));
            MUST(!contains(got, "INLINE"));
            context->stop();
            return {};
        });
        finish_in_parent(*context, work);
    }
}

BOOST_AUTO_TEST_CASE(child_that_gets_no_ring_may_ask_again)
{
    if (!may_catch_without_descriptors)
        ASIO_URING_SKIP("the sanitizer needs descriptors of its own");
    for (const context_kind kind : all_context_kinds) {
        auto context = make_context(kind);
        pending_work work(*context);
        ::rlimit before{};
        const auto no_descriptor_left = [&] {
            for (int i = 0; i != 64; ++i)
                if (::dup(0) < 0) // leaves no gap below the limit
                    return false;
            fill_descriptor_table(before);
            return true;
        };
        fork_and_refuse(*context, EMFILE, no_descriptor_left, [&]() -> std::string {
            run_what_is_ready(*context);
            MUST(contains(work.log.take(), "read operation_aborted 0"));
            ::setrlimit(RLIMIT_NOFILE, &before);
            context->notify_fork(asio::execution_context::fork_child);
            MUST(status(*context).mode != ring_mode::lost);
            work.idle.cancel();
            work.timer.cancel();
            work.far.async_read_some(asio::buffer(work.data[2]), work.log.io("new"));
            work.near.send(asio::buffer("x", 1));
            context->restart();
            context->run_for(wait_limit);
            MUST(contains(work.log.take(), "new ok 1"));
            return {};
        });
        work.far.send(asio::buffer("abcdefgh", 8));
        work.timer.cancel();
        work.idle.cancel();
        finish(*context);
        BOOST_TEST(contains(work.log.take(), "behind ok 4"));
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(test_log)

BOOST_AUTO_TEST_CASE(handler_is_told_once_per_context)
{
    run_in_child([]() -> std::string {
        std::vector<context_status> told;
        MUST(!set_log_handler([&](const context_status& one) { told.push_back(one); }));
        asio_uring::io_context own;
        asio::io_context stock;
        asio::signal_set signals(stock, SIGUSR1);
        MUST(told.size() == 1);
        tcp::socket first(stock);
        tcp::socket second(stock);
        asio_uring::steady_timer timer(stock);
        MUST(told.size() == 2);
        if (!forbid({call_setup}, EPERM))
            return no_filter;
        asio_uring::io_context fallen;
        MUST(told.size() == 3);
        MUST(told[0].mode == ring_mode::reactor && !told[0].reason);
        MUST(told[1].mode == ring_mode::attached && !told[1].reason);
        MUST(told[2].mode == ring_mode::fallback);
        MUST(told[2].reason == system_error(EPERM) && contains(told[2].text, "seccomp"));
        MUST(set_log_handler({}));
        asio_uring::io_context untold;
        MUST(told.size() == 3);
        return {};
    });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(test_own_operations)

BOOST_AUTO_TEST_CASE(raw_request_says_that_there_is_no_ring)
{
    run_in_child([]() -> std::string {
        if (!forbid({call_setup}, EPERM))
            return no_filter;
        asio_uring::io_context context;
        recorder log;
        async_submit(context.get_executor(), op::async_cancel{}, [&](auto ec, int value) {
            log.note(
                ec == make_error_code(errc::no_ring) && value == 0 ? "no_ring" : "other");
        });
        MUST(log.count() == 0);
        finish(context);
        MUST(log.take() == "no_ring");
        MUST(contains(make_error_code(errc::no_ring).message(), "status(context)"));
        return {};
    });
}

BOOST_AUTO_TEST_CASE(splice_waits_for_both_ends_without_a_ring)
{
    run_in_child([]() -> std::string {
        if (!forbid({call_setup}, EPERM))
            return no_filter;
        asio_uring::io_context context;
        recorder log;
        pipe_ends from;
        pipe_ends to;
        char data[8] = {};
        const auto splice = [&](const char* name) {
            async_splice(
                context.get_executor(), from.fd[0], -1, to.fd[1], -1, 100, log.io(name));
        };
        MUST(::write(from.fd[1], "ready", 5) == 5);
        splice("first");
        MUST(log.count() == 0); // never from within
        finish(context);
        splice("second");
        turn(context);
        MUST(log.count() == 1);
        MUST(::write(from.fd[1], "late", 4) == 4);
        finish(context);
        from.close_writer();
        splice("end");
        finish(context);
        const std::string got = log.take();
        MUST(contains(got, "first ok 5") && contains(got, "second ok 4"));
        MUST(contains(got, "end ok 0"));
        MUST(::read(to.fd[0], data, sizeof data) == 8);
        return {};
    });
}

BOOST_AUTO_TEST_CASE(splice_is_cancelled_and_destroyed_without_a_ring)
{
    run_in_child([]() -> std::string {
        if (!forbid({call_setup}, EPERM))
            return no_filter;
        recorder log;
        pipe_ends from;
        pipe_ends to;
        asio::cancellation_signal signal;
        {
            asio_uring::io_context context;
            const auto splice = [&](auto handler) {
                async_splice(
                    context.get_executor(), from.fd[0], -1, to.fd[1], -1, 9, handler);
            };
            splice(asio::bind_cancellation_slot(signal.slot(), log.io("early")));
            signal.emit(asio::cancellation_type::total);
            finish(context);
            splice(asio::bind_cancellation_slot(signal.slot(), log.io("waiting")));
            turn(context);
            signal.emit(asio::cancellation_type::total);
            finish(context);
            splice(log.io("never"));
            turn(context);
        }
        const std::string got = log.take();
        MUST(contains(got, "early operation_aborted 0"));
        MUST(contains(got, "waiting operation_aborted 0"));
        MUST(!contains(got, "never"));
        return {};
    });
}

BOOST_AUTO_TEST_CASE(splice_to_a_full_socket_blocks_nobody_without_a_ring)
{
    run_in_child([]() -> std::string {
        if (!forbid({call_setup}, EPERM))
            return no_filter;
        asio_uring::io_context context;
        tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
        tcp::socket client(context);
        client.connect(acceptor.local_endpoint());
        tcp::socket server = acceptor.accept();
        const std::vector<char> block(1 << 16);
        std::size_t sent = 0;
        // The descriptor stays in blocking mode.
        for (::ssize_t n = 0; n >= 0; sent += n > 0 ? static_cast<std::size_t>(n) : 0)
            n = ::send(client.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
        pipe_ends from;
        MUST(::write(from.fd[1], block.data(), 4096) == 4096);
        recorder log;
        async_splice(
            context.get_executor(),
            from.fd[0],
            -1,
            client.native_handle(),
            -1,
            4096,
            log.io("splice"));
        for (int i = 0; i != 3; ++i)
            turn(context);
        std::vector<char> sink(1 << 16);
        std::size_t received = 0;
        while (received < sent)
            received += server.read_some(asio::buffer(sink));
        finish(context);
        const std::string got = log.take();
        if (!contains(got, "splice ok "))
            return got;
        return {};
    });
}

BOOST_AUTO_TEST_SUITE_END()

// Variables are read once per process, so each of these runs this program anew.
BOOST_AUTO_TEST_SUITE(test_environment)

BOOST_AUTO_TEST_CASE(path_taken)
{
    asio_uring::io_context context;
    std::cout << "PATH " << status(context).text << std::endl;
    BOOST_TEST(converse(context) == "");
    asio::io_context insisting;
    try {
        use_ring(insisting);
        std::cout << "INSISTED" << std::endl;
    }
    catch (const boost::system::system_error& error) {
        BOOST_TEST((error.code() == make_error_code(errc::switched_off)));
        std::cout << "THREW " << error.what() << std::endl;
    }
}

BOOST_AUTO_TEST_CASE(path_of_one_thread)
{
    asio_uring::io_context context(1);
    std::cout << "PATH " << status(context).text << std::endl;
    BOOST_TEST(converse(context) == "");
}

BOOST_AUTO_TEST_CASE(path_taken_where_forbidden)
{
    run_in_child([]() -> std::string {
        if (!forbid({call_setup}, EPERM))
            return no_filter;
        unsigned thrown = 0;
        asio::io_context stock;
        try {
            const tcp::socket socket(stock);
        }
        catch (const boost::system::system_error& error) {
            thrown += error.code() == system_error(EPERM) ? 1u : 0u;
        }
        try {
            const asio_uring::io_context own;
        }
        catch (const boost::system::system_error& error) {
            thrown += error.code() == system_error(EPERM) ? 1u : 0u;
        }
        const char* variable = std::getenv("ASIO_URING");
        MUST(thrown == (variable != nullptr && *variable == 'r' ? 2u : 0u));
        return {};
    });
}

BOOST_AUTO_TEST_CASE(switched_off_by_the_environment)
{
    const std::string output = run_self("ASIO_URING=off", "path_taken");
    BOOST_TEST(contains(output, "PATH this context runs on Asio's epoll reactor"));
    BOOST_TEST(contains(output, "ASIO_URING=off in the environment"));
    BOOST_TEST(contains(output, "THREW"));
    BOOST_TEST(contains(output, "passed"));
}

BOOST_AUTO_TEST_CASE(required_by_the_environment)
{
    const std::string output =
        run_self("ASIO_URING=require", "path_taken_where_forbidden");
    BOOST_TEST(contains(output, "passed"), output);
    BOOST_TEST(!contains(output, "error:"), output);
    BOOST_TEST(contains(run_self("ASIO_URING=require", "path_taken"), "INSISTED"));
}

BOOST_AUTO_TEST_CASE(unknown_value_in_the_environment_is_answered)
{
    const std::string output = run_self("ASIO_URING=Off", "path_taken");
    BOOST_TEST(contains(output, "ASIO_URING=Off is not known"), output);
    BOOST_TEST(!contains(run_self("ASIO_URING=auto", "path_taken"), "not known"));
}

// Valgrind is known by the library that it loads first. Here that library is missing; the
// loader says so and goes on.
BOOST_AUTO_TEST_CASE(under_valgrind_a_ring_is_for_one_thread)
{
    const std::string valgrind = "LD_PRELOAD=/nonexistent/vgpreload_core-amd64-linux.so";
    const std::string output = run_self(valgrind, "path_taken");
    BOOST_TEST(
        contains(output, "PATH this context runs on Asio's epoll reactor"), output);
    BOOST_TEST(contains(output, "Valgrind runs one thread at a time"), output);
    BOOST_TEST(contains(output, "INSISTED"), output);
    BOOST_TEST(contains(run_self(valgrind, "path_of_one_thread"), "waits in its ring"));
}

BOOST_AUTO_TEST_CASE(logged_to_the_error_output)
{
    const std::string output = run_self("ASIO_URING_LOG=1", "path_taken");
    BOOST_TEST(contains(output, "asio_uring: this context waits in its ring\n"), output);
    BOOST_TEST(!contains(run_self("ASIO_URING_LOG=0", "path_taken"), "asio_uring: this"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
