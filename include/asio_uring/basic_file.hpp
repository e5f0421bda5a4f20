// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: what stream files and random-access files share.
// Thread: as Asio's objects: distinct objects safe, a shared object not.
// Lifetime: the context outlives the file. Destroying a file cancels its operations.
#pragma once

#include <asio_uring/detail/asio/io_object.hpp>
#include <asio_uring/detail/object/file_initiation.hpp>
#include <asio_uring/detail/object/file_service.hpp>
#include <asio_uring/executor.hpp>
#include <asio_uring/file_base.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace asio_uring {

/// The interface of Asio's basic_file, for any executor of a context on the ring.
/**
 * A member without an error_code& throws boost::system::system_error.
 *
 * @par Without a ring
 * At most four threads that belong to the context make the calls of the asynchronous
 * operations. close(), release() and the destructor then wait for the calls that these
 * threads are making on the file.
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

protected:
    template <typename Executor1>
    friend class basic_file;

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
