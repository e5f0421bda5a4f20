// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: the objects that a random script acts on, each with its
// far end, behind one face. Thread: the test's own. Lifetime: a far end outlives the
// object, and the context with it.
#pragma once

#include "loopback.hpp"
#include "plain_sockets.hpp"
#include "random_script.hpp"
#include "recorder.hpp"

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/ioctl.h>

namespace asio_uring::test::script {

using boost::system::error_code;

enum class line : std::uint8_t
{
    reads,
    writes,
};

/// One operation of a script, which lives as long as its player.
struct operation
{
    std::string name;
    std::size_t subject;
    line stands_in;
    bool is_wait = false;
    bool ended = false;
    bool racing = false;
    unsigned life = 0;  ///< of its object
    unsigned place = 0; ///< of its object; a slot does not follow it to the next
    follow_up next = follow_up::none;
    unsigned depth = 0;
    bool is_answer = false;
    std::string data;
    std::shared_ptr<void> sender;
    asio::cancellation_signal signal;
    bool slotted = false;
};

using operation_ptr = std::shared_ptr<operation>;

/// Who hears of the end of operations.
class listener_to_ends
{
public:
    virtual void ended(const operation_ptr& op, const error_code& ec, std::size_t n) = 0;

protected:
    ~listener_to_ends() = default;
};

/// The one type of handler, so that each object is compiled once.
struct completion
{
    listener_to_ends* listener;
    operation_ptr op;

    void operator()(const error_code& ec, std::size_t n = 0) const
    {
        listener->ended(op, ec, n);
    }
};

/// What a synchronous call gave.
struct outcome
{
    error_code ec;
    std::string data;
    std::size_t size = 0;
};

/// A system call's answer as an outcome.
inline outcome outcome_of(::ssize_t result)
{
    if (result < 0)
        return {{errno, boost::system::system_category()}, {}, 0};
    return {{}, {}, static_cast<std::size_t>(result)};
}

/// An object and its far end, and what is known of the way between them.
class subject
{
public:
    explicit subject(kind of) : what(of) {}
    virtual ~subject() = default;

    virtual void open() = 0;
    virtual void destroy() = 0;
    virtual int native() = 0;
    virtual void read(const completion& done) = 0;
    virtual void write(const completion& done) = 0;
    virtual void wait(const completion& done) = 0;
    virtual error_code cancel() = 0;
    virtual void close() = 0;
    virtual void reassign() = 0;
    virtual void move() = 0;
    virtual error_code shutdown(unsigned how) = 0;
    virtual outcome sync_read(std::size_t size) = 0;
    virtual outcome sync_write(const std::string& data) = 0;
    virtual outcome available() = 0;

    virtual outcome far_write(const std::string& data)
    {
        return outcome_of(
            facts[what].writes
                ? ::send(far.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                : ::write(far.get(), data.data(), data.size()));
    }

    outcome far_read(std::size_t size) const
    {
        std::string data(size, '\0');
        outcome got = outcome_of(::read(far.get(), data.data(), size));
        data.resize(got.size);
        got.data = std::move(data);
        return got;
    }

    void far_end()
    {
        ::shutdown(far.get(), SHUT_WR);
        far_ended = true;
    }

    void far_reset()
    {
        if (what == tcp_stream) {
            const ::linger option{1, 0};
            ::setsockopt(far.get(), SOL_SOCKET, SO_LINGER, &option, sizeof(option));
        }
        far.reset();
        far_ended = true;
        dead = true;
    }

    kind what;
    unique_fd far;
    unsigned life = 0;  ///< counts the descriptors
    unsigned place = 0; ///< counts those and the moves

    std::size_t given = 0; ///< by the far end: bytes, messages or connections
    std::size_t taken = 0; ///< by operations that have ended
    bool far_ended = false;
    bool dead = false;    ///< which of several errors an operation gets is free
    bool refused = false; ///< a write had to wait, or was made in part
    std::array<std::size_t, 2> pending{}; ///< operations in each line
    std::array<std::size_t, 2> waits{};   ///< of these, waits
    std::array<bool, 2> failed{};         ///< a transfer of the line, for good
    bool unsettled = false; ///< an operation may, or may not, have been made at once
    bool fed = false;       ///< the far end has written since the last turn
    bool emptied = false;   ///< the far end has read since the last turn
    bool writing = false;   ///< the line of writes had operations since the last turn

    bool has_data() const { return given > taken || far_ended; }
    std::size_t transfers(std::size_t in) const { return pending[in] - waits[in]; }

protected:
    void start_afresh()
    {
        ++life;
        ++place;
        given = taken = 0;
        far_ended = dead = refused = unsettled = fed = emptied = writing = false;
        failed = {};
    }

    static void make_non_blocking(int fd)
    {
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
};

/// A handler that is bound to its operation's slot, if it has one.
template <typename Handler>
auto bound(const operation_ptr& op, Handler handler)
{
    return asio::bind_cancellation_slot(
        op->slotted ? op->signal.slot() : asio::cancellation_slot(), std::move(handler));
}

/// What all objects of Asio have. `Object` is the type under test.
template <typename Object>
class subject_on : public subject
{
public:
    subject_on(kind of, asio::io_context& context) : subject(of), context_(context) {}

    void destroy() override { object_.reset(); }
    int native() override { return object_->is_open() ? object_->native_handle() : -1; }
    void move() override
    {
        object_ = std::make_unique<Object>(std::move(*object_));
        ++place;
    }

    error_code cancel() override
    {
        error_code ec;
        object_->cancel(ec);
        return ec;
    }

    void close() override
    {
        error_code ec;
        object_->close(ec);
    }

    void wait(const completion& done) override
    {
        object_->async_wait(
            done.op->stands_in == line::reads ? Object::wait_read : Object::wait_write,
            bound(done.op, done));
    }

protected:
    asio::io_context& context_;
    std::unique_ptr<Object> object_;
};

/// Two connected descriptors: the object's, and the far end's.
inline fd_pair make_ends(kind of)
{
    fd_pair made;
    switch (of) {
    case tcp_stream:
        made = tcp_pair();
        // A short segment does not wait for the answer to the one before it.
        for (const int fd : {made.first.get(), made.second.get()}) {
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        }
        return made;
    case udp_datagram: {
        bound_socket first = make_bound(SOCK_DGRAM);
        bound_socket second = make_bound(SOCK_DGRAM);
        for (auto [from, to] : {std::pair(&first, &second), std::pair(&second, &first)})
            BOOST_TEST_REQUIRE(
                ::connect(from->get(), to->address.get(), to->address.size) == 0);
        return {std::move(first.fd), std::move(second.fd)};
    }
    case pipe_reader: {
        pipe_pair both = make_pipe();
        return {std::move(both.out), std::move(both.in)};
    }
    case pipe_writer: {
        pipe_pair both = make_pipe();
        return {std::move(both.in), std::move(both.out)};
    }
    case descriptor: {
        // Its writes often have to wait.
        const int size = 4096;
        made = socket_pair();
        ::setsockopt(made.first.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        return made;
    }
    default:
        return socket_pair(of == local_datagram ? SOCK_DGRAM : SOCK_STREAM);
    }
}

template <typename Object>
class transferring_subject : public subject_on<Object>
{
    static constexpr bool is_socket = requires(Object & o) { o.available(); };
    static constexpr bool has_messages =
        requires(Object & o, typename Object::endpoint_type& from)
    {
        o.receive_from(asio::mutable_buffer(), from);
    };

public:
    using subject_on<Object>::subject_on;

    void open() override
    {
        this->start_afresh();
        object_ = std::make_unique<Object>(this->context_);
        fd_pair ends = make_ends(this->what);
        this->far = std::move(ends.second);
        this->make_non_blocking(this->far.get());
        assign(ends.first.release());
    }

    void reassign() override
    {
        if (object_->is_open())
            assign(object_->release());
    }

    void read(const completion& done) override
    {
        std::string& data = done.op->data;
        const std::size_t half = data.size() / 2;
        // Now and then a buffer sequence, and the message's sender.
        if (data.size() % 3 == 0)
            return read_into(
                std::array{
                    asio::buffer(data.data(), half),
                    asio::buffer(data.data() + half, data.size() - half)},
                done);
        read_into(asio::buffer(data), done);
    }

    void write(const completion& done) override
    {
        if constexpr (has_messages)
            object_->async_send(asio::buffer(done.op->data), bound(done.op, done));
        else
            object_->async_write_some(asio::buffer(done.op->data), bound(done.op, done));
        carry_out();
    }

    // Where sockets write with the turn, the next call of the object makes the write: the
    // far end then finds what it finds with Asio.
    void carry_out()
    {
        error_code ignored;
        if constexpr (is_socket)
            object_->set_option(asio::socket_base::keep_alive(false), ignored);
    }

    error_code shutdown(unsigned how) override
    {
        error_code ec;
        if constexpr (is_socket) {
            // TCP goes on receiving after its receiving side was shut.
            if (this->what == tcp_stream || how == 0)
                object_->shutdown(Object::shutdown_send, ec);
            else
                object_->shutdown(
                    how == 1 ? Object::shutdown_receive : Object::shutdown_both, ec);
        }
        return ec;
    }

    outcome sync_read(std::size_t size) override
    {
        outcome got;
        got.data.resize(size);
        object_->non_blocking(true, got.ec);
        if constexpr (has_messages)
            got.size = object_->receive(asio::buffer(got.data), 0, got.ec);
        else
            got.size = object_->read_some(asio::buffer(got.data), got.ec);
        got.data.resize(got.size);
        return got;
    }

    outcome sync_write(const std::string& data) override
    {
        outcome got;
        object_->non_blocking(true, got.ec);
        if constexpr (has_messages)
            got.size = object_->send(asio::buffer(data), 0, got.ec);
        else
            got.size = object_->write_some(asio::buffer(data), got.ec);
        return got;
    }

    outcome available() override
    {
        outcome got;
        if constexpr (is_socket)
            got.size = object_->available(got.ec);
        return got;
    }

private:
    using subject_on<Object>::object_;

    void assign(int fd)
    {
        if constexpr (requires { object_->assign(fd); })
            object_->assign(fd);
        else if constexpr (
            std::is_same_v<typename Object::protocol_type, asio::ip::tcp> ||
            std::is_same_v<typename Object::protocol_type, asio::ip::udp>)
            object_->assign(Object::protocol_type::v4(), fd);
        else
            object_->assign(typename Object::protocol_type(), fd);
    }

    template <typename Buffers>
    void read_into(const Buffers& buffers, const completion& done)
    {
        if constexpr (has_messages) {
            if (done.op->data.size() % 2 == 0)
                return object_->async_receive(buffers, bound(done.op, done));
            auto from = std::make_shared<typename Object::endpoint_type>();
            done.op->sender = from;
            object_->async_receive_from(buffers, *from, bound(done.op, done));
        }
        else {
            object_->async_read_some(buffers, bound(done.op, done));
        }
    }
};

/// An acceptor reads connections. Each is known by the number of its client.
template <typename Acceptor, typename Peer>
class accepting_subject final : public subject_on<Acceptor>
{
public:
    explicit accepting_subject(asio::io_context& context)
        : subject_on<Acceptor>(acceptor, context)
    {}

    void open() override
    {
        this->start_afresh();
        object_ = std::make_unique<Acceptor>(
            this->context_, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        endpoint_ = object_->local_endpoint();
    }

    void reassign() override
    {
        if (object_->is_open())
            object_->assign(asio::ip::tcp::v4(), object_->release());
    }

    void read(const completion& done) override
    {
        auto peer = std::make_shared<Peer>(this->context_);
        object_->async_accept(
            *peer, bound(done.op, [this, done, peer](const error_code& ec) {
                if (!ec)
                    done.op->data = client_of(*peer);
                done(ec, ec ? 0 : done.op->data.size());
            }));
    }

    outcome sync_read(std::size_t) override
    {
        outcome got;
        Peer peer(this->context_);
        object_->non_blocking(true, got.ec);
        object_->accept(peer, got.ec);
        if (!got.ec)
            got.data = client_of(peer);
        got.size = got.data.size();
        return got;
    }

    outcome far_write(const std::string&) override
    {
        clients_.push_back(start_connect(endpoint_));
        const int fd = clients_.back().fd();
        BOOST_TEST_REQUIRE(ready(fd, POLLOUT));
        int error = 0;
        ::socklen_t size = sizeof(error);
        ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0)
            ports_[loopback_address::of(fd).value.sin_port] = clients_.size();
        return {{error, boost::system::system_category()}, {}, 0};
    }

    void write(const completion&) override {}
    error_code shutdown(unsigned) override { return {}; }
    outcome sync_write(const std::string&) override { return {}; }
    outcome available() override { return {}; }

private:
    using subject_on<Acceptor>::object_;

    std::string client_of(Peer& peer)
    {
        error_code ec;
        const auto remote = peer.remote_endpoint(ec);
        return "client " + std::to_string(ports_[htons(remote.port())]);
    }

    asio::ip::tcp::endpoint endpoint_;
    std::vector<peer> clients_;
    std::map<std::uint16_t, std::size_t> ports_;
};

template <typename Executor>
std::unique_ptr<subject> make_subject(kind of, asio::io_context& context)
{
    using asio::ip::tcp;
    using asio::ip::udp;
    namespace local = asio::local;
    switch (of) {
    case local_stream:
        return std::make_unique<transferring_subject<
            asio::basic_stream_socket<local::stream_protocol, Executor>>>(of, context);
    case tcp_stream:
        return std::make_unique<
            transferring_subject<asio::basic_stream_socket<tcp, Executor>>>(of, context);
    case local_datagram:
        return std::make_unique<transferring_subject<
            asio::basic_datagram_socket<local::datagram_protocol, Executor>>>(
            of, context);
    case udp_datagram:
        return std::make_unique<
            transferring_subject<asio::basic_datagram_socket<udp, Executor>>>(
            of, context);
    case acceptor:
        return std::make_unique<accepting_subject<
            asio::basic_socket_acceptor<tcp, Executor>,
            asio::basic_stream_socket<tcp, Executor>>>(context);
    default:
        return std::make_unique<
            transferring_subject<asio::posix::basic_stream_descriptor<Executor>>>(
            of, context);
    }
}

} // namespace asio_uring::test::script
