// SPDX-License-Identifier: BSL-1.0
// Every way to be told of a completion: tokens, executors, allocators, cancellation
// slots.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace asio_uring::test;
using namespace std::chrono_literals;
using asio::cancellation_type;
using asio::ip::tcp;
using boost::system::error_code;
using socket_base = asio::socket_base;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// What a handler's own memory was used for.
struct memory_use
{
    std::size_t allocations = 0;
    std::size_t bytes_alive = 0;
};

/// An allocator that reports to a memory_use.
template <typename T>
struct counting_allocator
{
    using value_type = T;

    explicit counting_allocator(memory_use& target) : use(&target) {}
    template <typename U>
    counting_allocator(const counting_allocator<U>& other) : use(other.use)
    {}

    T* allocate(std::size_t n)
    {
        ++use->allocations;
        use->bytes_alive += n * sizeof(T);
        return static_cast<T*>(
            ::operator new(n * sizeof(T), std::align_val_t(alignof(T))));
    }

    void deallocate(T* pointer, std::size_t n)
    {
        use->bytes_alive -= n * sizeof(T);
        ::operator delete(pointer, std::align_val_t(alignof(T)));
    }

    friend bool
    operator==(const counting_allocator&, const counting_allocator&) = default;

    memory_use* use;
};

/// A handler that cannot be copied.
auto move_only(recorder& log, std::string name)
{
    return [&log, name, own = std::make_unique<int>(1)](error_code ec, auto&&...) {
        log.handled(name + ' ' + text(ec) + (own ? "" : " lost"));
    };
}

/// Every operation of sockets, acceptors and timers, started with tokens of one kind.
/// All of them succeed once the peer's part in the constructor is done.
template <typename Backend>
struct each_operation
{
    explicit each_operation(typename Backend::io_context& context)
        : link(context),
          acceptor(context, any_port),
          accepted(context),
          connecting(context),
          timer(context, 1ms)
    {
        client = start_connect(acceptor.local_endpoint());
        link.remote.send("data");
    }

    /// `make(name)` gives a token; each call starts one operation.
    template <typename Make>
    void start(Make make)
    {
        link.socket.async_read_some(asio::buffer(data, 1), make("read"));
        link.socket.async_receive(asio::buffer(data, 1), 0, make("receive"));
        link.socket.async_write_some(asio::buffer("x", 1), make("write"));
        link.socket.async_send(asio::buffer("x", 1), 0, make("send"));
        link.socket.async_wait(socket_base::wait_write, make("wait"));
        acceptor.async_wait(socket_base::wait_read, make("acceptor wait"));
        acceptor.async_accept(accepted, make("accept"));
        connecting.async_connect(server.endpoint(), make("connect"));
        timer.async_wait(make("timer"));
    }

    static constexpr std::size_t count = 9;

    loopback<Backend> link;
    typename Backend::acceptor acceptor;
    typename Backend::socket accepted;
    typename Backend::socket connecting;
    steady_timer<Backend> timer;
    listener server;
    peer client;
    char data[8];
};

/// Objects of the ring with an executor of this type.
template <typename Executor>
struct with_executor
{
    using io_context = asio_uring::io_context;
    using socket = asio_uring::ip::tcp::socket_on<Executor>;
};

using object_executors = std::tuple<asio_uring::executor, asio_uring::any_io_executor>;

/// A handler that counts how often it is moved.
class counts_moves
{
public:
    explicit counts_moves(int& count) : count_(&count) {}
    counts_moves(counts_moves&& other) noexcept : count_(other.count_) { ++*count_; }

    void operator()(error_code ec, std::size_t size) const
    {
        BOOST_TEST(text(ec) == "ok");
        BOOST_TEST(size == 1u);
    }

private:
    int* count_;
};

/// What a handler calls its executor, which is another type than what it gives.
struct converts_to_executor
{
    operator asio::any_io_executor() const { return inner; }

    asio::io_context::executor_type inner;
};

struct handler_of_converted_executor
{
    using executor_type = asio::any_io_executor;

    converts_to_executor get_executor() const noexcept { return executor; }
    void operator()(error_code ec, std::size_t) const { BOOST_TEST(text(ec) == "ok"); }

    converts_to_executor executor;
};

/// A handler that notes, when it is destroyed, whether a context is out of work.
class notes_the_end_of_work
{
public:
    notes_the_end_of_work(asio::io_context& context, std::string& note)
        : context_(&context), note_(&note)
    {}

    notes_the_end_of_work(notes_the_end_of_work&& other) noexcept
        : context_(std::exchange(other.context_, nullptr)), note_(other.note_)
    {}

    ~notes_the_end_of_work()
    {
        if (context_ != nullptr)
            *note_ += context_->stopped() ? "out of work;" : "has work;";
    }

    void operator()(error_code, std::size_t) const {}

private:
    asio::io_context* context_;
    std::string* note_;
};

#if ASIO_URING_HAS_INVOKE_HOOK && !defined(BOOST_ASIO_NO_DEPRECATED)
/// A handler that says by a hook, as handlers did before they had executors, where what
/// is composed with it runs.
class hooked
{
public:
    hooked(int& hooks, int& calls) : hooks_(&hooks), calls_(&calls) {}

    void operator()(error_code ec, auto&&...)
    {
        BOOST_TEST(text(ec) == "ok");
        ++*calls_;
    }

    template <typename Function>
    friend void asio_handler_invoke(Function& function, hooked* self)
    {
        ++*self->hooks_;
        function();
    }

private:
    int* hooks_;
    int* calls_;
};
#endif

/// How often handlers are moved between the end of the initiating function and the call:
/// of a read that waits, and of a write that is done at once.
template <typename Executor, typename Bind>
std::string moves_to_the_call(Bind bind)
{
    asio_uring::io_context context(1);
    loopback<with_executor<Executor>> link(context);
    int read = 0;
    int write = 0;
    char data[1];
    link.socket.async_read_some(
        asio::buffer(data), bind(context.get_executor(), counts_moves(read)));
    link.socket.async_write_some(
        asio::buffer("x", 1), bind(context.get_executor(), counts_moves(write)));
    read = write = 0;
    link.remote.send("x");
    BOOST_TEST(finish(context) == 2u);
    return "read " + std::to_string(read) + ", write " + std::to_string(write);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_tokens)

BOOST_AUTO_TEST_CASE_TEMPLATE(callbacks_are_never_called_inside, Backend, backends)
{
    auto [context, all, log] = fixture<Backend, each_operation>();

    all.start([&](const char* name) { return move_only(log, name); });
    BOOST_TEST(log.count() == 0u);
    BOOST_TEST(finish(context) == all.count);
    BOOST_TEST(log.count() == all.count);
    std::string lines = log.take();
    BOOST_TEST(lines.find("INLINE") == std::string::npos);
    BOOST_TEST(lines.find("lost") == std::string::npos);
    BOOST_TEST(lines.find("aborted") == std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    callbacks_in_handlers_are_never_called_inside, Backend, backends)
{
    typename Backend::io_context context;
    each_operation<Backend> all(context);
    bool initiating = false;
    std::size_t calls = 0;

    asio::post(context, [&] {
        initiating = true;
        all.start([&](const char*) {
            return [&](error_code ec, auto&&...) {
                BOOST_TEST(!initiating);
                BOOST_TEST(text(ec) == "ok");
                ++calls;
            };
        });
        initiating = false;
    });
    finish(context);
    BOOST_TEST(calls == all.count);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(futures_receive_results, Backend, backends)
{
    typename Backend::io_context context;
    each_operation<Backend> all(context);

    auto accept = all.acceptor.async_accept(all.accepted, asio::use_future);
    auto connect = all.connecting.async_connect(all.server.endpoint(), asio::use_future);
    auto read = all.link.socket.async_read_some(asio::buffer(all.data), asio::use_future);
    auto write =
        asio::async_write(all.link.socket, asio::buffer("xy", 2), asio::use_future);
    auto wait = all.link.socket.async_wait(socket_base::wait_write, asio::use_future);
    auto timer = all.timer.async_wait(asio::use_future);
    finish(context);
    accept.get();
    connect.get();
    BOOST_TEST(read.get() == 4u);
    BOOST_TEST(write.get() == 2u);
    wait.get();
    timer.get();

    auto moved = all.acceptor.async_accept(asio::use_future);
    auto aborted =
        all.link.socket.async_read_some(asio::buffer(all.data), asio::use_future);
    turn(context);
    all.link.socket.cancel();
    peer second = start_connect(all.acceptor.local_endpoint());
    finish(context);
    BOOST_TEST(moved.get().is_open());
    BOOST_CHECK_EXCEPTION(
        aborted.get(), boost::system::system_error, [](const auto& error) {
            return error.code() == asio::error::operation_aborted;
        });
}

namespace {

template <typename Backend>
asio::awaitable<void> converse(each_operation<Backend>& all, recorder& log)
{
    auto& socket = all.link.socket;
    std::size_t size =
        co_await socket.async_read_some(asio::buffer(all.data), asio::use_awaitable);
    log.note("read " + std::to_string(size));
    size = co_await asio::async_write(socket, asio::buffer("xy", 2), asio::use_awaitable);
    log.note("write " + std::to_string(size));
    co_await all.acceptor.async_accept(all.accepted, asio::use_awaitable);
    log.note("accept");
    co_await all.connecting.async_connect(all.server.endpoint(), asio::use_awaitable);
    log.note("connect");
    co_await socket.async_wait(socket_base::wait_write, asio::use_awaitable);
    log.note("wait");
    co_await all.timer.async_wait(asio::use_awaitable);
    log.note("timer");
    peer second = start_connect(all.acceptor.local_endpoint());
    auto moved = co_await all.acceptor.async_accept(asio::use_awaitable);
    log.note(moved.is_open() ? "moved" : "closed");
    all.link.remote.shutdown_send();
    auto [ec, n] = co_await socket.async_read_some(
        asio::buffer(all.data), asio::as_tuple(asio::use_awaitable));
    log.note("tuple " + text(ec) + ' ' + std::to_string(n));
    socket.close();
    error_code redirected;
    co_await socket.async_read_some(
        asio::buffer(all.data), asio::redirect_error(asio::use_awaitable, redirected));
    log.note("redirected " + text(redirected));
    try {
        co_await socket.async_read_some(asio::buffer(all.data), asio::use_awaitable);
    }
    catch (const boost::system::system_error& error) {
        log.note("thrown " + text(error.code()));
    }
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(coroutines_receive_results, Backend, backends)
{
    auto [context, all, log] = fixture<Backend, each_operation>();

    asio::co_spawn(context, converse<Backend>(all, log), asio::detached);
    finish(context);
    BOOST_TEST(
        log.take() == "read 4; write 2; accept; connect; wait; timer; moved; "
                      "tuple eof 0; redirected bad_descriptor; thrown bad_descriptor");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    coroutine_frames_are_destroyed_with_the_context, Backend, backends)
{
    auto token = std::make_shared<int>(0);
    {
        typename Backend::io_context context;
        loopback<Backend> link(context);
        // Arguments live in the frame; the frame lives in the pending operation.
        auto body = [](typename Backend::socket& socket,
                       std::shared_ptr<int>) -> asio::awaitable<void> {
            char byte;
            co_await socket.async_read_some(asio::buffer(&byte, 1), asio::use_awaitable);
        };
        for (int i = 0; i < 20; ++i)
            asio::co_spawn(context, body(link.socket, token), asio::detached);
        turn(context);
        BOOST_TEST(token.use_count() == 21);
    }
    BOOST_TEST(token.use_count() == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(deferred_starts_when_launched, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1ms);
    char data[8];

    link.remote.send("data");
    auto read = link.socket.async_read_some(asio::buffer(data), asio::deferred);
    auto chain = timer.async_wait(asio::deferred([&](error_code ec) {
        log.done("timer")(ec);
        return link.socket.async_write_some(asio::buffer("x", 1), asio::deferred);
    }));
    BOOST_TEST(turn(context) == 0u);
    BOOST_TEST(link.socket.available() == 4u);
    std::move(read)(log.io("read"));
    std::move(chain)(log.io("write"));
    finish(context);

    BOOST_TEST(log.take() == "read ok 4; timer ok; write ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(detached_operations_run, Backend, backends)
{
    typename Backend::io_context context;
    each_operation<Backend> all(context);

    all.start([](const char*) { return asio::detached; });
    BOOST_TEST(finish(context) == all.count);
    BOOST_TEST(all.link.remote.receive(2) == "xx");
    BOOST_TEST(all.accepted.is_open());
    BOOST_TEST(all.connecting.is_open());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stackful_coroutines_receive_results, Backend, backends)
{
    auto [context, all, log] = fixture<Backend, each_operation>();

    asio::spawn(
        context,
        [&](asio::yield_context yield) {
            error_code ec;
            auto& socket = all.link.socket;
            std::size_t size = socket.async_read_some(asio::buffer(all.data), yield);
            log.note("read " + std::to_string(size));
            size = asio::async_write(socket, asio::buffer("xy", 2), yield);
            log.note("write " + std::to_string(size));
            all.acceptor.async_accept(all.accepted, yield[ec]);
            log.note("accept " + text(ec));
            all.connecting.async_connect(all.server.endpoint(), yield);
            socket.async_wait(socket_base::wait_write, yield);
            all.timer.async_wait(yield);
            all.link.remote.shutdown_send();
            socket.async_read_some(asio::buffer(all.data), yield[ec]);
            log.note("end " + text(ec));
        },
        asio::detached);
    finish(context);
    BOOST_TEST(log.take() == "read 4; write 2; accept ok; end eof");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(any_completion_handler_receives_results, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[8];
    asio::any_completion_handler<void(error_code, std::size_t)> read(log.io("read"));
    asio::any_completion_handler<void(error_code)> wait(log.done("wait"));

    link.remote.send("data");
    link.socket.async_wait(socket_base::wait_read, std::move(wait));
    link.socket.async_read_some(asio::buffer(data), std::move(read));
    finish(context);
    BOOST_TEST(log.take() == "wait ok; read ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(composed_operation_of_ours_completes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];
    int state = 0;

    auto token = log.io("composed");
    asio::async_compose<decltype(token), void(error_code, std::size_t)>(
        [&](auto& self, error_code ec = {}, std::size_t n = 0) {
            if (ec || state == 3)
                return self.complete(ec, n);
            ++state;
            link.socket.async_read_some(asio::buffer(data, 1), std::move(self));
        },
        token,
        link.socket);
    link.remote.send("abc");
    finish(context);
    BOOST_TEST(log.take() == "composed ok 1");
    BOOST_TEST(state == 3);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bound_strand_runs_the_handlers, Backend, backends)
{
    typename Backend::io_context context;
    each_operation<Backend> all(context);
    auto strand = asio::make_strand(Backend::get_executor(context));
    std::size_t inside = 0;

    all.start([&](const char*) {
        return asio::bind_executor(strand, [&](error_code ec, auto&&...) {
            BOOST_TEST(text(ec) == "ok");
            inside += strand.running_in_this_thread();
        });
    });
    finish(context);
    BOOST_TEST(inside == all.count);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    bound_executor_of_another_context_runs_there, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::io_context elsewhere;
    each_operation<Backend> all(context);
    recorder log;

    all.start([&](const char* name) {
        return asio::bind_executor(
            Backend::get_executor(elsewhere), move_only(log, name));
    });
    turn(elsewhere);
    BOOST_TEST(
        !elsewhere.stopped(), "pending operations are work for the handler's context");
    finish(context);
    BOOST_TEST(log.count() == 0u);
    finish(elsewhere);
    BOOST_TEST(log.count() == all.count);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    handler_of_the_objects_own_executor_is_called_like_any_other,
    Executor,
    object_executors)
{
    if (ring_is_forbidden())
        return; // Asio's own services call the handlers
    const auto without =
        moves_to_the_call<Executor>([](auto, auto handler) { return handler; });
    const auto bound_to = [&]<typename Associated>(std::type_identity<Associated>) {
        return moves_to_the_call<Executor>([](auto executor, auto handler) {
            return asio::bind_executor(Associated(executor), std::move(handler));
        });
    };

    using native = asio::io_context::executor_type;
    BOOST_TEST(bound_to(std::type_identity<native>()) == without);
    BOOST_TEST(bound_to(std::type_identity<asio::any_io_executor>()) == without);
    BOOST_TEST(bound_to(std::type_identity<asio_uring::executor>()) == without);
    BOOST_TEST(bound_to(std::type_identity<asio_uring::any_io_executor>()) == without);
}

#if ASIO_URING_HAS_INVOKE_HOOK && !defined(BOOST_ASIO_NO_DEPRECATED)
BOOST_AUTO_TEST_CASE_TEMPLATE(hook_of_a_handler_calls_it, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    link.remote.send("data");
    int hooks = 0;
    int calls = 0;
    char data[4];

    link.socket.async_read_some(asio::buffer(data, 1), hooked(hooks, calls));
    link.socket.async_write_some(asio::buffer("x", 1), hooked(hooks, calls));
    finish(context);
    BOOST_TEST(hooks == 2);
    asio::async_read(link.socket, asio::buffer(data, 3), hooked(hooks, calls));
    finish(context);
    BOOST_TEST(hooks == 3, "what is composed with it is called the same way");
    BOOST_TEST(calls == 3);
}
#endif

BOOST_AUTO_TEST_CASE_TEMPLATE(
    bound_executor_that_never_blocks_posts, Executor, object_executors)
{
    asio_uring::io_context context(1);
    loopback<with_executor<Executor>> link(context);
    const asio_uring::executor never(
        asio::require(context.get_executor(), asio::execution::blocking.never));

    link.socket.async_write_some(
        asio::buffer("x", 1), asio::bind_executor(never, asio::detached));
    link.socket.async_write_some(
        asio::buffer("x", 1),
        asio::bind_executor(asio_uring::any_io_executor(never), asio::detached));
    BOOST_TEST(finish(context) == 4u, "a handler comes behind its operation");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    executor_that_a_handlers_converts_to_is_asked_while_it_lives, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    link.socket.async_write_some(
        asio::buffer("x", 1), handler_of_converted_executor{{context.get_executor()}});
    asio::io_context other;
    link.socket.async_write_some(
        asio::buffer("x", 1), handler_of_converted_executor{{other.get_executor()}});
    finish(context);
    BOOST_TEST(other.poll() == 1u);
}

// The other context may end once it is out of work, and the handler may own what is its.
BOOST_AUTO_TEST_CASE_TEMPLATE(
    handler_is_destroyed_while_its_work_counts, Backend, backends)
{
    asio::io_context other;
    std::string note;
    {
        typename Backend::io_context context;
        loopback<Backend> link(context);
        char data[1];
        link.socket.async_read_some(
            asio::buffer(data),
            asio::bind_executor(
                other.get_executor(), notes_the_end_of_work(other, note)));
        turn(context);
    }
    BOOST_TEST(note == "has work;");
    BOOST_TEST(other.stopped());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    bound_allocator_is_used_and_empty_at_the_upcall, Backend, backends)
{
    typename Backend::io_context context;
    each_operation<Backend> all(context);
    std::array<memory_use, 9> uses;
    std::size_t next = 0;
    std::size_t calls = 0;

    all.start([&](const char*) {
        memory_use& use = uses[next++];
        return asio::bind_allocator(
            counting_allocator<char>(use), [&calls, &use](error_code ec, auto&&...) {
                BOOST_TEST(text(ec) == "ok");
                BOOST_TEST(use.allocations > 0u);
                BOOST_TEST(use.bytes_alive == 0u);
                ++calls;
            });
    });
    finish(context);
    BOOST_TEST(next == all.count);
    BOOST_TEST(calls == all.count);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bound_allocator_is_emptied_on_every_end, Backend, backends)
{
    memory_use use;
    char data[4];
    {
        typename Backend::io_context context;
        loopback<Backend> link(context);
        steady_timer<Backend> timer(context, 1h);
        std::size_t aborted = 0;
        auto bound = [&] {
            return asio::bind_allocator(
                counting_allocator<char>(use), [&](error_code, auto&&...) { ++aborted; });
        };
        // Immediate, aborted, and destroyed with the context.
        link.socket.async_read_some(asio::mutable_buffer(), bound());
        link.socket.async_read_some(asio::buffer(data), bound());
        timer.async_wait(bound());
        turn(context);
        link.socket.cancel();
        timer.cancel();
        finish(context);
        BOOST_TEST(aborted == 3u);
        BOOST_TEST(use.bytes_alive == 0u);
        link.socket.async_read_some(asio::buffer(data), bound());
        timer.async_wait(bound());
        turn(context);
        BOOST_TEST(use.bytes_alive > 0u);
    }
    BOOST_TEST(use.bytes_alive == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(test_cancellation)

namespace {

constexpr cancellation_type all_types[] = {
    cancellation_type::terminal,
    cancellation_type::partial,
    cancellation_type::total,
    cancellation_type::all,
};

/// One operation that stays pending, with its slot.
template <typename Backend>
struct pending_operations
{
    explicit pending_operations(typename Backend::io_context& context)
        : link(context),
          full(context),
          acceptor(context, any_port),
          accepted(context),
          timer(context, 1h)
    {
        fill(full.socket);
    }

    void start(recorder& log)
    {
        auto with = [this, i = std::size_t{0}](auto handler) mutable {
            return asio::bind_cancellation_slot(signals[i++].slot(), std::move(handler));
        };
        link.socket.async_read_some(asio::buffer(data, 1), with(log.io("read")));
        full.socket.async_write_some(asio::buffer("x", 1), with(log.io("write")));
        link.socket.async_wait(socket_base::wait_error, with(log.done("wait")));
        acceptor.async_accept(accepted, with(log.done("accept")));
        acceptor.async_accept(with([&log](error_code ec, typename Backend::socket) {
            log.done("accept move")(ec);
        }));
        timer.async_wait(with(log.done("timer")));
    }

    loopback<Backend> link;
    loopback<Backend> full;
    typename Backend::acceptor acceptor;
    typename Backend::socket accepted;
    steady_timer<Backend> timer;
    std::array<asio::cancellation_signal, 6> signals;
    char data[8];
};

const char* const pending_aborted[] = {
    "read operation_aborted 0",
    "write operation_aborted 0",
    "wait operation_aborted",
    "accept operation_aborted",
    "accept move operation_aborted",
    "timer operation_aborted"};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(
    slot_of_each_type_aborts_only_its_operation, Backend, backends)
{
    for (stage when : stages) {
        for (cancellation_type type : all_types) {
            auto [context, all, log] = fixture<Backend, pending_operations>();

            all.start(log);
            reach(context, when);
            for (std::size_t i : {3U, 0U, 5U, 2U, 4U, 1U}) {
                all.signals[i].emit(type);
                BOOST_TEST(log.count() == 0u);
                run_until(context, [&] { return log.count() == 1; });
                BOOST_TEST(log.take() == pending_aborted[i]);
            }
            finish(context);
            BOOST_TEST(log.count() == 0u);
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(slot_of_no_type_does_nothing, Backend, backends)
{
    auto [context, all, log] = fixture<Backend, pending_operations>();

    all.start(log);
    for (auto& signal : all.signals)
        signal.emit(cancellation_type::none);
    turn(context);
    BOOST_TEST(log.count() == 0u);
    for (auto& signal : all.signals)
        signal.emit(cancellation_type::terminal);
    finish(context);
    BOOST_TEST(log.count() == 6u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    slot_before_start_and_after_end_does_nothing, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1ms);
    asio::cancellation_signal read_signal;
    asio::cancellation_signal timer_signal;
    char data[4];

    for (int round = 0; round < 2; ++round) {
        read_signal.emit(cancellation_type::all);
        timer_signal.emit(cancellation_type::all);
        link.socket.async_read_some(
            asio::buffer(data),
            asio::bind_cancellation_slot(read_signal.slot(), log.io("read")));
        timer.async_wait(
            asio::bind_cancellation_slot(timer_signal.slot(), log.done("timer")));
        turn(context);
        link.remote.send("x");
        finish(context);
        BOOST_TEST(log.count() == 2u);
        BOOST_TEST(log.take().find("aborted") == std::string::npos);
    }
    // A later operation without a slot is not touched by the old signal.
    link.socket.async_read_some(asio::buffer(data), log.io("plain"));
    turn(context);
    read_signal.emit(cancellation_type::all);
    link.remote.send("x");
    finish(context);
    BOOST_TEST(log.take() == "plain ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(slot_emitted_in_own_handler_does_nothing, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    asio::cancellation_signal signal;
    char data[4];

    link.remote.send("x");
    link.socket.async_read_some(
        asio::buffer(data),
        asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t n) {
            signal.emit(cancellation_type::all);
            log.io("read")(ec, n);
        }));
    finish(context);
    BOOST_TEST(log.take() == "read ok 1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(slot_emitted_twice_aborts_once, Backend, backends)
{
    auto [context, all, log] = fixture<Backend, pending_operations>();

    all.start(log);
    turn(context);
    for (int i = 0; i < 3; ++i) {
        for (auto& signal : all.signals)
            signal.emit(cancellation_type::terminal);
    }
    finish(context);
    BOOST_TEST(log.count() == 6u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(slot_of_one_of_many_timer_waits, Backend, backends)
{
    auto [context, timer, log] = fixture<Backend, steady_timer>(1h);
    std::array<asio::cancellation_signal, 3> signals;

    for (std::size_t i = 0; i < 3; ++i) {
        timer.async_wait(asio::bind_cancellation_slot(
            signals[i].slot(), log.done("w" + std::to_string(i))));
    }
    turn(context);
    signals[1].emit(cancellation_type::total);
    turn(context);
    BOOST_TEST(log.take() == "w1 operation_aborted");
    BOOST_TEST(timer.cancel() == 2u);
    finish(context);
    BOOST_TEST(log.take() == "w0 operation_aborted; w2 operation_aborted");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(slot_of_a_connect_aborts_it, Backend, backends)
{
    busy_listener busy;
    for (cancellation_type type : all_types) {
        auto [context, socket, log] = fixture<Backend, stream_socket>();
        asio::cancellation_signal signal;

        socket.async_connect(
            busy.endpoint(),
            asio::bind_cancellation_slot(signal.slot(), log.done("connect")));
        turn(context);
        BOOST_TEST_REQUIRE(log.count() == 0u);
        signal.emit(type);
        finish(context);
        BOOST_TEST(log.take() == "connect operation_aborted");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    slot_after_a_move_of_the_object_is_harmless, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1h);
    asio::cancellation_signal read_signal;
    asio::cancellation_signal timer_signal;
    char data[4];

    // Asio's epoll backend loses the connection from slot to operation by a move, so only
    // the end is compared.
    link.socket.async_read_some(
        asio::buffer(data),
        asio::bind_cancellation_slot(read_signal.slot(), log.io("read")));
    timer.async_wait(
        asio::bind_cancellation_slot(timer_signal.slot(), log.done("timer")));
    turn(context);
    typename Backend::socket moved_socket(std::move(link.socket));
    steady_timer<Backend> moved_timer(std::move(timer));
    read_signal.emit(cancellation_type::terminal);
    timer_signal.emit(cancellation_type::terminal);
    turn(context);
    moved_socket.cancel();
    moved_timer.cancel();
    finish(context);
    BOOST_TEST(log.count() == 2u);
    std::string lines = log.take();
    BOOST_TEST(lines.find("read operation_aborted 0") != std::string::npos);
    BOOST_TEST(lines.find("timer operation_aborted") != std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(slot_of_a_composed_read_keeps_the_bytes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    asio::cancellation_signal signal;
    std::string data(8, '.');

    asio::async_read(
        link.socket,
        asio::buffer(data),
        asio::bind_cancellation_slot(signal.slot(), log.io("read")));
    link.remote.send("abc");
    run_until(context, [&] { return link.socket.available() == 0 && data[2] == 'c'; });
    turn(context);
    signal.emit(cancellation_type::partial);
    finish(context);
    BOOST_TEST(log.take() == "read operation_aborted 3");
    BOOST_TEST(data == "abc.....");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancelled_coroutine_throws_aborted, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    asio::cancellation_signal signal;
    auto body = [](typename Backend::socket& socket) -> asio::awaitable<void> {
        char byte;
        co_await socket.async_read_some(asio::buffer(&byte, 1), asio::use_awaitable);
    };

    asio::co_spawn(
        context,
        body(link.socket),
        asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
            try {
                std::rethrow_exception(error);
            }
            catch (const boost::system::system_error& thrown) {
                log.note("coroutine " + text(thrown.code()));
            }
        }));
    turn(context);
    signal.emit(cancellation_type::terminal);
    finish(context);
    BOOST_TEST(log.take() == "coroutine operation_aborted");
}

namespace {

template <typename Backend>
asio::awaitable<std::size_t> read_one(typename Backend::socket& socket)
{
    char byte;
    co_return co_await socket.async_read_some(
        asio::buffer(&byte, 1), asio::use_awaitable);
}

template <typename Backend>
asio::awaitable<void>
race(loopback<Backend>& link, steady_timer<Backend>& timer, recorder& log)
{
    using namespace asio::experimental::awaitable_operators;
    auto first = co_await (
        read_one<Backend>(link.socket) || timer.async_wait(asio::use_awaitable));
    log.note("first " + std::to_string(first.index()));
    link.remote.send("x");
    timer.expires_after(1h);
    auto second = co_await (
        read_one<Backend>(link.socket) || timer.async_wait(asio::use_awaitable));
    log.note("second " + std::to_string(second.index()));
    link.remote.send("x");
    timer.expires_after(1ms);
    co_await (read_one<Backend>(link.socket) && timer.async_wait(asio::use_awaitable));
    log.note("both");
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(awaitable_operators_cancel_the_loser, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1ms);

    asio::co_spawn(context, race<Backend>(link, timer, log), asio::detached);
    finish(context);
    BOOST_TEST(log.take() == "first 1; second 0; both");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(parallel_group_cancels_the_rest, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context, 1h);
    char data[4];

    link.remote.send("x");
    asio::experimental::make_parallel_group(
        [&](auto token) {
            return link.socket.async_read_some(asio::buffer(data), std::move(token));
        },
        [&](auto token) { return timer.async_wait(std::move(token)); })
        .async_wait(
            asio::experimental::wait_for_one(),
            [&](std::array<std::size_t, 2> order,
                error_code read,
                std::size_t size,
                error_code wait) {
                log.note("first " + std::to_string(order[0]));
                log.io("read")(read, size);
                log.done("timer")(wait);
            });
    finish(context);
    BOOST_TEST(log.take() == "first 0; read ok 1; timer operation_aborted");
}

BOOST_AUTO_TEST_SUITE_END()
