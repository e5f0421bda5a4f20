// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what the services of all objects with a descriptor share: how
// an object comes onto the ring, moves, cancels and leaves, and how its operations start.
// A service adds what its kind of object can do.
// Thread: as Asio's objects: distinct objects safe, a shared object not.
// Lifetime: one service per context and kind of object. The loop owns an object's
// request_owner. The object holds it from the moment it enters the ring until it is
// closed, released, destroyed or moved from.
//
// A service derives from ring_object<Stock, Facts>, and a kind of operation is a request
// (see handler_operation) and an initiating function, which is one call of start().
//
// Stock is the service underneath. It keeps the descriptor and closes it. It does all
// that is synchronous, all that the reactor does better, and everything in a context
// without a ring. Sockets and descriptors have Asio's own service there. Asio has none
// for files, so a service of files brings a service of the same words:
// implementation_type, construct, move_construct, move_assign, destroy, is_open,
// native_handle, close, release and cancel, and a function
// descriptor_of(implementation_type&) beside it. Stock needs no others: a member of
// ring_object that reaches for more, such as async_wait, is compiled only where it is
// called.
//
// Facts is what the service knows of each object. A service of files says there that
// nobody waits for a file, and that operations with offsets of their own need no line.
#pragma once

#include <asio_uring/detail/asio/departure.hpp>
#include <asio_uring/detail/asio/descriptor_support.hpp>
#include <asio_uring/detail/asio/error_location.hpp>
#include <asio_uring/detail/asio/socket_support.hpp>
#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/object/open_file.hpp>
#include <asio_uring/detail/request/buffers.hpp>
#include <asio_uring/detail/request/connection.hpp>
#include <asio_uring/detail/request/initiate.hpp>
#include <asio_uring/detail/request/transfer.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <new>
#include <utility>

namespace asio_uring::detail {

/// What an initiating function says of its operation.
struct initiation
{
    direction way;

    /// For Asio's handler tracking.
    const char* name;

    /// Where it is not null, what the loop is told of the operation.
    void (ring_operation::*property)() noexcept = nullptr;
};

/// The base of a service. It derives from the service underneath, because an object that
/// leaves the ring keeps a pointer to that; see implementation_type.
///
/// Facts is a small class with these members:
///
///   static constexpr const char* kind
///       The name of this kind of object in Asio's handler tracking.
///   static Facts of(int descriptor) noexcept
///       What becomes known of a descriptor that enters the ring.
///   static bool is_stream(const Stock::implementation_type&) noexcept
///       Whether a transfer of no bytes has nothing to do.
///   direction line_of(direction) const noexcept
///       The line in which operations of a direction keep their order.
///   bool can_wait(int descriptor) noexcept
///       Whether the kernel tells when the descriptor is ready.
///
/// and, where there may be listeners among the objects, a member
///
///   static bool listens(int descriptor) noexcept
///
/// and, where the reactor does receives as well, of a program that expects urgent data or
/// in a context whose threads take turns, a member
///
///   static constexpr bool reactor_may_receive
///
/// and, where a request that is no transfer may be done by a call, a member
///
///   bool looks_first(std::uint32_t turn) noexcept
///       Whether one that starts before that turn of the loop is to be tried.
///
/// and, where the requests learn something of the descriptor, a member
///
///   void learn(const Request&) noexcept
///       Called when a transfer was attempted.
template <typename Stock, typename Facts>
class ring_object : public Stock
{
    using stock_implementation = typename Stock::implementation_type;
    using error_code = boost::system::error_code;

public:
    class implementation_type
    {
    public:
        using stock_implementation = typename Stock::implementation_type;

        /// The service underneath moves an object out of here. It gets an object of its
        /// own kind: off the ring and registered with the reactor.
        stock_implementation& leave_ring()
        {
            if (owner_ != nullptr)
                service_->leave_ring(*this);
            return stock_;
        }

        /// The same, where the program did not ask for it.
        template <std::same_as<stock_implementation> Target>
        operator Target&()
        {
            asio_impl::refuse_to_leave<Target>();
            return leave_ring();
        }

    private:
        template <typename Stock1, typename Facts1>
        friend class ring_object;

        // Its reactor data stays empty until needed.
        stock_implementation stock_;
        request_owner* owner_ = nullptr;
        ring_object* service_ = nullptr;
        [[no_unique_address]] Facts facts_;
    };

    explicit ring_object(boost::asio::execution_context& context)
        : Stock(behind_ring(context)),
          loop_(ring_of(context).find_loop()),
          reactor_(boost::asio::use_service<asio_impl::epoll_reactor>(context))
    {}

    // Life of an implementation

    void construct(implementation_type& impl)
    {
        Stock::construct(impl.stock_);
        impl.service_ = this;
    }

    void move_construct(implementation_type& impl, implementation_type& other) noexcept
    {
        Stock::move_construct(impl.stock_, other.stock_);
        take_values(impl, *this, other);
    }

    void move_assign(
        implementation_type& impl, ring_object& other_service, implementation_type& other)
    {
        close_owner(impl);
        Stock::move_assign(impl.stock_, other_service, other.stock_);
        take_values(impl, other_service, other);
    }

    /// Take over an object of another protocol, with its pending operations.
    template <typename Stock1>
    void converting_move_construct(
        implementation_type& impl,
        ring_object<Stock1, Facts>& other_service,
        typename ring_object<Stock1, Facts>::implementation_type& other)
    {
        Stock::converting_move_construct(impl.stock_, other_service, other.stock_);
        take_values(impl, *this, other);
    }

    void destroy(implementation_type& impl)
    {
        close_owner(impl);
        Stock::destroy(impl.stock_);
    }

    bool is_open(const implementation_type& impl) const
    {
        return Stock::is_open(impl.stock_);
    }

    auto native_handle(implementation_type& impl)
    {
        return Stock::native_handle(impl.stock_);
    }

    /// Invariant 5: the ring lets go of the descriptor before its number is free.
    error_code close(implementation_type& impl, error_code& ec)
    {
        close_owner(impl);
        return Stock::close(impl.stock_, ec);
    }

    /// What cancelled reads had brought goes to the object of this context that gets the
    /// descriptor next; any other owner of the descriptor does not see it. Takes an error
    /// only in the releases of Boost whose release() has one.
    template <typename... Error>
    auto release(implementation_type& impl, Error&... error)
    {
        give_away(impl);
        return Stock::release(impl.stock_, error...);
    }

    error_code cancel(implementation_type& impl, error_code& ec)
    {
        catch_up(impl);
        if (impl.owner_ != nullptr)
            loop_->cancel(*impl.owner_);
        return Stock::cancel(impl.stock_, ec);
    }

    // Synchronous members: those of the service underneath

    template <typename Command>
    error_code io_control(implementation_type& impl, Command& command, error_code& ec)
    {
        return Stock::io_control(impl.stock_, command, ec);
    }

    bool non_blocking(const implementation_type& impl) const
    {
        return Stock::non_blocking(impl.stock_);
    }

    error_code non_blocking(implementation_type& impl, bool mode, error_code& ec)
    {
        forget_mode(impl);
        return Stock::non_blocking(impl.stock_, mode, ec);
    }

    bool native_non_blocking(const implementation_type& impl) const
    {
        return Stock::native_non_blocking(impl.stock_);
    }

    error_code native_non_blocking(implementation_type& impl, bool mode, error_code& ec)
    {
        forget_mode(impl);
        return Stock::native_non_blocking(impl.stock_, mode, ec);
    }

    template <typename WaitType>
    error_code wait(implementation_type& impl, WaitType w, error_code& ec)
    {
        catch_up(impl);
        if (w == WaitType::wait_read && kept_size(impl) != 0) {
            ec = error_code();
            return ec;
        }
        return Stock::wait(impl.stock_, w, ec);
    }

    // Waits for readiness

    template <typename WaitType, typename Handler, typename IoExecutor>
    void async_wait(
        implementation_type& impl,
        WaitType w,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        const bool reads = w == WaitType::wait_read;
        if ((reads || w == WaitType::wait_write) && ring_waits_for(impl))
            return start_wait<wait_request>(
                impl,
                {.way = reads ? direction::read : direction::write, .name = "async_wait"},
                handler,
                io_executor);
        expect_urgent_data(impl);
        Stock::async_wait(impl.stock_, w, handler, asio_impl::plain(io_executor));
    }

protected:
    static stock_implementation& stock(implementation_type& impl) noexcept
    {
        return impl.stock_;
    }

    static const stock_implementation& stock(const implementation_type& impl) noexcept
    {
        return impl.stock_;
    }

    static Facts& facts(implementation_type& impl) noexcept { return impl.facts_; }

    /// The error of a synchronous member, or none, and where it was made.
    static error_code located(error_code& ec)
    {
        if (ec)
            ASIO_URING_ERROR_LOCATION(ec);
        return ec;
    }

    /// Without a ring no object has an owner, and the service underneath does all.
    bool has_ring() const noexcept { return loop_ != nullptr; }

    /// The loop of the context's ring, or null.
    event_loop* ring() const noexcept { return loop_; }

    /// The descriptor is about to become the object's. Refuses what epoll_ctl refuses for
    /// Asio's own service: one that is closed, and one that another object has.
    /// REQUIRES: has_ring().
    error_code enter_ring(implementation_type& impl, int descriptor, const Facts& facts)
    {
        error_code ec;
        impl.owner_ = owner_for(descriptor, ec);
        impl.facts_ = facts;
        return ec;
    }

    /// The owner of a descriptor that is to be moved in from the service underneath, null
    /// where there is none. Throws where another object has the descriptor; nothing has
    /// moved then.
    request_owner* owner_for(int descriptor)
    {
        error_code ec;
        request_owner* const owner =
            has_ring() && descriptor >= 0 ? owner_for(descriptor, ec) : nullptr;
        if (ec)
            throw boost::system::system_error(ec, "asio_uring: moving an object in");
        return owner;
    }

    /// Takes over an object that was just moved in from the service underneath. The
    /// object's pending operations end with operation_aborted.
    void take_over(implementation_type& impl, request_owner* owner)
    {
        impl.service_ = this;
        if (owner == nullptr)
            return;
        const int descriptor = native_handle(impl);
        auto& data = asio_impl::reactor_data_of(impl.stock_);
        reactor_.deregister_descriptor(descriptor, data, false);
        reactor_.cleanup_descriptor_data(data);
        impl.owner_ = owner;
        impl.facts_ = Facts::of(descriptor);
    }

    /// Whether a request that writes is on its way.
    bool has_writes(const implementation_type& impl) const
    {
        return impl.owner_ != nullptr && loop_->has_writes(*impl.owner_);
    }

    /// Carries out what was written before a synchronous call.
    void catch_up(implementation_type& impl) noexcept
    {
        if (impl.owner_ != nullptr)
            loop_->submit_writes(*impl.owner_);
    }

    /// Whether the reactor has the object, and the ring nothing of a read of it.
    bool reactor_reads(implementation_type& impl)
    {
        if constexpr (requires { Facts::reactor_may_receive; }) {
            if (loop_->is_crowded()) [[unlikely]]
                use_reactor(impl);
        }
        return asio_impl::reactor_data_of(impl.stock_) != nullptr && !may_have_kept(impl);
    }

    /// Whether a read of the ring is on its way, or left something behind.
    bool may_have_kept(const implementation_type& impl) const noexcept
    {
        return impl.owner_ != nullptr && (!impl.owner_->line(direction::read).is_free() ||
                                          impl.owner_->kept != nullptr);
    }

    /// The bytes that cancelled reads had brought: a synchronous read takes them first.
    std::size_t kept_size(const implementation_type& impl) const noexcept
    {
        return may_have_kept(impl) ? loop_->kept_size(*impl.owner_) : 0;
    }

    /// Such a read: what a Request of the descriptor, buffers and args would take.
    /// Returns whether it is done, with its result in `ec` and `bytes`.
    template <template <typename> class Request, typename Buffers, typename... Args>
    bool take_kept(
        implementation_type& impl,
        error_code& ec,
        std::size_t& bytes,
        const Buffers& buffers,
        Args... args)
    {
        using asio_impl::descriptor_of;
        if constexpr (is_null_buffers<Buffers>) {
            bytes = 0;
            ec = error_code();
            return kept_size(impl) != 0;
        }
        else {
            if (!may_have_kept(impl))
                return false;
            Request<Buffers> request(descriptor_of(impl.stock_), buffers, args...);
            if (request.completes_at_once(true))
                return false;
            const int result = loop_->take_kept(
                *impl.owner_, [&](kept_input& kept) { return request.serve(kept); });
            if (result == -EAGAIN)
                return false;
            ec = result < 0 ? to_error_code(result, false) : error_code();
            bytes = result < 0 ? 0 : static_cast<std::size_t>(result);
            return true;
        }
    }

    /// Registers the object with the reactor as well, which does some operations: waits
    /// for out-of-band data and for an error condition, because the kernel's poll request
    /// answers such a wait from the wake-up instead of the descriptor, and waits for what
    /// no poll can tell. A descriptor that the reactor refuses has no reactor data, which
    /// its operations report.
    void use_reactor(implementation_type& impl)
    {
        auto& data = asio_impl::reactor_data_of(impl.stock_);
        if (data == nullptr && is_open(impl))
            reactor_.register_descriptor(native_handle(impl), data);
    }

    /// The same for a program that shows an interest in urgent data, which a pending read
    /// must leave alone.
    void expect_urgent_data(implementation_type& impl)
    {
        use_reactor(impl);
        if constexpr (requires { Facts::reactor_may_receive; }) {
            if (impl.owner_ != nullptr)
                loop_->read_by_readiness(*impl.owner_);
        }
    }

    /// Whether the object listens. What does is not asked again.
    bool is_listener(implementation_type& impl)
    {
        if (impl.owner_ == nullptr)
            return false;
        known_listening& known = impl.owner_->listens;
        if (known != known_listening::yes)
            known = Facts::listens(native_handle(impl)) ? known_listening::yes
                                                        : known_listening::no;
        return known == known_listening::yes;
    }

    /// The body of every initiating function that needs the ring: makes a Request of the
    /// descriptor and args, joins it to the handler, and starts it. A transfer that can
    /// be done at once is over when this returns. REQUIRES: has_ring().
    template <typename Request, typename Handler, typename IoExecutor, typename... Args>
    [[gnu::always_inline]] void start(
        implementation_type& impl,
        const initiation& call,
        Handler& handler,
        const IoExecutor& io_executor,
        Args&&... args)
    {
        using asio_impl::descriptor_of;
        const bool is_continuation = asio_impl::is_continuation(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto op = make_operation<Request>(
            *loop_,
            handler,
            io_executor,
            descriptor_of(impl.stock_),
            std::forward<Args>(args)...);
        ASIO_URING_HANDLER_CREATION(
            (this->context(), *op, Facts::kind, &impl, native_handle(impl), call.name));
        if (call.property != nullptr)
            ((*op).*call.property)();
        // What the slot still holds of an operation before it must not outlive this call.
        const auto complete = [&](int result) {
            if (slot.is_connected())
                slot.clear();
            op.complete(result, is_continuation);
        };
        if constexpr (requires { Request::result_at_once; }) {
            if (op->request().completes_at_once(Facts::is_stream(impl.stock_)))
                return complete(Request::result_at_once);
        }
        if (!is_open(impl))
            return complete(-EBADF);
        const direction line = impl.facts_.line_of(call.way);
        if constexpr (batched_request<Request>) {
            if (loop_->batches_writes() && is_next(impl, line)) {
                op->go_with_turn();
                return begin(op, slot, *impl.owner_, line);
            }
        }
        if constexpr (transfer_request<Request>) {
            const int result = try_first(impl, call.way, line, *op);
            if (result != -EAGAIN) {
                if (loop_->objects().on()) [[unlikely]]
                    loop_->objects().add_at_once(*impl.owner_);
                return complete(result);
            }
            const bool by_call = op->request().goes_by_call() ||
                                 (call.way == direction::read &&
                                  loop_->reads_by_readiness() && can_try(op->request()));
            if (by_call)
                op->go_by_call();
            begin(op, slot, *impl.owner_, line);
            // What no call could try, the kernel tries at once.
            if (!by_call && call.way == direction::write)
                loop_->submit();
        }
        else {
            if constexpr (requires { op->request().look(); }) {
                const int result = look_first(impl, line, op->request());
                if (result != -EAGAIN) {
                    if (loop_->objects().on()) [[unlikely]]
                        loop_->objects().add_at_once(*impl.owner_);
                    return complete(result);
                }
            }
            begin(op, slot, *impl.owner_, line);
        }
    }

    /// A transfer of null_buffers only waits. Returns false where the ring cannot do that
    /// and the service underneath has to.
    template <typename Handler, typename IoExecutor>
    bool start_null_buffers(
        implementation_type& impl,
        const initiation& call,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        if (!ring_waits_for(impl)) {
            use_reactor(impl);
            return false;
        }
        start_wait<null_buffers_request>(impl, call, handler, io_executor);
        return true;
    }

private:
    // Whether nothing stands in line. Of several writes started in one turn, each carries
    // out the one before it.
    bool is_next(implementation_type& impl, direction line) noexcept
    {
        catch_up(impl);
        return impl.owner_->line(line).is_free();
    }

    template <typename Pending, typename Slot>
    [[gnu::always_inline]] void
    begin(Pending& op, Slot& slot, request_owner& owner, direction line)
    {
        if constexpr (requires { op->request().keep_iovecs(); })
            op->request().keep_iovecs();
        op.connect(slot);
        if (loop_->objects().on()) [[unlikely]]
            loop_->objects().add_waited(owner);
        op.start(owner, line);
    }

    // Whether there is a call for the transfer that never waits.
    template <typename Request>
    static bool can_try(const Request& request) noexcept
    {
        if constexpr (requires { request.way(); })
            return request.way() != attempt_way::none;
        else
            return true;
    }

    // What stands in line is not overtaken. Returns the result, or -EAGAIN where the
    // kernel's request has to do it.
    template <typename Request>
    int look_first(implementation_type& impl, direction line, Request& request) noexcept
    {
        if (line != direction::none && !impl.owner_->line(line).is_free())
            return -EAGAIN;
        return impl.facts_.looks_first(loop_->turn_number()) ? request.look() : -EAGAIN;
    }

    // Behind a transfer that waits nothing is tried. A read that left nothing behind left
    // nothing to try. Returns the result, or -EAGAIN where the operation has to wait.
    template <typename Operation>
    int try_first(implementation_type& impl, direction way, direction line, Operation& op)
    {
        request_owner& owner = *impl.owner_;
        if (!owner.line(line).is_free())
            return -EAGAIN;
        if (way == direction::read && owner.kept != nullptr) [[unlikely]] {
            const int result = loop_->serve_now(owner, op);
            if (result != -EAGAIN)
                return result;
        }
        auto& request = op.request();
        if constexpr (requires { request.tries_first; })
            return -EAGAIN;
        if (way == direction::read &&
            !owner.may_have_more.load(std::memory_order_relaxed))
            return -EAGAIN;
        const int result = request.attempt();
        if constexpr (requires { impl.facts_.learn(request); })
            impl.facts_.learn(request);
        if (result != -EAGAIN)
            op.set_result(result);
        if constexpr (requires { request.may_have_more(op); })
            owner.may_have_more.store(
                result != -EAGAIN && request.may_have_more(op),
                std::memory_order_relaxed);
        return result;
    }

    static void forget_mode(implementation_type& impl) noexcept
    {
        if constexpr (requires { impl.facts_.forget_mode(); })
            impl.facts_.forget_mode();
    }

    request_owner* owner_for(int descriptor, error_code& ec)
    {
        const std::int64_t file = name_of_file(descriptor);
        request_owner* owner = nullptr;
        ec.assign(file > 0 ? EEXIST : errno, boost::system::system_category());
        try {
            if (file == 0)
                owner = &loop_->open_owner(descriptor);
            else if (file > 0)
                owner = loop_->open_owner(descriptor, static_cast<std::uint64_t>(file));
        }
        catch (const std::bad_alloc&) {
            // An accepted connection is a handler's, which learns of it.
            ec = boost::asio::error::no_memory;
        }
        if (owner != nullptr)
            ec = error_code();
        return owner;
    }

    template <typename Implementation>
    static void take_values(
        implementation_type& impl, ring_object& service, Implementation& other) noexcept
    {
        impl.owner_ = std::exchange(other.owner_, nullptr);
        impl.service_ = &service;
        impl.facts_ = other.facts_;
    }

    void close_owner(implementation_type& impl)
    {
        catch_up(impl);
        if (impl.owner_ != nullptr)
            loop_->close_owner(*std::exchange(impl.owner_, nullptr));
    }

    void give_away(implementation_type& impl)
    {
        catch_up(impl);
        if (impl.owner_ != nullptr)
            loop_->park(*impl.owner_);
        close_owner(impl);
    }

    void leave_ring(implementation_type& impl)
    {
        give_away(impl);
        use_reactor(impl);
    }

    // A listener that was assigned. The kernel is asked once for an object, and only if
    // something waits for its readiness.
    void give_listener_to_reactor(implementation_type& impl)
    {
        if constexpr (requires { Facts::listens(0); }) {
            if (impl.owner_ != nullptr &&
                impl.owner_->listens == known_listening::unasked && is_listener(impl))
                use_reactor(impl);
        }
    }

    // An object that is not open is the ring's as well: start() reports it. What the
    // reactor has waits there, in one line with the operations that it does.
    bool ring_waits_for(implementation_type& impl)
    {
        if (!has_ring())
            return false;
        give_listener_to_reactor(impl);
        if (reactor_reads(impl))
            return false;
        return !is_open(impl) || impl.facts_.can_wait(native_handle(impl));
    }

    template <typename Request, typename Handler, typename IoExecutor>
    void start_wait(
        implementation_type& impl,
        initiation call,
        Handler& handler,
        const IoExecutor& io_executor)
    {
        call.property = &ring_operation::only_waits;
        start<Request>(impl, call, handler, io_executor, call.way);
    }

    // Null: no ring, and no implementation has an owner
    event_loop* const loop_;
    asio_impl::epoll_reactor& reactor_;
};

} // namespace asio_uring::detail
