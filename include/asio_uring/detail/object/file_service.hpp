// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: the files of a context, in the vocabulary of Asio's front ends.
// The ring does their operations, and where there is none the workers of the context.
// Thread: as Asio's objects: distinct objects safe, a shared object not.
// Lifetime: one per context. ring_object.hpp says the rest.
//
// A random-access file has any number of operations in flight, which end in any order. A
// stream file has one position, so its operations take turns, but for one: async_resize()
// on a ring of a kernel that has no request for it.
#pragma once

#include <asio_uring/detail/context/fallback.hpp>
#include <asio_uring/detail/object/durable_writes.hpp>
#include <asio_uring/detail/object/plain_file_service.hpp>
#include <asio_uring/detail/object/ring_object.hpp>
#include <asio_uring/detail/request/durable_write.hpp>
#include <asio_uring/detail/request/file.hpp>
#include <asio_uring/op/file.hpp>
#include <asio_uring/ring/kernel_features.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include <fcntl.h>

namespace asio_uring::detail {

/// See ring_object.
class file_facts
{
public:
    static constexpr const char* kind = "file";

    static bool is_stream(const plain_file&) noexcept { return true; }

    /// An operation names its line itself.
    static direction line_of(direction way) noexcept { return way; }

    /// The line of all but syncs, which have one of their own.
    direction line() const noexcept
    {
        return is_stream_ ? direction::read : direction::none;
    }

    /// A call for one read costs less than an entry to the kernel for it, and more than
    /// its share of an entry with others. So the first read of each turn is tried, unless
    /// the last turn with reads had several of them. Past the page cache there is nothing
    /// to look at: the call would wait for the disk.
    bool looks_first(std::uint32_t turn) noexcept
    {
        if (is_direct_)
            return false;
        if (std::exchange(last_turn_, turn) == turn) {
            has_company_ = true;
            return false;
        }
        return !std::exchange(has_company_, false);
    }

    /// A descriptor is the file's from here, and what it was opened with.
    void open(int flags) noexcept
    {
        is_direct_ = (flags & O_DIRECT) != 0;
        appends_ = (flags & O_APPEND) != 0;
        durable_.reset();
    }

    bool is_direct() const noexcept { return is_direct_; }

    /// Whether a write goes to the end of the file, and may not be repeated.
    bool appends() const noexcept { return appends_; }

    durable_writes& durable() noexcept { return durable_; }

    bool is_stream() const noexcept { return is_stream_; }
    void set_is_stream(bool is_stream) noexcept { is_stream_ = is_stream; }

private:
    std::uint32_t last_turn_ = 0;
    bool has_company_ = false;
    bool is_stream_ = false;
    bool is_direct_ = false;
    bool appends_ = false;
    durable_writes durable_;
};

class file_service : public ring_object<plain_file_service, file_facts>
{
    using base = ring_object<plain_file_service, file_facts>;
    using stock_service = plain_file_service;
    using error_code = boost::system::error_code;

public:
    explicit file_service(boost::asio::execution_context& context)
        : base(context), names_(ring_of(context).find_buffer_names())
    {}

    // The service that this one derives from has a key of its own, and is never
    // registered with the context.
    static inline asio_impl::service_id<file_service> id;

    void set_is_stream(implementation_type& impl, bool is_stream)
    {
        facts(impl).set_is_stream(is_stream);
    }

    error_code
    open(implementation_type& impl, const char* path, int flags, error_code& ec)
    {
        if (is_open(impl))
            return located(ec = boost::asio::error::already_open);
        const int file = ::open(path, flags, 0777);
        return said(file, ec) ? ec : adopt(impl, file, ec);
    }

    /// Takes over a descriptor that was opened for the file, and closes it where it
    /// cannot.
    error_code adopt(implementation_type& impl, int file, error_code& ec)
    {
        if (assign(impl, file, ec))
            ::close(file);
        else
            advise(impl, file);
        return ec;
    }

    error_code assign(implementation_type& impl, int descriptor, error_code& ec)
    {
        if (is_open(impl))
            return located(ec = boost::asio::error::already_open);
        const int flags = ::fcntl(descriptor, F_GETFL);
        if (said(flags, ec))
            return ec;
        file_facts known = facts(impl);
        known.open(flags);
        if (!has_ring())
            facts(impl) = known;
        else if ((ec = enter_ring(impl, descriptor, known)))
            return located(ec);
        descriptor_of(stock(impl)) = descriptor;
        return ec;
    }

    int release(implementation_type& impl, error_code& ec)
    {
        ec = error_code();
        return base::release(impl);
    }

    // Synchronous members

    template <typename Buffers>
    std::size_t read_some_at(
        implementation_type& impl,
        std::uint64_t offset,
        const Buffers& buffers,
        error_code& ec)
    {
        return stock_service::read_some_at(stock(impl), offset, buffers, ec);
    }

    template <typename Buffers>
    std::size_t write_some_at(
        implementation_type& impl,
        std::uint64_t offset,
        const Buffers& buffers,
        error_code& ec)
    {
        const std::size_t bytes =
            stock_service::write_some_at(stock(impl), offset, buffers, ec);
        // A sync that ran meanwhile may have missed it.
        facts(impl).durable().note_change();
        return bytes;
    }

    template <typename Buffers>
    std::size_t
    read_some(implementation_type& impl, const Buffers& buffers, error_code& ec)
    {
        return stock_service::read_some(stock(impl), buffers, ec);
    }

    template <typename Buffers>
    std::size_t
    write_some(implementation_type& impl, const Buffers& buffers, error_code& ec)
    {
        return stock_service::write_some(stock(impl), buffers, ec);
    }

    std::uint64_t size(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::size(stock(impl), ec);
    }

    error_code resize(implementation_type& impl, std::uint64_t size, error_code& ec)
    {
        facts(impl).durable().note_change();
        return stock_service::resize(stock(impl), size, ec);
    }

    error_code sync_all(implementation_type& impl, error_code& ec)
    {
        return stock_service::sync_all(stock(impl), ec);
    }

    error_code sync_data(implementation_type& impl, error_code& ec)
    {
        return stock_service::sync_data(stock(impl), ec);
    }

    auto direct_alignment(const implementation_type& impl, error_code& ec) const
    {
        return stock_service::direct_alignment(stock(impl), ec);
    }

    std::uint64_t
    seek(implementation_type& impl, std::int64_t offset, int whence, error_code& ec)
    {
        return stock_service::seek(stock(impl), offset, whence, ec);
    }

    // Asynchronous members

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_read_some_at(
        implementation_type& impl,
        std::uint64_t offset,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor,
        std::uint32_t rw_flags = 0)
    {
        start_either<file_read<Buffers>>(
            impl,
            {.way = facts(impl).line(), .name = "async_read_some_at"},
            handler,
            io_executor,
            buffers,
            file_place{as_offset(offset), rw_flags},
            names_);
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_write_some_at(
        implementation_type& impl,
        std::uint64_t offset,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor,
        std::uint32_t rw_flags = 0)
    {
        facts(impl).durable().note_change();
        start_either<file_write<Buffers>>(
            impl,
            {.way = facts(impl).line(),
             .name = "async_write_some_at",
             .property = &ring_operation::note_write},
            handler,
            io_executor,
            buffers,
            file_place{as_offset(offset), rw_flags},
            names_);
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_read_some(
        implementation_type& impl,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        start_either<file_read<Buffers>>(
            impl,
            {.way = facts(impl).line(),
             .name = "async_read_some",
             .property = &ring_operation::tidy_up},
            handler,
            io_executor,
            buffers,
            file_place{.is_position = has_ring()},
            names_);
    }

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_write_some(
        implementation_type& impl,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        start_either<file_write<Buffers>>(
            impl,
            {.way = facts(impl).line(),
             .name = "async_write_some",
             .property = &ring_operation::note_write_and_tidy_up},
            handler,
            io_executor,
            buffers,
            file_place{.is_position = has_ring()},
            names_);
    }

    /// Syncs of one file share the kernel's work: those that wait while one is in flight
    /// are done by the next.
    template <typename Handler, typename IoExecutor>
    void async_sync(
        implementation_type& impl,
        bool whole,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        start_either<file_call<op::fsync>>(
            impl,
            {.way = direction::write,
             .name = whole ? "async_sync_all" : "async_sync_data",
             .property =
                 whole ? &ring_operation::share_whole_end : &ring_operation::share_end},
            handler,
            io_executor,
            op::fsync{.flags = whole ? 0 : abi::fsync_datasync});
    }

    /// A durable write of so many bytes begins. Its ticket says which way it goes. One
    /// request syncs its own bytes alone, so there may be no others. A worker syncs all.
    durable_writes::ticket begin_durable(implementation_type& impl, std::size_t size)
    {
        file_facts& known = facts(impl);
        const bool leaves_nothing = !has_ring() || !known.durable().has_changes();
        return known.durable().begin(size, leaves_nothing && !known.appends());
    }

    /// It ends, with the error of its sync or none.
    void end_durable(
        implementation_type& impl,
        const durable_writes::ticket& ticket,
        const error_code& ec,
        durable_writes::duration taken)
    {
        durable_writes& known = facts(impl).durable();
        if (ec)
            known.note_change();
        known.end(ticket, !ec, taken);
    }

    /// The sync of a durable write is about to begin. With no other write on its way, it
    /// covers all that was written.
    void note_whole_sync(implementation_type& impl)
    {
        durable_writes& known = facts(impl).durable();
        if (known.is_lone() && has_ring() && !has_writes(impl))
            known.forget_changes();
    }

    /// The write of a ticket that says so.
    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_write_at_once(
        implementation_type& impl,
        std::uint64_t offset,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        const initiation call{
            .way = direction::none,
            .name = "async_write_durable_at",
            .property = &ring_operation::note_write};
        if (has_ring())
            base::start<durable_request<Buffers>>(
                impl,
                call,
                handler,
                io_executor,
                buffers,
                as_offset(offset),
                names_,
                facts(impl).is_direct());
        else
            start_by_worker<durable_call<Buffers>>(
                impl, call, handler, io_executor, buffers, as_offset(offset));
    }

    /// KERNEL 6.9: the request. Before, and without a ring, a worker makes the call.
    /// On a ring before 6.9 that leaves the line of a stream file: the worker knows of
    /// no transfer on the ring, so they and the call may overtake each other.
    template <typename Handler, typename IoExecutor>
    void async_resize(
        implementation_type& impl,
        std::uint64_t size,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        facts(impl).durable().note_change();
        const initiation call{
            .way = facts(impl).line(),
            .name = "async_resize",
            .property = &ring_operation::note_write};
        const op::ftruncate operation{.size = size};
        if (has_ring() && may_resize())
            base::start<file_call<op::ftruncate>>(
                impl, call, handler, io_executor, operation);
        else
            start_by_worker<file_call<op::ftruncate>>(
                impl, call, handler, io_executor, operation);
    }

    template <typename Handler, typename IoExecutor>
    void async_allocate(
        implementation_type& impl,
        std::uint64_t offset,
        std::uint64_t size,
        int mode,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        facts(impl).durable().note_change();
        start_either<file_call<op::fallocate>>(
            impl,
            {.way = facts(impl).line(),
             .name = "async_allocate",
             .property = &ring_operation::note_write},
            handler,
            io_executor,
            op::fallocate{.mode = mode, .offset = offset, .size = size});
    }

    template <typename Handler, typename IoExecutor>
    void async_advise(
        implementation_type& impl,
        std::uint64_t offset,
        std::uint64_t size,
        int advice,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        start_either<file_call<op::fadvise>>(
            impl,
            {.way = facts(impl).line(), .name = "async_advise"},
            handler,
            io_executor,
            op::fadvise{.offset = offset, .size = size, .advice = advice});
    }

    /// The file is closed for the program at once; only the end of its descriptor takes
    /// its time. Nothing cancels that.
    template <typename Handler, typename IoExecutor>
    void async_close(
        implementation_type& impl, Handler& handler, const IoExecutor& io_executor)
    {
        const bool is_continuation = asio_impl::is_continuation(handler);
        const int descriptor = descriptor_of(stock(impl));
        if (has_ring()) {
            auto op =
                make_operation<file_close>(*ring(), handler, io_executor, descriptor);
            op->never_repeat();
            if (descriptor == -1)
                return op.complete(-EBADF, is_continuation);
            base::release(impl);
            return op.start();
        }
        using operation = handler_operation<file_close, Handler, IoExecutor>;
        unstarted_pool_operation<operation> op(
            pool(), operation::create(handler, io_executor, descriptor));
        if (descriptor == -1)
            return op.complete(-EBADF, io_executor, is_continuation);
        base::release(impl);
        op.start();
    }

private:
    static bool may_resize()
    {
        static const bool has_request =
            kernel_features::running().supports(abi::opcode::ftruncate);
        return has_request;
    }

    // What Asio's own service tells the kernel of a file that it opens.
    void advise(implementation_type& impl, int file) noexcept
    {
        ::posix_fadvise(
            file,
            0,
            0,
            facts(impl).is_stream() ? POSIX_FADV_SEQUENTIAL : POSIX_FADV_RANDOM);
    }

    template <typename Request, typename Handler, typename IoExecutor, typename... Args>
    void start_either(
        implementation_type& impl,
        const initiation& call,
        Handler& handler,
        const IoExecutor& io_executor,
        const Args&... args)
    {
        if (has_ring())
            base::start<Request>(impl, call, handler, io_executor, args...);
        else
            start_by_worker<Request>(impl, call, handler, io_executor, args...);
    }

    // The same operation, whose call a worker makes.
    template <typename Request, typename Handler, typename IoExecutor, typename... Args>
    void start_by_worker(
        implementation_type& impl,
        const initiation& call,
        Handler& handler,
        const IoExecutor& io_executor,
        const Args&... args)
    {
        using operation = handler_operation<Request, Handler, IoExecutor>;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        unstarted_pool_operation<operation> op(
            pool(),
            operation::create(handler, io_executor, descriptor_of(stock(impl)), args...));
        ASIO_URING_HANDLER_CREATION(
            (this->context(),
             *op,
             file_facts::kind,
             &impl,
             native_handle(impl),
             call.name));
        if (call.property != nullptr)
            ((*op).*call.property)();
        const auto complete = [&](int result) {
            if (slot.is_connected())
                slot.clear();
            op.complete(result, io_executor, is_continuation);
        };
        if constexpr (requires { Request::result_at_once; }) {
            if (op->request().completes_at_once(true))
                return complete(Request::result_at_once);
        }
        if (!is_open(impl))
            return complete(-EBADF);
        std::unique_ptr<pool_owner>& owner = pool_owner_of(stock(impl));
        if (owner == nullptr)
            owner = std::make_unique<pool_owner>();
        op.connect(slot);
        op.start(*owner, call.way);
    }

    // Null without a ring
    const buffer_names* const names_;
};

} // namespace asio_uring::detail
