// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what Asio's descriptor and pipe front ends call, on the ring.
// Reads, writes and waits for readiness are ring requests. Everything synchronous, waits
// for error conditions, and everything in a context without a ring, are Asio's own
// service's, which this one derives from.
// Thread: as Asio's descriptors: distinct objects safe, a shared object not.
// Lifetime: one per context. ring_object.hpp says the rest.
#pragma once

#include <asio_uring/detail/asio/descriptor_support.hpp>
#include <asio_uring/detail/object/open_file.hpp>
#include <asio_uring/detail/object/ring_object.hpp>
#include <asio_uring/detail/request/descriptor.hpp>

#include <boost/asio/error.hpp>

#include <cstdint>

#include <sys/stat.h>

namespace asio_uring::detail {

/// See ring_object.
class descriptor_facts
{
public:
    static constexpr const char* kind = "descriptor";

    descriptor_facts() = default;

    explicit descriptor_facts(::mode_t type) noexcept
        : readiness_(
              S_ISFIFO(type) || S_ISSOCK(type) ? readiness::told : readiness::unknown),
          has_position_(S_ISREG(type) || S_ISBLK(type)),
          write_way_(has_position_ ? attempt_way::plain : attempt_way::nowait)
    {}

    static descriptor_facts of(int descriptor) noexcept
    {
        struct ::stat info = {};
        ::fstat(descriptor, &info);
        return descriptor_facts(info.st_mode);
    }

    static bool is_stream(const asio_impl::descriptor_implementation&) noexcept
    {
        return true;
    }

    /// Reads and writes at one position take turns with each other.
    direction line_of(direction way) const noexcept
    {
        return has_position_ ? direction::read : way;
    }

    /// Asks the kernel once for a descriptor, and only if something waits for its
    /// readiness.
    bool can_wait(int descriptor) noexcept
    {
        if (readiness_ == readiness::unknown)
            readiness_ = tells_readiness(descriptor) ? readiness::told : readiness::never;
        return readiness_ != readiness::never;
    }

    /// How a transfer is attempted. A file is written within the initiating function, as
    /// Asio writes it: its order is that of the calls.
    attempt_way read_way() const noexcept { return read_way_; }
    attempt_way write_way() const noexcept { return write_way_; }

    template <typename Buffers>
    void learn(const read_request<Buffers>& request) noexcept
    {
        read_way_ = request.way();
    }

    template <typename Buffers>
    void learn(const write_request<Buffers>& request) noexcept
    {
        write_way_ = request.way();
    }

    /// The descriptor's mode may be another one from here.
    void forget_mode() noexcept
    {
        read_way_ = attempt_way::nowait;
        if (!has_position_)
            write_way_ = attempt_way::nowait;
    }

private:
    enum class readiness : std::uint8_t
    {
        unknown,
        told,
        never,
    };

    readiness readiness_ = readiness::unknown;
    bool has_position_ = false; // one for both directions
    attempt_way read_way_ = attempt_way::nowait;
    attempt_way write_way_ = attempt_way::nowait;
};

class descriptor_service
    : public ring_object<asio_impl::reactive_descriptor_service, descriptor_facts>
{
    using base = ring_object<asio_impl::reactive_descriptor_service, descriptor_facts>;
    using stock_service = asio_impl::reactive_descriptor_service;
    using error_code = boost::system::error_code;

public:
    using base::base;

    // The key of this service. The service that this one derives from has a key of its
    // own, and is never registered with the context.
    static inline asio_impl::service_id<descriptor_service> id;

    /// Take over a descriptor of another executor, with its pending operations.
    void converting_move_construct(
        implementation_type& impl, descriptor_service&, implementation_type& other)
    {
        move_construct(impl, other);
    }

    /// Take over a descriptor of Asio's own service.
    void converting_move_construct(
        implementation_type& impl,
        stock_service& other_service,
        asio_impl::descriptor_implementation& other)
    {
        request_owner* const owner = owner_for(asio_impl::descriptor_of(other));
        other_service.move_construct(stock(impl), other);
        take_over(impl, owner);
    }

    error_code assign(implementation_type& impl, int descriptor, error_code& ec)
    {
        if (!has_ring())
            return stock_service::assign(stock(impl), descriptor, ec);
        if (is_open(impl))
            return located(ec = boost::asio::error::already_open);
        if ((ec = enter_ring(impl, descriptor, descriptor_facts::of(descriptor))))
            return located(ec);
        asio_impl::descriptor_of(stock(impl)) = descriptor;
        asio_impl::state_of(stock(impl)) = asio_impl::descriptor_ops::possible_dup;
        return ec = error_code();
    }

    template <typename Buffers>
    std::size_t
    write_some(implementation_type& impl, const Buffers& buffers, error_code& ec)
    {
        return stock_service::write_some(stock(impl), buffers, ec);
    }

    template <typename Buffers>
    std::size_t
    read_some(implementation_type& impl, const Buffers& buffers, error_code& ec)
    {
        std::size_t bytes = 0;
        if (take_kept<read_request>(impl, ec, bytes, buffers, facts(impl).read_way()))
            return bytes;
        return stock_service::read_some(stock(impl), buffers, ec);
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_write_some(
        implementation_type& impl,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if (!start_some<write_request>(
                impl,
                {.way = direction::write,
                 .name = is_null_buffers<Buffers> ? "async_write_some(null_buffers)"
                                                  : "async_write_some"},
                buffers,
                handler,
                io_executor))
            stock_service::async_write_some(
                stock(impl), buffers, handler, asio_impl::plain(io_executor));
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_read_some(
        implementation_type& impl,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if (!start_some<read_request>(
                impl,
                {.way = direction::read,
                 .name = is_null_buffers<Buffers> ? "async_read_some(null_buffers)"
                                                  : "async_read_some"},
                buffers,
                handler,
                io_executor))
            stock_service::async_read_some(
                stock(impl), buffers, handler, asio_impl::plain(io_executor));
    }

private:
    // Starts the operation on the ring. Returns false where Asio's own service has to.
    template <
        template <typename>
        class Request,
        typename Buffers,
        typename Handler,
        typename IoExecutor>
    bool start_some(
        implementation_type& impl,
        const initiation& call,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if constexpr (is_null_buffers<Buffers>) {
            return start_null_buffers(impl, call, handler, io_executor);
        }
        else {
            if (!has_ring())
                return false;
            const attempt_way way = call.way == direction::read ? facts(impl).read_way()
                                                                : facts(impl).write_way();
            start<Request<Buffers>>(impl, call, handler, io_executor, buffers, way);
            return true;
        }
    }
};

} // namespace asio_uring::detail
