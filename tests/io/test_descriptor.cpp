// SPDX-License-Identifier: BSL-1.0
// Pipes and descriptors: transfers, the end, readiness, and the life of an object.
#include "../support/backend.hpp"
#include "../support/loopback.hpp"
#include "../support/object_fixture.hpp"
#include "../support/recorder.hpp"
#include "../support/whole_transfers.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_readable_pipe.hpp>
#include <boost/asio/basic_writable_pipe.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace {

using namespace asio_uring::test;
using asio::posix::descriptor_base;
using boost::system::error_code;

/// A write to a pipe that nobody reads raises a signal, which a program that wants the
/// error ignores.
struct without_sigpipe
{
    without_sigpipe() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
    ~without_sigpipe() { std::signal(SIGPIPE, before_); }

private:
    void (*before_)(int);
};

template <typename Backend>
using stream_descriptor =
    asio::posix::basic_stream_descriptor<typename Backend::executor>;

template <typename Backend>
struct pipe_pair
{
    using executor = typename Backend::executor;

    explicit pipe_pair(typename Backend::io_context& context)
        : reader(context), writer(context)
    {
        asio::connect_pipe(reader, writer);
    }

    asio::basic_readable_pipe<executor> reader;
    asio::basic_writable_pipe<executor> writer;
};

/// The reading end under test, the writing end a plain descriptor.
template <typename Backend>
struct input
{
    explicit input(typename Backend::io_context& context) : descriptor(context)
    {
        int ends[2];
        BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        descriptor.assign(ends[0]);
        remote = peer(ends[1]);
    }

    void write(std::string_view data)
    {
        auto size = static_cast<::ssize_t>(data.size());
        BOOST_TEST_REQUIRE(::write(remote.fd(), data.data(), data.size()) == size);
    }

    stream_descriptor<Backend> descriptor;
    peer remote;
};

/// The writing end under test, the reading end a plain descriptor.
template <typename Backend>
struct output
{
    explicit output(typename Backend::io_context& context) : descriptor(context)
    {
        int ends[2];
        BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        remote = peer(ends[0]);
        descriptor.assign(ends[1]);
    }

    std::string read(std::size_t size) { return read_whole(remote.fd(), size); }
    std::size_t fill() { return fill_descriptor(descriptor.native_handle()); }

    stream_descriptor<Backend> descriptor;
    peer remote;
};

/// A regular file without a name.
peer make_file(std::string_view content)
{
    char name[] = "/tmp/asio_uring_test_XXXXXX";
    peer file(::mkostemp(name, O_CLOEXEC));
    BOOST_TEST_REQUIRE(file.fd() >= 0);
    ::unlink(name);
    auto size = static_cast<::ssize_t>(content.size());
    BOOST_TEST_REQUIRE(::write(file.fd(), content.data(), content.size()) == size);
    ::lseek(file.fd(), 0, SEEK_SET);
    return file;
}

/// Opens a copy of the descriptor under exactly this number.
void copy_as(int number, int original)
{
    int copy = ::fcntl(original, F_DUPFD_CLOEXEC, number);
    BOOST_TEST_REQUIRE(copy == number, "the descriptor number is not free after close");
}

} // namespace

BOOST_AUTO_TEST_SUITE(test_descriptor)

BOOST_AUTO_TEST_CASE(names_are_asios_types_on_the_ring)
{
    using stock_pipe = asio::basic_readable_pipe<asio_uring::any_io_executor>;
    BOOST_TEST((std::is_same_v<asio_uring::readable_pipe, stock_pipe>));
    using stock_descriptor =
        asio::posix::basic_stream_descriptor<asio_uring::any_io_executor>;
    BOOST_TEST((std::is_same_v<asio_uring::posix::stream_descriptor, stock_descriptor>));
    using plain_descriptor = asio::posix::basic_descriptor<asio_uring::any_io_executor>;
    BOOST_TEST((std::is_same_v<asio_uring::posix::descriptor, plain_descriptor>));

    asio_uring::io_context context(1);
    asio_uring::readable_pipe reader(context);
    asio_uring::writable_pipe writer(context);
    asio_uring::connect_pipe(reader, writer);
    char data[4];
    reader.async_read_some(asio::buffer(data), [](error_code, std::size_t) {});
    asio::async_write(writer, asio::buffer("data", 4), [](error_code, std::size_t) {});
    finish(context);

    BOOST_TEST(asio_uring::counters(context).operations == (has_ring(context) ? 1u : 0u));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pipe_carries_what_is_written, Backend, backends)
{
    auto [context, pipe, log] = fixture<Backend, pipe_pair>();
    std::string sent(100'000, '\0');
    for (std::size_t i = 0; i != sent.size(); ++i)
        sent[i] = static_cast<char>(i * 7 / 3);
    std::string got(sent.size(), '\0');

    asio::async_read(pipe.reader, asio::buffer(got), log.io("read"));
    asio::async_write(pipe.writer, asio::buffer(sent), [&](error_code ec, std::size_t n) {
        BOOST_TEST(text(ec) == "ok");
        BOOST_TEST(n == sent.size());
    });
    finish(context);

    BOOST_TEST(log.take() == "read ok 100000");
    BOOST_TEST((got == sent));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closed_descriptor_async_calls_report_it, Backend, backends)
{
    auto [context, descriptor, log] = fixture<Backend, stream_descriptor>();
    char data[4];

    descriptor.async_read_some(asio::buffer(data), log.io("read"));
    descriptor.async_write_some(asio::buffer("x", 1), log.io("write"));
    descriptor.async_read_some(asio::mutable_buffer(), log.io("read nothing"));
    descriptor.async_write_some(asio::const_buffer(), log.io("write nothing"));
    descriptor.async_wait(descriptor_base::wait_read, log.done("wait read"));
    descriptor.async_wait(descriptor_base::wait_write, log.done("wait write"));
    descriptor.async_wait(descriptor_base::wait_error, log.done("wait error"));
    descriptor.async_read_some(null_buffers(), log.io("null"));
    log.note("started");
    finish(context);

    BOOST_TEST(
        log.take() == "started; read bad_descriptor 0; write bad_descriptor 0; "
                      "read nothing ok 0; write nothing ok 0; wait read bad_descriptor; "
                      "wait write bad_descriptor; wait error bad_descriptor; "
                      "null bad_descriptor 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closed_descriptor_sync_calls_report_it, Backend, backends)
{
    auto [context, descriptor, log] = fixture<Backend, stream_descriptor>();
    char data[4];
    error_code ec;
    auto after = [&](const char* call) { log.note(call + (' ' + text(ec))); };

    descriptor.read_some(asio::buffer(data), ec), after("read");
    descriptor.write_some(asio::buffer("x", 1), ec), after("write");
    descriptor.wait(descriptor_base::wait_read, ec), after("wait");
    descriptor.cancel(ec), after("cancel");
    descriptor.non_blocking(true, ec), after("non_blocking");
    descriptor.native_non_blocking(true, ec), after("native");
    descriptor_base::bytes_readable command;
    descriptor.io_control(command, ec), after("io_control");
    descriptor.close(ec), after("close");

    BOOST_TEST(
        log.take() == "read bad_descriptor; write bad_descriptor; wait bad_descriptor; "
                      "cancel bad_descriptor; non_blocking bad_descriptor; "
                      "native bad_descriptor; io_control bad_descriptor; close ok");
    BOOST_TEST(!descriptor.is_open());
    BOOST_TEST(descriptor.native_handle() == -1);
    BOOST_TEST(descriptor.release() == -1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(assign_refuses_what_it_cannot_hold, Backend, backends)
{
    typename Backend::io_context context;
    input<Backend> pipe(context);
    stream_descriptor<Backend> other(context);
    error_code ec;
    int closed = ::dup(0);
    ::close(closed);

    other.assign(closed, ec);
    BOOST_TEST(text(ec) == "bad_descriptor");
    BOOST_TEST(!other.is_open());
    pipe.descriptor.assign(0, ec);
    BOOST_TEST(text(ec) == "already_open");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_transfers_complete_at_once, Backend, backends)
{
    auto [context, pipe, log] = fixture<Backend, pipe_pair>();
    std::array<asio::mutable_buffer, 2> empty{};

    pipe.reader.async_read_some(asio::mutable_buffer(), log.io("read"));
    pipe.reader.async_read_some(empty, log.io("read two"));
    pipe.writer.async_write_some(asio::const_buffer(), log.io("write"));
    log.note("started");
    finish(context);

    BOOST_TEST(log.take() == "started; read ok 0; read two ok 0; write ok 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(buffer_sequences_scatter_and_gather, Backend, backends)
{
    auto [context, pipe, log] = fixture<Backend, pipe_pair>();
    char one[2], two[3], three[8];

    pipe.writer.async_write_some(
        std::array<asio::const_buffer, 3>{
            asio::buffer("ab", 2), asio::const_buffer(), asio::buffer("cdefg", 5)},
        log.io("write"));
    pipe.reader.async_read_some(
        std::array<asio::mutable_buffer, 3>{
            asio::buffer(one), asio::buffer(two), asio::buffer(three)},
        log.io("read"));
    finish(context);

    BOOST_TEST(log.take() == "write ok 7; read ok 7");
    BOOST_TEST(std::string(one, 2) + std::string(two, 3) == "abcde");
    BOOST_TEST(std::string(three, 2) == "fg");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(end_of_the_writer_is_eof_for_every_read, Backend, backends)
{
    auto [context, pipe, log] = fixture<Backend, input>();
    char data[8];

    pipe.descriptor.async_read_some(asio::buffer(data), log.io("first"));
    pipe.descriptor.async_read_some(asio::buffer(data), log.io("second"));
    pipe.descriptor.async_read_some(asio::buffer(data), log.io("third"));
    turn(context);
    pipe.write("last");
    run_until(context, [&] { return log.count() == 1; });
    pipe.remote.close();
    finish(context);

    BOOST_TEST(log.take() == "first ok 4; second eof 0; third eof 0");
    error_code ec;
    pipe.descriptor.read_some(asio::buffer(data), ec);
    BOOST_TEST(text(ec) == "eof");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(write_without_a_reader_is_broken_pipe, Backend, backends)
{
    const without_sigpipe ignored;
    auto [context, pipe, log] = fixture<Backend, output>();

    pipe.fill();
    pipe.descriptor.async_write_some(asio::buffer("x", 1), log.io("pending"));
    turn(context);
    pipe.remote.close();
    finish(context);
    pipe.descriptor.async_write_some(asio::buffer("x", 1), log.io("late"));
    finish(context);

    BOOST_TEST(log.take() == "pending broken_pipe 0; late broken_pipe 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    close_ends_reads_and_is_seen_by_the_writer, Backend, backends)
{
    for (stage when : stages) {
        auto [context, pipe, log] = fixture<Backend, input>();
        char data[4];

        pipe.descriptor.async_read_some(asio::buffer(data), log.io("read"));
        pipe.descriptor.async_wait(descriptor_base::wait_error, log.done("wait"));
        reach(context, when);
        pipe.descriptor.close();
        log.note("closed");
        finish(context);

        std::string lines = log.take();
        BOOST_TEST(lines.starts_with("closed; "));
        BOOST_TEST(lines.find("read operation_aborted 0") != std::string::npos);
        BOOST_TEST(lines.find("wait operation_aborted") != std::string::npos);
        BOOST_TEST(ready(pipe.remote.fd(), POLLERR), "the writer sees no end");
    }
}

// Both are on the ring, so nothing of the object changes but its type.
BOOST_AUTO_TEST_CASE(move_to_another_ring_executor_interrupts_nothing)
{
    asio_uring::io_context context(1);
    asio::basic_readable_pipe<asio_uring::executor> reader(context);
    asio::basic_writable_pipe<asio_uring::executor> writer(context);
    asio::connect_pipe(reader, writer);
    recorder log;
    char data[4];
    reader.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);

    using any_executor = asio_uring::ring_executor<asio::any_io_executor>;
    asio::basic_readable_pipe<any_executor> moved(std::move(reader));
    writer.write_some(asio::buffer("data", 4));
    finish(context);

    BOOST_TEST(log.take() == "read ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(close_leaves_the_next_descriptor_alone, Backend, backends)
{
    for (stage when : stages) {
        auto [context, pipe, log] = fixture<Backend, input>();
        char data[4] = {};
        int ends[2];
        BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        peer next_reader(ends[0]);
        peer next_writer(ends[1]);

        pipe.descriptor.async_read_some(asio::buffer(data), log.io("first"));
        pipe.descriptor.async_read_some(asio::buffer(data), log.io("second"));
        reach(context, when);
        const int number = pipe.descriptor.native_handle();
        pipe.descriptor.close();
        copy_as(number, next_reader.fd());
        peer copy(number);
        BOOST_TEST_REQUIRE(::write(next_writer.fd(), "next", 4) == 4);
        finish(context);

        BOOST_TEST(log.take() == "first operation_aborted 0; second operation_aborted 0");
        char untouched[8];
        BOOST_TEST(::read(copy.fd(), untouched, sizeof(untouched)) == 4);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(
    released_descriptor_belongs_to_the_caller, Backend, backends)
{
    for (stage when : stages) {
        auto [context, pipe, log] = fixture<Backend, input>();
        char data[8];

        pipe.descriptor.async_read_some(asio::buffer(data), log.io("read"));
        reach(context, when);
        peer own(pipe.descriptor.release());
        BOOST_TEST(!pipe.descriptor.is_open());
        finish(context);
        BOOST_TEST(log.take() == "read operation_aborted 0");
        pipe.write("mine");
        BOOST_TEST_REQUIRE(ready(own.fd(), POLLIN));
        BOOST_TEST(::read(own.fd(), data, sizeof(data)) == 4);

        pipe.descriptor.assign(own.release());
        pipe.descriptor.async_read_some(asio::buffer(data), log.io("again"));
        pipe.write("back");
        finish(context);
        BOOST_TEST(log.take() == "again ok 4");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(move_keeps_what_is_pending, Backend, backends)
{
    for (stage when : stages) {
        auto [context, pipe, log] = fixture<Backend, pipe_pair>();
        char data[8];

        pipe.reader.async_read_some(asio::buffer(data), log.io("read"));
        reach(context, when);
        auto moved = std::move(pipe.reader);
        BOOST_TEST(!pipe.reader.is_open());
        BOOST_TEST(moved.is_open());
        pipe_pair<Backend> other(context);
        other.reader.async_read_some(asio::buffer(data), log.io("replaced"));
        reach(context, when);
        other.reader = std::move(moved);
        run_until(context, [&] { return log.count() == 1; });
        pipe.writer.async_write_some(asio::buffer("data", 4), log.io("write"));
        run_until(context, [&] { return log.count() == 3; });
        other.reader.async_read_some(asio::buffer(data), log.io("next"));
        pipe.writer.close();
        finish(context);

        std::string lines = log.take();
        BOOST_TEST(lines.starts_with("replaced operation_aborted 0; "));
        BOOST_TEST(lines.find("; read ok 4") != std::string::npos);
        BOOST_TEST(lines.ends_with("; next eof 0"));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(waits_report_readiness_and_take_nothing, Backend, backends)
{
    auto [context, in, log] = fixture<Backend, input>();
    output<Backend> out(context);
    char data[8];

    in.descriptor.async_wait(descriptor_base::wait_read, log.done("read"));
    turn(context);
    log.note("idle");
    in.write("data");
    finish(context);
    in.descriptor.async_read_some(null_buffers(), log.io("null"));
    finish(context);
    BOOST_TEST(in.descriptor.read_some(asio::buffer(data)) == 4u);
    out.descriptor.async_wait(descriptor_base::wait_write, log.done("write"));
    finish(context);
    out.fill();
    out.descriptor.async_wait(descriptor_base::wait_write, log.done("full"));
    turn(context);
    log.note("full");
    out.read(65536);
    finish(context);

    BOOST_TEST(log.take() == "idle; read ok; null ok 0; write ok; full; full ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(wait_for_an_error_ends_with_the_reader, Backend, backends)
{
    auto [context, pipe, log] = fixture<Backend, output>();

    pipe.descriptor.async_wait(descriptor_base::wait_error, log.done("wait"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    pipe.remote.close();
    finish(context);

    BOOST_TEST(log.take() == "wait ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(non_blocking_mode_is_for_sync_calls_only, Backend, backends)
{
    auto [context, in, log] = fixture<Backend, input>();
    output<Backend> out(context);
    char data[8];
    error_code ec;

    in.descriptor.non_blocking(true);
    out.descriptor.non_blocking(true);
    BOOST_TEST(in.descriptor.non_blocking());
    in.descriptor.read_some(asio::buffer(data), ec);
    BOOST_TEST(text(ec) == "would_block");
    out.fill();
    out.descriptor.non_blocking(true); // fill() restored the mode
    out.descriptor.write_some(asio::buffer("x", 1), ec);
    BOOST_TEST(text(ec) == "would_block");

    in.descriptor.async_read_some(asio::buffer(data), log.io("read"));
    out.descriptor.async_write_some(asio::buffer("x", 1), log.io("write"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    in.write("data");
    run_until(context, [&] { return log.count() == 1; });
    out.read(65536);
    finish(context);
    BOOST_TEST(log.take() == "read ok 4; write ok 1");

    in.descriptor.non_blocking(false);
    BOOST_TEST(!in.descriptor.non_blocking());
    in.write("sync");
    BOOST_TEST(in.descriptor.read_some(asio::buffer(data)) == 4u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(mode_set_by_others_does_not_end_a_read, Backend, backends)
{
    auto [context, pipe, log] = fixture<Backend, input>();
    char data[8];
    const int number = pipe.descriptor.native_handle();

    ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK);
    pipe.descriptor.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    pipe.write("data");
    finish(context);

    BOOST_TEST(log.take() == "read ok 4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sync_calls_block_and_ask_the_kernel, Backend, backends)
{
    typename Backend::io_context context;
    pipe_pair<Backend> pipe(context);
    input<Backend> in(context);
    char data[16];

    BOOST_TEST(pipe.writer.write_some(asio::buffer("hello", 5)) == 5u);
    BOOST_TEST(pipe.reader.read_some(asio::buffer(data)) == 5u);
    in.write("seven b");
    descriptor_base::bytes_readable command;
    in.descriptor.io_control(command);
    BOOST_TEST(command.get() == 7u);
    in.descriptor.wait(descriptor_base::wait_read);
    BOOST_TEST(in.descriptor.native_handle() >= 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(file_is_read_at_its_own_position, Backend, backends)
{
    auto [context, file, log] = fixture<Backend, stream_descriptor>();
    std::string data(10, '.');

    file.assign(make_file("0123456789").release());
    file.async_read_some(asio::buffer(data.data(), 4), log.io("r0"));
    file.async_read_some(asio::buffer(data.data() + 4, 4), log.io("r1"));
    file.async_read_some(asio::buffer(data.data() + 8, 2), log.io("r2"));
    file.async_read_some(asio::buffer(data.data(), 2), log.io("r3"));
    finish(context);

    BOOST_TEST(log.take() == "r0 ok 4; r1 ok 4; r2 ok 2; r3 eof 0");
    BOOST_TEST(data == "0123456789");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(file_reads_and_writes_take_turns, Backend, backends)
{
    auto [context, file, log] = fixture<Backend, stream_descriptor>();
    std::string data(6, '.');
    peer copy = make_file("abcdefghij");

    file.assign(::dup(copy.fd()));
    file.async_read_some(asio::buffer(data.data(), 2), log.io("r0"));
    file.async_write_some(asio::buffer("XY", 2), log.io("w0"));
    file.async_read_some(asio::buffer(data.data() + 2, 4), log.io("r1"));
    file.async_write_some(asio::buffer("Z", 1), log.io("w1"));
    finish(context);

    BOOST_TEST(log.take() == "r0 ok 2; w0 ok 2; r1 ok 4; w1 ok 1");
    BOOST_TEST(data == "abefgh");
    char whole[10];
    BOOST_TEST(::pread(copy.fd(), whole, sizeof(whole), 0) == 10);
    BOOST_TEST(std::string(whole, 10) == "abXYefghZj");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(file_cannot_be_waited_for, Backend, backends)
{
    auto [context, file, log] = fixture<Backend, stream_descriptor>();

    file.assign(make_file("data").release());
    file.async_wait(descriptor_base::wait_read, log.done("read"));
    file.async_wait(descriptor_base::wait_write, log.done("write"));
    file.async_wait(descriptor_base::wait_error, log.done("error"));
    file.async_read_some(null_buffers(), log.io("null"));
    finish(context);

    BOOST_TEST(
        log.take() == "read operation_not_supported; write operation_not_supported; "
                      "error operation_not_supported; null operation_not_supported 0");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(event_descriptor_is_read_and_written, Backend, backends)
{
    auto [context, event, log] = fixture<Backend, stream_descriptor>();
    std::uint64_t count = 0;
    std::uint64_t more = 5;

    event.assign(::eventfd(0, EFD_CLOEXEC));
    event.async_read_some(asio::buffer(&count, sizeof(count)), log.io("read"));
    turn(context);
    BOOST_TEST(log.count() == 0u);
    event.async_write_some(asio::buffer(&more, sizeof(more)), log.io("write"));
    finish(context);
    BOOST_TEST(log.count() == 2u);
    BOOST_TEST(count == 5u);
    log.take();
    event.async_wait(descriptor_base::wait_read, log.done("wait"));
    turn(context);
    event.write_some(asio::buffer(&more, sizeof(more)));
    finish(context);
    BOOST_TEST(log.take() == "wait ok");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(terminal_is_read_in_either_mode, Backend, backends)
{
    for (bool non_blocking : {false, true}) {
        auto [context, near, log] = fixture<Backend, stream_descriptor>();
        char data[16];

        peer far(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        BOOST_TEST_REQUIRE(far.fd() >= 0);
        BOOST_TEST_REQUIRE(::grantpt(far.fd()) == 0);
        BOOST_TEST_REQUIRE(::unlockpt(far.fd()) == 0);
        char name[64];
        BOOST_TEST_REQUIRE(::ptsname_r(far.fd(), name, sizeof(name)) == 0);
        near.assign(::open(
            name, O_RDWR | O_NOCTTY | O_CLOEXEC | (non_blocking ? O_NONBLOCK : 0)));
        near.async_read_some(asio::buffer(data), log.io("read"));
        turn(context);
        BOOST_TEST(log.count() == 0u);
        BOOST_TEST(::write(far.fd(), "line\n", 5) == 5);
        finish(context);
        BOOST_TEST(log.take() == "read ok 5");
        near.async_read_some(asio::buffer(data), log.io("cancelled"));
        turn(context);
        near.cancel();
        finish(context);
        BOOST_TEST(log.take() == "cancelled operation_aborted 0");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(context_ends_with_operations_pending, Backend, backends)
{
    // The reader ends before the write does.
    const without_sigpipe ignored;
    auto owned = std::make_shared<std::array<char, 64>>();
    std::weak_ptr<std::array<char, 64>> watch = owned;
    {
        typename Backend::io_context context;
        input<Backend> in(context);
        output<Backend> out(context);
        out.fill();
        in.descriptor.async_read_some(
            asio::buffer(*owned),
            [owned](error_code, std::size_t) { BOOST_TEST(false); });
        in.descriptor.async_wait(
            descriptor_base::wait_read, [owned](error_code) { BOOST_TEST(false); });
        out.descriptor.async_write_some(
            asio::buffer(*owned),
            [owned](error_code, std::size_t) { BOOST_TEST(false); });
        turn(context);
        owned.reset();
    }
    BOOST_TEST(watch.expired());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pipe_converts_to_another_executor, Backend, backends)
{
    auto [context, pipe, log] = fixture<Backend, pipe_pair>();
    char data[8];

    asio::basic_readable_pipe<asio::any_io_executor> reader(Backend::leave(pipe.reader));
    asio::basic_writable_pipe<asio::any_io_executor> writer(context.get_executor());
    writer = Backend::leave(pipe.writer);
    BOOST_TEST(!pipe.reader.is_open());
    BOOST_TEST(!pipe.writer.is_open());
    reader.async_read_some(asio::buffer(data), log.io("read"));
    turn(context);
    writer.async_write_some(asio::buffer("data", 4), log.io("write"));
    finish(context);
    reader.async_read_some(asio::buffer(data), log.io("aborted"));
    turn(context);
    reader.cancel();
    finish(context);
    writer.close();
    reader.async_read_some(asio::buffer(data), log.io("end"));
    finish(context);

    std::string lines = log.take();
    BOOST_TEST(lines.find("read ok 4") != std::string::npos);
    BOOST_TEST(lines.find("write ok 4") != std::string::npos);
    BOOST_TEST(lines.ends_with("aborted operation_aborted 0; end eof 0"));
}

BOOST_AUTO_TEST_SUITE_END()
