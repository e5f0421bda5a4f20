// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: what stream files and random-access files share.
// Thread: as Asio's objects: distinct objects safe, a shared object not.
// Lifetime: the context outlives the file. Destroying a file cancels its operations.
#pragma once

#include <asio_uring/aligned_buffer.hpp>
#include <asio_uring/detail/asio/io_object.hpp>
#include <asio_uring/detail/object/file_initiation.hpp>
#include <asio_uring/detail/object/file_service.hpp>
#include <asio_uring/executor.hpp>
#include <asio_uring/file_base.hpp>
#include <asio_uring/op/file.hpp>
#include <asio_uring/op/nop.hpp>
#include <asio_uring/submit.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace asio_uring {

namespace detail {

/// The steps of basic_file::async_open(). A descriptor of which nobody hears is closed.
template <typename File>
class open_file_operation
{
public:
    open_file_operation(File& file, std::string path, int flags)
        : file_(&file),
          path_(std::make_unique<std::string>(std::move(path))),
          flags_(flags)
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        self.reset_cancellation_state(boost::asio::enable_total_cancellation());
        auto io_executor = file_->get_executor();
        const char* const path = path_->c_str();
        // What is open stays untouched, and no handler is called from here.
        refused_ = file_->is_open();
        if (refused_)
            return async_submit(io_executor, op::nop{}, std::move(self));
        async_submit(
            io_executor,
            op::openat{.path = path, .flags = flags_, .mode = 0777},
            std::move(self));
    }

    template <typename Self>
    void operator()(Self& self, boost::system::error_code ec, int descriptor)
    {
        if (refused_)
            ec = boost::asio::error::already_open;
        else if (!ec)
            file_->service().adopt(file_->implementation(), descriptor, ec);
        self.complete(ec);
    }

private:
    File* file_;
    // At one address while the operation moves
    std::unique_ptr<std::string> path_;
    int flags_;
    bool refused_ = false;
};

} // namespace detail

/// The interface of Asio's basic_file, for any executor of a context on the ring.
/**
 * A member without an error_code& throws boost::system::system_error.
 *
 * @par Without a ring
 * At most four threads that belong to the context make the calls of the asynchronous
 * operations. close(), async_close(), release() and the destructor then wait for the
 * calls that these threads are making on the file.
 */
template <typename Executor = any_io_executor>
class basic_file : public file_base
{
    using error_code = boost::system::error_code;
    using service_type = detail::file_service;

    template <typename Context>
    static constexpr bool is_context =
        std::convertible_to<Context&, boost::asio::execution_context&>;

public:
    using executor_type = Executor;

    /// The same kind of file for another executor.
    template <typename Executor1>
    struct rebind_executor
    {
        using other = basic_file<Executor1>;
    };

    using native_handle_type = service_type::native_handle_type;

    /// A file that is not open.
    explicit basic_file(const executor_type& io_executor) : impl_(0, io_executor) {}

    template <typename Context>
    requires is_context<Context>
    explicit basic_file(Context& context) : impl_(0, 0, context) {}

    /// Opens a file; see open().
    basic_file(
        const executor_type& io_executor, const char* path, file_base::flags open_flags)
        : impl_(0, io_executor)
    {
        open(path, open_flags);
    }

    template <typename Context>
    requires is_context<Context>
    basic_file(Context& context, const char* path, file_base::flags open_flags)
        : impl_(0, 0, context)
    {
        open(path, open_flags);
    }

    basic_file(
        const executor_type& io_executor,
        const std::string& path,
        file_base::flags open_flags)
        : basic_file(io_executor, path.c_str(), open_flags)
    {}

    template <typename Context>
    requires is_context<Context>
    basic_file(Context& context, const std::string& path, file_base::flags open_flags)
        : basic_file(context, path.c_str(), open_flags)
    {}

    /// Takes an open descriptor over; see assign().
    basic_file(const executor_type& io_executor, const native_handle_type& native_file)
        : impl_(0, io_executor)
    {
        assign(native_file);
    }

    template <typename Context>
    requires is_context<Context>
    basic_file(Context& context, const native_handle_type& native_file)
        : impl_(0, 0, context)
    {
        assign(native_file);
    }

    /// Takes over a file with its pending operations. The other one is as if made from
    /// its executor alone.
    basic_file(basic_file&& other) noexcept : impl_(std::move(other.impl_)) {}

    /// Closes the file, and takes the other one over in the same way.
    basic_file& operator=(basic_file&& other)
    {
        impl_ = std::move(other.impl_);
        return *this;
    }

    /// Takes over a file of another executor type.
    template <typename Executor1>
    requires std::convertible_to<Executor1, Executor>
    basic_file(basic_file<Executor1>&& other) : impl_(std::move(other.impl_))
    {}

    template <typename Executor1>
    requires std::convertible_to<Executor1, Executor> basic_file&
    operator=(basic_file<Executor1>&& other)
    {
        basic_file taken(std::move(other));
        impl_ = std::move(taken.impl_);
        return *this;
    }

    basic_file(const basic_file&) = delete;
    basic_file& operator=(const basic_file&) = delete;

    const executor_type& get_executor() noexcept { return impl_.get_executor(); }

    /// Opens a file with the mode bits 0777 for one that it creates, less the process's
    /// umask. The call waits for the file system.
    void open(const char* path, file_base::flags open_flags)
    {
        error_code ec;
        open(path, open_flags, ec);
        detail::throw_if(ec, "open");
    }

    error_code open(const char* path, file_base::flags open_flags, error_code& ec)
    {
        return service().open(implementation(), path, open_flags, ec);
    }

    void open(const std::string& path, file_base::flags open_flags)
    {
        open(path.c_str(), open_flags);
    }

    error_code open(const std::string& path, file_base::flags open_flags, error_code& ec)
    {
        return open(path.c_str(), open_flags, ec);
    }

    /// Takes an open descriptor over, which the file then closes.
    void assign(const native_handle_type& native_file)
    {
        error_code ec;
        assign(native_file, ec);
        detail::throw_if(ec, "assign");
    }

    error_code assign(const native_handle_type& native_file, error_code& ec)
    {
        return service().assign(implementation(), native_file, ec);
    }

    bool is_open() const { return service().is_open(implementation()); }

    /// Cancels the operations of the file and closes it. An operation that the kernel is
    /// at goes on and reports what it did; it cannot touch another file. Never calls a
    /// handler.
    void close()
    {
        error_code ec;
        close(ec);
        detail::throw_if(ec, "close");
    }

    error_code close(error_code& ec) { return service().close(implementation(), ec); }

    /// Cancels the operations of the file and gives its descriptor away.
    native_handle_type release()
    {
        error_code ec;
        const native_handle_type native_file = release(ec);
        detail::throw_if(ec, "release");
        return native_file;
    }

    native_handle_type release(error_code& ec)
    {
        return service().release(implementation(), ec);
    }

    native_handle_type native_handle()
    {
        return service().native_handle(implementation());
    }

    /// Asks all operations of the file to end. One that the kernel has not begun ends
    /// with operation_aborted; any other reports what it did.
    void cancel()
    {
        error_code ec;
        cancel(ec);
        detail::throw_if(ec, "cancel");
    }

    error_code cancel(error_code& ec) { return service().cancel(implementation(), ec); }

    std::uint64_t size() const
    {
        error_code ec;
        const std::uint64_t bytes = size(ec);
        detail::throw_if(ec, "size");
        return bytes;
    }

    std::uint64_t size(error_code& ec) const
    {
        return service().size(implementation(), ec);
    }

    /// Cuts the file, or extends it with zeros. The call waits for the file system.
    void resize(std::uint64_t size)
    {
        error_code ec;
        resize(size, ec);
        detail::throw_if(ec, "resize");
    }

    error_code resize(std::uint64_t size, error_code& ec)
    {
        return service().resize(implementation(), size, ec);
    }

    /// Waits until the disk has all of the file.
    void sync_all()
    {
        error_code ec;
        sync_all(ec);
        detail::throw_if(ec, "sync_all");
    }

    error_code sync_all(error_code& ec)
    {
        return service().sync_all(implementation(), ec);
    }

    /// Waits until the disk has the file's bytes, and what is needed to find them.
    void sync_data()
    {
        error_code ec;
        sync_data(ec);
        detail::throw_if(ec, "sync_data");
    }

    error_code sync_data(error_code& ec)
    {
        return service().sync_data(implementation(), ec);
    }

    /// Has the disk keep the file's bytes, and what is needed to find them.
    /**
     * It covers every write that has ended when it starts. Syncs of one object share the
     * work. One is in flight at a time, and those that wait for it are done by the next.
     * An error is told to all of them, because the kernel tells it once.
     *
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code) @endcode
     * @par Completion
     * When a sync that covers it has ended.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * The system call's own; operation_aborted.
     * @par Kernel
     * 6.1; a thread of the kernel does it. Without a ring a worker of the context does.
     */
    template <
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_sync_data(Token&& token = Token())
    {
        return initiate<void(error_code)>(
            std::forward<Token>(token),
            [](service_type& files,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor) {
                files.async_sync(implementation, false, handler, io_executor);
            });
    }

    /// Has the disk keep the file, its size and attributes included.
    /**
     * It covers every write that has ended when it starts. Syncs of one object share the
     * work. One is in flight at a time, and those that wait for it are done by the next.
     * An error is told to all of them, because the kernel tells it once.
     *
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code) @endcode
     * @par Completion
     * When a sync that covers it has ended.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * The system call's own; operation_aborted.
     * @par Kernel
     * 6.1; a thread of the kernel does it. Without a ring a worker of the context does.
     */
    template <
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_sync_all(Token&& token = Token())
    {
        return initiate<void(error_code)>(
            std::forward<Token>(token),
            [](service_type& files,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor) {
                files.async_sync(implementation, true, handler, io_executor);
            });
    }

    /// Cuts the file, or extends it with zeros.
    /**
     * @param size   The new size.
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code) @endcode
     * @par Completion
     * When it is done. On a stream file it takes its turn among the transfers.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * The system call's own; operation_aborted.
     * @par Kernel
     * 6.9; a thread of the kernel does it. Before, and without a ring, a worker of the
     * context does. On such an old kernel other operations of a stream file may overtake
     * it.
     */
    template <
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_resize(std::uint64_t size, Token&& token = Token())
    {
        return initiate<void(error_code)>(
            std::forward<Token>(token),
            [](service_type& files,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               std::uint64_t bytes) {
                files.async_resize(implementation, bytes, handler, io_executor);
            },
            size);
    }

    /// Gives a range of the file room on its disk, or takes it away.
    /**
     * @param offset Where the range starts.
     * @param size   How many bytes it has.
     * @param how    What becomes of it.
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code) @endcode
     * @par Completion
     * When it is done. On a stream file it takes its turn among the transfers.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * The system call's own; operation_aborted.
     * @par Kernel
     * 6.1; a thread of the kernel does it. Without a ring a worker of the context does.
     */
    template <
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_allocate(
        std::uint64_t offset,
        std::uint64_t size,
        file_base::allocation how,
        Token&& token = Token())
    {
        return initiate<void(error_code)>(
            std::forward<Token>(token),
            [](service_type& files,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               std::uint64_t place,
               std::uint64_t bytes,
               int mode) {
                files.async_allocate(
                    implementation, place, bytes, mode, handler, io_executor);
            },
            offset,
            size,
            static_cast<int>(how));
    }

    /// Tells the kernel how a range of the file will be read.
    /**
     * @param offset Where the range starts.
     * @param size   How many bytes it has; 0 for all up to the end of the file.
     * @param what   What to expect.
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code) @endcode
     * @par Completion
     * When it is done. On a stream file it takes its turn among the transfers.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * The system call's own; operation_aborted.
     * @par Kernel
     * 6.1; a thread of the kernel does it. Without a ring a worker of the context does.
     */
    template <
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_advise(
        std::uint64_t offset,
        std::uint64_t size,
        file_base::advice what,
        Token&& token = Token())
    {
        return initiate<void(error_code)>(
            std::forward<Token>(token),
            [](service_type& files,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               std::uint64_t place,
               std::uint64_t bytes,
               int kind) {
                files.async_advise(
                    implementation, place, bytes, kind, handler, io_executor);
            },
            offset,
            size,
            static_cast<int>(what));
    }

    /// Closes the file as close() does, without waiting for the file system.
    /**
     * When this returns, the file is not open, and its operations are asked to end.
     *
     * @param token  Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code) @endcode
     * @par Completion
     * When the descriptor is closed. It is closed with the context at the latest.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * None: the descriptor is closed whatever happens.
     * @par Errors
     * The system call's own; bad_descriptor for a file that is not open.
     * @par Kernel
     * 6.1; a thread of the kernel does it. Without a ring a worker of the context does.
     * Without a ring the call itself waits for the calls that workers are making on the
     * file.
     */
    template <
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_close(Token&& token = Token())
    {
        return initiate<void(error_code)>(
            std::forward<Token>(token),
            [](service_type& files,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor) {
                files.async_close(implementation, handler, io_executor);
            });
    }

    /// Opens the file as open() does, without waiting for the file system.
    /**
     * @param path        The name, which is copied.
     * @param open_flags As open() takes them.
     * @param token       Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code) @endcode
     * @par Completion
     * When the file is open, or cannot be opened.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Object lifetimes
     * The file is neither moved nor destroyed until the handler is called.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * The system call's own; already_open; operation_aborted.
     * @par Kernel
     * 6.1; a thread of the kernel does it. Without a ring a worker of the context does.
     */
    template <
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto
    async_open(std::string path, file_base::flags open_flags, Token&& token = Token())
    {
        return boost::asio::async_compose<Token, void(error_code)>(
            detail::open_file_operation<basic_file>(*this, std::move(path), open_flags),
            token,
            get_executor());
    }

    /// What a file that was opened with file_base::direct asks of its transfers.
    /// operation_not_supported where the file system cannot tell. Kernel 6.1.
    direct_alignment direct_io_alignment() const
    {
        error_code ec;
        const direct_alignment found = direct_io_alignment(ec);
        detail::throw_if(ec, "direct_io_alignment");
        return found;
    }

    direct_alignment direct_io_alignment(error_code& ec) const
    {
        const auto [memory, offset] = service().direct_alignment(implementation(), ec);
        return {memory, offset};
    }

protected:
    template <typename Executor1>
    friend class basic_file;
    friend class detail::open_file_operation<basic_file>;

    /// A file is destroyed as what it is.
    ~basic_file() = default;

    service_type& service() { return impl_.get_service(); }
    const service_type& service() const { return impl_.get_service(); }
    service_type::implementation_type& implementation()
    {
        return impl_.get_implementation();
    }
    const service_type::implementation_type& implementation() const
    {
        return impl_.get_implementation();
    }

    /// Starts an operation: calls start(service, implementation, handler, executor,
    /// args...), with arguments that the initiation keeps as long as the token needs
    /// them.
    template <typename Signature, typename Token, typename Start, typename... Args>
    auto initiate(Token&& token, Start start, Args&&... args)
    {
        const auto begin = [start](basic_file& file, auto& handler, auto&&... given) {
            start(
                file.service(),
                file.implementation(),
                handler,
                file.get_executor(),
                std::forward<decltype(given)>(given)...);
        };
        return boost::asio::async_initiate<Token, Signature>(
            detail::file_initiation<basic_file, decltype(begin)>(*this, begin),
            token,
            std::forward<Args>(args)...);
    }

private:
    detail::asio_impl::io_object<service_type, Executor> impl_;
};

} // namespace asio_uring
