// SPDX-License-Identifier: BSL-1.0
// Layer: request. Purpose: which registration has which place of a ring's table of
// buffers, and the place that a transfer may name. A buffer of a registration that has
// ended, or of another context, has none: its transfer goes as that of any other memory.
// Thread: any; the changes of one table exclude each other. Lifetime: as the context's
// ring service, longer than the loop.
#pragma once

#include <asio_uring/detail/asio/registered_buffer.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace asio_uring::detail {

/// A registration has a name that no other one of the process ever has, so that a place
/// that was lent again is not taken for what it was. A name is odd, which the address of
/// a context, the name that Asio's own registrations have, is not.
class buffer_names
{
public:
    /// Places of a table. A power of two.
    static constexpr std::uint32_t places = 1024;

    /// Nobody's place, and one that is lent but has no buffer.
    static constexpr std::uintptr_t free = 0;
    static constexpr std::uintptr_t empty = 1;

    buffer_names() = default;
    buffer_names(const buffer_names&) = delete;
    buffer_names& operator=(const buffer_names&) = delete;
    ~buffer_names() { delete[] names_.load(std::memory_order_relaxed); }

    /// The place of a buffer in the ring's table, if the ring has the buffer.
    std::optional<std::uint16_t>
    find(const boost::asio::registered_buffer_id& id) const noexcept
    {
        const auto place = static_cast<std::uint32_t>(id.native_handle());
        const std::uintptr_t name = at(place);
        if (name <= empty || !(id == asio_impl::registered_id(name, place)))
            return std::nullopt;
        return static_cast<std::uint16_t>(place);
    }

    /// Who has a place; `free` beyond the last.
    std::uintptr_t at(std::uint32_t place) const noexcept
    {
        const name_type* const names = names_.load(std::memory_order_acquire);
        return names == nullptr || place >= places
                   ? free
                   : names[place].load(std::memory_order_relaxed);
    }

    bool is_made() const noexcept
    {
        return names_.load(std::memory_order_relaxed) != nullptr;
    }

    /// Makes room for the names, with the first registration.
    void make()
    {
        if (!is_made())
            names_.store(
                std::make_unique<name_type[]>(places).release(),
                std::memory_order_release);
    }

    /// REQUIRES: is_made() and place < places.
    void set(std::uint32_t place, std::uintptr_t name) noexcept
    {
        names_.load(std::memory_order_relaxed)[place].store(
            name, std::memory_order_relaxed);
    }

    static std::uintptr_t next_name() noexcept
    {
        static std::atomic<std::uintptr_t> last{empty};
        return last.fetch_add(2, std::memory_order_relaxed) + 2;
    }

private:
    using name_type = std::atomic<std::uintptr_t>;

    // Made once, while others may already ask for places that they do not have.
    std::atomic<name_type*> names_{nullptr};
};

/// What a transfer keeps of a registered buffer to find its place; nothing of any other.
template <typename Buffers>
class registered_part
{
public:
    registered_part(const Buffers&, const buffer_names*) noexcept {}
};

template <typename Buffers>
requires(asio_impl::is_registered_buffer<Buffers>) //
    class registered_part<Buffers>
{
public:
    registered_part(const Buffers& buffer, const buffer_names* names) noexcept
        : names_(names), id_(buffer.id())
    {}

    /// None without a ring as well.
    std::optional<std::uint16_t> place() const noexcept
    {
        return names_ != nullptr ? names_->find(id_) : std::nullopt;
    }

private:
    const buffer_names* names_;
    boost::asio::registered_buffer_id id_;
};

} // namespace asio_uring::detail
