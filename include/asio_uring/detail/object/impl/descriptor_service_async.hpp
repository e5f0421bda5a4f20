// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: the initiating functions of descriptor_service. Thread: the
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
    if constexpr (is_null_buffers<Buffers>) {
        if (wait_on_ring(
                impl,
                direction::write,
                "async_write_some(null_buffers)",
                handler,
                io_executor))
            return;
    }
    else if (loop_ != nullptr) {
        start_transfer<write_request<Buffers>>(
            impl,
            direction::write,
            "async_write_some",
            all_empty<boost::asio::const_buffer>(buffers),
            buffers,
            handler,
            io_executor);
        return;
    }
    stock_service::async_write_some(
        impl.stock_, buffers, handler, asio_impl::plain(io_executor));
}

template <typename Buffers, typename Handler, typename IoExecutor>
void descriptor_service::async_read_some(
    implementation_type& impl,
    const Buffers& buffers,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if constexpr (is_null_buffers<Buffers>) {
        if (wait_on_ring(
                impl,
                direction::read,
                "async_read_some(null_buffers)",
                handler,
                io_executor))
            return;
    }
    else if (loop_ != nullptr) {
        start_transfer<read_request<Buffers>>(
            impl,
            direction::read,
            "async_read_some",
            all_empty<boost::asio::mutable_buffer>(buffers),
            buffers,
            handler,
            io_executor);
        return;
    }
    stock_service::async_read_some(
        impl.stock_, buffers, handler, asio_impl::plain(io_executor));
}

template <typename Request, typename Buffers, typename Handler, typename IoExecutor>
void descriptor_service::start_transfer(
    implementation_type& impl,
    direction way,
    [[maybe_unused]] const char* name,
    bool nothing_to_do,
    const Buffers& buffers,
    Handler& handler,
    const IoExecutor& io_executor)
{
    const bool is_continuation = asio_impl::is_continuation(handler);
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto op = make_operation<Request>(
        *loop_,
        handler,
        io_executor,
        Request::required_tail(buffers),
        native_handle(impl),
        buffers,
        nothing_to_do);
    ASIO_URING_HANDLER_CREATION(
        (context(), *op, "descriptor", &impl, native_handle(impl), name));
    op.connect(slot);
    start(impl, op, way, nothing_to_do, is_continuation);
}

// Whether the ring does the waiting; else the descriptor is the reactor's to watch.
template <typename Handler, typename IoExecutor>
bool descriptor_service::wait_on_ring(
    implementation_type& impl,
    direction way,
    const char* name,
    Handler& handler,
    const IoExecutor& io_executor)
{
    if (loop_ == nullptr)
        return false;
    if (can_wait(impl)) {
        start_wait<null_buffers_request>(impl, way, name, handler, io_executor);
        return true;
    }
    use_reactor(impl);
    return false;
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
