// SPDX-License-Identifier: BSL-1.0
// The idioms of Asio's and Beast's documentation, in a program that names the types of
// the ring: each compiles as it stands there, and its objects are on the ring.
#include "../support/backend.hpp"
#include "../support/drive.hpp"
#include "../support/tls.hpp"

#include <asio_uring/beast.hpp>

#include <boost/asio.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

// The lines that change.
namespace net = boost::asio;
namespace beast = asio_uring::beast;
using asio_uring::steady_timer;
using asio_uring::ip::tcp;
using asio_uring::ip::udp;
using asio_uring::local::stream_protocol;

namespace http = beast::http;
namespace websocket = beast::websocket;
using asio_uring::test::finish;
using asio_uring::test::has_ring;
using asio_uring::test::make_tls_client;
using asio_uring::test::make_tls_server;
using asio_uring::test::turn;
using asio_uring::test::wait_limit;
using namespace std::chrono_literals;
using boost::system::error_code;
using net::awaitable;
using net::co_spawn;
using net::detached;
using net::use_awaitable;

const tcp::endpoint any_port(net::ip::address_v4::loopback(), 0);

/// The object is on the ring where there is one.
template <typename Object>
void expect_on_ring(Object& object)
{
    static_assert(asio_uring::ring_object<Object>);
    net::execution_context& context =
        net::query(object.get_executor(), net::execution::context);
    const auto did = asio_uring::counters(object);
    BOOST_TEST(did.on_ring == has_ring(context));
}

/// And the ring has done something for it.
template <typename Object>
void expect_used(Object& object)
{
    expect_on_ring(object);
    const auto did = asio_uring::counters(object);
    BOOST_TEST((!did.on_ring || did.at_once + did.waited != 0));
}

/// A timer has no counters: its type says where its service is.
template <typename Clock, typename Traits, typename Executor>
void expect_on_ring(net::basic_waitable_timer<Clock, Traits, Executor>&)
{
    static_assert(
        asio_uring::ring_object<net::basic_waitable_timer<Clock, Traits, Executor>>);
}

/// Rethrows what a coroutine ended with.
const auto rethrow = [](std::exception_ptr error) {
    if (error)
        std::rethrow_exception(error);
};

/// Both kinds of context that a program may have.
using contexts = std::tuple<net::io_context, asio_uring::io_context>;

template <typename Context>
class counting : public Context
{
public:
    counting() { asio_uring::count_objects(*this); }

    explicit counting(int threads) : Context(static_cast<count_type>(threads))
    {
        asio_uring::count_objects(*this);
    }

private:
    using count_type =
        std::conditional_t<std::is_same_v<Context, net::thread_pool>, std::size_t, int>;
};

/// Reads until the end, and sends back what it read. From Asio's examples.
template <typename Socket = tcp::socket>
class session : public std::enable_shared_from_this<session<Socket>>
{
public:
    explicit session(Socket socket) : socket_(std::move(socket)) {}

    void start() { do_read(); }

private:
    void do_read()
    {
        socket_.async_read_some(
            net::buffer(data_),
            [this, self = this->shared_from_this()](error_code ec, std::size_t length) {
                expect_used(socket_);
                if (!ec)
                    do_write(length);
            });
    }

    void do_write(std::size_t length)
    {
        net::async_write(
            socket_,
            net::buffer(data_, length),
            [this, self = this->shared_from_this()](error_code ec, std::size_t) {
                if (!ec)
                    do_read();
            });
    }

    Socket socket_;
    std::array<char, 1024> data_;
};

class server
{
public:
    explicit server(net::io_context& context) : acceptor_(context, any_port) {}

    tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

    void accept_one()
    {
        acceptor_.async_accept([](error_code ec, tcp::socket socket) {
            BOOST_TEST(!ec);
            std::make_shared<session<>>(std::move(socket))->start();
        });
    }

private:
    tcp::acceptor acceptor_;
};

/// Sends a line and expects it back, on an object of any kind.
template <typename Stream>
awaitable<void> ask(Stream& stream)
{
    std::string in(4, '.');
    co_await net::async_write(stream, net::buffer("ping", 4), use_awaitable);
    co_await net::async_read(stream, net::buffer(in), use_awaitable);
    BOOST_TEST(in == "ping");
}

awaitable<void> ask(tcp::endpoint target)
{
    tcp::socket socket(co_await net::this_coro::executor);
    co_await socket.async_connect(target, use_awaitable);
    co_await ask(socket);
    expect_used(socket);
}

template <typename Stream>
awaitable<void> echo_once(Stream& stream)
{
    std::string data(4, '.');
    co_await net::async_read(stream, net::buffer(data), use_awaitable);
    co_await net::async_write(stream, net::buffer(data), use_awaitable);
}

/// From Asio's examples.
awaitable<void> echo(tcp::socket socket)
{
    try {
        char data[1024];
        for (;;) {
            std::size_t n =
                co_await socket.async_read_some(net::buffer(data), use_awaitable);
            expect_used(socket);
            co_await net::async_write(socket, net::buffer(data, n), use_awaitable);
        }
    }
    catch (const boost::system::system_error& error) {
        BOOST_TEST(error.code() == net::error::eof);
    }
}

awaitable<void> serve_one(std::promise<tcp::endpoint>& where)
{
    auto executor = co_await net::this_coro::executor;
    tcp::acceptor acceptor(executor, any_port);
    where.set_value(acceptor.local_endpoint());
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    expect_on_ring(acceptor);
    expect_on_ring(socket);
    co_spawn(executor, echo(std::move(socket)), rethrow);
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_by_type)

BOOST_AUTO_TEST_CASE_TEMPLATE(callbacks_of_sessions_run_on_the_ring, Context, contexts)
{
    counting<Context> io_context(1);
    server echo_server(io_context);
    echo_server.accept_one();
    co_spawn(io_context, ask(echo_server.endpoint()), rethrow);
    finish(io_context);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    coroutines_make_objects_of_their_executor, Context, contexts)
{
    counting<Context> io_context(1);
    std::promise<tcp::endpoint> where;
    co_spawn(io_context, serve_one(where), rethrow);
    turn(io_context);
    co_spawn(io_context, ask(where.get_future().get()), rethrow);
    finish(io_context);
}

// Asio's echo_server_with_default.cpp and echo_server_with_as_tuple_default.cpp.
BOOST_AUTO_TEST_CASE_TEMPLATE(default_tokens_keep_objects_on_the_ring, Context, contexts)
{
    counting<Context> io_context(1);
    using default_token = net::use_awaitable_t<>;
    using tcp_acceptor = default_token::as_default_on_t<tcp::acceptor>;
    using tcp_socket = default_token::as_default_on_t<tcp::socket>;
    using timer_type = default_token::as_default_on_t<steady_timer>;
    using tuple_token = net::as_tuple_t<net::use_awaitable_t<>>;
    using tuple_socket = tuple_token::as_default_on_t<tcp::socket>;

    const auto serve = [](tcp_acceptor& acceptor) -> awaitable<void> {
        auto socket = co_await acceptor.async_accept();
        char data[4];
        co_await socket.async_read_some(net::buffer(data));
        co_await net::async_write(socket, net::buffer(data));
        expect_used(socket);
        static_assert(asio_uring::ring_object<tcp_socket>);
        tcp::socket back(std::move(socket));
        expect_used(back);
    };
    const auto talk = [](tcp::endpoint target) -> awaitable<void> {
        auto executor = co_await net::this_coro::executor;
        timer_type timer(executor, 1ms);
        expect_on_ring(timer);
        co_await timer.async_wait();
        tuple_socket socket(executor);
        auto [e1] = co_await socket.async_connect(target);
        auto [e2, sent] = co_await net::async_write(socket, net::buffer("ping", 4));
        char data[4];
        auto [e3, got] = co_await net::async_read(socket, net::buffer(data));
        BOOST_TEST((!e1 && !e2 && !e3 && sent == 4 && got == 4));
        expect_used(socket);
        auto deferred_timer = use_awaitable.as_default_on(steady_timer(executor, 1ms));
        co_await deferred_timer.async_wait();
    };
    tcp_acceptor acceptor(io_context, any_port);
    co_spawn(io_context, serve(acceptor), rethrow);
    co_spawn(io_context, talk(acceptor.local_endpoint()), rethrow);
    finish(io_context);
    expect_on_ring(acceptor);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(accepts_for_a_strand_stay_on_the_ring, Context, contexts)
{
    counting<Context> io_context;
    tcp::acceptor acceptor(net::make_strand(io_context), any_port);
    int accepted = 0;
    const auto take = [&accepted](error_code ec, auto socket) -> void {
        BOOST_TEST(!ec);
        ++accepted;
        expect_on_ring(socket);
        std::make_shared<session<decltype(socket)>>(std::move(socket))->start();
    };
    const auto connect = [&] {
        co_spawn(net::make_strand(io_context), ask(acceptor.local_endpoint()), rethrow);
        finish(io_context);
    };
    acceptor.async_accept(net::make_strand(io_context), take);
    connect();
    acceptor.async_accept(net::make_strand(acceptor.get_executor()), take);
    connect();
    acceptor.async_accept(io_context, take);
    connect();
    // As in Beast's examples: the type of the handler's parameter.
    acceptor.async_accept(
        net::make_strand(io_context),
        [&](error_code ec, tcp::socket socket) { take(ec, std::move(socket)); });
    connect();
    acceptor.async_accept(
        net::any_io_executor(net::make_strand(io_context)),
        net::bind_executor(acceptor.get_executor(), take));
    connect();
    BOOST_TEST(accepted == 5);
}

BOOST_AUTO_TEST_CASE(futures_run_on_the_ring)
{
    counting<net::thread_pool> pool(1);
    tcp::resolver resolver(pool);
    tcp::acceptor acceptor(pool, any_port);
    const auto port = std::to_string(acceptor.local_endpoint().port());
    std::future<tcp::resolver::results_type> endpoints =
        resolver.async_resolve("127.0.0.1", port, net::use_future);
    auto accepted = acceptor.async_accept(net::use_future);
    tcp::socket socket(pool);
    BOOST_TEST_REQUIRE((endpoints.wait_for(wait_limit) == std::future_status::ready));
    std::future<tcp::endpoint> connected =
        net::async_connect(socket, endpoints.get(), net::use_future);
    BOOST_TEST_REQUIRE((connected.wait_for(wait_limit) == std::future_status::ready));
    BOOST_TEST_REQUIRE((accepted.wait_for(wait_limit) == std::future_status::ready));
    tcp::socket far = accepted.get();
    std::array<char, 4> data;
    auto read = net::async_read(far, net::buffer(data), net::use_future);
    auto sent = socket.async_send(net::buffer("ping", 4), net::use_future);
    BOOST_TEST_REQUIRE((read.wait_for(wait_limit) == std::future_status::ready));
    BOOST_TEST((read.get() == 4u && sent.get() == 4u));
    expect_used(far);
    expect_used(socket);
    pool.join();
}

BOOST_AUTO_TEST_CASE(objects_of_a_pool_and_its_strands_are_on_the_ring)
{
    counting<net::thread_pool> pool(2);
    auto strand = net::make_strand(pool);
    tcp::acceptor acceptor(strand, any_port);
    std::promise<void> done;
    acceptor.async_accept(net::make_strand(pool), [&](error_code ec, auto socket) {
        BOOST_TEST(!ec);
        expect_on_ring(socket);
        std::make_shared<session<decltype(socket)>>(std::move(socket))->start();
    });
    const auto talk = [](tcp::endpoint target) -> awaitable<void> {
        steady_timer timer(co_await net::this_coro::executor, 1ms);
        co_await timer.async_wait(use_awaitable);
        co_await ask(target);
    };
    auto end = co_spawn(
        net::make_strand(pool.get_executor()),
        talk(acceptor.local_endpoint()),
        net::use_future);
    BOOST_TEST_REQUIRE((end.wait_for(wait_limit) == std::future_status::ready));
    end.get();
    udp::socket datagrams(pool.get_executor(), {net::ip::address_v4::loopback(), 0});
    expect_on_ring(datagrams);
    pool.join();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(executors_go_to_and_from_asios, Context, contexts)
{
    counting<Context> io_context(1);
    net::any_io_executor member = io_context.get_executor();
    tcp::socket socket(member);
    net::any_io_executor executor = socket.get_executor();
    BOOST_TEST((executor == member && socket.get_executor() == member));
    BOOST_TEST((socket.get_executor() == io_context.get_executor()));
    BOOST_TEST((socket.get_executor() == tcp::socket(executor).get_executor()));
    BOOST_TEST((tcp::socket(net::make_strand(member)).get_executor() != executor));
    BOOST_TEST((executor.target_type() == typeid(net::io_context::executor_type)));
    net::strand<net::any_io_executor> strand(net::make_strand(socket.get_executor()));
    tcp::socket on_strand(strand);
    const net::any_completion_executor completion = socket.get_executor();
    net::steady_timer stock_timer(socket.get_executor(), 1ms);
    steady_timer timer(socket.get_executor(), 1ms);

    int calls = 0;
    const auto count = [&](auto...) { ++calls; };
    net::executor_work_guard<net::any_io_executor> work(socket.get_executor());
    auto other_work = net::make_work_guard(socket.get_executor());
    net::post(socket.get_executor(), count);
    net::dispatch(socket.get_executor(), count);
    net::defer(net::bind_executor(socket.get_executor(), count));
    completion.execute(count);
    net::post(on_strand.get_executor(), count);
    timer.async_wait(net::bind_executor(on_strand.get_executor(), count));
    stock_timer.async_wait(net::bind_executor(socket.get_executor(), count));
    co_spawn(
        socket.get_executor(),
        [&]() -> awaitable<void> {
            ++calls;
            const net::any_io_executor here = co_await net::this_coro::executor;
            BOOST_TEST((here == executor));
        },
        rethrow);
    work.reset();
    other_work.reset();
    finish(io_context);
    BOOST_TEST(calls == 8);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ranges_of_endpoints_are_connected, Context, contexts)
{
    counting<Context> io_context(1);
    tcp::acceptor acceptor(io_context, any_port);
    const auto port = std::to_string(acceptor.local_endpoint().port());
    const auto talk = [&]() -> awaitable<void> {
        auto executor = co_await net::this_coro::executor;
        tcp::resolver resolver(executor);
        net::ip::tcp::resolver::results_type results =
            co_await resolver.async_resolve("127.0.0.1", port, use_awaitable);
        tcp::socket socket(executor);
        const tcp::endpoint found =
            co_await net::async_connect(socket, results, use_awaitable);
        BOOST_TEST((found == acceptor.local_endpoint()));
        expect_used(socket);
        socket.close();
        const std::vector<tcp::endpoint> endpoints{found, found};
        co_await net::async_connect(socket, endpoints, use_awaitable);
        socket.close();
        co_await net::async_connect(
            socket,
            endpoints.begin(),
            endpoints.end(),
            [](error_code, const tcp::endpoint&) { return true; },
            use_awaitable);
        socket.close();
        net::connect(socket, results);
        socket.set_option(tcp::no_delay(true));
        expect_on_ring(socket);
        // The protocols convert.
        tcp::socket opened(executor, tcp::v4());
        opened.close();
        opened.open(found.protocol());
        opened.close();
        opened.open(net::ip::tcp::v6());
        asio_uring::generic::stream_protocol::socket generic(std::move(socket));
        expect_on_ring(generic);
    };
    co_spawn(io_context, talk(), rethrow);
    finish(io_context);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(other_protocols_are_on_the_ring, Context, contexts)
{
    counting<Context> io_context(1);
    using net::local::connect_pair;
    stream_protocol::socket near(io_context);
    stream_protocol::socket far(io_context);
    connect_pair(near, far);
    co_spawn(io_context, ask(near), rethrow);
    co_spawn(io_context, echo_once(far), rethrow);
    udp::socket receiver(io_context, {net::ip::address_v4::loopback(), 0});
    udp::socket sender(io_context, udp::v4());
    udp::endpoint from;
    char data[4];
    receiver.async_receive_from(net::buffer(data), from, [](error_code, std::size_t) {});
    sender.async_send_to(
        net::buffer("ping", 4), receiver.local_endpoint(), [](error_code, std::size_t) {
        });
    asio_uring::local::datagram_protocol::socket datagrams(io_context);
    datagrams.open();
    finish(io_context);
    expect_used(near);
    expect_used(far);
    expect_used(receiver);
    expect_used(sender);
    expect_on_ring(datagrams);
    BOOST_TEST((from.port() == sender.local_endpoint().port()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pipes_and_descriptors_are_on_the_ring, Context, contexts)
{
    counting<Context> io_context(1);
    const auto talk = []() -> awaitable<void> {
        auto executor = co_await net::this_coro::executor;
        asio_uring::readable_pipe in(executor);
        asio_uring::writable_pipe out(net::make_strand(executor));
        asio_uring::connect_pipe(in, out);
        asio_uring::posix::stream_descriptor tail(executor, ::dup(in.native_handle()));
        asio_uring::posix::stream_descriptor head(
            net::make_strand(executor), ::dup(out.native_handle()));
        co_await net::async_write(head, net::buffer("line\n", 5), use_awaitable);
        net::streambuf line;
        co_await net::async_read_until(tail, line, '\n', use_awaitable);
        co_await net::async_write(out, net::buffer("more", 4), use_awaitable);
        char data[4];
        co_await net::async_read(in, net::buffer(data), use_awaitable);
        expect_used(in);
        expect_used(out);
        expect_used(tail);
        expect_used(head);
        static_assert(asio_uring::ring_object<asio_uring::posix::descriptor>);
    };
    co_spawn(io_context, talk(), rethrow);
    finish(io_context);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timers_of_any_executor_are_on_the_ring, Context, contexts)
{
    counting<Context> io_context(1);
    auto strand = net::make_strand(io_context);
    using strand_timer =
        steady_timer::rebind_executor<net::strand<asio_uring::any_io_executor>>::other;
    steady_timer one(io_context, 1ms);
    steady_timer two(strand, 1ms);
    asio_uring::system_timer three(net::any_io_executor(strand), 1ms);
    asio_uring::high_resolution_timer four(io_context.get_executor());
    strand_timer five(net::make_strand(asio_uring::any_io_executor(strand)), 1ms);
    asio_uring::basic_timer<std::chrono::steady_clock, asio_uring::executor> six(
        io_context, 1ms);
    four.expires_after(1ms);
    int expired = 0;
    const auto wait = [&](auto& timer) {
        expect_on_ring(timer);
        timer.async_wait([&](error_code ec) { expired += !ec; });
    };
    wait(one);
    wait(two);
    wait(three);
    wait(four);
    wait(five);
    wait(six);
    const auto race = []() -> awaitable<void> {
        using namespace net::experimental::awaitable_operators;
        auto executor = co_await net::this_coro::executor;
        steady_timer soon(executor, 1ms);
        steady_timer never(executor, 1h);
        auto first =
            co_await (soon.async_wait(use_awaitable) || never.async_wait(use_awaitable));
        BOOST_TEST(first.index() == 0u);
    };
    co_spawn(strand, race(), rethrow);
    finish(io_context);
    BOOST_TEST(expired == 6);
}

BOOST_AUTO_TEST_CASE(streams_of_the_standard_library_have_ring_sockets)
{
    counting<net::io_context> io_context(1);
    tcp::acceptor acceptor(io_context, any_port);
    tcp::iostream client;
    client.connect(acceptor.local_endpoint());
    BOOST_TEST_REQUIRE(static_cast<bool>(client));
    tcp::iostream server(acceptor.accept());
    client << "hello" << std::endl;
    std::string line;
    std::getline(server, line);
    BOOST_TEST(line == "hello");
    expect_on_ring(client.socket());
    expect_on_ring(server.socket());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(tls_streams_run_on_ring_sockets, Context, contexts)
{
    counting<Context> io_context(1);
    net::ssl::context server_tls = make_tls_server();
    net::ssl::context client_tls = make_tls_client();
    tcp::acceptor acceptor(io_context, any_port);
    const auto serve = [&]() -> awaitable<void> {
        net::ssl::stream<tcp::socket> stream(
            co_await acceptor.async_accept(use_awaitable), server_tls);
        co_await stream.async_handshake(net::ssl::stream_base::server, use_awaitable);
        co_await echo_once(stream);
        expect_used(stream.next_layer());
    };
    const auto talk = [&]() -> awaitable<void> {
        net::ssl::stream<tcp::socket> stream(
            co_await net::this_coro::executor, client_tls);
        co_await stream.lowest_layer().async_connect(
            acceptor.local_endpoint(), use_awaitable);
        co_await stream.async_handshake(net::ssl::stream_base::client, use_awaitable);
        co_await ask(stream);
        expect_used(stream.next_layer());
    };
    co_spawn(io_context, serve(), rethrow);
    co_spawn(io_context, talk(), rethrow);
    finish(io_context);
}

namespace {

/// From Beast's http_server_async.cpp.
class http_session : public std::enable_shared_from_this<http_session>
{
public:
    explicit http_session(tcp::socket&& socket) : stream_(std::move(socket)) {}

    void run()
    {
        net::dispatch(
            stream_.get_executor(),
            beast::bind_front_handler(&http_session::do_read, shared_from_this()));
    }

private:
    void do_read()
    {
        request_ = {};
        stream_.expires_after(wait_limit);
        http::async_read(
            stream_,
            buffer_,
            request_,
            beast::bind_front_handler(&http_session::on_read, shared_from_this()));
    }

    void on_read(beast::error_code ec, std::size_t)
    {
        expect_used(stream_.socket());
        if (ec == http::error::end_of_stream)
            return;
        BOOST_TEST(!ec);
        response_ = {http::status::ok, request_.version()};
        response_.body() = std::string(request_.target());
        response_.prepare_payload();
        http::async_write(
            stream_,
            response_,
            beast::bind_front_handler(&http_session::on_write, shared_from_this()));
    }

    void on_write(beast::error_code ec, std::size_t)
    {
        BOOST_TEST(!ec);
        do_read();
    }

    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    http::request<http::string_body> request_;
    http::response<http::string_body> response_;
};

class http_listener : public std::enable_shared_from_this<http_listener>
{
public:
    explicit http_listener(net::io_context& ioc) : ioc_(ioc), acceptor_(ioc, any_port) {}

    tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

    void do_accept()
    {
        acceptor_.async_accept(
            net::make_strand(ioc_),
            beast::bind_front_handler(&http_listener::on_accept, shared_from_this()));
    }

private:
    void on_accept(beast::error_code ec, tcp::socket socket)
    {
        BOOST_TEST(!ec);
        std::make_shared<http_session>(std::move(socket))->run();
    }

    net::io_context& ioc_;
    tcp::acceptor acceptor_;
};

/// From Beast's http_client_coro.cpp, with its tcp_stream by type.
awaitable<void> ask_http(std::string port)
{
    auto executor = co_await net::this_coro::executor;
    tcp::resolver resolver(executor);
    beast::tcp_stream stream(executor);
    auto const results =
        co_await resolver.async_resolve("127.0.0.1", port, use_awaitable);
    stream.expires_after(wait_limit);
    co_await stream.async_connect(results, use_awaitable);
    http::request<http::empty_body> request{http::verb::get, "/there", 11};
    co_await http::async_write(stream, request, use_awaitable);
    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    co_await http::async_read(stream, buffer, response, use_awaitable);
    BOOST_TEST(response.body() == "/there");
    expect_used(stream.socket());
    // A time limit of the stream's own.
    stream.expires_after(1ms);
    beast::error_code ec;
    co_await http::async_read(
        stream, buffer, response, net::redirect_error(use_awaitable, ec));
    BOOST_TEST((ec == beast::error::timeout));
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(beast_http_runs_on_the_ring, Context, contexts)
{
    static_assert(asio_uring::ring_object<beast::tcp_stream::socket_type>);
    counting<Context> io_context(1);
    auto listener = std::make_shared<http_listener>(io_context);
    listener->do_accept();
    co_spawn(io_context, ask_http(std::to_string(listener->endpoint().port())), rethrow);
    finish(io_context);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(beast_websockets_run_on_the_ring, Context, contexts)
{
    counting<Context> io_context(1);
    tcp::acceptor acceptor(io_context, any_port);
    const auto serve = [&]() -> awaitable<void> {
        websocket::stream<beast::tcp_stream> stream(
            co_await acceptor.async_accept(use_awaitable));
        stream.set_option(
            websocket::stream_base::timeout::suggested(beast::role_type::server));
        co_await stream.async_accept(use_awaitable);
        beast::flat_buffer buffer;
        co_await stream.async_read(buffer, use_awaitable);
        stream.text(stream.got_text());
        co_await stream.async_write(buffer.data(), use_awaitable);
        expect_used(beast::get_lowest_layer(stream).socket());
        beast::error_code ec;
        co_await stream.async_read(buffer, net::redirect_error(use_awaitable, ec));
        BOOST_TEST((ec == websocket::error::closed));
    };
    const auto talk = [&]() -> awaitable<void> {
        websocket::stream<beast::tcp_stream> stream(
            net::make_strand(co_await net::this_coro::executor));
        co_await beast::get_lowest_layer(stream).async_connect(
            acceptor.local_endpoint(), use_awaitable);
        co_await stream.async_handshake("localhost", "/", use_awaitable);
        co_await stream.async_write(net::buffer("ping", 4), use_awaitable);
        beast::flat_buffer buffer;
        co_await stream.async_read(buffer, use_awaitable);
        BOOST_TEST(beast::buffers_to_string(buffer.data()) == "ping");
        expect_used(beast::get_lowest_layer(stream).socket());
        co_await stream.async_close(websocket::close_code::normal, use_awaitable);
        websocket::stream<tcp::socket> over_a_socket(tcp::socket{io_context});
        static_assert(asio_uring::ring_object<
                      std::remove_reference_t<decltype(over_a_socket.next_layer())>>);
    };
    co_spawn(io_context, serve(), rethrow);
    co_spawn(io_context, talk(), rethrow);
    finish(io_context);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(concrete_forms_become_erased_ones, Context, contexts)
{
    counting<Context> io_context(1);
    using executor = asio_uring::executor;
    tcp::acceptor_on<executor> acceptor(io_context, any_port);
    tcp::socket_on<executor> client(io_context);
    client.connect(acceptor.local_endpoint());
    auto server = acceptor.accept();
    static_assert(std::is_same_v<decltype(server), tcp::socket_on<executor>>);
    // A pending read goes along: both are on the ring.
    char data[4];
    error_code result = net::error::fault;
    server.async_read_some(
        net::buffer(data), [&](error_code ec, std::size_t) { result = ec; });
    turn(io_context);
    tcp::socket erased(std::move(server));
    client.send(net::buffer("ping", 4));
    finish(io_context);
    BOOST_TEST(!result);
    expect_used(erased);
    net::basic_readable_pipe<executor> in(io_context);
    asio_uring::writable_pipe out(io_context);
    asio_uring::connect_pipe(in, out);
    result = net::error::fault;
    in.async_read_some(
        net::buffer(data), [&](error_code ec, std::size_t) { result = ec; });
    turn(io_context);
    asio_uring::readable_pipe erased_in(std::move(in));
    out.write_some(net::buffer("ping", 4));
    finish(io_context);
    BOOST_TEST(!result);
    expect_used(erased_in);
    // The types of a program that names Asio's protocol.
    net::basic_stream_socket<net::ip::tcp, executor> by_executor(io_context);
    by_executor.connect(acceptor.local_endpoint());
    expect_on_ring(by_executor);
    net::basic_stream_socket<net::ip::tcp, asio_uring::any_io_executor> both(
        std::move(by_executor));
    expect_on_ring(both);
    net::basic_stream_socket<tcp, net::io_context::executor_type> by_protocol(io_context);
    by_protocol.connect(acceptor.local_endpoint());
    expect_on_ring(by_protocol);
    tcp::socket back(std::move(by_protocol));
    expect_on_ring(back);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    objects_leave_the_ring_where_it_is_written, Context, contexts)
{
    counting<Context> io_context(1);
    std::vector<error_code> ends;
    const auto note = [&](error_code ec, auto...) { ends.push_back(ec); };
    char data[4];

    stream_protocol::socket near(net::make_strand(io_context));
    stream_protocol::socket far(io_context);
    net::local::connect_pair(near, far);
    near.async_read_some(net::buffer(data), note);
    auto off = asio_uring::leave_ring(std::move(near));
    using off_type =
        net::basic_stream_socket<net::local::stream_protocol, net::any_io_executor>;
    static_assert(std::is_same_v<decltype(off), off_type>);
    BOOST_TEST(!asio_uring::counters(off).on_ring);
    off.async_read_some(net::buffer(data), note);
    far.send(net::buffer("pingpong", 8));
    finish(io_context);
    BOOST_TEST(ends.size() == 2u);
    BOOST_TEST((ends[0] == net::error::operation_aborted) == has_ring(io_context));
    BOOST_TEST(!ends[1]);
    // And back.
    stream_protocol::socket again(std::move(off));
    expect_on_ring(again);

    asio_uring::readable_pipe in(io_context);
    asio_uring::writable_pipe out(io_context);
    asio_uring::connect_pipe(in, out);
    net::readable_pipe in_off = asio_uring::leave_ring(std::move(in));
    in_off.async_read_some(net::buffer(data), note);
    out.async_write_some(net::buffer("ping", 4), note);

    steady_timer timer(io_context, 1ms);
    net::steady_timer timer_off = asio_uring::leave_ring(std::move(timer));
    timer_off.async_wait(note);

    const auto strand = net::make_strand(asio_uring::executor(io_context.get_executor()));
    tcp::acceptor_on<std::remove_const_t<decltype(strand)>> acceptor(strand, any_port);
    auto acceptor_off = asio_uring::leave_ring(std::move(acceptor));
    static_assert(std::is_same_v<
                  decltype(acceptor_off),
                  net::basic_socket_acceptor<
                      net::ip::tcp,
                      net::strand<net::io_context::executor_type>>>);
    acceptor_off.async_accept(note);
    net::ip::tcp::socket client(io_context);
    client.connect(acceptor_off.local_endpoint());
    finish(io_context);
    BOOST_TEST(ends.size() == 6u);
    for (std::size_t i = 2; i != ends.size(); ++i)
        BOOST_TEST(!ends[i], i << ": " << ends[i].message());
}

BOOST_AUTO_TEST_CASE(types_say_whether_their_objects_are_on_the_ring)
{
    using asio_uring::ring_object;
    static_assert(ring_object<asio_uring::ip::icmp::socket>);
    static_assert(ring_object<asio_uring::generic::raw_protocol::socket>);
    static_assert(ring_object<asio_uring::generic::datagram_protocol::socket>);
    static_assert(ring_object<asio_uring::generic::seq_packet_protocol::socket>);
    static_assert(ring_object<stream_protocol::acceptor>);
    static_assert(ring_object<tcp::socket::rebind_executor<net::system_executor>::other>);
    static_assert(ring_object<net::basic_stream_socket<tcp>>);
    static_assert(!ring_object<tcp::resolver>);
    static_assert(!ring_object<net::ssl::stream<tcp::socket>>);
    static_assert(!ring_object<beast::tcp_stream>);
    static_assert(!ring_object<net::basic_signal_set<asio_uring::any_io_executor>>);
    static_assert(!ring_object<int>);
    static_assert(!ring_object<net::ip::tcp::socket>);
    static_assert(!ring_object<net::ip::tcp::acceptor>);
    static_assert(!ring_object<net::steady_timer>);
    static_assert(!ring_object<net::readable_pipe>);
    static_assert(!ring_object<net::posix::stream_descriptor>);
    // An object of a stock type on a context that has a ring.
    asio_uring::io_context io_context(1);
    net::ip::tcp::socket stock(io_context, net::ip::tcp::v4());
    BOOST_TEST(!asio_uring::counters(stock).on_ring);
}

BOOST_AUTO_TEST_SUITE_END()
