// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a file that is read and written at one position.
// Thread: as Asio's objects: distinct objects safe, a shared object not.
// Lifetime: the context outlives the file. Destroying a file cancels its operations.
#pragma once

#include <asio_uring/basic_file.hpp>

#include <boost/asio/async_result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace asio_uring {

/// The interface of Asio's basic_stream_file, on the ring.
/**
 * The file has one position, that of its descriptor. Its transfers, resizes, allocations
 * and advice take turns in the order in which they start. Syncs and async_close() do not:
 * a sync covers what has ended when it starts.
 *
 * @par Concepts
 * AsyncReadStream, AsyncWriteStream, Stream, SyncReadStream, SyncWriteStream.
 */
template <typename Executor = any_io_executor>
class basic_stream_file : public basic_file<Executor>
{
    using base = basic_file<Executor>;
    using error_code = boost::system::error_code;

    template <typename Context>
    static constexpr bool is_context =
        std::convertible_to<Context&, boost::asio::execution_context&>;

public:
    using executor_type = Executor;
    using native_handle_type = typename base::native_handle_type;
    using lowest_layer_type = basic_stream_file;

    /// The same kind of file for another executor.
    template <typename Executor1>
    struct rebind_executor
    {
        using other = basic_stream_file<Executor1>;
    };

    /// A file that is not open.
    explicit basic_stream_file(const executor_type& io_executor) : base(io_executor)
    {
        be_stream();
    }

    template <typename Context>
    requires is_context<Context>
    explicit basic_stream_file(Context& context) : base(context) { be_stream(); }

    /// Opens a file; see open().
    basic_stream_file(
        const executor_type& io_executor, const char* path, file_base::flags open_flags)
        : basic_stream_file(io_executor)
    {
        this->open(path, open_flags);
    }

    template <typename Context>
    requires is_context<Context>
    basic_stream_file(Context& context, const char* path, file_base::flags open_flags)
        : basic_stream_file(context)
    {
        this->open(path, open_flags);
    }

    basic_stream_file(
        const executor_type& io_executor,
        const std::string& path,
        file_base::flags open_flags)
        : basic_stream_file(io_executor, path.c_str(), open_flags)
    {}

    template <typename Context>
    requires is_context<Context> basic_stream_file(
        Context& context, const std::string& path, file_base::flags open_flags)
        : basic_stream_file(context, path.c_str(), open_flags)
    {}

    /// Takes an open descriptor over; see assign().
    basic_stream_file(
        const executor_type& io_executor, const native_handle_type& native_file)
        : basic_stream_file(io_executor)
    {
        this->assign(native_file);
    }

    template <typename Context>
    requires is_context<Context>
    basic_stream_file(Context& context, const native_handle_type& native_file)
        : basic_stream_file(context)
    {
        this->assign(native_file);
    }

    /// Takes over a file with its pending operations. The other one is as if made from
    /// its executor alone.
    basic_stream_file(basic_stream_file&& other) noexcept : base(std::move(other)) {}

    /// Closes the file, and takes the other one over in the same way.
    basic_stream_file& operator=(basic_stream_file&& other)
    {
        base::operator=(std::move(other));
        return *this;
    }

    /// Takes over a file of another executor type.
    template <typename Executor1>
    requires std::convertible_to<Executor1, Executor>
    basic_stream_file(basic_stream_file<Executor1>&& other) : base(std::move(other))
    {}

    template <typename Executor1>
    requires std::convertible_to<Executor1, Executor> basic_stream_file&
    operator=(basic_stream_file<Executor1>&& other)
    {
        base::operator=(std::move(other));
        return *this;
    }

    /// Cancels the operations of the file and closes it.
    ~basic_stream_file() = default;

    lowest_layer_type& lowest_layer() noexcept { return *this; }
    const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    /// Moves the position of the file. Returns it, from the beginning of the file. The
    /// operations in flight have the position before or after.
    std::uint64_t seek(std::int64_t offset, file_base::seek_basis whence)
    {
        error_code ec;
        const std::uint64_t position = seek(offset, whence, ec);
        detail::throw_if(ec, "seek");
        return position;
    }

    std::uint64_t seek(std::int64_t offset, file_base::seek_basis whence, error_code& ec)
    {
        return this->service().seek(this->implementation(), offset, whence, ec);
    }

    /// Reads bytes within the call, at the position of the file. Returns how many.
    template <typename MutableBuffers>
    std::size_t read_some(const MutableBuffers& buffers)
    {
        error_code ec;
        const std::size_t bytes = read_some(buffers, ec);
        detail::throw_if(ec, "read_some");
        return bytes;
    }

    template <typename MutableBuffers>
    std::size_t read_some(const MutableBuffers& buffers, error_code& ec)
    {
        return this->service().read_some(this->implementation(), buffers, ec);
    }

    /// Reads bytes, up to all that the buffers have room for.
    /**
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
     * Transfers of the file end in the order of their start.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Object lifetimes
     * The bytes of the buffers stay valid until the handler is called. The file may be
     * moved, closed or destroyed.
     * @par Concurrency
     * Transfers that start while another one is in flight wait for it.
     * @par Cancellation
     * terminal, partial and total ask the operation to end. One that the kernel has begun
     * may go on, and reports what it did.
     * @par Errors
     * eof where the file has no byte there any more; the system call's own;
     * operation_aborted.
     * @par Kernel
     * 6.1. Without a ring a worker of the context makes the call.
     */
    template <
        typename MutableBuffers,
        BOOST_ASIO_COMPLETION_TOKEN_FOR(void(boost::system::error_code, std::size_t))
            Token = typename boost::asio::default_completion_token<Executor>::type>
    auto async_read_some(const MutableBuffers& buffers, Token&& token = Token())
    {
        return this->template initiate<void(error_code, std::size_t)>(
            std::forward<Token>(token),
            [](auto& service,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               const auto& sequence) {
                service.async_read_some(implementation, sequence, handler, io_executor);
            },
            buffers);
    }

    /// Writes bytes within the call, at the position of the file. Returns how many.
    template <typename ConstBuffers>
    std::size_t write_some(const ConstBuffers& buffers)
    {
        error_code ec;
        const std::size_t bytes = write_some(buffers, ec);
        detail::throw_if(ec, "write_some");
        return bytes;
    }

    template <typename ConstBuffers>
    std::size_t write_some(const ConstBuffers& buffers, error_code& ec)
    {
        return this->service().write_some(this->implementation(), buffers, ec);
    }

    /// Writes bytes, up to all that the buffers hold.
    /**
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
     * Transfers of the file end in the order of their start.
     * @par Executor
     * The handler runs on its associated executor, by default the file's.
     * @par Object lifetimes
     * The bytes of the buffers stay valid until the handler is called. The file may be
     * moved, closed or destroyed.
     * @par Concurrency
     * Transfers that start while another one is in flight wait for it.
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
    auto async_write_some(const ConstBuffers& buffers, Token&& token = Token())
    {
        return this->template initiate<void(error_code, std::size_t)>(
            std::forward<Token>(token),
            [](auto& service,
               auto& implementation,
               auto& handler,
               const executor_type& io_executor,
               const auto& sequence) {
                service.async_write_some(implementation, sequence, handler, io_executor);
            },
            buffers);
    }

private:
    void be_stream() { this->service().set_is_stream(this->implementation(), true); }
};

/// A stream file of any executor.
using stream_file = basic_stream_file<>;

} // namespace asio_uring
