// SPDX-License-Identifier: BSL-1.0
// Layer: context. Purpose: where files are read whole on the ring: places of the ring's
// file table, each with memory for a small file, and those who wait for one. Thread: any.
// Lifetime: one per context, made by its first such read.
//
// A ring lends few places, and thousands of files may be asked for at the same time. Who
// finds no place waits until a read of this kind gives one back.
#pragma once

#include <asio_uring/detail/context/ring_service.hpp>
#include <asio_uring/detail/loop/optional_mutex.hpp>
#include <asio_uring/detail/request/file_sink.hpp>
#include <asio_uring/detail/request/read_chain.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace asio_uring::detail {

/// Somebody who waits for a place.
class place_waiter
{
public:
    place_waiter(const place_waiter&) = delete;
    place_waiter& operator=(const place_waiter&) = delete;

    /// Takes a place over, or hears that there is none, and destroys the object.
    virtual void go_on(std::optional<std::uint32_t> slot) noexcept = 0;

    virtual ~place_waiter() = default;

protected:
    place_waiter() = default;

private:
    friend class reading_places;
    std::unique_ptr<place_waiter> next_;
};

class lent_place;

class reading_places final
    : public asio_impl::execution_context_service_base<reading_places>
{
public:
    /// How much of a file the first request reads.
    static constexpr std::size_t memory_size = 64 * 1024;

    explicit reading_places(boost::asio::execution_context& context)
        : asio_impl::execution_context_service_base<reading_places>(context),
          service_(ring_of(context))
    {}

    /// The loop, or nullptr where the context does without a ring.
    event_loop* find_loop() noexcept { return service_.find_loop(); }

    /// Whether the ring has room for a chain. REQUIRES: a ring.
    bool fits_chain() noexcept
    {
        return service_.look_at_loop()->ring().sq_entries() >=
               read_chain_request::members;
    }

    /// A place with its memory for a chain, or none.
    lent_place try_acquire();

    /// A place, or none. Then `make()` makes a waiter that gets the next one, unless
    /// nobody would give one back: then there is no place at all.
    template <typename MakeWaiter>
    std::optional<std::uint32_t> acquire(bool& waits, MakeWaiter make)
    {
        waits = false;
        if (!service_.has_ring())
            return std::nullopt;
        const mutex_lock lock(mutex_);
        const auto slot = acquire_free();
        if (!slot && lent_ != 0) {
            std::unique_ptr<place_waiter> waiter = make();
            place_waiter* const last = waiter.get();
            (last_ == nullptr ? first_ : last_->next_) = std::move(waiter);
            last_ = last;
            waits = true;
        }
        return slot;
    }

    /// Gives a place back, to the next who waits. `emptied` says that a request has
    /// closed the file in it.
    void release(std::uint32_t slot, bool emptied) noexcept
    {
        mutex_lock lock(mutex_);
        std::optional<std::uint32_t> next = slot;
        if (!emptied) {
            service_.release_file_slot(slot);
            boost::system::error_code ec;
            next = service_.acquire_file_slot(ec);
            if (ec) {
                next.reset();
                --lent_;
            }
        }
        if (first_ == nullptr) {
            if (next) {
                --lent_;
                service_.return_file_slot(*next);
            }
            return;
        }
        // Where this was the last place that is ever given back, nobody goes on waiting.
        do {
            if (!next && lent_ != 0)
                return;
            place_waiter* const waiter = take_first();
            lock.unlock();
            waiter->go_on(std::exchange(next, std::nullopt));
            lock.lock();
        } while (first_ != nullptr && lent_ == 0);
    }

    /// The memory of a place, which is whose the place is. REQUIRES: lent.
    char* memory(std::uint32_t slot)
    {
        std::unique_ptr<char[]>& found = memory_of(slot);
        if (!found)
            found = std::make_unique_for_overwrite<char[]>(memory_size);
        return found.get();
    }

    void shutdown() override
    {
        std::unique_ptr<place_waiter> waiting;
        {
            const mutex_lock lock(mutex_);
            waiting = std::move(first_);
            last_ = nullptr;
        }
        while (waiting != nullptr)
            waiting = std::move(waiting->next_);
    }

private:
    std::optional<std::uint32_t> acquire_free()
    {
        boost::system::error_code ec;
        const std::uint32_t slot = service_.acquire_file_slot(ec);
        if (ec)
            return std::nullopt;
        ++lent_;
        return slot;
    }

    place_waiter* take_first() noexcept
    {
        std::unique_ptr<place_waiter> taken = std::move(first_);
        first_ = std::move(taken->next_);
        if (first_ == nullptr)
            last_ = nullptr;
        return taken.release();
    }

    std::unique_ptr<char[]>& memory_of(std::uint32_t slot) noexcept
    {
        return memory_[slot - 1]; // the first place of the table is never lent
    }

    ring_service& service_;

    optional_mutex mutex_{true};
    std::array<std::unique_ptr<char[]>, resources::slots> memory_;
    std::unique_ptr<place_waiter> first_;
    place_waiter* last_ = nullptr;
    std::size_t lent_ = 0;
};

/// A place while it is lent.
class lent_place
{
public:
    lent_place() noexcept = default;
    lent_place(reading_places& of, std::uint32_t slot) noexcept : of_(&of), slot_(slot) {}
    lent_place(lent_place&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), slot_(other.slot_)
    {}
    lent_place& operator=(lent_place&& other) noexcept
    {
        std::swap(of_, other.of_);
        std::swap(slot_, other.slot_);
        return *this;
    }
    ~lent_place() { release(false); }

    explicit operator bool() const noexcept { return of_ != nullptr; }
    std::uint32_t slot() const noexcept { return slot_; }
    char* memory() const { return of_->memory(slot_); }

    void release(bool emptied) noexcept
    {
        if (of_ != nullptr)
            std::exchange(of_, nullptr)->release(slot_, emptied);
    }

private:
    reading_places* of_ = nullptr;
    std::uint32_t slot_ = 0;
};

inline lent_place reading_places::try_acquire()
{
    if (!service_.has_ring() || !fits_chain())
        return {};
    std::optional<std::uint32_t> slot;
    {
        const mutex_lock lock(mutex_);
        slot = acquire_free();
    }
    if (!slot)
        return {};
    if (with_memory([&] { memory(*slot); }) == 0)
        return {*this, *slot};
    release(*slot, true);
    return {};
}

} // namespace asio_uring::detail
