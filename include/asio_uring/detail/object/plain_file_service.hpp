// SPDX-License-Identifier: BSL-1.0
// Layer: object. Purpose: what a file does without a ring, in the words of Asio's own
// services: it keeps the descriptor and makes the synchronous calls. Asio has no service
// of files beside its own io_uring, so this one stands underneath file_service.
// Thread: as Asio's objects: distinct objects safe, a shared object not, but for the
// synchronous transfers at an offset. Lifetime: one per context, as a base.
#pragma once

#include <asio_uring/detail/asio/error_location.hpp>
#include <asio_uring/detail/asio/scheduler.hpp>
#include <asio_uring/detail/context/worker_pool.hpp>
#include <asio_uring/detail/request/attempt.hpp>
#include <asio_uring/detail/request/buffers.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include <sys/stat.h>
#include <sys/uio.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::detail {

class plain_file_service
    : public asio_impl::execution_context_service_base<plain_file_service>
{
protected:
    using error_code = boost::system::error_code;

public:
    using native_handle_type = int;

    class implementation_type
    {
    private:
        friend class plain_file_service;
        friend int& descriptor_of(implementation_type& impl) noexcept
        {
            return impl.descriptor_;
        }
        friend std::unique_ptr<pool_owner>&
        pool_owner_of(implementation_type& impl) noexcept
        {
            return impl.pool_owner_;
        }

        int descriptor_ = -1;
        // Set while the file is open and workers have done something for it.
        std::unique_ptr<pool_owner> pool_owner_;
    };

    explicit plain_file_service(boost::asio::execution_context& context)
        : asio_impl::execution_context_service_base<plain_file_service>(context)
    {}

    void shutdown() override {}

    // Life of an implementation

    void construct(implementation_type&) noexcept {}

    void move_construct(implementation_type& impl, implementation_type& other) noexcept
    {
        impl.descriptor_ = std::exchange(other.descriptor_, -1);
        impl.pool_owner_ = std::move(other.pool_owner_);
    }

    void move_assign(
        implementation_type& impl,
        plain_file_service& other_service,
        implementation_type& other) noexcept
    {
        destroy(impl);
        other_service.move_construct(impl, other);
    }

    void destroy(implementation_type& impl) noexcept
    {
        error_code ignored;
        close(impl, ignored);
    }

    bool is_open(const implementation_type& impl) const noexcept
    {
        return impl.descriptor_ != -1;
    }

    int native_handle(const implementation_type& impl) const noexcept
    {
        return impl.descriptor_;
    }

    error_code close(implementation_type& impl, error_code& ec) noexcept
    {
        ec = error_code();
        if (!is_open(impl))
            return ec;
        leave_pool(impl);
        return said(::close(std::exchange(impl.descriptor_, -1)), ec);
    }

    int release(implementation_type& impl) noexcept
    {
        leave_pool(impl);
        return std::exchange(impl.descriptor_, -1);
    }

    error_code cancel(implementation_type& impl, error_code& ec) noexcept
    {
        if (!is_open(impl))
            return ec = boost::asio::error::bad_descriptor;
        if (impl.pool_owner_ != nullptr && pool_ != nullptr)
            pool_->cancel(*impl.pool_owner_);
        return ec = error_code();
    }

    // Synchronous members

    template <typename Buffers>
    std::size_t read_some_at(
        const implementation_type& impl,
        std::uint64_t offset,
        const Buffers& buffers,
        error_code& ec) const
    {
        const int file = impl.descriptor_;
        return read(file, buffers, ec, [&](const ::iovec* iovecs, int count) {
            return ::preadv(file, iovecs, count, static_cast<::off_t>(offset));
        });
    }

    template <typename Buffers>
    std::size_t write_some_at(
        const implementation_type& impl,
        std::uint64_t offset,
        const Buffers& buffers,
        error_code& ec) const
    {
        const int file = impl.descriptor_;
        return write(file, buffers, ec, [&](const ::iovec* iovecs, int count) {
            return ::pwritev(file, iovecs, count, static_cast<::off_t>(offset));
        });
    }

    template <typename Buffers>
    std::size_t read_some(
        const implementation_type& impl, const Buffers& buffers, error_code& ec) const
    {
        const int file = impl.descriptor_;
        return read(file, buffers, ec, [&](const ::iovec* iovecs, int count) {
            return ::readv(file, iovecs, count);
        });
    }

    template <typename Buffers>
    std::size_t write_some(
        const implementation_type& impl, const Buffers& buffers, error_code& ec) const
    {
        const int file = impl.descriptor_;
        return write(file, buffers, ec, [&](const ::iovec* iovecs, int count) {
            return ::writev(file, iovecs, count);
        });
    }

    std::uint64_t size(const implementation_type& impl, error_code& ec) const noexcept
    {
        struct ::stat info = {};
        said(::fstat(impl.descriptor_, &info), ec);
        return ec ? 0 : static_cast<std::uint64_t>(info.st_size);
    }

    error_code
    resize(const implementation_type& impl, std::uint64_t size, error_code& ec) noexcept
    {
        return said(::ftruncate(impl.descriptor_, static_cast<::off_t>(size)), ec);
    }

    error_code sync_all(const implementation_type& impl, error_code& ec) noexcept
    {
        return said(::fsync(impl.descriptor_), ec);
    }

    error_code sync_data(const implementation_type& impl, error_code& ec) noexcept
    {
        return said(::fdatasync(impl.descriptor_), ec);
    }

    /// KERNEL 6.1: statx tells. Returns {memory, offset}.
    std::pair<std::uint32_t, std::uint32_t>
    direct_alignment(const implementation_type& impl, error_code& ec) const noexcept
    {
        constexpr unsigned wanted = 0x2000; // STATX_DIOALIGN, which older headers lack
        struct ::statx info = {};
        said(::statx(impl.descriptor_, "", AT_EMPTY_PATH, wanted, &info), ec);
        if (ec)
            return {};
        if ((info.stx_mask & wanted) == 0)
            ec = boost::asio::error::operation_not_supported;
        // Older headers have no names for these two words either.
        std::uint32_t words[2] = {};
        constexpr std::size_t at = 152;
        std::memcpy(words, reinterpret_cast<const char*>(&info) + at, sizeof words);
        return ec ? std::pair<std::uint32_t, std::uint32_t>()
                  : std::pair(words[0], words[1]);
    }

    std::uint64_t seek(
        const implementation_type& impl,
        std::int64_t offset,
        int whence,
        error_code& ec) noexcept
    {
        const ::off_t result = ::lseek(impl.descriptor_, offset, whence);
        said(result, ec);
        return ec ? 0 : static_cast<std::uint64_t>(result);
    }

protected:
    /// The workers of a context without a ring, made when they are first needed.
    worker_pool& pool()
    {
        if (pool_ == nullptr)
            pool_ = &boost::asio::use_service<worker_pool>(this->context());
        return *pool_;
    }

    /// What a system call said, as an error code.
    static error_code said(::off_t result, error_code& ec) noexcept
    {
        ec = error_code();
        if (result < 0) {
            ec.assign(errno, boost::asio::error::get_system_category());
            ASIO_URING_ERROR_LOCATION(ec);
        }
        return ec;
    }

private:
    // Nobody uses the descriptor from here. What operations still name stays for them.
    void leave_pool(implementation_type& impl) noexcept
    {
        std::unique_ptr<pool_owner> owner = std::move(impl.pool_owner_);
        if (owner != nullptr && pool_ != nullptr && !pool_->close(*owner))
            static_cast<void>(owner.release());
    }

    template <typename Buffers, typename Call>
    static std::size_t read(int file, const Buffers& buffers, error_code& ec, Call call)
    {
        using request_buffers = brief_buffers_t<boost::asio::mutable_buffer, Buffers>;
        const std::size_t bytes =
            transfer<request_buffers>(file, buffers, ec, POLLIN, call);
        using adapter =
            asio_impl::buffer_sequence_adapter<boost::asio::mutable_buffer, Buffers>;
        if (!ec && bytes == 0 && !adapter::all_empty(buffers)) {
            ec = boost::asio::error::eof;
            ASIO_URING_ERROR_LOCATION(ec);
        }
        return bytes;
    }

    template <typename Buffers, typename Call>
    static std::size_t write(int file, const Buffers& buffers, error_code& ec, Call call)
    {
        using request_buffers = brief_buffers_t<boost::asio::const_buffer, Buffers>;
        return transfer<request_buffers>(file, buffers, ec, POLLOUT, call);
    }

    // A pipe or a terminal that was assigned may be in non-blocking mode.
    template <typename RequestBuffers, typename Buffers, typename Call>
    static std::size_t
    transfer(int file, const Buffers& buffers, error_code& ec, short events, Call call)
    {
        ec = error_code();
        if (file == -1) {
            ec = boost::asio::error::bad_descriptor;
            ASIO_URING_ERROR_LOCATION(ec);
            return 0;
        }
        RequestBuffers request_buffers(buffers);
        if (request_buffers.all_empty())
            return 0;
        const auto attempt = [&](const ::iovec* iovecs, std::size_t count) {
            return attempt_call([&] { return call(iovecs, static_cast<int>(count)); });
        };
        int result = with_iovecs(request_buffers, attempt);
        while (result == -EAGAIN) {
            ::pollfd one{file, events, 0};
            ::poll(&one, 1, -1);
            result = with_iovecs(request_buffers, attempt);
        }
        errno = -result;
        said(result < 0 ? -1 : result, ec);
        return ec ? 0 : static_cast<std::size_t>(result);
    }

    worker_pool* pool_ = nullptr;
};

using plain_file = plain_file_service::implementation_type;

// Found by their argument; declared here for who names them first.
int& descriptor_of(plain_file& impl) noexcept;
std::unique_ptr<pool_owner>& pool_owner_of(plain_file& impl) noexcept;

} // namespace asio_uring::detail
