// Layer: service. Purpose: what Asio's socket front ends call, on the ring. Transfers,
// accepts, connects and waits for readiness are ring requests; everything synchronous,
// the waits a ring answers wrongly, and everything in a context without a ring, are
// Asio's own service's. Thread: as Asio's
// sockets: distinct objects safe, a shared object not. Lifetime: one per context and
// protocol; an implementation's owner is given back when it is closed.
#pragma once

#include <asio_uring/detail/asio/socket_support.hpp>
#include <asio_uring/detail/service/connection_requests.hpp>
#include <asio_uring/detail/service/initiate.hpp>
#include <asio_uring/detail/service/ring_service.hpp>
#include <asio_uring/detail/service/transfer_requests.hpp>

#include <boost/asio/socket_base.hpp>

#include <utility>

namespace asio_uring::detail {

template <typename Protocol>
class socket_service
    : public asio_impl::execution_context_service_base<socket_service<Protocol>>
{
    using stock_service = asio_impl::reactive_socket_service<Protocol>;
    using error_code = boost::system::error_code;
    using socket_base = boost::asio::socket_base;

public:
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using native_handle_type = asio_impl::socket_type;

    /// Asio's own implementation, whose reactor data stays empty until something needs
    /// the reactor.
    struct implementation_type : stock_service::implementation_type
    {
        request_owner* owner_ = nullptr;
    };

    explicit socket_service(boost::asio::execution_context& context)
        : asio_impl::execution_context_service_base<socket_service<Protocol>>(context),
          loop_(ring_of(context).find_loop()),
          reactor_(boost::asio::use_service<asio_impl::epoll_reactor>(context)),
          stock_(context)
    {}

    void shutdown() override {}

    // Life of an implementation

    void construct(implementation_type& impl) { stock_.construct(impl); }

    void move_construct(implementation_type& impl, implementation_type& other) noexcept
    {
        stock_.move_construct(impl, other);
        impl.owner_ = std::exchange(other.owner_, nullptr);
    }

    void move_assign(
        implementation_type& impl,
        socket_service& other_service,
        implementation_type& other)
    {
        close_owner(impl);
        stock_.move_assign(impl, other_service.stock_, other);
        impl.owner_ = std::exchange(other.owner_, nullptr);
    }

    template <typename Protocol1>
    void converting_move_construct(
        implementation_type& impl,
        socket_service<Protocol1>& other_service,
        typename socket_service<Protocol1>::implementation_type& other)
    {
        stock_.converting_move_construct(impl, other_service.stock(), other);
        impl.owner_ = std::exchange(other.owner_, nullptr);
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
        stock_.converting_move_construct(impl, other_service, other);
        if (loop_ != nullptr && stock_.is_open(impl)) {
            reactor_.deregister_descriptor(impl.socket_, impl.reactor_data_, false);
            reactor_.cleanup_descriptor_data(impl.reactor_data_);
            impl.owner_ = &loop().open_owner(impl.socket_);
        }
    }

    void destroy(implementation_type& impl)
    {
        close_owner(impl);
        stock_.destroy(impl);
    }

    error_code
    open(implementation_type& impl, const protocol_type& protocol, error_code& ec)
    {
        if (loop_ == nullptr)
            return stock_.open(impl, protocol, ec);
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
            return stock_.assign(impl, protocol, socket, ec);
        if (is_open(impl))
            return ec = boost::asio::error::already_open;
        // KERNEL: a closed number is refused here, as epoll_ctl does for Asio's own
        // service.
        if (::fcntl(socket, F_GETFD) == -1)
            return ec = error_code(errno, boost::asio::error::get_system_category());
        adopt(impl, protocol, socket);
        impl.state_ |= asio_impl::socket_ops::possible_dup;
        return ec = error_code();
    }

    bool is_open(const implementation_type& impl) const { return stock_.is_open(impl); }

    /// Invariant 5: the ring lets go of the descriptor before its number is free.
    error_code close(implementation_type& impl, error_code& ec)
    {
        close_owner(impl);
        return stock_.close(impl, ec);
    }

    native_handle_type release(implementation_type& impl, error_code& ec)
    {
        close_owner(impl);
        return stock_.release(impl, ec);
    }

    native_handle_type native_handle(implementation_type& impl) { return impl.socket_; }

    error_code cancel(implementation_type& impl, error_code& ec)
    {
        if (loop_ == nullptr)
            return stock_.cancel(impl, ec);
        if (!is_open(impl))
            return ec = boost::asio::error::bad_descriptor;
        loop().cancel(*impl.owner_);
        reactor_.cancel_ops(impl.socket_, impl.reactor_data_);
        return ec = error_code();
    }

    // Synchronous members: Asio's own

    error_code
    bind(implementation_type& impl, const endpoint_type& endpoint, error_code& ec)
    {
        return stock_.bind(impl, endpoint, ec);
    }

    error_code listen(implementation_type& impl, int backlog, error_code& ec)
    {
        return stock_.listen(impl, backlog, ec);
    }

    error_code
    connect(implementation_type& impl, const endpoint_type& peer, error_code& ec)
    {
        return stock_.connect(impl, peer, ec);
    }

    error_code
    shutdown(implementation_type& impl, socket_base::shutdown_type what, error_code& ec)
    {
        return stock_.shutdown(impl, what, ec);
    }

    bool at_mark(const implementation_type& impl, error_code& ec) const
    {
        return stock_.at_mark(impl, ec);
    }

    std::size_t available(const implementation_type& impl, error_code& ec) const
    {
        return stock_.available(impl, ec);
    }

    template <typename Command>
    error_code io_control(implementation_type& impl, Command& command, error_code& ec)
    {
        return stock_.io_control(impl, command, ec);
    }

    template <typename Option>
    error_code set_option(implementation_type& impl, const Option& option, error_code& ec)
    {
        return stock_.set_option(impl, option, ec);
    }

    template <typename Option>
    error_code
    get_option(const implementation_type& impl, Option& option, error_code& ec) const
    {
        return stock_.get_option(impl, option, ec);
    }

    bool non_blocking(const implementation_type& impl) const
    {
        return stock_.non_blocking(impl);
    }

    error_code non_blocking(implementation_type& impl, bool mode, error_code& ec)
    {
        return stock_.non_blocking(impl, mode, ec);
    }

    bool native_non_blocking(const implementation_type& impl) const
    {
        return stock_.native_non_blocking(impl);
    }

    error_code native_non_blocking(implementation_type& impl, bool mode, error_code& ec)
    {
        return stock_.native_non_blocking(impl, mode, ec);
    }

    endpoint_type local_endpoint(const implementation_type& impl, error_code& ec) const
    {
        return stock_.local_endpoint(impl, ec);
    }

    endpoint_type remote_endpoint(const implementation_type& impl, error_code& ec) const
    {
        return stock_.remote_endpoint(impl, ec);
    }

    error_code wait(implementation_type& impl, socket_base::wait_type w, error_code& ec)
    {
        return stock_.wait(impl, w, ec);
    }

    template <typename... Args>
    std::size_t send(implementation_type& impl, Args&&... args)
    {
        return stock_.send(impl, std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t receive(implementation_type& impl, Args&&... args)
    {
        return stock_.receive(impl, std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t receive_with_flags(implementation_type& impl, Args&&... args)
    {
        return stock_.receive_with_flags(impl, std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t send_to(implementation_type& impl, Args&&... args)
    {
        return stock_.send_to(impl, std::forward<Args>(args)...);
    }

    template <typename... Args>
    std::size_t receive_from(implementation_type& impl, Args&&... args)
    {
        return stock_.receive_from(impl, std::forward<Args>(args)...);
    }

    template <typename Socket>
    error_code accept(
        implementation_type& impl,
        Socket& peer,
        endpoint_type* peer_endpoint,
        error_code& ec)
    {
        return stock_.accept(impl, peer, peer_endpoint, ec);
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

    stock_service& stock() noexcept { return stock_; }

private:
    event_loop& loop() noexcept { return *loop_; }

    void adopt(implementation_type& impl, const protocol_type& protocol, int socket)
    {
        namespace socket_ops = asio_impl::socket_ops;
        impl.owner_ = &loop().open_owner(socket);
        impl.socket_ = socket;
        impl.protocol_ = protocol;
        switch (protocol.type()) {
        case SOCK_STREAM:
            impl.state_ = socket_ops::stream_oriented;
            break;
        case SOCK_DGRAM:
            impl.state_ = socket_ops::datagram_oriented;
            break;
        default:
            impl.state_ = 0;
            break;
        }
    }

    void close_owner(implementation_type& impl)
    {
        if (impl.owner_ != nullptr)
            loop().close_owner(*std::exchange(impl.owner_, nullptr));
    }

    // Out-of-band data and error conditions: the kernel's poll request answers those from
    // the wake-up instead of the socket, so they are the reactor's.
    bool use_reactor(implementation_type& impl)
    {
        if (impl.reactor_data_ == nullptr && is_open(impl))
            return reactor_.register_descriptor(impl.socket_, impl.reactor_data_) == 0;
        return true;
    }

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

    bool is_stream(const implementation_type& impl) const noexcept
    {
        return (impl.state_ & asio_impl::socket_ops::stream_oriented) != 0;
    }

    event_loop* const loop_; // null: no ring, and no implementation has an owner
    asio_impl::epoll_reactor& reactor_;

    // Not registered with the context: whose registered service it is would tell nothing
    // about the objects in the program; see detail/asio/drop_in_check.hpp.
    stock_service stock_;
};

} // namespace asio_uring::detail

#include <asio_uring/detail/service/impl/socket_service_async.hpp>
