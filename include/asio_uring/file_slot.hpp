// SPDX-License-Identifier: BSL-1.0
// Layer: public. Purpose: a place in the file table of a context's ring, so that the
// operations of one chain can hand an open file on. Thread: distinct objects any; a
// shared object one thread at a time. Lifetime: not longer than the context.
#pragma once

#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/op/common.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace asio_uring {

/// A place in the file table of a context's ring.
/**
 * An operation that opens a file can put it into such a place instead of making a
 * descriptor, by its member `slot`. The operations behind it in the chain work on the
 * place through op::on_slot(). The destructor of the file_slot closes the file:
 *
 * @code
 * asio_uring::file_slot slot(executor);
 * auto [ec, done] = co_await async_submit(
 *     executor,
 *     asio_uring::link(
 *         op::openat{.path = "notes", .slot = slot.index()},
 *         op::on_slot(slot.index(), op::read{.data = data, .size = size, .offset = 0})),
 *     asio::as_tuple(asio::use_awaitable));
 * @endcode
 *
 * The read stands last, because one that brings fewer bytes than asked for ends the
 * chain. A context lends up to 64 places at the same time.
 *
 * @par Object lifetimes
 * The object does not outlive its context, and lives until the handler of each operation
 * that names its place was called.
 * @par Thread safety
 * Distinct objects: safe, on a single-issuer ring within its thread only. Shared object:
 * unsafe.
 * @par Kernel
 * 6.1, as every ring of a context. Without a ring: errc::no_ring.
 */
class file_slot
{
public:
    /// Holds no place.
    file_slot() noexcept = default;

    /// Takes an empty place in the table of a context, or of an executor's context.
    /**
     * Where the context has no ring yet, one with default options is made.
     * @throws boost::system::system_error  errc::no_ring in a context that has fallen
     * back; no_descriptors where all places are lent; the kernel's error where the kernel
     * refuses the table.
     */
    template <typename ExecutorOrContext>
    requires(!std::is_same_v<std::remove_cvref_t<ExecutorOrContext>, file_slot>) //
        explicit file_slot(ExecutorOrContext&& of)
    {
        boost::system::error_code ec;
        acquire(of, ec);
        if (ec)
            throw boost::system::system_error(ec, "file_slot");
    }

    /// The same. Where it fails, the object holds no place and `ec` has the error.
    template <typename ExecutorOrContext>
    file_slot(ExecutorOrContext&& of, boost::system::error_code& ec)
    {
        acquire(of, ec);
    }

    /// Takes the place of another object, which then holds none.
    file_slot(file_slot&& other) noexcept
        : service_(std::exchange(other.service_, nullptr)), index_(other.index_)
    {}

    /// Exchanges the two places.
    file_slot& operator=(file_slot&& other) noexcept
    {
        std::swap(service_, other.service_);
        std::swap(index_, other.index_);
        return *this;
    }

    /// Empties the place and gives it back. REQUIRES: no operation that names the place
    /// is outstanding.
    ~file_slot()
    {
        if (service_ != nullptr)
            service_->release_file_slot(index_);
    }

    /// Whether the object holds a place.
    explicit operator bool() const noexcept { return service_ != nullptr; }

    /// The number by which operations name the place. REQUIRES: the object holds one.
    std::uint32_t index() const noexcept
    {
        ASIO_URING_ASSERT(service_ != nullptr);
        return index_;
    }

private:
    template <typename ExecutorOrContext>
    void acquire(ExecutorOrContext& of, boost::system::error_code& ec)
    {
        detail::ring_service& service = detail::ring_of(detail::context_of(of));
        index_ = service.acquire_file_slot(ec);
        if (!ec)
            service_ = &service;
    }

    detail::ring_service* service_ = nullptr;
    std::uint32_t index_ = 0;
};

} // namespace asio_uring
