// SPDX-License-Identifier: BSL-1.0
// Transfers on a connected TCP stream: sizes, buffers, ends, modes, readiness.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/completion_condition.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <cstddef>
#include <iterator>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace asio_uring::test;
using boost::system::error_code;
using socket_base = asio::socket_base;

std::string pattern(std::size_t size)
{
    std::string data(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        data[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return data;
}

/// A buffer, and so a sequence of one for Asio, that owns its bytes.
template <typename Buffer>
struct owning_buffer : Buffer
{
    owning_buffer() = default;

    explicit owning_buffer(const std::string& data)
        : owning_buffer(std::make_shared<std::string>(data))
    {}

    explicit owning_buffer(const std::shared_ptr<std::string>& data)
        : Buffer(data->data(), data->size()), bytes(data)
    {}

    std::shared_ptr<std::string> bytes;
};

/// The same of several buffers. Its bytes move with it.
struct owning_list
{
    using value_type = asio::const_buffer;

    owning_list(std::string data, std::size_t count) : bytes(std::move(data))
    {
        fill(count);
    }

    owning_list(const owning_list& other) : bytes(other.bytes)
    {
        fill(other.buffers.size());
    }

    void fill(std::size_t count)
    {
        for (std::size_t i = 0; i != count; ++i)
            buffers.emplace_back(
                &bytes[bytes.size() * i / count],
                bytes.size() * (i + 1) / count - bytes.size() * i / count);
    }

    auto begin() const { return buffers.begin(); }
    auto end() const { return buffers.end(); }

    std::string bytes;
    std::vector<asio::const_buffer> buffers;
};

/// Three buffers of one byte. After so many looks at one of them the next throws.
class throwing_list
{
public:
    using value_type = asio::const_buffer;

    class const_iterator
    {
    public:
        using iterator_category = std::bidirectional_iterator_tag;
        using difference_type = std::ptrdiff_t;
        using value_type = asio::const_buffer;
        using pointer = const value_type*;
        using reference = value_type;

        const_iterator() = default;
        const_iterator(int index, int* looks) : index_(index), looks_(looks) {}

        asio::const_buffer operator*() const
        {
            if ((*looks_)-- == 0)
                throw std::range_error("a buffer that cannot be told");
            return asio::buffer("x", 1);
        }

        const_iterator& operator++() { return ++index_, *this; }
        const_iterator operator++(int) { return {index_++, looks_}; }
        const_iterator& operator--() { return --index_, *this; }
        const_iterator operator--(int) { return {index_--, looks_}; }
        bool operator==(const const_iterator& other) const = default;

    private:
        int index_ = 0;
        int* looks_ = nullptr;
    };

    explicit throwing_list(int& looks) : looks_(&looks) {}

    const_iterator begin() const { return {0, looks_}; }
    const_iterator end() const { return {3, looks_}; }

private:
    int* looks_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_stream)

BOOST_AUTO_TEST_CASE_TEMPLATE(read_data_ready_moves_bytes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string data(16, '.');

    link.remote.send("hello");
    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    log.note("started");
    finish(context);

    BOOST_TEST(log.take() == "started; read ok 5");
    BOOST_TEST(data == "hello...........");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(read_data_later_moves_bytes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string data(16, '.');

    link.socket.async_receive(asio::buffer(data), log.io("receive"));
    turn(context);
    log.note("pending");
    link.remote.send("hello");
    finish(context);

    BOOST_TEST(log.take() == "pending; receive ok 5");
    BOOST_TEST(data == "hello...........");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(read_small_buffer_takes_a_part, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string data(10, '.');

    link.remote.send("0123456789");
    for (const std::size_t at : {0u, 4u, 8u}) {
        link.socket.async_read_some(
            asio::buffer(&data[at], std::min(10 - at, std::size_t{4})), log.io("read"));
        finish(context);
    }

    BOOST_TEST(log.take() == "read ok 4; read ok 4; read ok 2");
    BOOST_TEST(data == "0123456789");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(write_idle_socket_reaches_peer, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.socket.async_write_some(asio::buffer("write", 5), log.io("write"));
    log.note("started");
    finish(context);
    link.socket.async_send(asio::buffer("send", 4), log.io("send"));
    finish(context);

    BOOST_TEST(log.take() == "started; write ok 5; send ok 4");
    BOOST_TEST(link.remote.receive(9) == "writesend");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sync_transfers_move_bytes, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    std::string data(16, '.');
    error_code ec;

    BOOST_TEST(link.socket.write_some(asio::buffer("a1", 2)) == 2u);
    BOOST_TEST(link.socket.write_some(asio::buffer("b2", 2), ec) == 2u);
    BOOST_TEST(link.socket.send(asio::buffer("c3", 2)) == 2u);
    BOOST_TEST(link.socket.send(asio::buffer("d4", 2), 0) == 2u);
    BOOST_TEST(link.socket.send(asio::buffer("e5", 2), 0, ec) == 2u);
    BOOST_TEST(link.remote.receive(10) == "a1b2c3d4e5");

    link.remote.send("0123456789");
    BOOST_TEST(link.socket.read_some(asio::buffer(data, 2)) == 2u);
    BOOST_TEST(link.socket.read_some(asio::buffer(&data[2], 2), ec) == 2u);
    BOOST_TEST(link.socket.receive(asio::buffer(&data[4], 2)) == 2u);
    BOOST_TEST(link.socket.receive(asio::buffer(&data[6], 2), 0) == 2u);
    BOOST_TEST(link.socket.receive(asio::buffer(&data[8], 2), 0, ec) == 2u);
    BOOST_TEST(data == "0123456789......");
    BOOST_TEST(text(ec) == "ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sync_read_after_async_use_still_blocks, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char byte = 0;

    // The asynchronous operation may leave the descriptor non-blocking; the object is
    // not.
    link.socket.async_read_some(asio::buffer(&byte, 1), log.io("read"));
    turn(context);
    link.socket.cancel();
    finish(context);
    std::thread writer([&] { ::send(link.remote.fd(), "x", 1, MSG_NOSIGNAL); });
    error_code ec;
    std::size_t size = link.socket.read_some(asio::buffer(&byte, 1), ec);
    writer.join();

    BOOST_TEST(log.take() == "read operation_aborted 0");
    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST(size == 1u);
    BOOST_TEST(byte == 'x');
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_buffer_idle_completes_at_once, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::vector<asio::mutable_buffer> none;
    std::array<asio::const_buffer, 2> empties;
    error_code ec;

    link.socket.async_read_some(asio::mutable_buffer(), log.io("read"));
    link.socket.async_write_some(asio::const_buffer(), log.io("write"));
    link.socket.async_read_some(none, log.io("read none"));
    link.socket.async_write_some(empties, log.io("write empties"));
    log.note("started");
    finish(context);

    BOOST_TEST(
        log.take() == "started; read ok 0; write ok 0; read none ok 0; "
                      "write empties ok 0");
    BOOST_TEST(link.socket.read_some(asio::mutable_buffer(), ec) == 0u);
    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST(link.socket.write_some(asio::const_buffer(), ec) == 0u);
    BOOST_TEST(text(ec) == "ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_buffer_behind_pending_overtakes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char byte = 0;

    fill(link.socket);
    link.socket.async_read_some(asio::buffer(&byte, 1), log.io("pending read"));
    link.socket.async_write_some(asio::buffer("w", 1), log.io("pending write"));
    turn(context);
    link.socket.async_read_some(asio::mutable_buffer(), log.io("empty read"));
    link.socket.async_write_some(asio::const_buffer(), log.io("empty write"));
    run_until(context, [&] { return log.count() == 2; });
    BOOST_TEST(log.take() == "empty read ok 0; empty write ok 0");

    link.socket.cancel();
    finish(context);
    BOOST_TEST(log.count() == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_read_after_end_is_not_an_end, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.remote.close();
    BOOST_TEST(ready(link.socket.native_handle(), POLLIN));
    link.socket.async_read_some(asio::mutable_buffer(), log.io("empty"));
    finish(context);

    BOOST_TEST(log.take() == "empty ok 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(read_peer_closed_reports_eof, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[8];
    error_code ec;

    link.socket.async_read_some(asio::buffer(data), log.io("pending"));
    turn(context);
    link.remote.send("end");
    link.remote.close();
    finish(context);
    link.socket.async_read_some(asio::buffer(data), log.io("next"));
    finish(context);

    // A second asynchronous read at the end is left out: Asio's epoll backend, which is
    // edge-triggered, never completes it.
    BOOST_TEST(log.take() == "pending ok 3; next eof 0");
    BOOST_TEST(link.socket.read_some(asio::buffer(data), ec) == 0u);
    BOOST_TEST(text(ec) == "eof");
    BOOST_CHECK_THROW(
        link.socket.receive(asio::buffer(data)), boost::system::system_error);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(read_several_buffers_at_end_reports_eof, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char a[2];
    char b[2];
    std::array<asio::mutable_buffer, 2> buffers{asio::buffer(a), asio::buffer(b)};

    link.socket.async_read_some(buffers, log.io("pending"));
    turn(context);
    link.remote.shutdown_send();
    finish(context);

    BOOST_TEST(log.take() == "pending eof 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(peer_reset_is_reported_once, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[8];
    error_code ec;

    link.socket.async_read_some(asio::buffer(data), log.io("pending read"));
    turn(context);
    link.remote.reset();
    finish(context);
    link.socket.read_some(asio::buffer(data), ec);
    BOOST_TEST(text(ec) == "eof");
    link.socket.async_write_some(asio::buffer("x", 1), log.io("write"));
    finish(context);

    BOOST_TEST(log.take() == "pending read connection_reset 0; write broken_pipe 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(peer_reset_ends_pending_write, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    fill(link.socket);
    link.socket.async_write_some(asio::buffer("x", 1), log.io("pending write"));
    turn(context);
    link.remote.reset();
    finish(context);

    BOOST_TEST(log.take() == "pending write connection_reset 0");
}

namespace {
volatile std::sig_atomic_t pipe_signals = 0;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(write_after_shutdown_raises_no_signal, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    error_code ec;
    std::array<asio::const_buffer, 2> two{asio::buffer("x", 1), asio::buffer("y", 1)};
    pipe_signals = 0;
    auto* before = std::signal(SIGPIPE, [](int) { pipe_signals = pipe_signals + 1; });

    link.socket.shutdown(socket_base::shutdown_send);
    link.socket.async_write_some(asio::buffer("x", 1), log.io("write"));
    finish(context);
    link.socket.async_write_some(two, log.io("write two"));
    finish(context);
    link.socket.write_some(asio::buffer("x", 1), ec);
    std::signal(SIGPIPE, before);

    BOOST_TEST(log.take() == "write broken_pipe 0; write two broken_pipe 0");
    BOOST_TEST(text(ec) == "broken_pipe");
    BOOST_TEST(pipe_signals == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(shutdown_ends_pending_transfers, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];

    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    link.socket.shutdown(socket_base::shutdown_receive);
    finish(context);
    fill(link.socket);
    link.socket.async_write_some(asio::buffer("x", 1), log.io("write"));
    turn(context);
    link.socket.shutdown(socket_base::shutdown_both);
    finish(context);

    BOOST_TEST(log.take() == "read eof 0; write broken_pipe 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(several_buffers_scatter_and_gather, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string a(3, '.'), b(2, '.'), c(4, '.');
    std::array<asio::mutable_buffer, 3> in{
        asio::buffer(a), asio::buffer(b), asio::buffer(c)};
    std::vector<asio::const_buffer> out{
        asio::buffer("one", 3), asio::const_buffer(), asio::buffer("two", 3), {}};

    link.remote.send("0123456");
    link.socket.async_read_some(in, log.io("array"));
    finish(context);
    link.socket.async_write_some(out, log.io("vector"));
    finish(context);

    BOOST_TEST(log.take() == "array ok 7; vector ok 6");
    BOOST_TEST(a + b + c == "0123456..");
    BOOST_TEST(link.remote.receive(6) == "onetwo");

    link.remote.send("abcdefg");
    BOOST_TEST(link.socket.read_some(in) == 7u);
    BOOST_TEST(link.socket.write_some(out) == 6u);
    BOOST_TEST(a + b + c == "abcdefg..");
    BOOST_TEST(link.remote.receive(6) == "onetwo");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_buffers_among_others_are_skipped, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string a(3, '.'), b(2, '.');
    std::vector<asio::mutable_buffer> in{
        {}, asio::buffer(a), asio::mutable_buffer(), asio::buffer(b), {}};
    std::array<asio::mutable_buffer, 2> late{asio::mutable_buffer(), asio::buffer(a)};

    link.socket.async_read_some(in, log.io("mixed"));
    turn(context);
    link.remote.send("01234");
    finish(context);
    BOOST_TEST(a + b == "01234");
    link.remote.send("xyz");
    link.socket.async_read_some(late, log.io("first empty"));
    finish(context);

    BOOST_TEST(log.take() == "mixed ok 5; first empty ok 3");
    BOOST_TEST(a == "xyz");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_buffers_are_all_transferred, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    constexpr std::size_t count = 200;
    std::string out = pattern(count);
    std::string in(count, '.');
    std::vector<asio::const_buffer> from;
    std::vector<asio::mutable_buffer> to;
    for (std::size_t i = 0; i < count; ++i) {
        from.emplace_back(&out[i], 1);
        to.emplace_back(&in[i], 1);
    }

    asio::async_write(link.socket, from, log.io("write"));
    finish(context);
    BOOST_TEST(link.remote.receive(count) == out);
    asio::async_read(link.socket, to, log.io("read"));
    turn(context);
    link.remote.send(out);
    finish(context);

    BOOST_TEST(log.take() == "write ok 200; read ok 200");
    BOOST_TEST(in == out);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_transfer_of_many_buffers_is_in_order, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    constexpr std::size_t count = 100;
    std::string out = pattern(count);
    std::string in(count, '.');
    std::vector<asio::const_buffer> from;
    std::vector<asio::mutable_buffer> to;
    for (std::size_t i = 0; i < count; ++i) {
        from.emplace_back(&out[i], 1);
        to.emplace_back(&in[i], 1);
    }
    std::size_t written = 0;
    std::size_t read = 0;

    // How many buffers one transfer takes is the backend's choice, at least 64 here.
    link.socket.async_write_some(from, [&](error_code, std::size_t n) { written = n; });
    finish(context);
    link.remote.send(out);
    link.socket.async_read_some(to, [&](error_code, std::size_t n) { read = n; });
    finish(context);

    BOOST_TEST(written >= 64u);
    BOOST_TEST(read >= 64u);
    BOOST_TEST(link.remote.receive(written) == out.substr(0, written));
    BOOST_TEST(in.substr(0, read) == out.substr(0, read));
}

// A sequence may own what its buffers describe, and lives as long as the operation.
BOOST_AUTO_TEST_CASE_TEMPLATE(sequence_that_owns_its_bytes_keeps_them, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    const std::string out = pattern(40);

    for (const bool waits : {false, true}) {
        const std::size_t before = waits ? fill(link.socket) : 0;
        link.socket.async_write_some(
            owning_buffer<asio::const_buffer>(out), log.io("one"));
        link.socket.async_write_some(owning_list(out, 8), log.io("list"));
        turn(context);
        link.remote.receive(before);
        finish(context);
        BOOST_TEST(link.remote.receive(2 * out.size()) == out + out);
        BOOST_TEST(log.take() == "one ok 40; list ok 40");
    }

    owning_buffer<asio::mutable_buffer> room(std::string(8, '.'));
    const std::shared_ptr<std::string> bytes = room.bytes;
    link.socket.async_read_some(room, log.io("read"));
    room = {};
    turn(context);
    BOOST_TEST(bytes.use_count() == 2);
    link.remote.send("owned");
    finish(context);
    BOOST_TEST(log.take() == "read ok 5");
    BOOST_TEST(*bytes == "owned...");
    BOOST_TEST(bytes.use_count() == 1);
}

// Wherever it throws, nothing was begun, and the socket goes on. Asio looks at the
// buffers again when the socket is ready, and lets that throw out of run().
BOOST_AUTO_TEST_CASE(sequence_that_throws_begins_no_write)
{
    auto [context, link, log] = fixture<ring>();
    if (!has_ring(context))
        return;
    asio_uring::count_objects(context);
    const std::size_t before = fill(link.socket);
    int thrown = 0;
    int looks = 0;
    for (int allowed = 0;; ++allowed) {
        looks = allowed;
        try {
            link.socket.async_write_some(throwing_list(looks), log.io("list"));
            break;
        }
        catch (const std::range_error&) {
            ++thrown;
        }
        BOOST_TEST(asio_uring::counters(link.socket).waited == 0u);
    }
    BOOST_TEST(thrown >= 3);
    turn(context);
    link.remote.receive(before);
    finish(context);
    BOOST_TEST(log.take() == "list ok 3");
    BOOST_TEST(link.remote.receive(3) == "xxx");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(large_write_is_partial, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    std::string data(std::size_t{64} << 20, 'x');
    error_code result = asio::error::would_block;
    std::size_t written = 0;

    link.socket.async_write_some(asio::buffer(data), [&](error_code ec, std::size_t n) {
        result = ec;
        written = n;
    });
    finish(context);

    BOOST_TEST(text(result) == "ok");
    BOOST_TEST(written > 0u);
    BOOST_TEST(written < data.size());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(large_composed_transfer_arrives_whole, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, loopback_pair>();
    std::string out = pattern(std::size_t{6} << 20);
    std::string in(out.size(), '\0');

    asio::async_write(
        link.first, asio::buffer(out), log.done_with_size("write", out.size()));
    asio::async_read(
        link.second, asio::buffer(in), log.done_with_size("read", in.size()));
    finish(context);

    BOOST_TEST(log.count() == 2u);
    BOOST_TEST(log.take().find("wrong") == std::string::npos);
    BOOST_TEST((in == out));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(composed_read_forms_complete, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string text_in;
    std::string fixed(8, '.');

    link.remote.send("line one\nline two\n12345678");
    asio::async_read_until(
        link.socket, asio::dynamic_buffer(text_in), '\n', log.io("until"));
    finish(context);
    BOOST_TEST(text_in.substr(0, 9) == "line one\n");
    text_in.erase(0, 9);
    asio::async_read_until(
        link.socket, asio::dynamic_buffer(text_in), '\n', log.io("until buffered"));
    finish(context);
    text_in.erase(0, 9);
    asio::async_read(
        link.socket,
        asio::dynamic_buffer(text_in),
        asio::transfer_at_least(8 - text_in.size()),
        log.done_with_size("at least", 8 - text_in.size()));
    finish(context);
    BOOST_TEST(text_in == "12345678");
    asio::async_read(link.socket, asio::buffer(fixed), log.io("short"));
    turn(context);
    link.remote.send("abc");
    link.remote.shutdown_send();
    finish(context);

    BOOST_TEST(log.take() == "until ok 9; until buffered ok 9; at least ok; short eof 3");
    BOOST_TEST(fixed == "abc.....");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sync_composed_forms_complete, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    std::string line;
    std::string fixed(4, '.');

    BOOST_TEST(asio::write(link.socket, asio::buffer("0123456789", 10)) == 10u);
    BOOST_TEST(link.remote.receive(10) == "0123456789");
    link.remote.send("line\n");
    BOOST_TEST(asio::read_until(link.socket, asio::dynamic_buffer(line), '\n') == 5u);
    link.remote.send("body");
    BOOST_TEST(asio::read(link.socket, asio::buffer(fixed)) == 4u);
    BOOST_TEST(fixed == "body");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(peek_leaves_the_bytes, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string data(4, '.');
    error_code ec;

    link.socket.async_receive(
        asio::buffer(data), socket_base::message_peek, log.io("peek"));
    turn(context);
    link.remote.send("data");
    finish(context);
    BOOST_TEST(data == "data");
    data = "....";
    BOOST_TEST(
        link.socket.receive(asio::buffer(data), socket_base::message_peek, ec) == 4u);
    BOOST_TEST(data == "data");
    data = "....";
    link.socket.async_receive(asio::buffer(data), 0, log.io("receive"));
    finish(context);

    BOOST_TEST(log.take() == "peek ok 4; receive ok 4");
    BOOST_TEST(data == "data");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(send_flags_reach_the_kernel, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::array<asio::const_buffer, 2> two{asio::buffer("c", 1), asio::buffer("d", 1)};

    link.socket.async_send(
        asio::buffer("ab", 2), socket_base::message_do_not_route, log.io("send"));
    finish(context);
    link.socket.async_send(two, socket_base::message_end_of_record, log.io("send two"));
    finish(context);

    BOOST_TEST(log.take() == "send ok 2; send two ok 2");
    BOOST_TEST(link.remote.receive(4) == "abcd");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    out_of_band_receive_waits_for_urgent_byte, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char urgent = '.';
    std::string normal(8, '.');

    link.socket.async_receive(
        asio::buffer(&urgent, 1), socket_base::message_out_of_band, log.io("urgent"));
    turn(context);
    link.remote.send("abc");
    turn(context);
    log.note("normal data");
    link.remote.send("!", MSG_OOB);
    finish(context);
    link.socket.async_read_some(asio::buffer(normal), log.io("read"));
    finish(context);

    BOOST_TEST(log.take() == "normal data; urgent ok 1; read ok 3");
    BOOST_TEST(urgent == '!');
    BOOST_TEST(normal == "abc.....");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(out_of_band_data_ready_is_received, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char urgent = '.';
    error_code ec;

    link.remote.send("1", MSG_OOB);
    BOOST_TEST(ready(link.socket.native_handle(), POLLPRI));
    link.socket.async_receive(
        asio::buffer(&urgent, 1), socket_base::message_out_of_band, log.io("urgent"));
    finish(context);
    BOOST_TEST(urgent == '1');
    link.remote.send("2", MSG_OOB);
    BOOST_TEST(ready(link.socket.native_handle(), POLLPRI));
    BOOST_TEST(
        link.socket.receive(
            asio::buffer(&urgent, 1), socket_base::message_out_of_band, ec) == 1u);
    BOOST_TEST(urgent == '2');

    BOOST_TEST(log.take() == "urgent ok 1");
    BOOST_TEST(text(ec) == "ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(out_of_band_send_marks_the_stream, Backend, backends)
{
    auto [context, link, log] = fixture<Backend, loopback_pair>();
    char urgent = '.';
    char normal[4];

    link.first.async_send(
        asio::buffer("u", 1), socket_base::message_out_of_band, log.io("send"));
    finish(context);
    BOOST_TEST(ready(link.second.native_handle(), POLLPRI));
    BOOST_TEST(link.second.at_mark());
    BOOST_TEST(
        link.second.receive(asio::buffer(&urgent, 1), socket_base::message_out_of_band) ==
        1u);
    link.first.send(asio::buffer("n", 1));
    BOOST_TEST(link.second.read_some(asio::buffer(normal)) == 1u);
    BOOST_TEST(!link.second.at_mark());

    BOOST_TEST(log.take() == "send ok 1");
    BOOST_TEST(urgent == 'u');
}

#if !defined(BOOST_ASIO_NO_DEPRECATED)
BOOST_AUTO_TEST_CASE_TEMPLATE(null_buffers_report_readiness, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];

    link.socket.async_read_some(null_buffers(), log.io("readable"));
    link.socket.async_write_some(null_buffers(), log.io("writable"));
    run_until(context, [&] { return log.count() == 1; });
    link.remote.send("data");
    finish(context);
    BOOST_TEST(link.socket.receive(null_buffers()) == 0u);
    BOOST_TEST(link.socket.send(null_buffers()) == 0u);

    BOOST_TEST(log.take() == "writable ok 0; readable ok 0");
    BOOST_TEST(link.socket.read_some(asio::buffer(data)) == 4u);
}
#endif

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_reports_each_readiness, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.socket.async_wait(socket_base::wait_read, log.done("read"));
    link.socket.async_wait(socket_base::wait_error, log.done("error"));
    link.socket.async_wait(socket_base::wait_write, log.done("write"));
    run_until(context, [&] { return log.count() == 1; });
    link.remote.send("data");
    run_until(context, [&] { return log.count() == 2; });
    link.remote.send("!", MSG_OOB);
    finish(context);

    BOOST_TEST(log.take() == "write ok; read ok; error ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_is_level_triggered, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char byte;

    link.remote.send("ab");
    BOOST_TEST(ready(link.socket.native_handle(), POLLIN));
    for (int i = 0; i < 3; ++i) {
        link.socket.async_wait(socket_base::wait_read, log.done("read"));
        finish(context);
        link.socket.async_wait(socket_base::wait_write, log.done("write"));
        finish(context);
    }
    BOOST_TEST(log.take() == "read ok; write ok; read ok; write ok; read ok; write ok");
    BOOST_TEST(link.socket.read_some(asio::buffer(&byte, 1)) == 1u);
    link.socket.async_wait(socket_base::wait_read, log.done("byte left"));
    finish(context);
    BOOST_TEST(log.take() == "byte left ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_cancelled_or_ended_by_peer, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.socket.async_wait(socket_base::wait_read, log.done("read"));
    link.socket.async_wait(socket_base::wait_error, log.done("error"));
    turn(context);
    link.socket.cancel();
    log.note("cancelled");
    finish(context);
    BOOST_TEST(log.take().starts_with("cancelled; "));
    link.socket.async_wait(socket_base::wait_read, log.done("end"));
    turn(context);
    link.remote.close();
    finish(context);
    BOOST_TEST(log.take() == "end ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sync_wait_returns_when_ready, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    error_code ec;

    link.socket.wait(socket_base::wait_write);
    link.remote.send("x");
    link.socket.wait(socket_base::wait_read, ec);
    BOOST_TEST(text(ec) == "ok");
    link.remote.send("!", MSG_OOB);
    link.socket.wait(socket_base::wait_error, ec);
    BOOST_TEST(text(ec) == "ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(available_and_io_control_count_bytes, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    error_code ec;

    BOOST_TEST(link.socket.available() == 0u);
    link.remote.send("12345");
    BOOST_TEST(ready(link.socket.native_handle(), POLLIN));
    BOOST_TEST(link.socket.available(ec) == 5u);
    socket_base::bytes_readable command;
    link.socket.io_control(command, ec);

    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST(command.get() == 5u);
    BOOST_TEST(!link.socket.at_mark());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(non_blocking_sync_calls_would_block, Backend, backends)
{
    typename Backend::io_context context;
    loopback<Backend> link(context);
    char data[4];
    error_code ec;

    BOOST_TEST(!link.socket.non_blocking());
    link.socket.non_blocking(true);
    BOOST_TEST(link.socket.non_blocking());
    link.socket.read_some(asio::buffer(data), ec);
    BOOST_TEST(text(ec) == "would_block");
    link.socket.wait(socket_base::wait_read, ec);
    BOOST_TEST(text(ec) == "would_block");
    fill(link.socket);
    link.socket.write_some(asio::buffer("x", 1), ec);
    BOOST_TEST(text(ec) == "would_block");
    link.socket.non_blocking(false, ec);
    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST(!link.socket.non_blocking());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(non_blocking_async_calls_wait, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string a(2, '.'), b(2, '.');
    std::array<asio::mutable_buffer, 2> two{asio::buffer(a), asio::buffer(b)};

    link.socket.non_blocking(true);
    link.socket.async_read_some(asio::buffer(a), log.io("read"));
    turn(context);
    link.remote.send("r1");
    finish(context);
    link.socket.async_read_some(two, log.io("read two"));
    turn(context);
    link.remote.send("x1y1");
    finish(context);
    std::size_t ahead = fill(link.socket);
    link.socket.async_write_some(asio::buffer("w1", 2), log.io("write"));
    turn(context);
    log.note("full");
    BOOST_TEST(link.remote.receive(ahead).size() == ahead);
    finish(context);

    BOOST_TEST(log.take() == "read ok 2; read two ok 4; full; write ok 2");
    BOOST_TEST(a + b == "x1y1");
    BOOST_TEST(link.remote.receive(2) == "w1");
    BOOST_TEST(link.socket.non_blocking());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(native_non_blocking_is_independent, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    char data[4];
    error_code ec;

    link.socket.native_non_blocking(true);
    BOOST_TEST(link.socket.native_non_blocking());
    BOOST_TEST(!link.socket.non_blocking());
    BOOST_TEST((::fcntl(link.socket.native_handle(), F_GETFL) & O_NONBLOCK) != 0);
    link.socket.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    link.remote.send("data");
    finish(context);
    BOOST_TEST(log.take() == "read ok 4");
    link.socket.native_non_blocking(false, ec);
    BOOST_TEST(text(ec) == "ok");
    BOOST_TEST((::fcntl(link.socket.native_handle(), F_GETFL) & O_NONBLOCK) == 0);

    link.socket.non_blocking(true);
    link.socket.native_non_blocking(false, ec);
    BOOST_TEST(text(ec) == "invalid_argument");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(oversized_buffer_takes_what_is_there, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string data(16, '.');
    asio::mutable_buffer oversized(data.data(), std::size_t(-1));
    std::vector<asio::mutable_buffer> in_vector{oversized, asio::buffer(data)};
    error_code ec;

    link.remote.send("hello");
    BOOST_TEST(ready(link.socket.native_handle(), POLLIN));
    link.socket.async_read_some(oversized, log.io("one"));
    finish(context);
    BOOST_TEST(data == "hello...........");
    link.remote.send("sync");
    BOOST_TEST(link.socket.read_some(oversized, ec) == 4u);
    link.remote.send("left");
    BOOST_TEST(ready(link.socket.native_handle(), POLLIN));
    link.socket.async_read_some(in_vector, log.io("several"));
    finish(context);
    link.socket.read_some(in_vector, ec);

    BOOST_TEST(log.take() == "one ok 5; several invalid_argument 0");
    BOOST_TEST(text(ec) == "invalid_argument");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(shutdown_after_a_write_delivers_it, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    asio::post(context, [&] {
        asio::async_write(link.socket, asio::buffer("last", 4), log.io("write"));
        link.socket.shutdown(socket_base::shutdown_send);
    });
    finish(context);

    BOOST_TEST(log.take() == "write ok 4");
    BOOST_TEST(link.remote.receive(4) == "last");
    BOOST_TEST(link.remote.at_end());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    released_socket_has_sent_what_was_written, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();

    link.socket.async_send(asio::buffer("last", 4), log.io("write"));
    peer released(link.socket.release());
    finish(context);

    BOOST_TEST(log.take() == "write ok 4");
    BOOST_TEST(link.remote.receive(4) == "last");
}

// One thread: nobody else could submit the question while it waits for the answer.
BOOST_AUTO_TEST_CASE_TEMPLATE(sync_read_finds_the_write_before_it_sent, Backend, backends)
{
    auto [context, link, log] = fixture<Backend>();
    std::string answer(3, '.');
    std::thread server([&] {
        if (::pollfd end{link.remote.fd(), POLLIN, 0}; ::poll(&end, 1, 2000) == 1)
            link.remote.send("yes");
        else
            link.remote.shutdown_send();
    });

    asio::post(context, [&] {
        asio::async_write(link.socket, asio::buffer("well?", 5), log.io("write"));
        error_code ec;
        link.socket.read_some(asio::buffer(answer), ec);
        log.note("read " + text(ec));
    });
    finish(context);
    server.join();

    BOOST_TEST(log.take() == "read ok; write ok 5");
    BOOST_TEST(answer == "yes");
}

BOOST_AUTO_TEST_SUITE_END()
