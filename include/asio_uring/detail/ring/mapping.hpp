// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: owner of memory shared with the kernel: a map of a ring
// descriptor, or pages of our own. Thread: distinct objects from any thread. Lifetime:
// unmaps when destroyed, except in a child.
#pragma once

#include <asio_uring/ring/config.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace asio_uring::detail {

class ASIO_URING_DECL mapping
{
public:
    mapping() noexcept = default;
    mapping(mapping&& other) noexcept
        : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)}
    {}
    mapping(const mapping&) = delete;
    ~mapping() { reset(); }

    mapping& operator=(mapping&& other) noexcept
    {
        if (this != &other) {
            reset();
            data_ = std::exchange(other.data_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    mapping& operator=(const mapping&) = delete;

    /// Maps `size` bytes of `fd`, shared, populated, and absent from children: a child
    /// that wrote into the rings would corrupt the parent's.
    static mapping create(
        int fd,
        std::uint64_t offset,
        std::size_t size,
        boost::system::error_code& ec) noexcept;

    /// Memory of this process, page-aligned and zeroed, absent from children as well: the
    /// kernel writes into it on behalf of the parent.
    static mapping anonymous(std::size_t size, boost::system::error_code& ec) noexcept;

    void reset() noexcept;

    /// Forgets the map without unmapping it. In a child after fork(2) the map does not
    /// exist, and its addresses may already belong to somebody else.
    void forget() noexcept
    {
        data_ = nullptr;
        size_ = 0;
    }

    std::byte* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

    /// The T that lies `offset` bytes into the map. REQUIRES: a T lies there: the kernel
    /// gave the offset, or the map is an array and the offset is that of an element.
    template <class T>
    T* at(std::size_t offset) const noexcept
    {
        return reinterpret_cast<T*>(data_ + offset);
    }

private:
    static mapping
    adopt(void* address, std::size_t size, boost::system::error_code& ec) noexcept;

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace asio_uring::detail
