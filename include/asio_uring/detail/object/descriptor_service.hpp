// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what Asio's descriptor and pipe front ends call, on the ring.
// Reads, writes and waits for readiness are ring requests; everything synchronous, waits
// for error conditions, and everything in a context without a ring, are Asio's own
// service's, which this one derives from. Thread: as Asio's descriptors: distinct objects
// safe, a shared object not. Lifetime: one per context; an implementation's owner is
// given back when it is closed.
#pragma once

#include <asio_uring/detail/asio/descriptor_support.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/request/connection.hpp>
#include <asio_uring/detail/request/descriptor.hpp>
#include <asio_uring/detail/request/initiate.hpp>

#include <boost/asio/posix/descriptor_base.hpp>

#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/stat.h>

namespace asio_uring::detail {

/// Whether the kernel tells when a descriptor of this kind is ready. A regular file, for
/// one, never says so.
inline bool tells_readiness(int descriptor) noexcept
{
    const unique_fd set(::epoll_create1(EPOLL_CLOEXEC));
    ::epoll_event event{};
    return ::epoll_ctl(set.get(), EPOLL_CTL_ADD, descriptor, &event) == 0 ||
           errno != EPERM;
}

class descriptor_service : public asio_impl::reactive_descriptor_service
{
    using stock_service = asio_impl::reactive_descriptor_service;
    using stock_implementation = asio_impl::descriptor_implementation;
    using error_code = boost::system::error_code;
    using descriptor_base = boost::asio::posix::descriptor_base;

public:
    // The key of this service, apart from that of the one it derives from.
    static inline asio_impl::service_id<descriptor_service> id;

    class implementation_type
    {
    public:
        /// Where Asio's own service moves a descriptor out of here, it gets one that is
        /// its own: off the ring and registered with the reactor.
        operator stock_implementation&()
        {
            if (owner_ != nullptr)
                service_->leave_ring(*this);
            return stock_;
        }

    private:
        friend class descriptor_service;

        enum class readiness : std::uint8_t
        {
            unknown,
            told,
            never,
        };

        stock_implementation stock_; // its reactor data stays empty until needed
        request_owner* owner_ = nullptr;
        descriptor_service* service_ = nullptr;
        readiness readiness_ = readiness::unknown;
        bool has_position_ = false; // one for both directions
    };

    explicit descriptor_service(boost::asio::execution_context& context)
        : stock_service(behind_ring(context)),
          loop_(ring_of(context).find_loop()),
          reactor_(boost::asio::use_service<asio_impl::epoll_reactor>(context))
    {}

    // Life of an implementation

    void construct(implementation_type& impl)
    {
        stock_service::construct(impl.stock_);
        impl.service_ = this;
    }

    void move_construct(implementation_type& impl, implementation_type& other) noexcept
    {
        stock_service::move_construct(impl.stock_, other.stock_);
        take_values(impl, other);
    }

    void move_assign(
        implementation_type& impl,
        descriptor_service& other_service,
        implementation_type& other)
    {
        close_owner(impl);
        stock_service::move_assign(impl.stock_, other_service, other.stock_);
        take_values(impl, other);
    }

    /// Take over a descriptor of Asio's own service. Its pending operations end with
    /// operation_aborted.
    void converting_move_construct(
        implementation_type& impl,
        stock_service& other_service,
        stock_implementation& other)
    {
        impl.service_ = this;
        other_service.move_construct(impl.stock_, other);
        if (loop_ == nullptr || !is_open(impl))
            return;
        auto& data = asio_impl::reactor_data_of(impl.stock_);
        reactor_.deregister_descriptor(native_handle(impl), data, false);
        reactor_.cleanup_descriptor_data(data);
        struct ::stat info = {};
        ::fstat(native_handle(impl), &info);
        enter_ring(impl, native_handle(impl), info.st_mode);
    }

    void destroy(implementation_type& impl)
    {
        close_owner(impl);
        stock_service::destroy(impl.stock_);
    }

    error_code assign(implementation_type& impl, int descriptor, error_code& ec)
    {
        if (loop_ == nullptr)
            return stock_service::assign(impl.stock_, descriptor, ec);
        if (is_open(impl))
            return ec = boost::asio::error::already_open;
        // KERNEL: a closed number is refused here, as epoll_ctl does for Asio's own
        // service.
        struct ::stat info = {};
        if (::fstat(descriptor, &info) == -1)
            return ec = error_code(errno, boost::asio::error::get_system_category());
        enter_ring(impl, descriptor, info.st_mode);
        asio_impl::descriptor_of(impl.stock_) = descriptor;
        asio_impl::state_of(impl.stock_) = asio_impl::descriptor_ops::possible_dup;
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

    int release(implementation_type& impl)
    {
        catch_up(impl);
        close_owner(impl);
        return stock_service::release(impl.stock_);
    }

    int release(implementation_type& impl, error_code& ec)
    {
        catch_up(impl);
        close_owner(impl);
        return stock_service::release(impl.stock_, ec);
    }

    int native_handle(const implementation_type& impl) const
    {
        return stock_service::native_handle(impl.stock_);
    }

    error_code cancel(implementation_type& impl, error_code& ec)
    {
        catch_up(impl);
        stock_service::cancel(impl.stock_, ec);
        if (impl.owner_ != nullptr)
            loop_->cancel(*impl.owner_);
        return ec;
    }

    // Synchronous members: Asio's own

    template <typename Command>
    error_code io_control(implementation_type& impl, Command& command, error_code& ec)
    {
        return stock_service::io_control(impl.stock_, command, ec);
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

    error_code
    wait(implementation_type& impl, descriptor_base::wait_type w, error_code& ec)
    {
        catch_up(impl);
        return stock_service::wait(impl.stock_, w, ec);
    }

    template <typename Buffers>
    std::size_t
    write_some(implementation_type& impl, const Buffers& buffers, error_code& ec)
    {
        catch_up(impl);
        return stock_service::write_some(impl.stock_, buffers, ec);
    }

    template <typename Buffers>
    std::size_t
    read_some(implementation_type& impl, const Buffers& buffers, error_code& ec)
    {
        catch_up(impl);
        return stock_service::read_some(impl.stock_, buffers, ec);
    }

    // Asynchronous members; see impl/descriptor_service_async.hpp

    template <typename Handler, typename IoExecutor>
    void async_wait(
        implementation_type& impl,
        descriptor_base::wait_type w,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_write_some(
        implementation_type& impl,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Buffers, typename Handler, typename IoExecutor>
    void async_read_some(
        implementation_type& impl,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor);

private:
    static void
    take_values(implementation_type& impl, implementation_type& other) noexcept
    {
        impl.owner_ = std::exchange(other.owner_, nullptr);
        impl.service_ = other.service_;
        impl.readiness_ = other.readiness_;
        impl.has_position_ = other.has_position_;
    }

    // What was started before a synchronous call goes before it.
    void catch_up(implementation_type& impl)
    {
        if (impl.owner_ != nullptr)
            loop_->submit_writes(*impl.owner_);
    }

    void close_owner(implementation_type& impl)
    {
        if (impl.owner_ != nullptr)
            loop_->close_owner(*std::exchange(impl.owner_, nullptr));
    }

    void enter_ring(implementation_type& impl, int descriptor, ::mode_t kind)
    {
        using readiness = implementation_type::readiness;
        impl.owner_ = &loop_->open_owner(descriptor);
        impl.has_position_ = S_ISREG(kind) || S_ISBLK(kind);
        impl.readiness_ =
            S_ISFIFO(kind) || S_ISSOCK(kind) ? readiness::told : readiness::unknown;
    }

    void leave_ring(implementation_type& impl)
    {
        close_owner(impl);
        use_reactor(impl);
    }

    // Error conditions are the reactor's: the kernel's poll request answers them from the
    // wake-up instead of the descriptor.
    void use_reactor(implementation_type& impl)
    {
        auto& data = asio_impl::reactor_data_of(impl.stock_);
        if (data == nullptr && is_open(impl))
            reactor_.register_descriptor(native_handle(impl), data);
    }

    // Asked once for a descriptor, and only if something waits for its readiness.
    bool can_wait(implementation_type& impl) noexcept
    {
        using readiness = implementation_type::readiness;
        if (impl.readiness_ == readiness::unknown && is_open(impl))
            impl.readiness_ =
                tells_readiness(native_handle(impl)) ? readiness::told : readiness::never;
        return impl.readiness_ != readiness::never;
    }

    // Reads and writes at one position take turns with each other.
    static direction lane_of(const implementation_type& impl, direction way) noexcept
    {
        return impl.has_position_ ? direction::read : way;
    }

    template <typename Operation>
    void start(
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
            op.start(*impl.owner_, lane_of(impl, way));
    }

    template <typename Request, typename Buffers, typename Handler, typename IoExecutor>
    void start_transfer(
        implementation_type& impl,
        direction way,
        const char* name,
        bool nothing_to_do,
        const Buffers& buffers,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Handler, typename IoExecutor>
    bool wait_on_ring(
        implementation_type& impl,
        direction way,
        const char* name,
        Handler& handler,
        const IoExecutor& io_executor);

    template <typename Request, typename Handler, typename IoExecutor>
    void start_wait(
        implementation_type& impl,
        direction way,
        const char* name,
        Handler& handler,
        const IoExecutor& io_executor);

    event_loop* const loop_; // null: no ring, and no implementation has an owner
    asio_impl::epoll_reactor& reactor_;
};

} // namespace asio_uring::detail

#include <asio_uring/detail/object/impl/descriptor_service_async.hpp>
