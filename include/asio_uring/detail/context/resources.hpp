// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: the tables that a context's ring has registered, and who uses
// which part of them. A ring has one file table and one table of buffers, so all that
// need a place in one of them ask here.
// Thread: any, but a single-issuer ring takes changes from its own thread only. Lifetime:
// as the context's ring service, longer than the loop.
#pragma once

#include <asio_uring/detail/context/buffer_table.hpp>
#include <asio_uring/detail/loop/optional_mutex.hpp>
#include <asio_uring/detail/loop/teardown_watch.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace asio_uring::detail {

/// The file table has a place for the teardown watch of a single-issuer ring, and places
/// to lend. The table is registered when the first of its places is needed.
class resources
{
public:
    /// Places that can be lent at the same time.
    static constexpr std::uint32_t slots = 64;

    explicit resources(bool single_issuer) : single_issuer_(single_issuer) {}

    resources(const resources&) = delete;
    resources& operator=(const resources&) = delete;

    /// A ring that is closed takes its table along. The ring's number may be another
    /// file's by now, so nothing is unregistered here.
    ~resources() { files_.release(); }

    /// From here the ring is the context's. Throws where the end of a single-issuer ring
    /// cannot be watched, or where the ring has no table for the places that are lent.
    void adopt(ring& made)
    {
        const bool has_lent = free_.capacity() != 0;
        if (!single_issuer_ && !has_lent)
            return;
        if (single_issuer_)
            teardown_.emplace();
        boost::system::error_code ec = make_table(made);
        if (!ec && teardown_)
            ec = files_.set(teardown_slot, teardown_->write_end());
        if (ec)
            throw boost::system::system_error(ec, "asio_uring: the file table of a ring");
        if (teardown_)
            teardown_->hand_over();
    }

    /// For the child of a fork, where the earlier ring and its table are the parent's.
    /// The places that were lent stay lent, and are empty.
    void forget() noexcept
    {
        buffers_.forget();
        files_.release();
        teardown_.reset();
    }

    /// The ring ends, and with it what the places hold. Whoever gives one back later must
    /// not name a ring by a number that may be another's.
    void end() noexcept
    {
        buffers_.forget();
        const mutex_lock lock(mutex_);
        files_.release();
    }

    /// Tells when the kernel has let go of a single-issuer ring; null for any other.
    teardown_watch* teardown() noexcept { return teardown_ ? &*teardown_ : nullptr; }

    /// Whether the ring has, or had, anything registered.
    bool has_table() const noexcept
    {
        return single_issuer_ || free_.capacity() != 0 || buffers_.is_made();
    }

    buffer_table& buffers() noexcept { return buffers_; }

    /// Lends an empty place of the file table.
    std::uint32_t acquire_slot(ring& of, boost::system::error_code& ec)
    {
        const mutex_lock lock(mutex_);
        if (!files_)
            ec = make_table(of);
        if (!ec && free_.empty())
            ec = boost::asio::error::no_descriptors;
        if (ec)
            return 0;
        const std::uint32_t slot = free_.back();
        free_.pop_back();
        return slot;
    }

    /// Takes a place back and empties it, unless it is of a fork's parent. A place that
    /// cannot be emptied, because the ring is another thread's, is not lent again.
    void release_slot(std::uint32_t slot, bool of_parent) noexcept
    {
        const mutex_lock lock(mutex_);
        if (!files_ || of_parent || !files_.clear(slot))
            free_.push_back(slot); // never allocates: there is room for all of them
    }

    /// Takes back a place that a request has emptied.
    void return_slot(std::uint32_t slot) noexcept
    {
        const mutex_lock lock(mutex_);
        free_.push_back(slot); // never allocates: there is room for all of them
    }

private:
    static constexpr std::uint32_t teardown_slot = 0;

    boost::system::error_code make_table(ring& of)
    {
        std::vector<std::uint32_t> all;
        const bool first = free_.capacity() == 0;
        if (first)
            all.reserve(slots);
        boost::system::error_code ec;
        files_ = registered_files::sparse(of, teardown_slot + 1 + slots, ec);
        if (!ec && first) {
            for (std::uint32_t slot = teardown_slot + slots; slot != teardown_slot;
                 --slot)
                all.push_back(slot);
            free_ = std::move(all);
        }
        return ec;
    }

    // Immutable after construction
    bool single_issuer_;

    // Has a mutex of its own
    buffer_table buffers_;

    // Guarded by mutex_, except in adopt() and forget(), which no other call overlaps
    optional_mutex mutex_{true};
    registered_files files_;
    std::optional<teardown_watch> teardown_;
    std::vector<std::uint32_t> free_;
};

} // namespace asio_uring::detail
