// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: requests in flight, found by the user data of their completions.
// Thread: one at a time. Lifetime: owns its values until their last completion.
#pragma once

#include <asio_uring/ring/abi.hpp>
#include <asio_uring/ring/config.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace asio_uring {

/// Whether the kernel is done with the request: it may post more completions for a
/// multishot or zero-copy request only while they carry abi::cqe_f_more.
constexpr bool is_last(const abi::cqe& entry) noexcept
{
    return (entry.flags & abi::cqe_f_more) == 0;
}

/// Gives each request in flight a user data of its own, and a place for what the program
/// has to know when it completes.
///
/// A user data names a place and the request that holds it: when the request has ended,
/// its user data finds nothing, also after the place has a new holder. No user data is
/// zero, so zero is free for requests that nobody follows.
///
/// Values stay where they are while they are in the table: the kernel may be given
/// pointers into them.
///
/// @par Thread safety
/// Distinct objects: safe. Shared object: unsafe.
template <class T>
class operation_table
{
public:
    operation_table() = default;

    operation_table(operation_table&& other) noexcept
        : places_{std::exchange(other.places_, {})},
          free_{std::exchange(other.free_, no_place)},
          size_{std::exchange(other.size_, 0)}
    {}

    operation_table& operator=(operation_table&& other) noexcept
    {
        operation_table taken{std::move(other)};
        std::swap(places_, taken.places_);
        std::swap(free_, taken.free_);
        std::swap(size_, taken.size_);
        return *this;
    }

    /// REQUIRES: empty(). The kernel may still write into what a request in flight owns:
    /// cancel and reap first.
    ~operation_table()
    {
        ASIO_URING_ASSERT(empty() && "requests in flight own memory the kernel may use");
    }

    /// Keeps a value and returns the user data of its request. Throws std::bad_alloc,
    /// with nothing changed, and what constructing a T throws.
    template <class... Arguments>
    [[nodiscard]] std::uint64_t emplace(Arguments&&... arguments)
    {
        if (free_ == no_place) {
            places_.emplace_back();
            free_ = static_cast<std::uint32_t>(places_.size() - 1);
        }
        const std::uint32_t index = free_;
        place& chosen = places_[index];
        chosen.value.emplace(std::forward<Arguments>(arguments)...);
        free_ = chosen.next_free;
        ++size_;
        return std::uint64_t{chosen.holder} << 32 | index;
    }

    /// The value of a request in flight, or null.
    T* find(std::uint64_t user_data) noexcept
    {
        const std::size_t index = user_data & 0xffffffff;
        if (index >= places_.size())
            return nullptr;
        place& named = places_[index];
        if (named.holder != user_data >> 32 || !named.value)
            return nullptr;
        return &*named.value;
    }

    /// Calls `f(T&, const abi::cqe&)` with the value of the completion's request and, if
    /// that is its last completion, forgets the request afterwards, also when `f` throws.
    /// Returns false, with nothing called, for a completion that belongs to no request of
    /// this table. `f` may add requests.
    template <class F>
    bool dispatch(const abi::cqe& entry, F&& f)
    {
        T* value = find(entry.user_data);
        if (value == nullptr)
            return false;
        const end_of_request guard{*this, entry};
        std::forward<F>(f)(*value, entry);
        return true;
    }

    /// Forgets a request that has not been submitted, or whose completions are not wanted
    /// any more. Returns whether it was there. The kernel must be done with its memory.
    bool erase(std::uint64_t user_data) noexcept
    {
        if (find(user_data) == nullptr)
            return false;
        const auto index = static_cast<std::uint32_t>(user_data);
        place& named = places_[index];
        named.value.reset();
        // Zero would make a user data of zero.
        if (++named.holder == 0)
            named.holder = 1;
        named.next_free = free_;
        free_ = index;
        --size_;
        return true;
    }

    /// Forgets every request. The kernel must be done with the memory of all of them.
    void clear() noexcept
    {
        for (std::size_t index = 0; index != places_.size(); ++index) {
            if (places_[index].value)
                erase(std::uint64_t{places_[index].holder} << 32 | index);
        }
    }

    /// Requests in flight.
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

private:
    static constexpr std::uint32_t no_place = ~std::uint32_t{0};

    struct place
    {
        std::optional<T> value{};
        std::uint32_t holder = 1; ///< counts the requests that held this place
        std::uint32_t next_free = no_place;
    };

    struct end_of_request
    {
        operation_table& table;
        const abi::cqe entry;
        ~end_of_request()
        {
            if (is_last(entry))
                table.erase(entry.user_data);
        }
    };

    // A deque, because growing it moves no value.
    std::deque<place> places_;
    std::uint32_t free_ = no_place;
    std::size_t size_ = 0;
};

} // namespace asio_uring
