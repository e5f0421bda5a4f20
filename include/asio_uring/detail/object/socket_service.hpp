// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what Asio's socket front ends call, on the ring. Transfers,
// accepts, connects and waits for readiness are ring requests; everything synchronous,
// the waits a ring answers wrongly, and everything in a context without a ring, are
// Asio's own service's. Thread: as Asio's
// sockets: distinct objects safe, a shared object not. Lifetime: one per context and
// protocol; an implementation's owner is given back when it is closed.
#pragma once

#include <asio_uring/detail/asio/socket_support.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/request/connection.hpp>
#include <asio_uring/detail/request/initiate.hpp>
#include <asio_uring/detail/request/transfer.hpp>

#include <boost/asio/socket_base.hpp>

#include <utility>

namespace asio_uring::detail {

/// It derives from Asio's own service, of which an object that leaves the ring keeps a
/// pointer; see implementation_type.
template <typename Protocol>
class socket_service : public asio_impl::reactive_socket_service<Protocol>
{
    using stock_service = asio_impl::reactive_socket_service<Protocol>;
    using stock_implementation = typename stock_service::implementation_type;
    using error_code = boost::system::error_code;
    using socket_base = boost::asio::socket_base;

public:
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using native_handle_type = asio_impl::socket_type;

    // The key of this service, apart from that of the one it derives from: its service is
    // never registered with the context.
    static inline asio_impl::service_id<socket_service> id;

    class implementation_type
    {
    public:
        /// Where Asio's own service moves a socket out of here, it gets one that is its
        /// own: off the ring and registered with the reactor.
        operator stock_implementation&()
        {
            if (owner_ != nullptr)
                service_->leave_ring(*this);
            return stock_;
        }

    private:
        template <typename Protocol1>
        friend class socket_service;

        stock_implementation stock_; // its reactor data stays empty until needed
        request_owner* owner_ = nullptr;
        socket_service* service_ = nullptr;
    };

    explicit socket_service(boost::asio::execution_context& context)
        : stock_service(behind_ring(context)),
          loop_(ring_of(context).find_loop()),
          reactor_(boost::asio::use_service<asio_impl::epoll_reactor>(context))
    {}

    void shutdown() override { stock_service::shutdown(); }

    // Life of an implementation

    void construct(implementation_type& impl)
    {
        stock_service::construct(impl.stock_);
        impl.service_ = this;
    }

    void move_construct(implementation_type& impl, implementation_type& other) noexcept
    {
        stock_service::move_construct(impl.stock_, other.stock_);
        take_values(impl, *this, other);
    }

    void move_assign(
        implementation_type& impl,
        socket_service& other_service,
        implementation_type& other)
    {
        close_owner(impl);
        stock_service::move_assign(impl.stock_, other_service, other.stock_);
        take_values(impl, other_service, other);
    }

    template <typename Protocol1>
    void converting_move_construct(
        implementation_type& impl,
        socket_service<Protocol1>& other_service,
        typename socket_service<Protocol1>::implementation_type& other)
    {
        stock_service::converting_move_construct(
            impl.stock_, other_service, other.stock_);
        take_values(impl, *this, other);
    }

    /// Take over a socket of Asio's own service. Its pending operations end with
    /// operation_aborted.
    template <typename Protocol1>
    void converting_move_construct(
        implementation_type& impl,
        asio_impl::reactive_socket_service<Protocol1>& other_service,
        typename asio_impl::reactive_socket_service<Protocol1>::implementation_type&
            other)
    {
        stock_service::converting_move_construct(impl.stock_, other_service, other);
        impl.service_ = this;
        if (loop_ != nullptr && is_open(impl)) {
            auto& socket = impl.stock_;
            reactor_.deregister_descriptor(socket.socket_, socket.reactor_data_, false);
            reactor_.cleanup_descriptor_data(socket.reactor_data_);
            impl.owner_ = &loop().open_owner(socket.socket_);
        }
    }

    void destroy(implementation_type& impl)
    {
        close_owner(impl);
        stock_service::destroy(impl.stock_);
    }

    error_code
    open(implementation_type& impl, const protocol_type& protocol, error_code& ec)
    {
        if (loop_ == nullptr)
            return stock_service::open(impl.stock_, protocol, ec);
        if (is_open(impl))
            return ec = boost::asio::error::already_open;
        asio_impl::socket_holder socket(asio_impl::socket_ops::socket(
            protocol.family(), protocol.type(), protocol.protocol(), ec));
        if (socket.get() == asio_impl::invalid_socket)
            return ec;
        adopt(impl, protocol, socket.get());
        socket.release();
        return ec = error_code();
    }

    error_code assign(
        implementation_type& impl,
        const protocol_type& protocol,
        const native_handle_type& socket,
        error_code& ec)
    {
        if (loop_ == nullptr)
            return stock_service::assign(impl.stock_, protocol, socket, ec);
        if (is_open(impl))
            return ec = boost::asio::error::already_open;
        // KERNEL: a closed number is refused here, as epoll_ctl does for Asio's own
        // service.
        if (::fcntl(socket, F_GETFD) == -1)
            return ec = error_code(errno, boost::asio::error::get_system_category());
        adopt(impl, protocol, socket);
        impl.stock_.state_ |= asio_impl::socket_ops::possible_dup;
        return ec = error_code();
    }

    bool is_open(const implementation_type& impl) const
    {
        return stock_service::is_open(impl.stock_);
    }

    /// Invariant 5: the ring lets go of the descriptor before its number is free.
    error_code close(implementation_type& impl, error_code& ec)
    {
        catch_up(impl);
        close_owner(impl);
        return stock_service::close(impl.stock_, ec);
    }

    native_handle_type release(implementation_type& impl, error_code& ec)
    {
        catch_up(impl);
        close_owner(impl);
        return stock_service::release(impl.stock_, ec);
    }

    native_handle_type native_handle(implementation_type& impl)
    {
        return impl.stock_.socket_;
    }

    error_code cancel(implementation_type& impl, error_code& ec)
    {
        if (loop_ == nullptr)
            return stock_service::cancel(impl.stock_, ec);
        if (!is_open(impl))
            return ec = boost::asio::error::bad_descriptor;
        ASIO_URING_HANDLER_OPERATION(
            (this->context(), "socket", &impl, impl.stock_.socket_, "cancel"));
        catch_up(impl);
        loop().cancel(*impl.owner_);
        reactor_.cancel_ops(impl.stock_.socket_, impl.stock_.reactor_data_);
        return ec = error_code();
    }

    // Synchronous members: Asio's own

    error_code
    bind(implementation_type& impl, const endpoint_type& endpoint, error_code& ec)
    {
        return stock_service::bind(impl.stock_, endpoint, ec);
    }

    error_code listen(implementation_type& impl, int backlog, error_code& ec)
    {
        return stock_service::listen(impl.stock_, backlog, ec);
    }

    error_code
    connect(implementation_type& impl, const endpoint_type& peer, error_code& ec)
    {
        return stock_service::connect(impl.stock_, peer, ec);
    }

    error_code
    shutdown(implementation_type& impl, socket_base::shutdown_type what, error_code& ec)
    {
        catch_up(impl);
        return stock_service::shutdown(impl.stock_, what, ec);
    }

    bool at_mark(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::at_mark(impl.stock_, ec);
    }

    std::size_t available(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::available(impl.stock_, ec);
    }

    template <typename Command>
    error_code io_control(implementation_type& impl, Command& command, error_code& ec)
    {
        return stock_service::io_control(impl.stock_, command, ec);
    }

    template <typename Option>
    error_code set_option(implementation_type& impl, const Option& option, error_code& ec)
    {
        return stock_service::set_option(impl.stock_, option, ec);
    }

    template <typename Option>
    error_code
    get_option(const implementation_type& impl, Option& option, error_code& ec) const
    {
        return stock_service::get_option(impl.stock_, option, ec);
    }

    bool non_blocking(const implementation_type& impl) const
    {
        return stock_service::non_blocking(impl.stock_);
    }

    error_code non_blocking(implementation_type& impl, bool mode, error_code& ec)
    {
        return stock_service::non_blocking(impl.stock_, mode, ec);
    }

    bool native_non_blocking(const implementation_type& impl) const
    {
        return stock_service::native_non_blocking(impl.stock_);
    }

    error_code native_non_blocking(implementation_type& impl, bool mode, error_code& ec)
    {
        return stock_service::native_non_blocking(impl.stock_, mode, ec);
    }

    endpoint_type local_endpoint(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::local_endpoint(impl.stock_, ec);
    }

    endpoint_type remote_endpoint(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::remote_endpoint(impl.stock_, ec);
    }

    error_code wait(implementation_type& impl, socket_base::wait_type w, error_code& ec)
    {
        catch_up(impl);
        return stock_service::wait(impl.stock_, w, ec);
    }

    template <typename... Args>
    std::size_t send(implementation_type& impl, Args&&... args)
    {
        catch_up(impl);
        return stock_service::send(impl.stock_, std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t receive(implementation_type& impl, Args&&... args)
    {
        catch_up(impl);
        return stock_service::receive(impl.stock_, std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t receive_with_flags(implementation_type& impl, Args&&... args)
    {
        catch_up(impl);
        return stock_service::receive_with_flags(
            impl.stock_, std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t send_to(implementation_type& impl, Args&&... args)
    {
        catch_up(impl);
        return stock_service::send_to(impl.stock_, std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t receive_from(implementation_type& impl, Args&&... args)
    {
        catch_up(impl);
        return stock_service::receive_from(impl.stock_, std::forward<Args>(args)...);
    }

    template <typename Socket>
    error_code accept(
        implementation_type& impl,
        Socket& peer,
        endpoint_type* peer_endpoint,
        error_code& ec)
    {
        return stock_service::accept(impl.stock_, peer, peer_endpoint, ec);
    }

    // Asynchronous members; see impl/socket_service_async.hpp

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_send(
        implementation_type& impl,
        const Buffers& buffers,
        socket_base::message_flags flags,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_receive(
        implementation_type& impl,
        const Buffers& buffers,
        socket_base::message_flags flags,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_receive_with_flags(
        implementation_type& impl,
        const Buffers& buffers,
        socket_base::message_flags in_flags,
        socket_base::message_flags& out_flags,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_send_to(
        implementation_type& impl,
        const Buffers& buffers,
        const endpoint_type& destination,
        socket_base::message_flags flags,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_receive_from(
        implementation_type& impl,
        const Buffers& buffers,
        endpoint_type& sender,
        socket_base::message_flags flags,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Handler, typename IoExecutor>
    void async_wait(
        implementation_type& impl,
        socket_base::wait_type w,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Socket, typename Handler, typename IoExecutor>
    void async_accept(
        implementation_type& impl,
        Socket& peer,
        endpoint_type* peer_endpoint,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename PeerExecutor, typename Handler, typename IoExecutor>
    void async_move_accept(
        implementation_type& impl,
        const PeerExecutor& peer_executor,
        endpoint_type* peer_endpoint,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Handler, typename IoExecutor>
    void async_connect(
        implementation_type& impl,
        const endpoint_type& peer,
        Handler& handler,
        const IoExecutor& io_executor);

private:
    template <typename Protocol1>
    friend class socket_service;

    template <typename Implementation>
    static void take_values(
        implementation_type& impl,
        socket_service& service,
        Implementation& other) noexcept
    {
        impl.owner_ = std::exchange(other.owner_, nullptr);
        impl.service_ = &service;
    }

    event_loop& loop() noexcept { return *loop_; }

    void adopt(implementation_type& impl, const protocol_type& protocol, int socket)
    {
        namespace socket_ops = asio_impl::socket_ops;
        impl.owner_ = &loop().open_owner(socket);
        impl.stock_.socket_ = socket;
        impl.stock_.protocol_ = protocol;
        switch (protocol.type()) {
        case SOCK_STREAM:
            impl.stock_.state_ = socket_ops::stream_oriented;
            break;
        case SOCK_DGRAM:
            impl.stock_.state_ = socket_ops::datagram_oriented;
            break;
        default:
            impl.stock_.state_ = 0;
            break;
        }
    }

    // What was started before a synchronous call goes before it.
    void catch_up(implementation_type& impl)
    {
        if (impl.owner_ != nullptr)
            loop().submit_writes(*impl.owner_);
    }

    void close_owner(implementation_type& impl)
    {
        if (impl.owner_ != nullptr)
            loop().close_owner(*std::exchange(impl.owner_, nullptr));
    }

    void leave_ring(implementation_type& impl)
    {
        close_owner(impl);
        use_reactor(impl);
    }

    // Out-of-band data and error conditions: the kernel's poll request answers those from
    // the wake-up instead of the socket, so they are the reactor's. A descriptor it
    // refuses has no reactor data, which its operations report.
    void use_reactor(implementation_type& impl)
    {
        auto& socket = impl.stock_;
        if (socket.reactor_data_ == nullptr && is_open(impl))
            reactor_.register_descriptor(socket.socket_, socket.reactor_data_);
    }

    template <typename Request, typename Handler, typename IoExecutor>
    void start_wait(
        implementation_type& impl,
        direction way,
        const char* name,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Operation>
    void start_transfer(
        implementation_type& impl,
        Operation& op,
        direction way,
        bool nothing_to_do,
        bool is_continuation)
    {
        if (nothing_to_do)
            op.complete(0, is_continuation);
        else if (!is_open(impl))
            op.complete(-EBADF, is_continuation);
        else
            op.start(*impl.owner_, way);
    }

    /// Accepts into Target: the caller's socket, or the executor of a new one.
    template <typename Request, typename Target, typename Handler, typename IoExecutor>
    void start_accept(
        implementation_type& impl,
        Target& target,
        endpoint_type* peer_endpoint,
        Handler& handler,
        const IoExecutor& io_executor);

    bool is_stream(const implementation_type& impl) const noexcept
    {
        return (impl.stock_.state_ & asio_impl::socket_ops::stream_oriented) != 0;
    }

    event_loop* const loop_; // null: no ring, and no implementation has an owner
    asio_impl::epoll_reactor& reactor_;
};

} // namespace asio_uring::detail

#include <asio_uring/detail/object/impl/socket_service_async.hpp>
