// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what Asio's socket front ends call, on the ring. Transfers,
// connects and waits for readiness are the ring's. Everything synchronous, accepts, the
// waits a ring answers wrongly, and everything in a context without a ring, are Asio's
// own service's, which this one derives from. Thread: as Asio's sockets: distinct objects
// safe, a shared object not. Lifetime: one per context and protocol. ring_object.hpp says
// the rest.
#pragma once

#include <asio_uring/detail/asio/accept_support.hpp>
#include <asio_uring/detail/asio/socket_support.hpp>
#include <asio_uring/detail/object/ring_object.hpp>
#include <asio_uring/detail/request/connection.hpp>
#include <asio_uring/detail/request/transfer.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

#include <utility>

#include <sys/socket.h>

namespace asio_uring::detail {

/// See ring_object.
struct socket_facts
{
    static constexpr const char* kind = "socket";
    static constexpr bool reactor_may_receive = true;
    static socket_facts of(int) noexcept { return {}; }

    template <typename Implementation>
    static bool is_stream(const Implementation& impl) noexcept
    {
        return (impl.state_ & asio_impl::socket_ops::stream_oriented) != 0;
    }

    direction line_of(direction way) const noexcept { return way; }
    bool can_wait(int) const noexcept { return true; }

    static bool listens(int descriptor) noexcept
    {
        int found = 0;
        ::socklen_t size = sizeof(found);
        ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &found, &size);
        return found != 0;
    }
};

template <typename Protocol>
class socket_service
    : public ring_object<asio_impl::reactive_socket_service<Protocol>, socket_facts>
{
    using stock_service = asio_impl::reactive_socket_service<Protocol>;
    using base = ring_object<stock_service, socket_facts>;
    using error_code = boost::system::error_code;
    using message_flags = boost::asio::socket_base::message_flags;

    using base::catch_up;
    using base::has_ring;
    using base::located;
    using base::start;
    using base::start_null_buffers;
    using base::stock;
    using base::use_reactor;

public:
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using native_handle_type = asio_impl::socket_type;
    using typename base::implementation_type;

    using base::base;
    using base::converting_move_construct;
    using base::is_open;

    // The key of this service. The service that this one derives from has a key of its
    // own, and is never registered with the context.
    static inline asio_impl::service_id<socket_service> id;

    void shutdown() override { stock_service::shutdown(); }

    /// Take over a socket of Asio's own service.
    template <typename Protocol1>
    void converting_move_construct(
        implementation_type& impl,
        asio_impl::reactive_socket_service<Protocol1>& other_service,
        typename asio_impl::reactive_socket_service<Protocol1>::implementation_type&
            other)
    {
        request_owner* const owner = this->owner_for(asio_impl::descriptor_of(other));
        stock_service::converting_move_construct(stock(impl), other_service, other);
        this->take_over(impl, owner);
    }

    error_code
    open(implementation_type& impl, const protocol_type& protocol, error_code& ec)
    {
        if (!has_ring())
            return stock_service::open(stock(impl), protocol, ec);
        if (is_open(impl))
            return located(ec = boost::asio::error::already_open);
        asio_impl::socket_holder socket(asio_impl::socket_ops::socket(
            protocol.family(), protocol.type(), protocol.protocol(), ec));
        if (socket.get() == asio_impl::invalid_socket)
            return located(ec);
        ec = adopt(impl, protocol, socket.get());
        if (!ec)
            socket.release();
        return located(ec);
    }

    error_code assign(
        implementation_type& impl,
        const protocol_type& protocol,
        const native_handle_type& socket,
        error_code& ec)
    {
        if (!has_ring())
            return stock_service::assign(stock(impl), protocol, socket, ec);
        if (is_open(impl))
            return located(ec = boost::asio::error::already_open);
        ec = adopt(impl, protocol, socket);
        if (!ec)
            stock(impl).state_ |= asio_impl::socket_ops::possible_dup;
        return located(ec);
    }

    // Synchronous members: Asio's own

    error_code
    bind(implementation_type& impl, const endpoint_type& endpoint, error_code& ec)
    {
        return stock_service::bind(stock(impl), endpoint, ec);
    }

    error_code listen(implementation_type& impl, int backlog, error_code& ec)
    {
        // A listener waits in the epoll set, with its accepts.
        if (has_ring())
            use_reactor(impl);
        return stock_service::listen(stock(impl), backlog, ec);
    }

    error_code
    connect(implementation_type& impl, const endpoint_type& peer, error_code& ec)
    {
        return stock_service::connect(stock(impl), peer, ec);
    }

    error_code shutdown(
        implementation_type& impl,
        boost::asio::socket_base::shutdown_type what,
        error_code& ec)
    {
        catch_up(impl);
        return stock_service::shutdown(stock(impl), what, ec);
    }

    bool at_mark(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::at_mark(stock(impl), ec);
    }

    std::size_t available(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::available(stock(impl), ec) + this->kept_size(impl);
    }

    template <typename Option>
    error_code set_option(implementation_type& impl, const Option& option, error_code& ec)
    {
        catch_up(impl);
        return stock_service::set_option(stock(impl), option, ec);
    }

    template <typename Option>
    error_code
    get_option(const implementation_type& impl, Option& option, error_code& ec) const
    {
        return stock_service::get_option(stock(impl), option, ec);
    }

    endpoint_type local_endpoint(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::local_endpoint(stock(impl), ec);
    }

    endpoint_type remote_endpoint(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::remote_endpoint(stock(impl), ec);
    }

    template <typename... Args>
    std::size_t send(implementation_type& impl, Args&&... args)
    {
        catch_up(impl);
        return stock_service::send(stock(impl), std::forward<Args>(args)...);
    }

    template <typename Buffers>
    std::size_t receive(
        implementation_type& impl,
        const Buffers& buffers,
        message_flags flags,
        error_code& ec)
    {
        catch_up(impl);
        std::size_t bytes = 0;
        if (this->template take_kept<receive_request>(
                impl, ec, bytes, buffers, flags, true))
            return bytes;
        return stock_service::receive(stock(impl), buffers, flags, ec);
    }

    template <typename Buffers>
    std::size_t receive_with_flags(
        implementation_type& impl,
        const Buffers& buffers,
        message_flags in_flags,
        message_flags& out_flags,
        error_code& ec)
    {
        catch_up(impl);
        std::size_t bytes = 0;
        if (this->template take_kept<receive_request>(
                impl, ec, bytes, buffers, in_flags, true)) {
            out_flags = 0;
            return bytes;
        }
        return stock_service::receive_with_flags(
            stock(impl), buffers, in_flags, out_flags, ec);
    }

    template <typename... Args>
    std::size_t send_to(implementation_type& impl, Args&&... args)
    {
        catch_up(impl);
        return stock_service::send_to(stock(impl), std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t receive_from(implementation_type& impl, Args&&... args)
    {
        catch_up(impl);
        return stock_service::receive_from(stock(impl), std::forward<Args>(args)...);
    }

    template <typename Socket>
    error_code accept(
        implementation_type& impl,
        Socket& peer,
        endpoint_type* peer_endpoint,
        error_code& ec)
    {
        return stock_service::accept(stock(impl), peer, peer_endpoint, ec);
    }

    // Asynchronous members. Each chooses the request, the direction in which it keeps
    // order, and what ends without a request.

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_send(
        implementation_type& impl,
        const Buffers& buffers,
        message_flags flags,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if constexpr (is_null_buffers<Buffers>) {
            if (start_null_buffers(
                    impl,
                    {.way = direction::write, .name = "async_send(null_buffers)"},
                    handler,
                    io_executor))
                return;
        }
        else if (has_ring()) {
            return this->template start<send_request<Buffers>>(
                impl,
                {.way = direction::write, .name = "async_send"},
                handler,
                io_executor,
                buffers,
                flags);
        }
        stock_service::async_send(
            stock(impl), buffers, flags, handler, asio_impl::plain(io_executor));
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_send_to(
        implementation_type& impl,
        const Buffers& buffers,
        const endpoint_type& destination,
        message_flags flags,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if constexpr (is_null_buffers<Buffers>) {
            if (start_null_buffers(
                    impl,
                    {.way = direction::write, .name = "async_send_to(null_buffers)"},
                    handler,
                    io_executor))
                return;
        }
        else if (has_ring()) {
            return this->template start<send_to_request<Buffers, endpoint_type>>(
                impl,
                {.way = direction::write, .name = "async_send_to"},
                handler,
                io_executor,
                buffers,
                destination,
                flags);
        }
        stock_service::async_send_to(
            stock(impl),
            buffers,
            destination,
            flags,
            handler,
            asio_impl::plain(io_executor));
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_receive(
        implementation_type& impl,
        const Buffers& buffers,
        message_flags flags,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if (!ring_receives(impl, flags))
            return stock_service::async_receive(
                stock(impl), buffers, flags, handler, asio_impl::plain(io_executor));
        if constexpr (is_null_buffers<Buffers>) {
            start_null_buffers(
                impl,
                {.way = direction::read, .name = "async_receive(null_buffers)"},
                handler,
                io_executor);
        }
        else {
            this->template start<receive_request<Buffers>>(
                impl,
                {.way = direction::read, .name = "async_receive"},
                handler,
                io_executor,
                buffers,
                flags,
                socket_facts::is_stream(stock(impl)));
        }
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_receive_with_flags(
        implementation_type& impl,
        const Buffers& buffers,
        message_flags in_flags,
        message_flags& out_flags,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if (!ring_receives(impl, in_flags))
            return stock_service::async_receive_with_flags(
                stock(impl),
                buffers,
                in_flags,
                out_flags,
                handler,
                asio_impl::plain(io_executor));
        if constexpr (is_null_buffers<Buffers>) {
            out_flags = 0;
            start_null_buffers(
                impl,
                {.way = direction::read,
                 .name = "async_receive_with_flags(null_buffers)"},
                handler,
                io_executor);
        }
        else {
            this->template start<receive_with_flags_request<Buffers>>(
                impl,
                {.way = direction::read, .name = "async_receive_with_flags"},
                handler,
                io_executor,
                buffers,
                in_flags,
                out_flags,
                socket_facts::is_stream(stock(impl)));
        }
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_receive_from(
        implementation_type& impl,
        const Buffers& buffers,
        endpoint_type& sender,
        message_flags flags,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if (!ring_receives(impl, flags))
            return stock_service::async_receive_from(
                stock(impl),
                buffers,
                sender,
                flags,
                handler,
                asio_impl::plain(io_executor));
        if constexpr (is_null_buffers<Buffers>) {
            sender = endpoint_type();
            start_null_buffers(
                impl,
                {.way = direction::read, .name = "async_receive_from(null_buffers)"},
                handler,
                io_executor);
        }
        else {
            this->template start<receive_from_request<Buffers, endpoint_type>>(
                impl,
                {.way = direction::read, .name = "async_receive_from"},
                handler,
                io_executor,
                buffers,
                sender,
                flags);
        }
    }

    // A listener waits in the epoll set. A request of the ring would hold its address
    // beyond the end of a process that is killed, and would take a connection that nobody
    // wants any more.

    /// Accepts a connection into a socket of the caller's.
    template <typename Socket, typename Handler, typename IoExecutor>
    void async_accept(
        implementation_type& impl,
        Socket& peer,
        endpoint_type* peer_endpoint,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        prepare_accept(impl);
        stock_service::async_accept(
            stock(impl), peer, peer_endpoint, handler, asio_impl::plain(io_executor));
    }

    /// Accepts a connection into a new socket.
    template <typename PeerExecutor, typename Handler, typename IoExecutor>
    void async_move_accept(
        implementation_type& impl,
        const PeerExecutor& peer_executor,
        endpoint_type* peer_endpoint,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        prepare_accept(impl);
        stock_service::async_move_accept(
            stock(impl),
            peer_executor,
            peer_endpoint,
            handler,
            asio_impl::plain(io_executor));
    }

    template <typename Handler, typename IoExecutor>
    void async_connect(
        implementation_type& impl,
        const endpoint_type& peer,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if (!has_ring())
            return stock_service::async_connect(
                stock(impl), peer, handler, asio_impl::plain(io_executor));
        this->template start<connect_request<endpoint_type>>(
            impl,
            {.way = direction::write,
             .name = "async_connect",
             .property = &ring_operation::repeat_when_ready},
            handler,
            io_executor,
            peer);
    }

private:
    void prepare_accept(implementation_type& impl)
    {
        if (!has_ring())
            return;
        use_reactor(impl);
        if (this->is_listener(impl))
            asio_impl::wait_for_connection(
                stock(impl).reactor_data_, stock(impl).socket_);
    }

    error_code adopt(implementation_type& impl, const protocol_type& protocol, int socket)
    {
        namespace socket_ops = asio_impl::socket_ops;
        if (const error_code ec = this->enter_ring(impl, socket, socket_facts()))
            return ec;
        auto& data = stock(impl);
        data.socket_ = socket;
        data.protocol_ = protocol;
        switch (protocol.type()) {
        case SOCK_STREAM:
            data.state_ = socket_ops::stream_oriented;
            break;
        case SOCK_DGRAM:
            data.state_ = socket_ops::datagram_oriented;
            break;
        default:
            data.state_ = 0;
            break;
        }
        return {};
    }

    // Whether the ring does the receive. A request of the ring would read over urgent
    // data, so the reactor does the receives of a program that has shown an interest in
    // it; and it does those of a context whose threads take turns.
    bool ring_receives(implementation_type& impl, message_flags flags)
    {
        if (!has_ring())
            return false;
        const bool urgent = (flags & boost::asio::socket_base::message_out_of_band) != 0;
        if (urgent)
            this->expect_urgent_data(impl);
        return !urgent && !this->reactor_reads(impl);
    }
};

} // namespace asio_uring::detail
