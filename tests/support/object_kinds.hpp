// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: the kinds of object that keep their operations in a line,
// behind one face, so that a case about order is written once for all. Thread: the test's
// own. Lifetime: each owns the object under test and the far end.
//
// A kind is a template over the backend, made with a context. It has
//     reader(), writer()  the objects under test, often one and the same,
//     feed(data)          gives the reads something to find,
//     take(size)          is what the writes have left, fewer bytes only at the end,
// and, if its operations can wait for the far end (`pending_kinds`),
//     fill()              writes until the next write has to wait, and counts the bytes.
// The kinds in `waiting_kinds` have async_wait too; files have neither, and are in
// `every_kind` only.
#pragma once

#include "backend.hpp"
#include "loopback.hpp"
#include "object_fixture.hpp"
#include "plain_sockets.hpp"
#include "whole_transfers.hpp"

#include <boost/asio/basic_readable_pipe.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_writable_pipe.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include <unistd.h>

namespace asio_uring::test {

/// The plain end or ends of what the object under test is connected with.
struct far_end
{
    unique_fd in;  ///< what is written here the object reads
    unique_fd out; ///< what the object writes is read here; if it is empty, from `in`

    void feed(std::string_view data) const { write_text(in, data); }

    std::string take(std::size_t size) const
    {
        return read_whole(out ? out.get() : in.get(), size);
    }
};

/// One object that reads and writes.
template <typename Object>
struct one_object : far_end
{
    template <typename Context>
    explicit one_object(Context& context) : object(context)
    {}

    Object& reader() { return object; }
    Object& writer() { return object; }

    Object object;
};

/// Two objects, of which one reads and one writes, each on a pipe of its own.
template <typename Reader, typename Writer>
struct two_objects : far_end
{
    template <typename Context>
    explicit two_objects(Context& context) : reader_(context), writer_(context)
    {
        pipe_pair to_read = make_pipe();
        pipe_pair to_write = make_pipe();
        reader_.assign(to_read.out.release());
        in = std::move(to_read.in);
        out = std::move(to_write.out);
        writer_.assign(to_write.in.release());
    }

    Reader& reader() { return reader_; }
    Writer& writer() { return writer_; }
    std::size_t fill() { return fill_descriptor(writer_.native_handle()); }

private:
    Reader reader_;
    Writer writer_;
};

template <typename Backend>
struct tcp_stream : one_object<typename Backend::socket>
{
    explicit tcp_stream(typename Backend::io_context& context)
        : one_object<typename Backend::socket>(context)
    {
        listener server;
        this->object.connect(server.endpoint());
        this->in.reset(server.accept().release());
    }

    std::size_t fill() { return test::fill(this->object); }
};

template <typename Backend>
using local_stream_object =
    asio::basic_stream_socket<asio::local::stream_protocol, typename Backend::executor>;

template <typename Backend>
struct local_stream : one_object<local_stream_object<Backend>>
{
    explicit local_stream(typename Backend::io_context& context)
        : one_object<local_stream_object<Backend>>(context)
    {
        fd_pair pair = socket_pair();
        this->object.assign(asio::local::stream_protocol(), pair.first.release());
        this->in = std::move(pair.second);
    }

    std::size_t fill() { return fill_descriptor(this->object.native_handle()); }
};

template <typename Backend>
using descriptor_object =
    asio::posix::basic_stream_descriptor<typename Backend::executor>;

/// A descriptor that both reads and writes.
template <typename Backend>
struct descriptor_on_socket : one_object<descriptor_object<Backend>>
{
    explicit descriptor_on_socket(typename Backend::io_context& context)
        : one_object<descriptor_object<Backend>>(context)
    {
        fd_pair pair = socket_pair();
        this->object.assign(pair.first.release());
        this->in = std::move(pair.second);
    }

    std::size_t fill() { return fill_descriptor(this->object.native_handle()); }
};

/// Descriptors of two pipes.
template <typename Backend>
struct descriptors_on_pipes
    : two_objects<descriptor_object<Backend>, descriptor_object<Backend>>
{
    using two_objects<descriptor_object<Backend>, descriptor_object<Backend>>::
        two_objects;
};

/// Asio's own types for the ends of a pipe, which know no waits.
template <typename Backend>
struct pipes : two_objects<
                   asio::basic_readable_pipe<typename Backend::executor>,
                   asio::basic_writable_pipe<typename Backend::executor>>
{
    using two_objects<
        asio::basic_readable_pipe<typename Backend::executor>,
        asio::basic_writable_pipe<typename Backend::executor>>::two_objects;
};

/// Descriptors of two regular files, whose operations never wait for a far end: the end
/// of a file is where its bytes end, and what is fed later lies behind it.
template <typename Backend>
struct descriptors_on_files
{
    explicit descriptors_on_files(typename Backend::io_context& context)
        : reader_(context, ::dup(in_.get())), writer_(context, ::dup(out_.get()))
    {}

    descriptor_object<Backend>& reader() { return reader_; }
    descriptor_object<Backend>& writer() { return writer_; }

    void feed(std::string_view data)
    {
        BOOST_TEST_REQUIRE(
            ::pwrite(in_.get(), data.data(), data.size(), fed_) ==
            static_cast<::ssize_t>(data.size()));
        fed_ += static_cast<::off_t>(data.size());
    }

    std::string take(std::size_t size)
    {
        std::string data(size, '\0');
        const auto got = ::pread(out_.get(), data.data(), size, taken_);
        BOOST_TEST_REQUIRE(got >= 0);
        taken_ += got;
        data.resize(static_cast<std::size_t>(got));
        return data;
    }

private:
    unique_fd in_ = memory_file();
    unique_fd out_ = memory_file();
    ::off_t fed_ = 0;
    ::off_t taken_ = 0;
    descriptor_object<Backend> reader_;
    descriptor_object<Backend> writer_;
};

template <template <typename> class Kind>
struct fixture_of
{
    template <typename Backend>
    using on = fixture<Backend, Kind>;
};

/// The fixtures of these kinds, each on each backend.
template <template <typename> class... Kinds>
using on_every_backend = boost::mp11::mp_append<
    boost::mp11::mp_transform<fixture_of<Kinds>::template on, backends>...>;

using waiting_kinds = on_every_backend<
    tcp_stream,
    local_stream,
    descriptor_on_socket,
    descriptors_on_pipes>;
using pending_kinds = boost::mp11::mp_append<waiting_kinds, on_every_backend<pipes>>;
using every_kind =
    boost::mp11::mp_append<pending_kinds, on_every_backend<descriptors_on_files>>;

} // namespace asio_uring::test
