// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a file that is read and written at offsets.
// Thread: as Asio's objects: distinct objects safe, a shared object not,
// but for read_some_at() and write_some_at().
// Lifetime: the context outlives the file. Destroying a file cancels its operations.
#pragma once

#include <asio_uring/basic_file.hpp>
#include <asio_uring/detail/object/durable_writes.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/write_at.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace asio_uring {

namespace detail {

/// The steps of async_write_durable_at().
template <typename File, typename Buffers>
class durable_write
{
    using clock = std::chrono::steady_clock;

public:
    durable_write(File& file, std::uint64_t offset, const Buffers& buffers)
        : file_(&file), offset_(offset), buffers_(buffers)
    {}

    template <typename Self>
    void operator()(Self& self)
    {
        self.reset_cancellation_state(boost::asio::enable_partial_cancellation());
        ticket_ = file_->service().begin_durable(
            file_->implementation(), boost::asio::buffer_size(buffers_));
        if (ticket_.is_timed)
            begun_ = clock::now();
        is_at_once_ = ticket_.way == durable_way::at_once;
        if (!is_at_once_)
            return write(self);
        // The write has a copy of its own: this one moves with the operation.
        const Buffers buffers = buffers_;
        file_->async_write_at_once(offset_, buffers, std::move(self));
    }

    template <typename Self>
    void operator()(Self& self, boost::system::error_code ec, std::size_t bytes)
    {
        bytes_ = bytes;
        if (is_at_once_) {
            // A short write has not met its error yet. The bytes are written once more,
            // to the same place, up to where that fails.
            if (ec || bytes_ == boost::asio::buffer_size(buffers_))
                return end(self, ec);
            is_at_once_ = ticket_.is_timed = false;
            return write(self);
        }
        if (ec)
            return end(self, ec);
        file_->service().note_whole_sync(file_->implementation());
        file_->async_sync_data(std::move(self));
    }

    template <typename Self>
    void operator()(Self& self, boost::system::error_code ec)
    {
        end(self, ec);
    }

private:
    template <typename Self>
    void write(Self& self)
    {
        const Buffers buffers = buffers_;
        boost::asio::async_write_at(*file_, offset_, buffers, std::move(self));
    }

    template <typename Self>
    void end(Self& self, const boost::system::error_code& ec)
    {
        const auto taken =
            ticket_.is_timed ? clock::now() - begun_ : clock::duration::zero();
        file_->service().end_durable(file_->implementation(), ticket_, ec, taken);
        self.complete(ec, bytes_);
    }

    File* file_;
    std::uint64_t offset_;
    Buffers buffers_;
    std::size_t bytes_ = 0;
    clock::time_point begun_{};
    durable_writes::ticket ticket_{};
    bool is_at_once_ = false;
};

} // namespace detail

/// The interface of Asio's basic_random_access_file, on the ring.
/**
 * One file has any number of operations in flight, which end in any order. Where the
 * ranges of two overlap and one of them writes, the outcome is the kernel's.
 *
 * @par Concepts
 * AsyncRandomAccessReadDevice, AsyncRandomAccessWriteDevice,
 * SyncRandomAccessReadDevice, SyncRandomAccessWriteDevice.
 */
template <typename Executor = any_io_executor>
class basic_random_access_file : public basic_file<Executor>
{
    using base = basic_file<Executor>;
    using error_code = boost::system::error_code;

    template <typename Context>
    static constexpr bool is_context =
        std::convertible_to<Context&, boost::asio::execution_context&>;

public:
    using executor_type = Executor;
    using native_handle_type = typename base::native_handle_type;
    using lowest_layer_type = basic_random_access_file;

    /// The same kind of file for another executor.
    template <typename Executor1>
    struct rebind_executor
    {
        using other = basic_random_access_file<Executor1>;
    };

    /// A file that is not open.
    explicit basic_random_access_file(const executor_type& io_executor)
        : base(io_executor)
    {}

    template <typename Context>
    requires is_context<Context>
    explicit basic_random_access_file(Context& context) : base(context) {}

    /// Opens a file; see open().
    basic_random_access_file(
        const executor_type& io_executor, const char* path, file_base::flags open_flags)
        : basic_random_access_file(io_executor)
    {
        this->open(path, open_flags);
    }

    template <typename Context>
    requires is_context<Context> basic_random_access_file(
        Context& context, const char* path, file_base::flags open_flags)
        : basic_random_access_file(context)
    {
        this->open(path, open_flags);
    }

    basic_random_access_file(
        const executor_type& io_executor,
        const std::string& path,
        file_base::flags open_flags)
        : basic_random_access_file(io_executor, path.c_str(), open_flags)
    {}

    template <typename Context>
    requires is_context<Context> basic_random_access_file(
        Context& context, const std::string& path, file_base::flags open_flags)
        : basic_random_access_file(context, path.c_str(), open_flags)
    {}

    /// Takes an open descriptor over; see assign().
    basic_random_access_file(
        const executor_type& io_executor, const native_handle_type& native_file)
        : basic_random_access_file(io_executor)
    {
        this->assign(native_file);
    }

    template <typename Context>
    requires is_context<Context>
    basic_random_access_file(Context& context, const native_handle_type& native_file)
        : basic_random_access_file(context)
    {
        this->assign(native_file);
    }

    /// Takes over a file with its pending operations. The other one is as if made from
    /// its executor alone.
    basic_random_access_file(basic_random_access_file&& other) noexcept
        : base(std::move(other))
    {}

    /// Closes the file, and takes the other one over in the same way.
    basic_random_access_file& operator=(basic_random_access_file&& other)
    {
        base::operator=(std::move(other));
        return *this;
    }

    /// Takes over a file of another executor type.
    template <typename Executor1>
    requires std::convertible_to<Executor1, Executor>
    basic_random_access_file(basic_random_access_file<Executor1>&& other)
        : base(std::move(other))
    {}

    template <typename Executor1>
    requires std::convertible_to<Executor1, Executor> basic_random_access_file&
    operator=(basic_random_access_file<Executor1>&& other)
    {
        base::operator=(std::move(other));
        return *this;
    }

    /// Cancels the operations of the file and closes it.
    ~basic_random_access_file() = default;

    lowest_layer_type& lowest_layer() noexcept { return *this; }
    const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    /// Reads bytes within the call, from an offset. Returns how many.
    template <typename MutableBuffers>
    std::size_t read_some_at(std::uint64_t offset, const MutableBuffers& buffers)
    {
        error_code ec;
        const std::size_t bytes = read_some_at(offset, buffers, ec);
        detail::throw_if(ec, "read_some_at");
        return bytes;
    }

    template <typename MutableBuffers>
    std::size_t
    read_some_at(std::uint64_t offset, const MutableBuffers& buffers, error_code& ec)
    {
        return this->service().read_some_at(this->implementation(), offset, buffers, ec);
    }

    /// Reads bytes, up to all that the buffers have room for.
    /**
     * @param offset   Where the bytes stand; up to 2^63 - 1.
     * @param buffers  Where the bytes go. The sequence is copied, the bytes are not.
     * @param token    Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code, std::size_t) @endcode
     * The second argument is the number of bytes.
     * @par Completion
     * When bytes were read. Bytes that the page cache has may be read within this
     * function; a read of others waits for the disk, and on some file systems takes a
     * thread of the kernel meanwhile.
     * Operations of the file end in any order.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Object lifetimes
     * The bytes of the buffers stay valid until the handler is called. The file may be
     * moved, closed or destroyed.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * eof where the file has no byte there; the system call's own;
     * operation_aborted.
     * @par Kernel
     * 6.1. Without a ring a worker of the context makes the call.
     */
    template <
        typename MutableBuffers,
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_read_some_at(
        std::uint64_t offset, const MutableBuffers& buffers, Token&& token = Token())
    {
        return this->template initiate<void(error_code, std::size_t)>(
            std::forward<Token>(token),
            [](auto& service,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               std::uint64_t place,
               const auto& sequence) {
                service.async_read_some_at(
                    implementation, place, sequence, handler, io_executor);
            },
            offset,
            buffers);
    }

    /// Writes bytes within the call, at an offset. Returns how many.
    template <typename ConstBuffers>
    std::size_t write_some_at(std::uint64_t offset, const ConstBuffers& buffers)
    {
        error_code ec;
        const std::size_t bytes = write_some_at(offset, buffers, ec);
        detail::throw_if(ec, "write_some_at");
        return bytes;
    }

    template <typename ConstBuffers>
    std::size_t
    write_some_at(std::uint64_t offset, const ConstBuffers& buffers, error_code& ec)
    {
        return this->service().write_some_at(this->implementation(), offset, buffers, ec);
    }

    /// Writes bytes, up to all that the buffers hold.
    /**
     * @param offset   Where the bytes stand; up to 2^63 - 1.
     * @param buffers  The bytes. The sequence is copied, the bytes are not.
     * @param token    Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code, std::size_t) @endcode
     * The second argument is the number of bytes, which a full disk or a limit
     * makes fewer.
     * @par Completion
     * When the page cache has the bytes; see sync_data(). A buffered write takes a thread
     * of the kernel on a file system that cannot do it without waiting (ext4).
     * Operations of the file end in any order.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Object lifetimes
     * The bytes of the buffers stay valid until the handler is called. The file may be
     * moved, closed or destroyed.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * The system call's own; operation_aborted.
     * @par Kernel
     * 6.1. Without a ring a worker of the context makes the call.
     */
    template <
        typename ConstBuffers,
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_write_some_at(
        std::uint64_t offset, const ConstBuffers& buffers, Token&& token = Token())
    {
        return this->template initiate<void(error_code, std::size_t)>(
            std::forward<Token>(token),
            [](auto& service,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               std::uint64_t place,
               const auto& sequence) {
                service.async_write_some_at(
                    implementation, place, sequence, handler, io_executor);
            },
            offset,
            buffers);
    }

    /// The same with flags of the kernel for this one transfer. With no_wait the error
    /// try_again says that it would have to wait.
    template <
        typename MutableBuffers,
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_read_some_at(
        std::uint64_t offset,
        const MutableBuffers& buffers,
        rw_flags how,
        Token&& token = Token())
    {
        return this->template initiate<void(error_code, std::size_t)>(
            std::forward<Token>(token),
            [](auto& service,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               std::uint64_t place,
               const auto& sequence,
               rw_flags chosen) {
                service.async_read_some_at(
                    implementation,
                    place,
                    sequence,
                    handler,
                    io_executor,
                    static_cast<std::uint32_t>(chosen));
            },
            offset,
            buffers,
            how);
    }

    /// The same with flags of the kernel for this one transfer. With no_wait the error
    /// try_again says that it would have to wait.
    template <
        typename ConstBuffers,
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_write_some_at(
        std::uint64_t offset,
        const ConstBuffers& buffers,
        rw_flags how,
        Token&& token = Token())
    {
        return this->template initiate<void(error_code, std::size_t)>(
            std::forward<Token>(token),
            [](auto& service,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               std::uint64_t place,
               const auto& sequence,
               rw_flags chosen) {
                service.async_write_some_at(
                    implementation,
                    place,
                    sequence,
                    handler,
                    io_executor,
                    static_cast<std::uint32_t>(chosen));
            },
            offset,
            buffers,
            how);
    }

    /// Writes all of the buffers at an offset, and has the disk keep them.
    /**
     * Durable writes that overlap are writes with an async_sync_data() behind them, and
     * share their syncs. One of up to 64 KiB that is alone may be a single operation
     * instead, unless the file was opened with file_base::append or, on a ring, has
     * other changes that no sync covers. On a ring that is a write with RWF_DSYNC, which
     * saves a way to a thread of the kernel and back. The first eight such writes of an
     * open file try both ways in turn, and later ones go the way that took less time. No
     * way waits within the program's threads.
     *
     * Like async_sync_data() it covers the writes of this object that have ended, too.
     * For those of others, or by native_handle(), call async_sync_data().
     *
     * @param offset   Where the bytes go.
     * @param buffers  The bytes. The sequence is copied, the bytes are not.
     * @param token    Completion token.
     *
     * @par Completion signature
     * @code void(boost::system::error_code, std::size_t) @endcode
     * The second argument is the number of bytes written. Without an error it is all of
     * them, and the disk has them.
     * @par Completion
     * When the disk has the bytes. Behind a single operation another write of the file
     * may wait for the disk as well.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Object lifetimes
     * The bytes of the buffers stay valid until the handler is called, and the file is
     * neither moved nor destroyed until then.
     * @par Concurrency
     * Any number of operations of one file may be in flight.
     * @par Cancellation
     * terminal and partial ask the write or the sync to end. What was written then may be
     * on the disk or not.
     * @par Errors
     * Those of the write and of the sync.
     * @par Kernel
     * 6.1. Without a ring workers of the context make the calls; those of a write that is
     * alone are made by one worker.
     */
    template <
        typename ConstBuffers,
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_write_durable_at(
        std::uint64_t offset, const ConstBuffers& buffers, Token&& token = Token())
    {
        return boost::asio::async_compose<Token, void(error_code, std::size_t)>(
            detail::durable_write<basic_random_access_file, ConstBuffers>(
                *this, offset, buffers),
            token,
            this->get_executor());
    }

private:
    template <typename, typename>
    friend class detail::durable_write;

    template <typename ConstBuffers, typename Token>
    auto
    async_write_at_once(std::uint64_t offset, const ConstBuffers& buffers, Token&& token)
    {
        return this->template initiate<void(error_code, std::size_t)>(
            std::forward<Token>(token),
            [](auto& service,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               std::uint64_t place,
               const auto& sequence) {
                service.async_write_at_once(
                    implementation, place, sequence, handler, io_executor);
            },
            offset,
            buffers);
    }
};

/// A random-access file of any executor.
using random_access_file = basic_random_access_file<>;

} // namespace asio_uring
