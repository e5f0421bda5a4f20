// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: the buffers that a context's ring has pinned, for as many
// registrations as there are places. Thread: any, but a single-issuer ring takes changes
// from its own thread only. Lifetime: as the context's ring service, longer than the
// loop.
#pragma once

#include <asio_uring/detail/request/buffer_names.hpp>
#include <asio_uring/ring/error.hpp>
#include <asio_uring/ring/registered_buffers.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include <sys/uio.h>

namespace asio_uring::detail {

/// Neighbouring places, and the name of the registration that they are lent to.
struct lent_buffers
{
    std::uint32_t first = 0;
    std::uint32_t count = 0; ///< 0: none
    std::uintptr_t name = buffer_names::free;
};

/// The table is registered with the first buffers. It stays with the ring, empty where
/// nothing is registered any more.
class buffer_table
{
public:
    buffer_table() = default;
    buffer_table(const buffer_table&) = delete;
    buffer_table& operator=(const buffer_table&) = delete;

    /// A ring that is closed takes its table along; see resources.
    ~buffer_table() { table_.release(); }

    const buffer_names& names() const noexcept { return names_; }

    /// Whether the ring has, or had, a table.
    bool is_made() const noexcept { return names_.is_made(); }

    /// Registers all of the buffers or none.
    lent_buffers
    acquire(ring& of, std::span<const ::iovec> buffers, boost::system::error_code& ec)
    {
        const std::lock_guard lock(mutex_);
        const lent_buffers lent = acquire_under_lock(of, buffers, ec);
        if (ec == boost::system::errc::file_exists)
            ec = make_error_code(errc::wrong_thread);
        return lent;
    }

    /// Empties the places and takes them back, unless they are of a fork's parent. Places
    /// that cannot be emptied, because the ring is another thread's, are not lent again:
    /// the kernel keeps their memory until the ring ends.
    void release(const lent_buffers& lent, bool of_parent) noexcept
    {
        const std::lock_guard lock(mutex_);
        // No transfer may name a place that is about to be another's.
        name(lent, buffer_names::empty);
        if (!table_ || of_parent)
            name(lent, buffer_names::free);
        else
            clear(lent);
    }

    /// Whether the ring has the buffers of a registration.
    bool has(const lent_buffers& lent) const noexcept
    {
        return lent.count != 0 && names_.at(lent.first) == lent.name;
    }

    /// For the child of a fork, where the table is the parent's, and for the end of the
    /// ring, which takes its table along. Places that are lent stay so, and are empty.
    void forget() noexcept
    {
        const std::lock_guard lock(mutex_);
        table_.release();
        if (!is_made())
            return;
        for (std::uint32_t place = 0; place != buffer_names::places; ++place) {
            if (names_.at(place) != buffer_names::free)
                names_.set(place, buffer_names::empty);
        }
    }

private:
    lent_buffers acquire_under_lock(
        ring& of, std::span<const ::iovec> buffers, boost::system::error_code& ec)
    {
        ec = make_table(of);
        if (ec || buffers.empty())
            return {};
        lent_buffers lent;
        lent.count = static_cast<std::uint32_t>(
            std::min<std::size_t>(buffers.size(), buffer_names::places + 1));
        if (!find_room(lent)) {
            ec = boost::asio::error::no_buffer_space;
            return {};
        }
        const update_result result = table_.update(lent.first, buffers);
        ec = result.ec;
        if (ec) {
            clear({lent.first, result.updated, lent.name});
            return {};
        }
        lent.name = buffer_names::next_name();
        name(lent, lent.name);
        return lent;
    }

    boost::system::error_code make_table(ring& of)
    {
        names_.make();
        boost::system::error_code ec;
        if (!table_)
            table_ = registered_buffers::sparse(of, buffer_names::places, ec);
        return ec;
    }

    // The first neighbouring places that are nobody's.
    bool find_room(lent_buffers& lent) const noexcept
    {
        std::uint32_t run = 0;
        for (std::uint32_t place = 0; place != buffer_names::places; ++place) {
            run = names_.at(place) == buffer_names::free ? run + 1 : 0;
            if (run == lent.count) {
                lent.first = place + 1 - run;
                return true;
            }
        }
        return false;
    }

    void name(const lent_buffers& lent, std::uintptr_t name) noexcept
    {
        for (std::uint32_t i = 0; i != lent.count; ++i)
            names_.set(lent.first + i, name);
    }

    void clear(const lent_buffers& lent) noexcept
    {
        static constexpr std::array<::iovec, 64> nothing{};
        for (std::uint32_t done = 0; done < lent.count;) {
            const lent_buffers part{
                lent.first + done,
                std::min<std::uint32_t>(lent.count - done, nothing.size()),
                lent.name};
            const bool is_empty =
                !table_.update(part.first, std::span(nothing).first(part.count)).ec;
            name(part, is_empty ? buffer_names::free : buffer_names::empty);
            done += part.count;
        }
    }

    std::mutex mutex_;
    // Read by transfers without the mutex
    buffer_names names_;
    // Guarded by mutex_
    registered_buffers table_;
};

} // namespace asio_uring::detail
