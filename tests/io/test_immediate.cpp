// SPDX-License-Identifier: BSL-1.0
// Operations that end within their initiating function, and handlers that say where they
// run then. Boost has such immediate executors since 1.82.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"
#include "../support/skip.hpp"

#include <boost/version.hpp>

#if BOOST_VERSION >= 108200

#    include <asio_uring/op/socket.hpp>

#    include <boost/asio/bind_cancellation_slot.hpp>
#    include <boost/asio/bind_executor.hpp>
#    include <boost/asio/bind_immediate_executor.hpp>
#    include <boost/asio/buffer.hpp>
#    include <boost/asio/cancellation_signal.hpp>
#    include <boost/asio/ip/udp.hpp>
#    include <boost/asio/posix/basic_stream_descriptor.hpp>
#    include <boost/asio/read.hpp>
#    include <boost/asio/strand.hpp>
#    include <boost/asio/system_executor.hpp>
#    include <boost/asio/write.hpp>
#    include <boost/test/unit_test.hpp>

#    include <memory>
#    include <stdexcept>
#    include <utility>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;
using socket_base = asio::socket_base;

/// Runs what it is given where it is given it.
struct here
{
    template <typename Function>
    void execute(Function function) const
    {
        function();
    }

    bool operator==(const here&) const noexcept = default;
};

template <typename Handler>
auto at_once(Handler handler)
{
    return asio::bind_immediate_executor(here(), std::move(handler));
}

const asio::mutable_buffer no_room;
const asio::const_buffer no_data;

} // namespace

BOOST_AUTO_TEST_SUITE(test_immediate)

BOOST_AUTO_TEST_CASE_TEMPLATE(
    empty_transfers_run_as_their_handler_asks, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.socket.async_read_some(no_room, at_once(log.io("read")));
    log.note("after");
    link.socket.async_write_some(no_data, at_once(log.io("write")));
    link.socket.async_receive(no_room, 0, at_once(log.io("receive")));
    link.socket.async_send(no_data, 0, at_once(log.io("send")));
    asio::async_read(link.socket, no_room, at_once(log.io("all")));
    asio::async_write(link.socket, no_data, at_once(log.io("rest")));
    BOOST_TEST(
        log.take() == "INLINE read ok 0; after; INLINE write ok 0; "
                      "INLINE receive ok 0; INLINE send ok 0; "
                      "INLINE all ok 0; INLINE rest ok 0");
    BOOST_TEST(finish(context) == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closed_objects_run_as_their_handler_asks, Backend, backends)
{
    typename Backend::io_context context;
    using executor = typename Backend::executor;
    using udp = asio::ip::udp;
    typename Backend::socket stream(context);
    typename Backend::socket peer(context);
    typename Backend::acceptor acceptor(context);
    asio::basic_datagram_socket<udp, executor> datagrams(context);
    asio::posix::basic_stream_descriptor<executor> descriptor(context);
    recorder log;
    char data[4];
    udp::endpoint address;

    stream.async_read_some(asio::buffer(data), at_once(log.io("read")));
    stream.async_write_some(asio::buffer(data), at_once(log.io("write")));
    stream.async_wait(socket_base::wait_read, at_once(log.done("wait")));
    stream.async_wait(socket_base::wait_error, at_once(log.done("error")));
    acceptor.async_accept(peer, at_once(log.done("accept")));
    BOOST_TEST(
        log.take() == "INLINE read bad_descriptor 0; INLINE write bad_descriptor 0; "
                      "INLINE wait bad_descriptor; INLINE error bad_descriptor; "
                      "INLINE accept bad_descriptor");

    datagrams.async_receive_from(asio::buffer(data), address, at_once(log.io("from")));
    datagrams.async_send_to(asio::buffer(data), address, at_once(log.io("to")));
    descriptor.async_read_some(asio::buffer(data), at_once(log.io("input")));
    descriptor.async_write_some(asio::buffer(data), at_once(log.io("output")));
    descriptor.async_wait(
        asio::posix::descriptor_base::wait_read, at_once(log.done("ready")));
    BOOST_TEST(
        log.take() == "INLINE from bad_descriptor 0; INLINE to bad_descriptor 0; "
                      "INLINE input bad_descriptor 0; INLINE output bad_descriptor 0; "
                      "INLINE ready bad_descriptor");
    BOOST_TEST(finish(context) == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(accept_into_an_open_socket_is_refused, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    typename Backend::socket peer(context, asio::ip::tcp::v4());
    recorder log;

    acceptor.async_accept(peer, at_once(log.done("accept")));
    BOOST_TEST(log.take() == "INLINE accept already_open");
    acceptor.async_accept(peer, log.done("accept"));
    BOOST_TEST(log.count() == 0u);
    finish(context);
    BOOST_TEST(log.take() == "accept already_open");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    accepted_socket_of_a_closed_acceptor_is_handed_over, Backend, backends)
{
    auto [context, acceptor, log] = fixture<Backend, stream_acceptor>();

    acceptor.async_accept(at_once([&](error_code ec, typename Backend::socket accepted) {
        log.handled("accept " + text(ec) + (accepted.is_open() ? " open" : ""));
    }));
    BOOST_TEST(log.take() == "INLINE accept bad_descriptor");
    BOOST_TEST(finish(context) == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_ends_later_ends_in_the_loop, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    steady_timer<Backend> timer(context);
    char data[4];

    link.socket.async_read_some(asio::buffer(data), at_once(log.io("read")));
    timer.async_wait(at_once(log.done("expired")));
    BOOST_TEST(log.count() == 0u);
    run_until(context, [&] { return log.count() == 1; });
    BOOST_TEST(log.take() == "expired ok");
    link.remote.send("data");
    finish(context);
    BOOST_TEST(log.take() == "read ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(handler_runs_on_both_of_its_executors, Backend, backends)
{
    typename Backend::io_context context;
    typename Backend::io_context other;
    loopback<Backend> link(context);
    recorder log;

    // By way of the immediate executor...
    link.socket.async_read_some(
        no_room,
        asio::bind_immediate_executor(Backend::get_executor(other), log.io("read")));
    BOOST_TEST(finish(context) == 0u);
    BOOST_TEST(log.count() == 0u);
    finish(other);
    BOOST_TEST(log.take() == "read ok 0");

    // ... to the handler's own.
    auto strand = asio::make_strand(Backend::get_executor(context));
    link.socket.async_read_some(
        no_room,
        asio::bind_executor(strand, at_once([&](error_code ec, std::size_t size) {
                                BOOST_TEST(strand.running_in_this_thread());
                                log.io("read")(ec, size);
                            })));
    BOOST_TEST(log.count() == 0u);
    finish(context);
    BOOST_TEST(log.take() == "read ok 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(system_executor_is_an_immediate_one, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.socket.async_read_some(
        no_room, asio::bind_immediate_executor(asio::system_executor(), log.io("read")));
    BOOST_TEST(log.take() == "INLINE read ok 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(handler_may_end_its_object, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    auto socket = std::make_unique<typename Backend::socket>(std::move(link.socket));
    asio::cancellation_signal signal;

    auto* object = socket.get();
    object->async_read_some(
        no_room,
        asio::bind_cancellation_slot(
            signal.slot(),
            at_once([&, handler = log.io("read")](error_code ec, std::size_t size) {
                socket.reset();
                handler(ec, size);
            })));
    BOOST_TEST(log.take() == "INLINE read ok 0");
    // The slot outlives what it would cancel; Asio's own would reach into the object.
    if (uses_ring<Backend>())
        signal.emit(asio::cancellation_type::all);
    BOOST_TEST(link.remote.at_end());
    BOOST_TEST(finish(context) == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(handler_may_start_the_next, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    int left = 100;

    struct chain
    {
        void operator()(error_code ec, std::size_t size)
        {
            BOOST_TEST((!ec && size == 0));
            if (--left != 0)
                socket.async_read_some(no_room, at_once(*this));
        }

        typename Backend::socket& socket;
        int& left;
    };

    link.socket.async_read_some(no_room, at_once(chain{link.socket, left}));
    BOOST_TEST(left == 0);
    BOOST_TEST(finish(context) == 0u);
}

// With Asio's own services that ends in freeing the operation twice.
BOOST_AUTO_TEST_CASE(handler_may_throw_out_of_the_initiating_function)
{
    asio_uring::io_context context;
    if (!has_ring(context))
        ASIO_URING_SKIP("only operations of a ring survive it");
    loopback<ring> link(context);
    recorder log;
    char data[4];

    BOOST_CHECK_THROW(
        link.socket.async_read_some(no_room, at_once([](error_code, std::size_t) {
                                        throw std::runtime_error("from the handler");
                                    })),
        std::runtime_error);
    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    link.remote.send("data");
    finish(context);
    BOOST_TEST(log.take() == "read ok 4");
}

BOOST_AUTO_TEST_CASE(single_requests_run_as_their_handler_asks)
{
    asio_uring::io_context context(1);
    recorder log;
    const asio_uring::op::accept many{
        .fd = 0, .ioprio = asio_uring::abi::accept_multishot};
    const auto handler = [&](error_code ec, int) {
        log.handled(ec == asio_uring::errc::no_ring ? "no_ring" : text(ec));
    };
    const std::string outcome = has_ring(context) ? "invalid_argument" : "no_ring";

    asio_uring::async_submit(context.get_executor(), many, at_once(handler));
    BOOST_TEST(log.take() == "INLINE " + outcome);
    asio_uring::async_submit(context.get_executor(), many, handler);
    BOOST_TEST(log.count() == 0u);
    finish(context);
    BOOST_TEST(log.take() == outcome);
}

BOOST_AUTO_TEST_SUITE_END()

#endif
