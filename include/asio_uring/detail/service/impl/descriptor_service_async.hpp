// Layer: service. Purpose: the initiating functions of descriptor_service. Thread: the
// initiating one. Lifetime: see descriptor_service.hpp.
#pragma once

#include <boost/asio/buffer.hpp>

namespace asio_uring::detail {

template <typename Handler, typename IoExecutor>
void descriptor_service::async_wait(
    implementation_type& impl,
    descriptor_base::wait_type w,
    Handler& handler,
    const IoExecutor& io_executor)
{
    const bool reads = w == descriptor_base::wait_read;
    if (loop_ != nullptr && (reads || w == descriptor_base::wait_write) && can_wait(impl))
    {
        start_wait<wait_request>(
            impl,
            reads ? direction::read : direction::write,
            "async_wait",
            handler,
            io_executor);
        return;
    }
    use_reactor(impl);
    stock_service::async_wait(impl.stock_, w, handler, asio_impl::plain(io_executor));
}

template <typename Buffers, typename Handler, typename IoExecutor>
void descriptor_service::async_write_some(
    implementation_type& impl,
    const Buffers& buffers,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_service::async_write_some(
            impl.stock_, buffers, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        if (can_wait(impl)) {
            start_wait<null_buffers_request>(
                impl,
                direction::write,
                "async_write_some(null_buffers)",
                handler,
                io_executor);
            return;
        }
        use_reactor(impl);
        stock_service::async_write_some(
            impl.stock_, buffers, handler, asio_impl::plain(io_executor));
    }
    else {
        using request = write_request<Buffers>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = make_operation<request>(
            *loop_,
            handler,
            io_executor,
            request::required_tail(buffers),
            native_handle(impl),
            buffers);
        ASIO_URING_HANDLER_CREATION(
            (context(),
             *op,
             "descriptor",
             &impl,
             native_handle(impl),
             "async_write_some"));
        op->request().fill_tail(op->tail());
        op.connect(slot);
        start(
            impl,
            op,
            direction::write,
            all_empty<boost::asio::const_buffer>(buffers),
            is_continuation);
    }
}

template <typename Buffers, typename Handler, typename IoExecutor>
void descriptor_service::async_read_some(
    implementation_type& impl,
    const Buffers& buffers,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr) {
        stock_service::async_read_some(
            impl.stock_, buffers, handler, asio_impl::plain(io_executor));
        return;
    }
    if constexpr (is_null_buffers<Buffers>) {
        if (can_wait(impl)) {
            start_wait<null_buffers_request>(
                impl,
                direction::read,
                "async_read_some(null_buffers)",
                handler,
                io_executor);
            return;
        }
        use_reactor(impl);
        stock_service::async_read_some(
            impl.stock_, buffers, handler, asio_impl::plain(io_executor));
    }
    else {
        using request = read_request<Buffers>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        const bool nothing = all_empty<boost::asio::mutable_buffer>(buffers);
        auto op = make_operation<request>(
            *loop_,
            handler,
            io_executor,
            request::required_tail(buffers),
            native_handle(impl),
            nothing,
            buffers);
        ASIO_URING_HANDLER_CREATION((
            context(), *op, "descriptor", &impl, native_handle(impl), "async_read_some"));
        op->request().fill_tail(op->tail());
        op.connect(slot);
        start(impl, op, direction::read, nothing, is_continuation);
    }
}

template <typename Request, typename Handler, typename IoExecutor>
void descriptor_service::start_wait(
    implementation_type& impl,
    direction way,
    [[maybe_unused]] const char* name,
    Handler& handler,
    const IoExecutor& io_executor)
{
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto op = make_operation<Request>(
        *loop_, handler, io_executor, 0, native_handle(impl), way);
    ASIO_URING_HANDLER_CREATION(
        (context(), *op, "descriptor", &impl, native_handle(impl), name));
    op->only_waits();
    op.connect(slot);
    start(impl, op, way, false, is_continuation);
}

} // namespace asio_uring::detail
