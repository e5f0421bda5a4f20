// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: the initiating functions of socket_service. Each chooses the
// request, the direction it keeps order in, and what ends without a request. Thread: the
// initiating one. Lifetime: see socket_service.hpp.
#pragma once

#include <boost/asio/buffer.hpp>

#include <fcntl.h>
#include <poll.h>

namespace asio_uring::detail {

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
        stock_service::async_send(
            impl.stock_, buffers, flags, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        start_wait<null_buffers_request>(
            impl, direction::write, "async_send(null_buffers)", handler, io_executor);
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
            impl.stock_.socket_,
            buffers,
            flags);
        ASIO_URING_HANDLER_CREATION(
            (this->context(), *op, "socket", &impl, impl.stock_.socket_, "async_send"));
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
    if (loop_ == nullptr || (flags & socket_base::message_out_of_band) != 0) {
        use_reactor(impl);
        stock_service::async_receive(
            impl.stock_, buffers, flags, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        start_wait<null_buffers_request>(
            impl, direction::read, "async_receive(null_buffers)", handler, io_executor);
    }
    else {
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
            impl.stock_.socket_,
            buffers,
            flags,
            is_stream(impl) && !nothing);
        ASIO_URING_HANDLER_CREATION((
            this->context(), *op, "socket", &impl, impl.stock_.socket_, "async_receive"));
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
    if (loop_ == nullptr || (in_flags & socket_base::message_out_of_band) != 0) {
        use_reactor(impl);
        stock_service::async_receive_with_flags(
            impl.stock_,
            buffers,
            in_flags,
            out_flags,
            handler,
            asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        out_flags = 0;
        start_wait<null_buffers_request>(
            impl,
            direction::read,
            "async_receive_with_flags(null_buffers)",
            handler,
            io_executor);
    }
    else {
        using request = receive_with_flags_request<Buffers>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = make_operation<request>(
            loop(),
            handler,
            io_executor,
            request::required_tail(buffers),
            impl.stock_.socket_,
            buffers,
            in_flags,
            out_flags);
        ASIO_URING_HANDLER_CREATION(
            (this->context(),
             *op,
             "socket",
             &impl,
             impl.stock_.socket_,
             "async_receive_with_flags"));
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
        stock_service::async_send_to(
            impl.stock_,
            buffers,
            destination,
            flags,
            handler,
            asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        start_wait<null_buffers_request>(
            impl, direction::write, "async_send_to(null_buffers)", handler, io_executor);
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
            impl.stock_.socket_,
            buffers,
            destination,
            flags);
        ASIO_URING_HANDLER_CREATION((
            this->context(), *op, "socket", &impl, impl.stock_.socket_, "async_send_to"));
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
    if (loop_ == nullptr || (flags & socket_base::message_out_of_band) != 0) {
        use_reactor(impl);
        stock_service::async_receive_from(
            impl.stock_, buffers, sender, flags, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        sender = endpoint_type();
        start_wait<null_buffers_request>(
            impl,
            direction::read,
            "async_receive_from(null_buffers)",
            handler,
            io_executor);
    }
    else {
        using request = receive_from_request<Buffers, endpoint_type>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = make_operation<request>(
            loop(),
            handler,
            io_executor,
            request::required_tail(buffers),
            impl.stock_.socket_,
            buffers,
            sender,
            flags);
        ASIO_URING_HANDLER_CREATION(
            (this->context(),
             *op,
             "socket",
             &impl,
             impl.stock_.socket_,
             "async_receive_from"));
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
        stock_service::async_wait(impl.stock_, w, handler, asio_impl::plain(io_executor));
        return;
    }
    if (w != socket_base::wait_read && w != socket_base::wait_write) {
        use_reactor(impl);
        stock_service::async_wait(impl.stock_, w, handler, asio_impl::plain(io_executor));
        return;
    }
    start_wait<wait_request>(
        impl,
        w == socket_base::wait_read ? direction::read : direction::write,
        "async_wait",
        handler,
        io_executor);
}

template <typename Protocol>
template <typename Request, typename Handler, typename IoExecutor>
void socket_service<Protocol>::start_wait(
    implementation_type& impl,
    direction way,
    [[maybe_unused]] const char* name,
    Handler& handler,
    const IoExecutor& io_executor)
{
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto op = make_operation<Request>(
        loop(), handler, io_executor, 0, impl.stock_.socket_, way);
    ASIO_URING_HANDLER_CREATION(
        (this->context(), *op, "socket", &impl, impl.stock_.socket_, name));
    op->only_waits();
    op.connect(slot);
    start_transfer(impl, op, way, false, is_continuation);
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
        stock_service::async_accept(
            impl.stock_, peer, peer_endpoint, handler, asio_impl::plain(io_executor));
        return;
    }
    start_accept<accept_request<Protocol, Socket>>(
        impl, peer, peer_endpoint, handler, io_executor);
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
        stock_service::async_move_accept(
            impl.stock_,
            peer_executor,
            peer_endpoint,
            handler,
            asio_impl::plain(io_executor));
        return;
    }
    start_accept<move_accept_request<Protocol, PeerExecutor>>(
        impl, peer_executor, peer_endpoint, handler, io_executor);
}

template <typename Protocol>
template <typename Request, typename Target, typename Handler, typename IoExecutor>
void socket_service<Protocol>::start_accept(
    implementation_type& impl,
    Target& target,
    endpoint_type* peer_endpoint,
    Handler& handler,
    const IoExecutor& io_executor)
{
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto op = make_operation<Request>(
        loop(),
        handler,
        io_executor,
        0,
        impl.stock_.socket_,
        impl.stock_.protocol_,
        peer_endpoint,
        target);
    ASIO_URING_HANDLER_CREATION(
        (this->context(), *op, "socket", &impl, impl.stock_.socket_, "async_accept"));
    if ((impl.stock_.state_ & asio_impl::socket_ops::enable_connection_aborted) == 0)
        op->retry_on_connection_aborted();
    op.connect(slot);
    if (op->request().peer_was_open())
        op.complete(-ECANCELED, is_continuation);
    else
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
        stock_service::async_connect(
            impl.stock_, peer, handler, asio_impl::plain(io_executor));
        return;
    }
    using request = connect_request<endpoint_type>;
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto op = make_operation<request>(
        loop(), handler, io_executor, 0, impl.stock_.socket_, peer);
    ASIO_URING_HANDLER_CREATION(
        (this->context(), *op, "socket", &impl, impl.stock_.socket_, "async_connect"));
    op->repeat_when_ready();
    op.connect(slot);
    start_transfer(impl, op, direction::write, false, is_continuation);
}

} // namespace asio_uring::detail
