// Layer: service. Purpose: the initiating functions of socket_service. Each chooses the
// request, the direction it keeps order in, and what ends without a request. Thread: the
// initiating one. Lifetime: see socket_service.hpp.
#pragma once

#include <boost/asio/buffer.hpp>

#include <fcntl.h>
#include <poll.h>

namespace asio_uring::detail {

// null_buffers asks for readiness only, in Asio's deprecated way; Asio's own service
// answers it.
template <typename Buffers>
inline constexpr bool is_null_buffers =
    std::is_same_v<Buffers, boost::asio::null_buffers>;

template <typename Protocol>
template <typename Buffers, typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_send(
    implementation_type& impl,
    const Buffers& buffers,
    socket_base::message_flags flags,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_send(impl, buffers, flags, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        use_reactor(impl);
        stock_.async_send(impl, buffers, flags, handler, asio_impl::plain(io_executor));
    }
    else {
        using request = send_request<Buffers>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = make_operation<request>(
            loop(),
            handler,
            io_executor,
            request::required_tail(buffers),
            impl.socket_,
            buffers,
            flags);
        ASIO_URING_HANDLER_CREATION(
            (this->context(), *op, "socket", &impl, impl.socket_, "async_send"));
        op->request().fill_tail(op->tail());
        op.connect(slot);
        const bool nothing =
            is_stream(impl) && all_empty<boost::asio::const_buffer>(buffers);
        start_transfer(impl, op, direction::write, nothing, is_continuation);
    }
}

template <typename Protocol>
template <typename Buffers, typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_receive(
    implementation_type& impl,
    const Buffers& buffers,
    socket_base::message_flags flags,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_receive(
            impl, buffers, flags, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        use_reactor(impl);
        stock_.async_receive(
            impl, buffers, flags, handler, asio_impl::plain(io_executor));
    }
    else {
        if ((flags & socket_base::message_out_of_band) != 0) {
            use_reactor(impl);
            stock_.async_receive(
                impl, buffers, flags, handler, asio_impl::plain(io_executor));
            return;
        }
        using request = receive_request<Buffers>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        const bool nothing =
            is_stream(impl) && all_empty<boost::asio::mutable_buffer>(buffers);
        auto op = make_operation<request>(
            loop(),
            handler,
            io_executor,
            request::required_tail(buffers),
            impl.socket_,
            is_stream(impl) && !nothing,
            buffers,
            flags);
        ASIO_URING_HANDLER_CREATION(
            (this->context(), *op, "socket", &impl, impl.socket_, "async_receive"));
        op->request().fill_tail(op->tail());
        op.connect(slot);
        start_transfer(impl, op, direction::read, nothing, is_continuation);
    }
}

template <typename Protocol>
template <typename Buffers, typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_receive_with_flags(
    implementation_type& impl,
    const Buffers& buffers,
    socket_base::message_flags in_flags,
    socket_base::message_flags& out_flags,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_receive_with_flags(
            impl, buffers, in_flags, out_flags, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        use_reactor(impl);
        stock_.async_receive_with_flags(
            impl, buffers, in_flags, out_flags, handler, asio_impl::plain(io_executor));
    }
    else {
        if ((in_flags & socket_base::message_out_of_band) != 0) {
            use_reactor(impl);
            stock_.async_receive_with_flags(
                impl,
                buffers,
                in_flags,
                out_flags,
                handler,
                asio_impl::plain(io_executor));
            return;
        }
        using request = receive_with_flags_request<Buffers>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = make_operation<request>(
            loop(),
            handler,
            io_executor,
            request::required_tail(buffers),
            impl.socket_,
            buffers,
            in_flags,
            out_flags);
        ASIO_URING_HANDLER_CREATION(
            (this->context(),
             *op,
             "socket",
             &impl,
             impl.socket_,
             "async_receive_with_flags"));
        op->request().fill_tail(op->tail());
        op.connect(slot);
        start_transfer(impl, op, direction::read, false, is_continuation);
    }
}

template <typename Protocol>
template <typename Buffers, typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_send_to(
    implementation_type& impl,
    const Buffers& buffers,
    const endpoint_type& destination,
    socket_base::message_flags flags,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_send_to(
            impl, buffers, destination, flags, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        use_reactor(impl);
        stock_.async_send_to(
            impl, buffers, destination, flags, handler, asio_impl::plain(io_executor));
    }
    else {
        using request = send_to_request<Buffers, endpoint_type>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = make_operation<request>(
            loop(),
            handler,
            io_executor,
            request::required_tail(buffers),
            impl.socket_,
            buffers,
            destination,
            flags);
        ASIO_URING_HANDLER_CREATION(
            (this->context(), *op, "socket", &impl, impl.socket_, "async_send_to"));
        op->request().fill_tail(op->tail());
        op.connect(slot);
        start_transfer(impl, op, direction::write, false, is_continuation);
    }
}

template <typename Protocol>
template <typename Buffers, typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_receive_from(
    implementation_type& impl,
    const Buffers& buffers,
    endpoint_type& sender,
    socket_base::message_flags flags,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_receive_from(
            impl, buffers, sender, flags, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        use_reactor(impl);
        stock_.async_receive_from(
            impl, buffers, sender, flags, handler, asio_impl::plain(io_executor));
    }
    else {
        if ((flags & socket_base::message_out_of_band) != 0) {
            use_reactor(impl);
            stock_.async_receive_from(
                impl, buffers, sender, flags, handler, asio_impl::plain(io_executor));
            return;
        }
        using request = receive_from_request<Buffers, endpoint_type>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = make_operation<request>(
            loop(),
            handler,
            io_executor,
            request::required_tail(buffers),
            impl.socket_,
            buffers,
            sender,
            flags);
        ASIO_URING_HANDLER_CREATION(
            (this->context(), *op, "socket", &impl, impl.socket_, "async_receive_from"));
        op->request().fill_tail(op->tail());
        op.connect(slot);
        start_transfer(impl, op, direction::read, false, is_continuation);
    }
}

template <typename Protocol>
template <typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_wait(
    implementation_type& impl,
    socket_base::wait_type w,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_wait(impl, w, handler, asio_impl::plain(io_executor));
        return;
    }
    if (w != socket_base::wait_read && w != socket_base::wait_write) {
        use_reactor(impl);
        stock_.async_wait(impl, w, handler, asio_impl::plain(io_executor));
        return;
    }
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    const std::uint32_t events = w == socket_base::wait_read ? POLLIN : POLLOUT;
    auto op = make_operation<wait_request>(
        loop(), handler, io_executor, 0, impl.socket_, events);
    ASIO_URING_HANDLER_CREATION(
        (this->context(), *op, "socket", &impl, impl.socket_, "async_wait"));
    op.connect(slot);
    start_transfer(impl, op, direction::none, false, is_continuation);
}

template <typename Protocol>
template <typename Socket, typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_accept(
    implementation_type& impl,
    Socket& peer,
    endpoint_type* peer_endpoint,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_accept(
            impl, peer, peer_endpoint, handler, asio_impl::plain(io_executor));
        return;
    }
    using request = accept_request<Protocol, Socket>;
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto op = make_operation<request>(
        loop(),
        handler,
        io_executor,
        0,
        impl.socket_,
        impl.protocol_,
        peer_endpoint,
        peer);
    ASIO_URING_HANDLER_CREATION(
        (this->context(), *op, "socket", &impl, impl.socket_, "async_accept"));
    if ((impl.state_ & asio_impl::socket_ops::enable_connection_aborted) == 0)
        op->retry_on_connection_aborted();
    op.connect(slot);
    if (op->request().peer_was_open())
        op.complete(-ECANCELED, is_continuation);
    else
        start_transfer(impl, op, direction::read, false, is_continuation);
}

template <typename Protocol>
template <typename PeerExecutor, typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_move_accept(
    implementation_type& impl,
    const PeerExecutor& peer_executor,
    endpoint_type* peer_endpoint,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_move_accept(
            impl, peer_executor, peer_endpoint, handler, asio_impl::plain(io_executor));
        return;
    }
    using request = move_accept_request<Protocol, PeerExecutor>;
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto op = make_operation<request>(
        loop(),
        handler,
        io_executor,
        0,
        impl.socket_,
        impl.protocol_,
        peer_endpoint,
        peer_executor);
    ASIO_URING_HANDLER_CREATION(
        (this->context(), *op, "socket", &impl, impl.socket_, "async_accept"));
    if ((impl.state_ & asio_impl::socket_ops::enable_connection_aborted) == 0)
        op->retry_on_connection_aborted();
    op.connect(slot);
    start_transfer(impl, op, direction::read, false, is_continuation);
}

template <typename Protocol>
template <typename Handler, typename IoExecutor>
void socket_service<Protocol>::async_connect(
    implementation_type& impl,
    const endpoint_type& peer,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_.async_connect(impl, peer, handler, asio_impl::plain(io_executor));
        return;
    }
    using request = connect_request<endpoint_type>;
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto op =
        make_operation<request>(loop(), handler, io_executor, 0, impl.socket_, peer);
    ASIO_URING_HANDLER_CREATION(
        (this->context(), *op, "socket", &impl, impl.socket_, "async_connect"));
    op->repeat_when_ready();
    op.connect(slot);
    start_transfer(impl, op, direction::write, false, is_continuation);
}

} // namespace asio_uring::detail
