// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: what a context's ring has registered, and who uses which part
// of it. A ring has one file table, so whoever needs a place in it asks here. Thread:
// any, but a single-issuer ring takes changes from its own thread only. Lifetime: as the
// context's ring service, longer than the loop.
#pragma once

#include <asio_uring/detail/loop/teardown_watch.hpp>
#include <asio_uring/ring/registered_files.hpp>
#include <asio_uring/ring/ring.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace asio_uring::detail {

/// The file table has a place for the teardown watch of a single-issuer ring, and places
/// that are lent. It is registered when the first of them is needed.
class resources
{
public:
    /// Places that can be lent at the same time.
    static constexpr std::uint32_t slots = 64;

    explicit resources(bool single_issuer) : single_issuer_(single_issuer) {}

    resources(const resources&) = delete;
    resources& operator=(const resources&) = delete;

    /// A ring that is closed takes its table along; its number may be another's by now.
    ~resources() { files_.release(); }

    /// The ring is the context's from here. Throws where it cannot be watched.
    void adopt(ring& made)
    {
        if (!single_issuer_)
            return;
        teardown_.emplace();
        boost::system::error_code ec = make_table(made);
        if (!ec)
            ec = files_.set(teardown_slot, teardown_->write_end());
        if (ec)
            throw boost::system::system_error(
                ec, "asio_uring: watching the end of a ring");
        teardown_->hand_over();
    }

    /// In the child of a fork: the ring of before, and what it had, is the parent's. The
    /// places that are lent are so still, and empty.
    void forget() noexcept
    {
        files_.release();
        teardown_.reset();
    }

    /// Tells when the kernel has let go of a single-issuer ring; null for any other.
    teardown_watch* teardown() noexcept { return teardown_ ? &*teardown_ : nullptr; }

    /// Lends a place of the file table, which is empty.
    std::uint32_t acquire_slot(ring& of, boost::system::error_code& ec)
    {
        const std::lock_guard lock(mutex_);
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

    /// Takes a place back and empties it. One that cannot be emptied, because the ring is
    /// another thread's, is lent no more.
    void release_slot(std::uint32_t slot) noexcept
    {
        const std::lock_guard lock(mutex_);
        if (!files_ || !files_.clear(slot))
            free_.push_back(slot); // never allocates: there is room for all of them
    }

private:
    static constexpr std::uint32_t teardown_slot = 0;

    boost::system::error_code make_table(ring& of)
    {
        boost::system::error_code ec;
        files_ = registered_files::sparse(of, teardown_slot + 1 + slots, ec);
        if (!ec && free_.capacity() == 0) {
            free_.reserve(slots);
            for (std::uint32_t slot = teardown_slot + slots; slot != teardown_slot;
                 --slot)
                free_.push_back(slot);
        }
        return ec;
    }

    // Immutable after construction
    bool single_issuer_;

    // Guarded by mutex_, but for adopt() and forget(), beside which nobody else is
    std::mutex mutex_;
    registered_files files_;
    std::optional<teardown_watch> teardown_;
    std::vector<std::uint32_t> free_;
};

} // namespace asio_uring::detail
